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
	local_begin(cpu, t.packet);
	timeline_stamp(cpu, t.packet, SC_RX_LOCAL, bpf_ktime_get_ns());
	return NF_ACCEPT;
}

SEC("netfilter/local_out")
int sc_ip_tx(struct bpf_nf_ctx *ctx)
{
	const struct net_device *dev = ctx->state->out;
	struct cpu_state *cpu = cpu_state();
	struct timeline t = {};

	if (!cpu || !dev || !(device_flags(dev) & (SC_DEV_CAPTURE | SC_DEV_UPPER)))
		return NF_ACCEPT;
	if (!direction_wanted(SC_DIR_TX)) {
		timeline_evict(cpu, skb_key(ctx->skb));
		return NF_ACCEPT;
	}
	if (!tx_begin(cpu, &t, skb_key(ctx->skb), dev->ifindex))
		return NF_ACCEPT;
	t.packet->head = (__u64)ctx->skb->head;
	timeline_stamp(cpu, t.packet, SC_TX_IP, bpf_ktime_get_ns());
	return NF_ACCEPT;
}

/* The key of a packet that IP is about to cut; 0 if its header cannot be read. */
static __always_inline __u32 whole_fragment_key(const struct sk_buff *skb)
{
	__u32 header[10] = {}, version, hash, from, to;

	if (bpf_probe_read_kernel(header, sizeof(header), skb->head + skb->network_header))
		return 0;
	version = (bpf_ntohl(header[0]) >> 28);
	from = version == 4 ? 3 : 2;
	to = version == 4 ? 5 : 10;
	hash = version;
	for (__u32 i = 0; i < 10; i++)
		if (i >= from && i < to)
			hash = hash_mix(hash, bpf_ntohl(header[i]));
	return fragment_key(hash, version == 4 ? bpf_ntohl(header[1]) >> 16 : 0);
}

SEC("netfilter/post_routing")
int sc_out(struct bpf_nf_ctx *ctx)
{
	struct cpu_state *cpu = cpu_state();
	struct timeline t = {};

	if (!cpu || !timeline_follow(ctx->skb, SC_TX_OUT, &t) || !tx_continues(t.packet, SC_TX_OUT, ctx->skb->skb_iif))
		return NF_ACCEPT;
	timeline_stamp(cpu, t.packet, SC_TX_OUT, bpf_ktime_get_ns());
	if (ctx->state->out && ctx->skb->len > ctx->state->out->mtu) {
		cpu->out_key = whole_fragment_key(ctx->skb);
		cpu->out_ns = t.packet->last_ns;
		cpu->out_ip_ns = t.packet->stages & SC_BIT(SC_TX_IP) ? t.packet->stamp_ns[SC_TX_IP] : 0;
	}
	return NF_ACCEPT;
}
