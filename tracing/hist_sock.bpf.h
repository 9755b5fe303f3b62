/* SPDX-License-Identifier: GPL-2.0-only */
/* `record --hist`: what is kept of a socket, and send calls, which wait for the packets that carry their bytes. */
#pragma once

#include "slot.bpf.h"

#define HIST_QUEUE 32 /* packets and send calls kept per socket; of more, the oldest go */

struct hist_wait {
	__u64 id; /* datagrams */
	__u64 last_ns;
	__u64 begin_ns;
	__u64 app_ns; /* of the application's side so far */
	__u32 end;    /* TCP: sequence number after its last byte */
	__u32 stage;  /* of last_ns */
};
struct hist_send {
	__u64 time_ns;
	__u32 from, to;
};
struct hist_sock {
	__u64 cookie;	   /* the map may give the place to another socket at any time */
	__u64 first_id;	   /* the datagram that was the first in the queue, */
	__u64 first_index; /* and the number of the read that takes it */
	__u32 queued, taken, sent; /* free-running */
	__u32 queued_end; /* sequence number up to which packets were kept */
	struct hist_wait queue[HIST_QUEUE];
	struct hist_send send[HIST_QUEUE];
};
struct map_hist_socks { /* by cookie */
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1); /* SC_HIST_SOCKS where it is needed: the loader; likewise below */
	__type(key, __u64);
	__type(value, struct hist_sock);
};
extern struct map_hist_socks hist_socks SEC(".maps");

static const struct hist_sock hist_sock_new = {};

static __always_inline struct hist_sock *hist_sock_find(__u64 cookie)
{
	struct hist_sock *s = cookie ? bpf_map_lookup_elem(&hist_socks, &cookie) : NULL;

	return s && s->cookie == cookie ? s : NULL;
}

static __always_inline struct hist_sock *hist_sock_get(__u64 cookie)
{
	struct hist_sock *s = hist_sock_find(cookie);

	if (s || !cookie)
		return s;
	bpf_map_update_elem(&hist_socks, &cookie, &hist_sock_new, BPF_ANY);
	s = bpf_map_lookup_elem(&hist_socks, &cookie);
	if (s)
		s->cookie = cookie;
	return s;
}

static __always_inline void hist_write(const struct sc_call *call)
{
	struct hist_sock *s = hist_sock_get(call->sock);
	__u64 at;

	if (!s)
		return;
	at = s->sent++;
	BOUND(at, HIST_QUEUE - 1);
	*(volatile __u64 *)&s->send[at].time_ns = 0;
	s->send[at].from = call->from;
	s->send[at].to = call->to;
	*(volatile __u64 *)&s->send[at].time_ns = call->time_ns;
}

enum hist_call_known { HIST_CALL_NONE, HIST_CALL_FOUND, HIST_CALL_FORGOTTEN };

/*
 * When the call began that sent the last byte of p: the newest that is old enough counts, as in user/conn.c. None is known of what was sent before the first call that was seen;
 * forgotten are those with too many behind them.
 */
static __always_inline enum hist_call_known hist_written(const struct sc_packet *p, __u64 *write_ns)
{
	__u32 last = p->seq + p->payload_len_bytes - 1;
	const struct hist_sock *s;

	if (p->dir != SC_DIR_TX || p->l4_proto != IPPROTO_TCP || !p->payload_len_bytes || !(conf_stages & SC_BIT(SC_TX_WRITE)))
		return HIST_CALL_NONE;
	s = hist_sock_find(p->sock);
	if (!s)
		return HIST_CALL_NONE;
	for (__u32 i = 1; i <= HIST_QUEUE; i++) {
		struct hist_send send;
		__u64 at = s->sent - i;

		BOUND(at, HIST_QUEUE - 1);
		send = s->send[at];
		/* Another CPU may be filling the newest. */
		if (!send.time_ns || send.time_ns > p->begin_ns || (__s32)(last - send.from) < 0)
			continue;
		if ((__s32)(send.to - last) <= 0 || *(volatile __u64 *)&s->send[at].time_ns != send.time_ns)
			return HIST_CALL_FORGOTTEN;
		*write_ns = send.time_ns;
		return HIST_CALL_FOUND;
	}
	return s->sent >= HIST_QUEUE ? HIST_CALL_FORGOTTEN : HIST_CALL_NONE;
}
