// SPDX-License-Identifier: GPL-2.0-only
/* The filter as the TC program and the tracing programs ask it, and nothing else. They return 1 for what it accepts. */
#define bpf_dynptr_from_skb verdict_no_dynptr /* in TC programs it takes another argument: act as on a kernel without it */
#include "tracing/maps.bpf.c"
#include "tc/egress.bpf.h"

#define TAG 0x2005 /* priority 1, VLAN 5 */

extern void *bpf_cast_to_kern_ctx(void *ctx) __ksym __weak;

SEC("tc")
int verdict_tc(struct __sk_buff *ctx)
{
	return filter_tc(ctx, 0);
}

SEC("tc")
int verdict_tc_raw(struct __sk_buff *ctx)
{
	return filter_tc(ctx, SC_DEV_RAW);
}

/* With a tag beside the bytes. */
SEC("tc")
int verdict_tc_tag(struct __sk_buff *ctx)
{
	if (bpf_skb_vlan_push(ctx, bpf_htons(ETH_P_8021Q), TAG))
		return -1;
	return filter_tc(ctx, 0);
}

/* As a tracing program asks it of a packet to be sent. */
SEC("tc")
int verdict_skb(struct __sk_buff *ctx)
{
	struct sk_buff *skb;

	if (!bpf_cast_to_kern_ctx)
		return -1;
	skb = bpf_cast_to_kern_ctx(ctx);
	return filter_skb(skb, false, true, FILTER_VIEW_SOFTIRQ);
}

#include "tracing/filter.bpf.c"
