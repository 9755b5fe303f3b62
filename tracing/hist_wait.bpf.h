/* SPDX-License-Identifier: GPL-2.0-only */
/* `record --hist`: packets that wait for the read that takes them. */
#pragma once

#include "hist_sock.bpf.h"

struct map_hist_datagrams { /* by a hash of the packet's id */
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct hist_wait);
};
extern struct map_hist_datagrams hist_datagrams SEC(".maps");

/* Will a call of the application be told that takes this packet? */
static __always_inline bool hist_waits(const struct sc_packet *p, __u32 end)
{
	return end == SC_END_SOCKET && conf_stages & SC_BIT(SC_RX_READ) && (p->l4_proto == IPPROTO_TCP || conf_recv_length);
}

static __always_inline struct hist_wait *hist_datagram_at(__u64 id)
{
	__u32 index = key_place(id, SC_HIST_DATAGRAMS - 1);

	return bpf_map_lookup_elem(&hist_datagrams, &index);
}

static __always_inline void hist_await_datagram(const struct sc_packet *p, const struct hist_wait *wait)
{
	struct hist_wait *at = hist_datagram_at(p->id);
	struct hist_sock *s = p->flags & SC_FLAG_FIRST ? hist_sock_get(p->sock) : NULL;

	if (s) {
		s->first_index = p->sock_index;
		s->first_id = p->id;
	}
	if (!at)
		return;
	*(volatile __u64 *)&at->id = 0;
	at->last_ns = wait->last_ns;
	at->begin_ns = wait->begin_ns;
	at->app_ns = wait->app_ns;
	at->stage = wait->stage;
	*(volatile __u64 *)&at->id = p->id;
}

/* Segments are kept in the order of their bytes; what comes again, or before a hole, has no read here. */
static __always_inline void hist_await_bytes(const struct sc_packet *p, const struct hist_wait *wait)
{
	struct hist_sock *s = hist_sock_get(p->sock);
	__u32 end = p->seq + p->payload_len_bytes;
	__u64 at;

	if (!s || (s->queued && (__s32)(end - s->queued_end) <= 0))
		return;
	at = s->queued;
	BOUND(at, HIST_QUEUE - 1);
	s->queue[at] = *wait;
	s->queue[at].end = end;
	s->queued_end = end;
	if (s->queued++ - s->taken == HIST_QUEUE)
		s->taken++;
}

/* p is told as far as the kernel goes; `wait` says where it stands. */
static __always_inline void hist_await(struct cpu_state *cpu, const struct sc_packet *p, const struct hist_wait *wait)
{
	count(cpu, SC_CNT_AWAITED, p->dir);
	if (p->l4_proto == IPPROTO_TCP)
		hist_await_bytes(p, wait);
	else
		hist_await_datagram(p, wait);
}

static __always_inline bool hist_datagram_take(__u64 id, struct hist_wait *wait)
{
	struct hist_wait *at = hist_datagram_at(id);

	if (!at || *(volatile __u64 *)&at->id != id)
		return false;
	*wait = *at;
	if (*(volatile __u64 *)&at->id != id)
		return false;
	*(volatile __u64 *)&at->id = 0;
	return true;
}

/* The datagram that was the first in the queue and is taken by this call, unless that has seen it be the next. */
static __always_inline __u64 hist_first_of(const struct sc_call *call)
{
	const struct hist_sock *s = hist_sock_find(call->sock);

	return s && s->first_index == call->index && call->next && call->next != s->first_id ? s->first_id : 0;
}
