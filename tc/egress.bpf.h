/* SPDX-License-Identifier: GPL-2.0-only */
/* The filter at TC egress, where a sent packet first has link-layer bytes. */
#pragma once

#include "filter.bpf.h"

/* The tag that stands beside the bytes goes where the stack will put it before the driver, and packet sockets, get the packet. */
static __always_inline bool window_tag(struct sc_filter_view *view, struct __sk_buff *ctx)
{
	__u16 proto_be = ctx->vlan_proto;
	__u32 rest;

	if (bpf_skb_load_bytes(ctx, 0, view->window, 12))
		return false;
	view->window[12] = proto_be & 0xff;
	view->window[13] = proto_be >> 8;
	view->window[14] = ctx->vlan_tci >> 8;
	view->window[15] = ctx->vlan_tci & 0xff;
	view->vlan_present = 0;
	view->data_bytes += VLAN_HLEN;
	view->gap_at = 12 + VLAN_HLEN;
	view->gap_bytes = -VLAN_HLEN;
	view->window_bytes = view->data_bytes < SC_FILTER_WINDOW ? view->data_bytes : SC_FILTER_WINDOW;
	rest = view->window_bytes - 17; /* 1 to the rest of the window, in the one way that verifiers before 6.8 see that it is not 0 */
	FORGET(rest);
	if (rest > SC_FILTER_WINDOW - 17)
		return false;
	return !bpf_skb_load_bytes(ctx, 12, view->window + 16, rest + 1);
}

/* Needs skb->data at the link-layer header: egress. `flags`: enum sc_device_flag. */
static __always_inline bool filter_tc(struct __sk_buff *ctx, __u32 flags)
{
	struct sc_filter_view *view = filter_view(FILTER_VIEW_SOFTIRQ);
	bool ether = !(flags & SC_DEV_RAW);
	__u32 len = ctx->len;

	if (!view)
		return false;
	view->start = 0;
	view->data_bytes = len;
	view->vlan_present = ether && ctx->vlan_present;
	view->vlan_tag = ctx->vlan_tci;
	view->len_bytes = len + (view->vlan_present ? VLAN_HLEN : 0);
	view->packet_type = PACKET_OUTGOING;
	view->ifindex = ctx->ifindex;
	view->link_type = ether ? SC_LINK_ETHER : SC_LINK_RAW;
	view->gap_bytes = 0;
	if (view->vlan_present && flags & SC_DEV_TAG_BYTES)
		return window_tag(view, ctx) && filter_run(ctx, view, SC_FILTER_TC);
	if (len > SC_FILTER_WINDOW)
		len = SC_FILTER_WINDOW;
	view->window_bytes = len;
	/* 1 to SC_FILTER_WINDOW, in the one way that verifiers before 6.8 see that it is not 0. */
	len--;
	FORGET(len);
	if (len > SC_FILTER_WINDOW - 1)
		return false;
	if (bpf_skb_load_bytes(ctx, 0, view->window, len + 1))
		return false;
	return filter_run(ctx, view, SC_FILTER_TC);
}
