// SPDX-License-Identifier: GPL-2.0-only
/* Netfilter hooks at both ends of the hook order. They always accept. Each is attached for IPv4 and IPv6. */
#include "receive.bpf.h"
#include "transmit.bpf.h"

#define NF_ACCEPT 1

SEC("netfilter/pre_routing")
int sc_ip_rx(struct bpf_nf_ctx *ctx)
{
	struct cpu_state *cpu = cpu_state();
	struct timeline t = {};

	if (cpu && timeline_follow(ctx->skb, SC_RX_IP, &t) && t.packet->dir == SC_DIR_RX)
		timeline_stamp(cpu, t.packet, SC_RX_IP, bpf_ktime_get_ns());
	return NF_ACCEPT;
}

SEC("netfilter/local_in")
int sc_local(struct bpf_nf_ctx *ctx)
{
	struct cpu_state *cpu = cpu_state();
	struct timeline t = {};

	if (!cpu)
		return NF_ACCEPT;
	local_end(cpu);
	if (!timeline_find(skb_key(ctx->skb), &t))
		return NF_ACCEPT;
	/* Reassembly may have moved the buffer of a fragment: the address and the order have to do for those. */
	if (t.packet->dir != SC_DIR_RX || !stage_follows(SC_RX_LOCAL, t.packet->last_stage) ||
	    (t.packet->head != (__u64)ctx->skb->head && !(t.packet->flags & SC_FLAG_FRAG)))
		return NF_ACCEPT;
	timeline_stamp(cpu, t.packet, SC_RX_LOCAL, bpf_ktime_get_ns());
	cpu->local_slot = t.packet->slot;
	cpu->local_id = t.packet->id;
	return NF_ACCEPT;
}

SEC("netfilter/local_out")
int sc_ip_tx(struct bpf_nf_ctx *ctx)
{
	const struct net_device *dev = ctx->state->out;
	struct cpu_state *cpu = cpu_state();
	struct timeline t = {};

	if (!cpu || !dev || !direction_wanted(SC_DIR_TX) || !(device_flags(dev) & (SC_DEV_CAPTURE | SC_DEV_UPPER)))
		return NF_ACCEPT;
	if (!tx_begin(cpu, &t, skb_key(ctx->skb), dev->ifindex))
		return NF_ACCEPT;
	t.packet->head = (__u64)ctx->skb->head;
	timeline_stamp(cpu, t.packet, SC_TX_IP, bpf_ktime_get_ns());
	return NF_ACCEPT;
}

SEC("netfilter/post_routing")
int sc_out(struct bpf_nf_ctx *ctx)
{
	struct cpu_state *cpu = cpu_state();
	struct timeline t = {};

	if (!cpu || !timeline_follow(ctx->skb, SC_TX_OUT, &t) || !tx_continues(t.packet, SC_TX_OUT))
		return NF_ACCEPT;
	timeline_stamp(cpu, t.packet, SC_TX_OUT, bpf_ktime_get_ns());
	cpu->out_slot = t.packet->slot;
	cpu->out_id = t.packet->id;
	return NF_ACCEPT;
}
