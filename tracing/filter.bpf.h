/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The filter: once per packet, before anything is kept of it. filter_run() is the expression's code, put in its place before loading (tracing/inject.h); what
 * surrounds it here shows it the packet. Headers lie in the window, which is read in one go; what lies further behind is read when it is asked for.
 */
#pragma once

#include "filter.h"
#include "packet.bpf.h"

enum { PACKET_HOST = 0, PACKET_OUTGOING = 4 };

/* A program that may interrupt another on its CPU has a view of its own; a program never interrupts itself. Hard interrupts call netif_rx(), and, by netpoll, the driver. */
enum filter_view_user { FILTER_VIEW_SOFTIRQ, FILTER_VIEW_NETIF_RX, FILTER_VIEW_XMIT, FILTER_VIEWS };

struct map_filter_views {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, FILTER_VIEWS);
	__type(key, __u32);
	__type(value, struct sc_filter_view);
};
extern struct map_filter_views filter_views SEC(".maps");

/* In filter.bpf.c. `how` is a constant at each call: the verifier then drops what is for other kinds of programs. */
int filter_run(void *packet, struct sc_filter_view *view, __u64 how);
__s64 filter_far(void *packet, struct sc_filter_view *view, __u64 offset, __u64 size, __u64 how);

/* `size` bytes, at most the constant `room`, of an skb, `at` bytes behind skb->data or, negative, before it. */
static __always_inline long skb_read(void *to, __u64 size, const __u32 room, struct sk_buff *skb, __s64 at)
{
	__s64 linear = (__s64)skb->len - skb->data_len;
	bool near = at + (__s64)size <= linear;

	FORGET(size); /* verifiers before 6.8 lose a bound that is not checked last */
	if (size > room)
		return -1;
	if (near)
		return bpf_probe_read_kernel(to, size, skb->data + at);
	return copy_nonlinear(to, size, room, skb, at);
}

/* Reads what is left of the window from `from` bytes into it on; the packet continues `skip` bytes behind that place. Returns the bytes now valid. */
static __always_inline __u32 window_read(struct sc_filter_view *view, struct sk_buff *skb, const __u32 from, __u32 skip)
{
	__u32 len = view->data_bytes;
	__s64 at = (__s64)view->start + from + skip;

	if (len > SC_FILTER_WINDOW)
		len = SC_FILTER_WINDOW;
	if (!fragments_known() && len > skb->len - skb->data_len - view->start - skip)
		len = skb->len - skb->data_len - view->start - skip; /* what lies in page fragments cannot be read, and does not match */
	if (len <= from)
		return len;
	return skb_read(view->window + from, len - from, SC_FILTER_WINDOW - from, skb, at) ? from : len;
}

static __always_inline bool window_has_tag(const struct sc_filter_view *view)
{
	__u32 proto = view->window[12] << 8 | view->window[13];

	return view->window_bytes >= ETH_HLEN + VLAN_HLEN && (proto == ETH_P_8021Q || proto == ETH_P_8021AD);
}

/* The kernel moves the outermost tag of a received packet beside it before packet sockets see it (skb_vlan_untag()). */
static __always_inline void view_untag(struct sc_filter_view *view)
{
	view->vlan_present = 1;
	view->vlan_tag = view->window[14] << 8 | view->window[15];
	view->data_bytes -= VLAN_HLEN;
	view->gap_at = 12;
	view->gap_bytes = VLAN_HLEN;
}

static __always_inline struct sc_filter_view *filter_view(__u32 user)
{
	return bpf_map_lookup_elem(&filter_views, &user);
}

/* The verdict on an skb of a tracing program; `pulled` and `ether` as for packet_read(). What cannot be read does not match. */
static __always_inline bool filter_skb(struct sk_buff *skb, bool received, bool ether, enum filter_view_user user)
{
	struct sc_filter_view *view = filter_view(user);
	bool pulled = received && ether;
	__u32 vlan = ether ? skb_vlan(skb) : 0;

	if (!view)
		return false;
	view->start = pulled ? -ETH_HLEN : 0;
	view->len_bytes = view->data_bytes = skb->len - view->start;
	view->len_bytes += vlan ? VLAN_HLEN : 0;
	view->vlan_present = !!vlan;
	view->vlan_tag = vlan & 0xffff;
	view->packet_type = received ? PACKET_HOST : PACKET_OUTGOING;
	view->ifindex = skb->dev->ifindex;
	view->link_type = ether ? SC_LINK_ETHER : SC_LINK_RAW;
	view->gap_bytes = 0;
	view->window_bytes = 0;
	if (pulled && skb->data_len && bpf_probe_read_kernel(view->window, ETH_HLEN, skb->data - ETH_HLEN))
		return false;
	view->window_bytes = pulled && skb->data_len ? window_read(view, skb, ETH_HLEN, 0) : window_read(view, skb, 0, 0);
	if (pulled && !vlan && window_has_tag(view)) {
		view_untag(view);
		view->window_bytes = window_read(view, skb, 12, VLAN_HLEN);
	}
	return filter_run(skb, view, SC_FILTER_SKB);
}
