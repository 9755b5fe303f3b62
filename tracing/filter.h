/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a filter function sees of a packet: shared by the BPF programs, which fill it, and user space, which makes the function from a filter expression
 * and puts it in the place of filter_run().
 */
#pragma once

#ifdef __bpf__
#include "kernel_types.h"
#else
#include <linux/types.h>
#endif

#define SC_FILTER_WINDOW 128 /* first bytes of a packet, read before it is asked for: headers lie there */

/* Third argument of the function, a constant at each call: how bytes beyond the window are read. */
enum sc_filter_how { SC_FILTER_SKB, SC_FILTER_TC, SC_FILTER_XDP };

/*
 * A packet as a live capture of libpcap shows it to a filter: from its link-layer header on, the outermost VLAN tag of a received packet beside the bytes
 * (the kernel takes it out before packet sockets see it). Numbers in host order.
 */
struct sc_filter_view {
	__u32 len_bytes;    /* on the wire, a tag that stands beside the bytes included */
	__u32 data_bytes;   /* that loads can reach: without that tag */
	__u32 window_bytes; /* valid in `window`: data_bytes, or as many as fit */
	__u32 vlan_present; /* 1: the tag beside the bytes is vlan_tag */
	__u32 vlan_tag;	    /* tag control information */
	__u32 packet_type;  /* PACKET_OUTGOING for sent ones, PACKET_HOST for received ones */
	__u32 ifindex;
	__u32 link_type;    /* SC_LINK_* of stamp.h */
	__s32 start;	    /* SKB: where the packet begins, measured from skb->data */
	__u32 gap_at;	    /* bytes from this place on lie ... */
	__s32 gap_bytes;    /* ... this much further behind: a tag in the bytes that stands beside them here; negative: the other way round */
	__u32 pad;
	__u8 window[SC_FILTER_WINDOW];
};
_Static_assert(sizeof(struct sc_filter_view) == 48 + SC_FILTER_WINDOW, "struct sc_filter_view has holes");
