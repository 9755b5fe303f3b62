/* SPDX-License-Identifier: GPL-2.0-only */
/* Datagram sockets (UDP, raw, ping): every datagram of a socket gets a number when it is queued and every read one when it returns. */
#pragma once

#include "sock.bpf.h"

#define BATCH_MAX 8 /* datagrams that one CPU queues for others; of more, some get no number */

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
	struct sock_state *s = sock_followed(sk);
	struct timeline t = {};
	struct sc_packet *p;
	__u64 index, cookie;
	bool ours;

	if (!s && conf_sock_gate)
		return;
	cookie = bpf_get_socket_cookie(sk);
	ours = datagram_queued(cpu, sk, cookie, &t);
	if (!s) {
		__u32 waiting = datagrams_waiting(sk);

		if (!ours)
			return;
		s = sock_create(sk);
		if (!s)
			return;
		s->queued = waiting ? waiting - 1 : 0;
	} else if (s->fresh) {
		__u32 waiting = datagrams_waiting(sk);

		s->queued = waiting ? waiting - 1 : 0;
		s->fresh = 0;
	}
	/* Atomic: the kernel tells after it has let go of the queue, on several CPUs at once. */
	index = counter_next(&s->queued);
	p = t.packet;
	if (!ours || !p)
		return;
	timeline_stamp(cpu, p, SC_RX_SOCKET, now_ns);
	p->sock = s->cookie;
	/* More reads than datagrams: an event was missed (the kernel skips a program it interrupts). No number is better than a wrong one. */
	p->sock_index = index < s->taken ? 0 : index;
	if (index < s->taken)
		__sync_fetch_and_add(&s->queued, s->taken - index);
	if (conf_recv_length)
		timeline_emit(cpu, &t, SC_END_SOCKET);
}
