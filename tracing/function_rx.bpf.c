// SPDX-License-Identifier: GPL-2.0-only
/* Kernel functions that a received packet passes, each as fentry and as kprobe. Names and parameters are the same from 5.10 to 7.2. */
#include "input.bpf.h"
#include "interrupt.bpf.h"
#include "mark.bpf.h"
#include "queue.bpf.h"

static __always_inline bool napi_captured(const struct napi_struct *napi, const bool typed)
{
	const struct net_device *dev = FIELD(typed, napi, dev);

	return dev && device_flags_as(dev, typed) & SC_DEV_CAPTURE;
}

static __always_inline void napi_schedule(const struct napi_struct *napi, const bool typed)
{
	struct cpu_state *cpu = cpu_state();

	if (cpu && napi_captured(napi, typed))
		napi_scheduled(cpu, key_of(napi, typed));
}

static __always_inline void napi_poll(const struct napi_struct *napi, const bool typed)
{
	struct cpu_state *cpu = cpu_state();

	if (cpu && napi_captured(napi, typed))
		napi_polled(cpu, key_of(napi, typed));
}

SC_FUNCTION(sc_napi_sched, "__napi_schedule", (struct napi_struct *napi), napi_schedule(napi, typed))
SC_FUNCTION(sc_napi_irqoff, "__napi_schedule_irqoff", (struct napi_struct *napi), napi_schedule(napi, typed))
/* Since 5.12, in softirqs and threads. Busy polling calls the driver itself. */
SC_FUNCTION(sc_napi_begin, "__napi_poll", (struct napi_struct *napi), napi_poll(napi, typed))

static __always_inline void driver_mark(const struct sk_buff *skb, const struct net_device *dev, const bool typed)
{
	struct driver_mark *m;
	__u64 key;

	if (!(device_flags_as(dev, typed) & SC_DEV_CAPTURE) || !direction_wanted(SC_DIR_RX))
		return;
	key = key_of(skb, typed);
	m = driver_mark_of(key);
	if (!m)
		return;
	m->time_ns = bpf_ktime_get_ns();
	m->key = key;
}

SC_FUNCTION(sc_eth_type, "eth_type_trans", (struct sk_buff *skb, struct net_device *dev), driver_mark(skb, dev, typed))

SC_FUNCTION(sc_ip_rcv, "ip_rcv_core", (struct sk_buff *skb), ip_received(skb, typed))
SC_FUNCTION(sc_ip6_rcv, "ip6_rcv_core", (struct sk_buff *skb), ip_received(skb, typed))

SC_FUNCTION(sc_ip_local, "ip_local_deliver_finish", (struct net *net, struct sock *sk, struct sk_buff *skb), local_delivered(skb, typed))
/* Not ip6_input_finish, its caller: 5.10 has a copy of that in ip6_input(). */
SC_FUNCTION(sc_ip6_local, "ip6_protocol_deliver_rcu", (struct net *net, struct sk_buff *skb), local_delivered(skb, typed))

SC_FUNCTION(sc_tcp4_rcv, "tcp_v4_rcv", (struct sk_buff *skb), l4_received(skb, typed))
SC_FUNCTION(sc_tcp6_rcv, "tcp_v6_rcv", (struct sk_buff *skb), l4_received(skb, typed))
SC_FUNCTION(sc_udp4_rcv, "udp_rcv", (struct sk_buff *skb), l4_received(skb, typed))
SC_FUNCTION(sc_udp6_rcv, "udpv6_rcv", (struct sk_buff *skb), l4_received(skb, typed))
SC_FUNCTION(sc_icmp4_rcv, "icmp_rcv", (struct sk_buff *skb), l4_received(skb, typed))
SC_FUNCTION(sc_icmp6_rcv, "icmpv6_rcv", (struct sk_buff *skb), l4_received(skb, typed))

SC_FUNCTION(sc_tcp_queue, "tcp_queue_rcv", (struct sock *sk, struct sk_buff *skb), tcp_queued(sk, skb, typed))
SC_FUNCTION(sc_udp_queue, "__udp_enqueue_schedule_skb", (struct sock *sk, struct sk_buff *skb), datagram_handed(sk, skb, typed))
SC_FUNCTION(sc_sk_queue, "__sock_queue_rcv_skb", (struct sock *sk, struct sk_buff *skb), datagram_handed(sk, skb, typed))

static __always_inline void readable(struct sock *sk, const bool typed)
{
	struct cpu_state *cpu;

	if (!sock_any() || !sock_is_ours_as(sk, typed) || FIELD(typed, sk, __sk_common.skc_state) == TCP_LISTEN)
		return;
	cpu = cpu_state();
	if (cpu)
		sock_woken(cpu, sk, typed);
}

SC_FUNCTION(sc_readable, "sock_def_readable", (struct sock *sk), readable(sk, typed))

/* A negative length: nothing was taken, it was only peeked at. */
SC_FUNCTION(sc_udp_read, "skb_consume_udp", (struct sock *sk, struct sk_buff *skb, int len), if (len >= 0) datagram_read(skb, true, typed))
