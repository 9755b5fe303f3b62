/* SPDX-License-Identifier: GPL-2.0-only */
/* The filter at driver ingress, where a packet is a buffer, or several, and not yet an skb. */
#pragma once

#include "filter.h"
#include "stamp.h"
#include "verifier.bpf.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

enum { ETHER_HEADER = 14, VLAN_HEADER = 4, PROTO_8021Q = 0x8100, PROTO_8021AD = 0x88A8 };

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sc_filter_view);
} filter_view SEC(".maps");

int filter_run(void *packet, struct sc_filter_view *view, __u64 how);

/* Since 5.18, with packets of several buffers (kernel commit 3f364222d032); before, a packet is one. */
static __always_inline bool buffers_known(void)
{
	return bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_xdp_load_bytes);
}

static __always_inline __u32 packet_bytes(struct xdp_md *ctx)
{
	return buffers_known() ? bpf_xdp_get_buff_len(ctx) : ctx->data_end - ctx->data;
}

/* `size`, at most SC_FILTER_WINDOW, bytes from `at` on. */
static __always_inline long packet_read(struct xdp_md *ctx, __u32 at, __u8 *to, __u32 size)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u8 *from = data + (at & 0xffff);

	if (buffers_known())
		return bpf_xdp_load_bytes(ctx, at, to, size);
	if (at > 0xffff)
		return -1;
	for (__u32 i = 0; i < SC_FILTER_WINDOW && i < size; i++) {
		if ((void *)(from + i + 1) > end)
			return -1;
		to[i] = from[i];
	}
	return 0;
}

static __always_inline void window_read(struct xdp_md *ctx, struct sc_filter_view *view, const __u32 from, __u32 skip)
{
	__u32 len = view->data_bytes;

	if (len > SC_FILTER_WINDOW)
		len = SC_FILTER_WINDOW;
	view->window_bytes = len;
	if (len <= from)
		return;
	/* 1 to the rest of the window, in the one way that verifiers before 6.8 see that it is not 0. */
	len -= from + 1;
	FORGET(len);
	if (len > SC_FILTER_WINDOW - from - 1)
		return;
	if (packet_read(ctx, from + skip, view->window + from, len + 1))
		view->window_bytes = from;
}

/* The outermost tag stands beside the bytes, as the kernel will put it before packet sockets see the packet. */
static __always_inline void window_untag(struct xdp_md *ctx, struct sc_filter_view *view)
{
	__u32 proto = view->window[12] << 8 | view->window[13];

	if (view->window_bytes < ETHER_HEADER + VLAN_HEADER || (proto != PROTO_8021Q && proto != PROTO_8021AD))
		return;
	view->vlan_present = 1;
	view->vlan_tag = view->window[14] << 8 | view->window[15];
	view->data_bytes -= VLAN_HEADER;
	view->gap_at = 12;
	view->gap_bytes = VLAN_HEADER;
	window_read(ctx, view, 12, VLAN_HEADER);
}

static __always_inline bool filter_xdp(struct xdp_md *ctx, bool ether)
{
	__u32 zero = 0;
	struct sc_filter_view *view = bpf_map_lookup_elem(&filter_view, &zero);

	if (!view)
		return false;
	view->len_bytes = view->data_bytes = packet_bytes(ctx);
	view->vlan_present = view->vlan_tag = 0;
	view->packet_type = 0; /* PACKET_HOST */
	view->ifindex = ctx->ingress_ifindex;
	view->link_type = ether ? SC_LINK_ETHER : SC_LINK_RAW;
	view->gap_bytes = 0;
	window_read(ctx, view, 0, 0);
	if (ether)
		window_untag(ctx, view);
	return filter_run(ctx, view, SC_FILTER_XDP);
}
