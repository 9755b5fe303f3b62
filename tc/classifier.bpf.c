// SPDX-License-Identifier: GPL-2.0-only
/* TC ingress and egress. The verdict is always "next": whatever else is attached decides. */
#include "transmit.bpf.h"

#define VERDICT_NEXT -1 /* TCX_NEXT and TC_ACT_UNSPEC */

SEC("tc")
int sc_tc_rx(struct __sk_buff *ctx)
{
	struct cpu_state *cpu = cpu_state();
	struct timeline t = {};

	if (!cpu)
		return VERDICT_NEXT;
	if (!timeline_find(skb_key(ctx), &t) && !(conf_xdp_generic && timeline_replace(cpu, &t, skb_key(ctx))))
		return VERDICT_NEXT;
	if (!t.packet || !stage_follows(SC_RX_TC, t.packet->last_stage))
		return VERDICT_NEXT;
	timeline_stamp(cpu, t.packet, SC_RX_TC, bpf_ktime_get_ns());
	if (!t.packet->ip_version)
		timeline_emit(cpu, &t, SC_END_TC);
	return VERDICT_NEXT;
}

SEC("tc")
int sc_tc_tx(struct __sk_buff *ctx)
{
	struct cpu_state *cpu = cpu_state();
	struct timeline t = {};

	if (!cpu)
		return VERDICT_NEXT;
	if (!timeline_find(skb_key(ctx), &t) || !tx_continues(t.packet, SC_TX_TC, ctx->ingress_ifindex)) {
		if (!direction_wanted(SC_DIR_TX) || !tx_begin(cpu, &t, skb_key(ctx), ctx->ifindex))
			return VERDICT_NEXT;
	}
	if (t.packet->dir == SC_DIR_TX && !tx_confirm(cpu, &t))
		return VERDICT_NEXT;
	timeline_stamp(cpu, t.packet, SC_TX_TC, bpf_ktime_get_ns());
	return VERDICT_NEXT;
}
