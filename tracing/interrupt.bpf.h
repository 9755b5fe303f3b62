/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which interrupt a packet owes its poll to.
 *
 * Where functions are probed, that is told: a handler schedules a NAPI instance (napi_mark), and the instance is polled, in a softirq or by a thread. Elsewhere it has to be
 * concluded: interrupts whose handlers raised NET_RX lead to the next softirq, and a vector's queue, if known, tells them apart. Since 6.4 a NAPI instance that is
 * scheduled while the softirq runs is polled in it without being asked for (kernel commit 8b43fd3d1d7d): such packets then look polled.
 */
#pragma once

#include "timeline.bpf.h"

struct napi_mark { /* a NAPI instance waits for its poll */
	__u64 key;
	__u64 irq_ns; /* handler entry of the interrupt that scheduled it; 0: something else did */
	__u64 irq;
	__u64 check;
};
#define NAPI_MARKS 1024
struct map_napi_marks { /* not per CPU: a thread may poll elsewhere */
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, NAPI_MARKS);
	__type(key, __u32);
	__type(value, struct napi_mark);
};
extern struct map_napi_marks napi_marks SEC(".maps");

static __always_inline struct napi_mark *napi_mark_of(__u64 key)
{
	__u32 index = key_place(key, NAPI_MARKS - 1);

	return bpf_map_lookup_elem(&napi_marks, &index);
}

static __always_inline __u64 napi_mark_check(const struct napi_mark *m)
{
	return (m->key * 3) ^ (m->irq_ns * 5) ^ (m->irq * 7);
}

/* An instance of a captured device is scheduled. What a poll schedules again is not told: it goes on polling. */
static __always_inline void napi_scheduled(const struct cpu_state *cpu, __u64 key)
{
	struct napi_mark *at = napi_mark_of(key), m = { .key = key };

	if (!at || (!cpu->handler_ns && (cpu->softirq_ns || cpu->poll_begin_ns)))
		return;
	if (cpu->handler_ns) {
		m.irq_ns = cpu->handler_ns;
		m.irq = cpu->handler_irq;
	}
	m.check = napi_mark_check(&m);
	*at = m;
}

/* Its poll begins on this CPU. */
static __always_inline void napi_polled(struct cpu_state *cpu, __u64 key)
{
	struct napi_mark *at = napi_mark_of(key), m = {};

	cpu->poll_begin_ns = bpf_ktime_get_ns();
	cpu->poll_irq_ns = 0;
	cpu->poll_scheduled = 0;
	if (!at || at->key != key)
		return;
	m = *at;
	at->key = 0;
	if (m.key != key || m.check != napi_mark_check(&m))
		return;
	cpu->poll_scheduled = !m.irq_ns;
	cpu->poll_irq_ns = m.irq_ns;
	cpu->poll_irq = m.irq;
}

/* Any interrupt of this softirq left that no packet has come by yet. */
static __always_inline bool irqs_unspent(const struct cpu_state *cpu)
{
	__u64 any = 0;

#pragma unroll
	for (int i = 0; i < IRQS_SEEN; i++)
		any |= cpu->current[i].time_ns;
	return any;
}

/* The poll of this queue (+ 1; 0: of all of them) is over: what comes later has not come by its interrupt. */
static __always_inline void irqs_spend(struct cpu_state *cpu, __u16 queue)
{
#pragma unroll
	for (int i = 0; i < IRQS_SEEN; i++)
		if (!queue || !cpu->current[i].queue || cpu->current[i].queue == queue)
			cpu->current[i].time_ns = 0;
}

/* The softirq is over: what came during it, and raised none, was polled in it. */
static __always_inline void irqs_forget(struct cpu_state *cpu)
{
	irqs_spend(cpu, 0);
#pragma unroll
	for (int i = 0; i < IRQS_SEEN; i++)
		if (!cpu->pending[i].raised && cpu->pending[i].time_ns > cpu->softirq_ns)
			cpu->pending[i].time_ns = 0;
}

/* Stamps `hardirq` and `softirq` of a packet of the poll that goes on, where functions tell of it. */
static __always_inline void stamp_poll(struct cpu_state *cpu, struct sc_packet *p)
{
	if (cpu->poll_irq_ns) {
		timeline_stamp(cpu, p, SC_RX_HARDIRQ, cpu->poll_irq_ns);
		p->irq = cpu->poll_irq;
	} else if (!cpu->poll_scheduled) {
		p->flags |= SC_FLAG_POLLED;
	}
	/* A softirq that ran already when it was asked for began for other reasons. */
	if (cpu->poll_irq_ns && cpu->softirq_ns >= cpu->poll_irq_ns)
		timeline_stamp(cpu, p, SC_RX_SOFTIRQ, cpu->softirq_ns);
	else
		timeline_stamp(cpu, p, SC_RX_SOFTIRQ, cpu->poll_begin_ns);
}

/*
 * Stamps `hardirq` if one interrupt alone can be it. None can: the packet came while NAPI was polling, by the interrupt of an earlier one. Several: nothing is said.
 * `queue`: the packet's + 1, 0 unknown.
 */
static __always_inline void stamp_hardirq(struct cpu_state *cpu, struct sc_packet *p, __u16 queue)
{
	__u32 candidates = 0, irq = 0;
	__u64 time_ns = 0;

#pragma unroll
	for (int i = 0; i < IRQS_SEEN; i++) {
		const struct irq_seen *seen = &cpu->current[i];

		if (!seen->time_ns || seen->time_ns > cpu->softirq_ns || (queue && seen->queue && seen->queue != queue))
			continue;
		candidates++;
		time_ns = seen->time_ns;
		irq = seen->irq;
	}
	if (candidates == 1 && !cpu->current_doubt) {
		timeline_stamp(cpu, p, SC_RX_HARDIRQ, time_ns);
		p->irq = irq;
	} else if (!candidates && !cpu->current_doubt) {
		p->flags |= SC_FLAG_POLLED;
	}
}
