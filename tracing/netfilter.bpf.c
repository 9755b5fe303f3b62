// SPDX-License-Identifier: GPL-2.0-only
/* Netfilter hooks at both ends of the hook order. They always accept. Each is attached for IPv4 and IPv6. */
#include "input.bpf.h"
#include "output.bpf.h"

#define NF_ACCEPT 1

SEC("netfilter/pre_routing")
int sc_ip_rx(struct bpf_nf_ctx *ctx)
{
	ip_received(ctx->skb, TYPED);
	return NF_ACCEPT;
}

SEC("netfilter/local_in")
int sc_local(struct bpf_nf_ctx *ctx)
{
	local_delivered(ctx->skb, TYPED);
	return NF_ACCEPT;
}

SEC("netfilter/local_out")
int sc_ip_tx(struct bpf_nf_ctx *ctx)
{
	const struct net_device *dev = ctx->state->out;

	ip_made(ctx->skb, dev ? device_flags(dev) : 0, TYPED);
	return NF_ACCEPT;
}

SEC("netfilter/post_routing")
int sc_out(struct bpf_nf_ctx *ctx)
{
	ip_leaves(ctx->skb, ctx->state->out, TYPED);
	return NF_ACCEPT;
}
