/* SPDX-License-Identifier: GPL-2.0-only */
/* Datagram sockets (UDP, raw, ping): every datagram of a socket gets a number when it is queued and every read one when it returns. */
#pragma once

#include "sock.bpf.h"

/* Is this packet on its way to this datagram socket? Without `l4` only the protocol tells, and the order of events. */
static __always_inline bool datagram_due(const struct sc_packet *p, const struct sock *sk, __u64 cookie)
{
	if (conf_l4_cgroup)
		return p->sock == cookie && p->last_stage == SC_RX_L4;
	return p->l4_proto == sk->sk_protocol && p->last_stage == SC_RX_LOCAL;
}

/* The datagram that this event stands for: our own packet first, then what another CPU left for us to queue (6.18 queues in batches). */
static __always_inline bool datagram_queued(struct cpu_state *cpu, struct sock *sk, __u64 cookie, struct timeline *t)
{
	struct sk_buff *skb = sk->sk_receive_queue.prev;

	if (local_packet(cpu, t) && datagram_due(t->packet, sk, cookie))
		return true;
	for (int i = 0; i < 4; i++) {
		if ((void *)skb == (void *)&sk->sk_receive_queue)
			return false;
		if (timeline_find(skb_key(skb), t) && datagram_due(t->packet, sk, cookie))
			return true;
		skb = skb->prev;
	}
	return false;
}

static __always_inline __u32 datagrams_waiting(struct sock *sk)
{
	__u32 waiting = sk->sk_receive_queue.qlen;

	if (sk->sk_protocol == IPPROTO_UDP)
		waiting += BPF_CORE_READ((struct udp_sock *)sk, reader_queue.qlen);
	return waiting;
}

/* Fires once per datagram, in the order of the queue. Numbers every one of a known socket, whatever device it came by: reads are numbered likewise. */
static __always_inline void datagram_ready(struct cpu_state *cpu, struct sock *sk, __u64 now_ns)
{
	struct sock_state *s = bpf_sk_storage_get(&socks, sk, NULL, 0);
	__u64 cookie = bpf_get_socket_cookie(sk);
	struct timeline t = {};
	bool ours = datagram_queued(cpu, sk, cookie, &t);
	struct sc_packet *p;

	if (!s) {
		__u32 waiting = datagrams_waiting(sk);

		if (!ours)
			return;
		s = sock_create(sk);
		if (!s)
			return;
		s->queued = waiting ? waiting - 1 : 0;
	}
	s->queued++;
	p = t.packet;
	if (!ours || !p)
		return;
	timeline_stamp(cpu, p, SC_RX_SOCKET, now_ns);
	p->sock = s->cookie;
	p->sock_index = s->queued;
	if (conf_recv_length)
		timeline_emit(cpu, &t, SC_END_SOCKET);
}
