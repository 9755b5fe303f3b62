// SPDX-License-Identifier: GPL-2.0-only
/* TC ingress and egress. The verdict is always "next": whatever else is attached decides. */
#include "egress.bpf.h"
#include "follow.bpf.h"
#include "transmit.bpf.h"
#include "turned_down.bpf.h"

#define VERDICT_NEXT -1 /* TCX_NEXT and TC_ACT_UNSPEC */

SEC("tc")
int sc_tc_rx(struct __sk_buff *ctx)
{
	struct timeline t = {};
	struct cpu_state *cpu;

	if (nothing_open())
		return VERDICT_NEXT;
	cpu = cpu_state();
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

/* Only TCP has send calls that are told before their packets. */
static __always_inline void follow_sender(struct cpu_state *cpu, struct __sk_buff *ctx)
{
	struct bpf_sock *sk = ctx->sk;
	__u64 cookie;

	sk = sk ? bpf_sk_fullsock(sk) : NULL;
	if (!sk || sk->protocol != IPPROTO_TCP)
		return;
	cookie = bpf_get_socket_cookie(ctx);
	sock_follow(cpu, sock_state_get_ctx(sk, cookie), cookie);
}

SEC("tc")
int sc_tc_tx(struct __sk_buff *ctx)
{
	__u64 key = skb_key(ctx), sock = sock_key(ctx->sk);
	struct cpu_state *cpu = cpu_state();
	struct timeline t = {};

	if (!cpu)
		return VERDICT_NEXT;
	if (!timeline_find(key, &t) || !tx_continues(t.packet, SC_TX_TC, ctx->ingress_ifindex)) {
		if (!direction_wanted(SC_DIR_TX))
			return VERDICT_NEXT;
		if (conf_filter && !filter_tc(ctx, ifindex_flags(ctx->ifindex))) {
			tx_settle(cpu, key, sock);
			sock_turn_down(ctx, sock, false);
			return VERDICT_NEXT;
		}
		sock_turn_down(ctx, sock, true);
		if (!tx_begin(cpu, &t, key, sock, ctx->ifindex) || !t.packet)
			return VERDICT_NEXT;
		if (conf_sock_gate)
			follow_sender(cpu, ctx);
		else if ((!conf_cookies || !conf_sk_storage) && ctx->sk)
			bpf_get_socket_cookie(ctx); /* tracing programs know a socket by it, and cannot make it */
	}
	timeline_stamp(cpu, t.packet, SC_TX_TC, bpf_ktime_get_ns());
	return VERDICT_NEXT;
}
