// SPDX-License-Identifier: GPL-2.0-only
/* Netfilter hooks at both ends of the hook order. They always accept. Each is attached for IPv4 and IPv6. */
#include "receive.bpf.h"
#include "transmit.bpf.h"
#include "turned_down.bpf.h"

#define NF_ACCEPT 1

SEC("netfilter/pre_routing")
int sc_ip_rx(struct bpf_nf_ctx *ctx)
{
	struct timeline t = {};
	struct cpu_state *cpu;

	if (!timeline_follow(ctx->skb, SC_RX_IP, &t) || t.packet->dir != SC_DIR_RX)
		return NF_ACCEPT;
	cpu = cpu_state();
	if (cpu)
		timeline_stamp(cpu, t.packet, SC_RX_IP, bpf_ktime_get_ns());
	return NF_ACCEPT;
}

SEC("netfilter/local_in")
int sc_local(struct bpf_nf_ctx *ctx)
{
	struct timeline t = {};
	struct cpu_state *cpu;

	if (nothing_open())
		return NF_ACCEPT;
	cpu = cpu_state();
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

	if (sock_turned_down(ctx->skb->sk))
		early_forget(skb_key(ctx->skb));
	else if (dev && device_flags(dev) & (SC_DEV_CAPTURE | SC_DEV_UPPER) && direction_wanted(SC_DIR_TX))
		early_put(skb_key(ctx->skb), skb_key(ctx->skb->sk), bpf_ktime_get_ns(), 0);
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

/* IP is about to cut this packet: what its fragments will share. */
static __always_inline void note_fragments(struct cpu_state *cpu, struct bpf_nf_ctx *ctx, __u64 ip_ns, __u64 out_ns)
{
	if (!ctx->state->out || ctx->skb->len <= ctx->state->out->mtu)
		return;
	cpu->out_key = whole_fragment_key(ctx->skb);
	cpu->out_ns = out_ns;
	cpu->out_ip_ns = ip_ns;
}

SEC("netfilter/post_routing")
int sc_out(struct bpf_nf_ctx *ctx)
{
	__u64 key = skb_key(ctx->skb), sock = skb_key(ctx->skb->sk), now_ns;
	struct timeline t = {};
	struct cpu_state *cpu;
	struct early note;

	if (ctx->skb->skb_iif && timeline_follow(ctx->skb, SC_TX_OUT, &t) && tx_continues(t.packet, SC_TX_OUT, ctx->skb->skb_iif)) {
		cpu = cpu_state();
		if (!cpu)
			return NF_ACCEPT;
		timeline_stamp(cpu, t.packet, SC_TX_OUT, bpf_ktime_get_ns());
		note_fragments(cpu, ctx, 0, t.packet->last_ns);
	} else if (early_get(key, sock, &note) && note.ip_ns != EARLY_SETTLED) { /* made here, or put into a tunnel */
		cpu = cpu_state();
		if (!cpu)
			return NF_ACCEPT;
		now_ns = bpf_ktime_get_ns();
		early_put(key, sock, note.ip_ns, now_ns);
		note_fragments(cpu, ctx, note.ip_ns, now_ns);
	}
	return NF_ACCEPT;
}
