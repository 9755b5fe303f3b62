/* SPDX-License-Identifier: GPL-2.0-only */
/* `record --hist`: calls of the application, and the packets that they took. */
#pragma once

#include "hist.bpf.h"

/* The read that a packet waited for. */
static __always_inline void hist_read(struct cpu_state *cpu, const struct hist_wait *wait, __u64 now_ns)
{
	__u64 ns = now_ns - wait->last_ns;

	if (now_ns < wait->last_ns)
		return;
	count(cpu, SC_CNT_JOINED, SC_DIR_RX);
	hist_interval(cpu, SC_DIR_RX, wait->stage * SC_HIST_STAGES + SC_RX_READ, ns);
	hist_kind(cpu, SC_DIR_RX, SC_HIST_APP, wait->app_ns + ns);
	hist_kind(cpu, SC_DIR_RX, SC_HIST_TOTAL, now_ns - wait->begin_ns);
}

/* TCP: a call has taken everything up to sequence number `to`; those that wait are in that order. The socket is locked, as it is when they come. */
static __always_inline void hist_read_bytes(struct cpu_state *cpu, const struct sc_call *call)
{
	struct hist_sock *s = hist_sock_find(call->sock);

	if (!s)
		return;
	for (int i = 0; i < HIST_QUEUE; i++) {
		__u64 at = s->taken;
		struct hist_wait wait;

		if (s->taken == s->queued)
			break;
		BOUND(at, HIST_QUEUE - 1);
		wait = s->queue[at];
		if ((__s32)(wait.end - call->to) > 0)
			break;
		s->taken++;
		/* Else the call that took it was not seen. */
		if ((__s32)(wait.end - call->from) > 0)
			hist_read(cpu, &wait, call->time_ns);
	}
}

/* A datagram: the one that the call names, or the first in the queue when reads were counted last. */
static __always_inline void hist_read_datagram(struct cpu_state *cpu, const struct sc_call *call)
{
	struct hist_wait wait;
	__u64 id = call->packet;

	if (call->index == SC_READ_SEVERAL || id == SC_NEXT_OTHER)
		return;
	if (!id)
		id = hist_first_of(call);
	if (id && hist_datagram_take(id, &wait))
		hist_read(cpu, &wait, call->time_ns);
}

/* It was dropped in its queue, or may have been: no read is its own. */
static __always_inline void hist_dropped(const struct sc_call *call)
{
	struct hist_wait wait;

	hist_datagram_take(call->packet, &wait);
}

/* What would be the record of a call. */
__noinline int hist_call(struct cpu_state *cpu, const struct sc_call *call)
{
	if (!cpu || !call)
		return 0;
	if (call->type == SC_REC_WRITE)
		hist_write(call);
	else if (call->type == SC_REC_DROPPED)
		hist_dropped(call);
	else if (call->type == SC_REC_READ && call->index)
		hist_read_datagram(cpu, call);
	else if (call->type == SC_REC_READ)
		hist_read_bytes(cpu, call);
	return 0;
}
