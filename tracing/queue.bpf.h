/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Between transport and application where functions tell of it, with socket and skb in hand: the queue, the wake-up, a datagram's read. `typed` as in typed.bpf.h.
 *
 * All of them are told at their functions' entry. At the return of one that queues, another CPU may have read the packet already, and TCP may have freed it.
 */
#pragma once

#include "packet.bpf.h"
#include "sock.bpf.h"

#define SOCK_RAW 3

static __always_inline bool awaits_queue(const struct sc_packet *p)
{
	return p->dir == SC_DIR_RX && (p->last_stage == SC_RX_LOCAL || p->last_stage == SC_RX_L4);
}

/* TCP made the bytes up to `to` readable; the packets they are of are not in the table any more. */
static __always_inline void tcp_reached(struct cpu_state *cpu, __u64 cookie, __u32 to, __u64 now_ns)
{
	struct sc_call call = { .type = SC_REC_SOCKET, .time_ns = now_ns, .sock = cookie, .to = to };

	if (cookie)
		call_output(cpu, &call, SC_DIR_RX);
}

/*
 * TCP is about to queue this skb, in order. In the packet's own softirq, or, if the socket was in use by its owner, later and by that: the softirq's CPU may be ending
 * the story just then, so this one only tells how far the socket got.
 */
static __always_inline void tcp_queued(struct sock *sk, const struct sk_buff *skb, const bool typed)
{
	__u64 now_ns, cookie;
	struct timeline t = {};
	struct cpu_state *cpu;
	struct sock_state *s;
	__u32 to = 0;

	if (!sock_any() || !sock_is_ours_as(sk, typed))
		return;
	cpu = cpu_state();
	if (!cpu)
		return;
	now_ns = bpf_ktime_get_ns();
	cookie = sock_cookie(sk, typed);
	if (!timeline_find(key_of(skb, typed), &t) || !awaits_queue(t.packet) || t.packet->l4_proto != IPPROTO_TCP ||
	    t.packet->head != (__u64)FIELD(typed, skb, head) || t.packet->id != cpu->local_id) {
		if (!sock_told(sk, typed))
			return;
		bpf_probe_read_kernel(&to, sizeof(to), &((struct tcp_skb_cb *)&skb->cb[0])->end_seq);
		tcp_reached(cpu, cookie, to, now_ns);
		return;
	}
	s = sock_create_as(sk, typed);
	if (conf_sock_gate && cookie)
		sock_follow(cpu, s, cookie);
	t.packet->sock = cookie;
	timeline_stamp(cpu, t.packet, SC_RX_SOCKET, now_ns);
	if (!conf_data_ready)
		timeline_emit(cpu, &t, SC_END_SOCKET);
}

/* A clone goes to the socket: the story goes with it. Raw sockets that listen in on TCP or UDP are not where a packet ends. */
static __always_inline bool clone_follow(struct cpu_state *cpu, struct timeline *t, struct sock *sk, const struct sk_buff *skb, const bool typed)
{
	__u16 proto = FIELD(typed, sk, sk_protocol);
	struct timeline of = {};

	if (!local_packet(cpu, &of) || !awaits_queue(of.packet) || of.packet->l4_proto != proto ||
	    (FIELD(typed, sk, sk_type) == SOCK_RAW && (proto == IPPROTO_TCP || proto == IPPROTO_UDP)))
		return false;
	of.packet->flags |= SC_FLAG_CLONE;
	if (!timeline_move(cpu, t, &of, key_of(skb, typed)) || !t->packet)
		return false;
	t->packet->head = (__u64)FIELD(typed, skb, head);
	cpu->local_slot = t->packet->slot;
	cpu->local_id = t->packet->id;
	return true;
}

/* A datagram is handed to its socket, which may yet have no room: see socket_undo(). */
static __always_inline void datagram_handed(struct sock *sk, const struct sk_buff *skb, const bool typed)
{
	struct timeline t = {};
	struct cpu_state *cpu;
	__u64 now_ns;

	if (nothing_open() || !sock_is_ours_as(sk, typed))
		return;
	cpu = cpu_state();
	if (!cpu)
		return;
	now_ns = bpf_ktime_get_ns();
	if (!timeline_find(key_of(skb, typed), &t) && !clone_follow(cpu, &t, sk, skb, typed))
		return;
	if (!t.packet || !awaits_queue(t.packet) || t.packet->l4_proto != FIELD(typed, sk, sk_protocol) ||
	    (t.packet->head != (__u64)FIELD(typed, skb, head) && !(t.packet->flags & SC_FLAG_FRAG)))
		return;
	t.packet->sock = sock_cookie(sk, typed);
	timeline_stamp(cpu, t.packet, SC_RX_SOCKET, now_ns);
}

/* The reader is told. */
static __always_inline void sock_woken(struct cpu_state *cpu, struct sock *sk, const bool typed)
{
	__u64 now_ns = bpf_ktime_get_ns(), cookie = sock_cookie(sk, typed);
	bool tcp = FIELD(typed, sk, sk_protocol) == IPPROTO_TCP;
	struct timeline t = {};
	__u32 to = tcp ? TCP_SEQ(typed, sk, rcv_nxt) : 0, end;

	if (local_packet(cpu, &t) && t.packet->last_stage == SC_RX_SOCKET && t.packet->sock == cookie) {
		timeline_stamp(cpu, t.packet, SC_RX_WAKEUP, now_ns);
		end = t.packet->seq + t.packet->payload_len_bytes;
		if (!tcp)
			return;
		timeline_emit(cpu, &t, SC_END_SOCKET);
		if (to == end)
			return;
	}
	/* More than this packet became readable: segments that had come out of order. */
	if (tcp && sock_told(sk, typed))
		tcp_reached(cpu, cookie, to, now_ns);
}

/* The application has the bytes of this datagram. While it is still in its queue somebody has only peeked at it. */
static __always_inline void datagram_read(const struct sk_buff *skb, bool udp, const bool typed)
{
	struct timeline t = {};
	struct cpu_state *cpu;
	struct sc_packet *p;

	if (nothing_open() || !timeline_find(key_of(skb, typed), &t) || FIELD(typed, skb, next))
		return;
	cpu = cpu_state();
	p = t.packet;
	if (!cpu || !p || (p->last_stage != SC_RX_SOCKET && p->last_stage != SC_RX_WAKEUP) || p->l4_proto == IPPROTO_TCP ||
	    (p->l4_proto == IPPROTO_UDP && udp != conf_consume_udp) || (p->head != (__u64)FIELD(typed, skb, head) && !(p->flags & SC_FLAG_FRAG)))
		return;
	/* The CPU that queued it may be about to stamp the wake-up. */
	if (!timeline_take(&t))
		return;
	timeline_stamp(cpu, p, SC_RX_READ, bpf_ktime_get_ns());
	p->pid = bpf_get_current_pid_tgid() >> 32;
	bpf_get_current_comm(p->comm, sizeof(p->comm));
	timeline_write(cpu, &t, SC_END_READ);
}
