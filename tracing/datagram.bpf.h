/* SPDX-License-Identifier: GPL-2.0-only */
/* Datagram sockets (UDP, raw, ping) where only tracepoints tell of them: which datagram was queued, and what can be known of the read that takes it. */
#pragma once

#include "queued.bpf.h"
#include "sock.bpf.h"

#define BATCH_MAX 8 /* datagrams that one CPU queues for others; of more, some are not known to be queued */

/* Is this packet on its way to this datagram socket? Without `l4` only the protocol tells, and the order of events. */
static __always_inline bool datagram_due(const struct sc_packet *p, const struct sock *sk, __u64 cookie)
{
	if (conf_l4_cgroup)
		return p->sock == cookie && p->last_stage == SC_RX_L4;
	return p->l4_proto == sk->sk_protocol && p->last_stage == SC_RX_LOCAL;
}

/*
 * The datagram that this event stands for: our own packet first, which opens the batch, then what other CPUs left for us to queue (6.18: kernel commit
 * b650bf0977d3), in the order of the queue: the one that lies deepest.
 */
static __always_inline bool datagram_queued(struct cpu_state *cpu, struct sock *sk, __u64 cookie, struct timeline *t)
{
	struct sk_buff *skb = sk->sk_receive_queue.prev;
	bool found = false;

	if (local_packet(cpu, t) && datagram_due(t->packet, sk, cookie))
		return true;
	for (int i = 0; i < BATCH_MAX; i++) {
		struct timeline at = {};

		if ((void *)skb == (void *)&sk->sk_receive_queue)
			break;
		if (timeline_find(skb_key(skb), &at) && datagram_due(at.packet, sk, cookie)) {
			*t = at;
			found = true;
		}
		skb = skb->prev;
	}
	return found;
}

/*
 * Key of the first skb in the socket's queue; 0: none. A reader, and poll(), take all that waits to a queue of the reader's own, and first serve that: so it is looked at
 * last.
 */
static __always_inline __u64 queue_first(struct sock *sk, struct sock_state *s)
{
	struct sk_buff *skb = *(struct sk_buff *volatile *)&sk->sk_receive_queue.next, *own;
	__u64 first = (void *)skb == (void *)&sk->sk_receive_queue ? 0 : skb_key(skb);

	if (sk->sk_protocol != IPPROTO_UDP && sk->sk_protocol != IPPROTO_UDPLITE)
		return first;
	counter_read(&s->taken); /* in this order */
	own = BPF_CORE_READ((struct udp_sock *)sk, reader_queue.next);
	if ((__u64)own != (__u64)sk + bpf_core_field_offset(struct udp_sock, reader_queue))
		first = skb_key_untyped(own);
	return first;
}

/*
 * What can be said of the read that will take this datagram, or has, beyond what reads say themselves. Both hold as long as one thread reads.
 * First in the queue after `taken` reads: the next one to return takes it, unless that has taken another already; then it sees this one be the first.
 * An empty queue: it has been taken, by a read that has returned, or by the next.
 */
static __always_inline void datagram_note(struct sc_packet *p, struct sock *sk, struct sock_state *s, __u64 arrived_ns)
{
	__u64 taken = counter_read(&s->taken), first = queue_first(sk, s), after = counter_read(&s->taken);

	if (first == p->skb && first && taken == after) {
		p->flags |= SC_FLAG_FIRST;
		p->sock_index = taken + 1;
	} else if (!first && arrived_ns >= s->since_ns) {
		p->flags |= SC_FLAG_GONE;
		p->sock_index = after + 1;
		p->last_ns = bpf_ktime_get_ns();
	}
}

/* Fires once per datagram, after it was queued. CPUs that queue at the same time tell in any order, and a program that was interrupted tells nothing. */
static __always_inline void datagram_ready(struct cpu_state *cpu, struct sock *sk, __u64 now_ns)
{
	struct sock_state *s = sock_followed(sk);
	struct timeline t = {};
	struct sc_packet *p;
	__u64 arrived_ns;

	if ((!s && conf_sock_gate) || !datagram_queued(cpu, sk, bpf_get_socket_cookie(sk), &t))
		return;
	s = s ?: sock_create(sk);
	p = t.packet;
	if (!s || !p)
		return;
	if (!s->since_ns)
		s->since_ns = now_ns;
	arrived_ns = p->last_ns;
	timeline_stamp(cpu, p, SC_RX_SOCKET, now_ns);
	p->sock = s->cookie;
	if (!conf_recv_length)
		return;
	datagram_note(p, sk, s, arrived_ns);
	timeline_emit(cpu, &t, SC_END_SOCKET);
}
