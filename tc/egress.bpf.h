/* SPDX-License-Identifier: GPL-2.0-only */
/* The filter at TC egress, where a sent packet first has link-layer bytes. */
#pragma once

#include "filter.bpf.h"

/* Needs skb->data at the link-layer header: egress. */
static __always_inline bool filter_tc(struct __sk_buff *ctx, bool ether)
{
	struct sc_filter_view *view = filter_view(FILTER_VIEW_SOFTIRQ);
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
