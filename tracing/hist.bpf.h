/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * `record --hist`: what would be the record of a packet is counted here, and nothing leaves for user space.
 *
 * Only in the object that is built for it (SC_HIST): the functions are global, so that the verifier looks at them once in a program and not for every place that calls them, which
 * kernels before 5.12 do not allow.
 */
#pragma once

#include "hist_row.bpf.h"
#include "hist_wait.bpf.h"

/* How a story ends, for the accounting. */
static __always_inline void hist_count_end(struct cpu_state *cpu, __u8 dir, __u32 end)
{
	count(cpu, end == SC_END_CONSUMED ? SC_CNT_CONSUMED : end == SC_END_RECYCLED ? SC_CNT_RECYCLED : SC_CNT_ENDED, dir);
}

/* What a story comes to, interval by interval. */
struct hist_sum {
	__u64 driver_ns, stack_ns, app_ns;
	__u64 fed;	       /* 1 << kind of those that had an interval */
	__u64 from, before_ns; /* the newest stage and its stamp */
	__u64 begin_ns;
};

static __always_inline void hist_step(struct cpu_state *cpu, struct hist_sum *sum, __u8 dir, __u64 stage, __u64 now_ns)
{
	__u64 ns = now_ns - sum->before_ns, interval = sum->from * SC_HIST_STAGES + stage;
	__u8 side;

	ns &= ~((__s64)ns >> 63); /* not below 0 */
	BOUND(interval, SC_HIST_STAGES * SC_HIST_STAGES - 1);
	side = conf_hist_sides[interval];
	hist_interval(cpu, dir, interval, ns);
	sum->fed |= 1ull << (side & 3);
	if (side == SC_HIST_DRIVER)
		sum->driver_ns += ns;
	else if (side == SC_HIST_STACK)
		sum->stack_ns += ns;
	else if (side == SC_HIST_APP)
		sum->app_ns += ns;
}

/* All that came of it so far is a number to the verifier: which stages a packet had does not matter to it. */
static __always_inline void hist_scrub(struct hist_sum *sum, __u64 any)
{
	SCRUB(sum->driver_ns, any);
	SCRUB(sum->stack_ns, any);
	SCRUB(sum->app_ns, any);
	SCRUB(sum->fed, any);
	SCRUB(sum->from, any);
	SCRUB(sum->before_ns, any);
	SCRUB(sum->begin_ns, any);
}

/* `any` is a number that the verifier knows nothing of. */
static __always_inline void hist_stages(struct cpu_state *cpu, struct hist_sum *sum, const struct sc_packet *p, __u64 any)
{
	hist_scrub(sum, any);
	for (__u32 stage = 0; stage < SC_STAGE_COUNT; stage++) {
		__u64 now_ns;

		if (!(p->stages & SC_BIT(stage)))
			continue;
		now_ns = p->stamp_ns[stage];
		if (sum->from == SC_STAGE_NONE)
			sum->begin_ns = now_ns;
		else
			hist_step(cpu, sum, p->dir, stage, now_ns);
		sum->from = stage;
		sum->before_ns = now_ns;
		hist_scrub(sum, any);
	}
}

/* Counts a story that has ended. Its application's share follows with the read, if that comes later. */
__noinline int hist_packet(struct cpu_state *cpu, struct sc_packet *p, __u32 end)
{
	bool whole = end != SC_END_CONSUMED && end != SC_END_RECYCLED && end != SC_END_MERGED && end != SC_END_TRANSPORT;
	struct hist_sum sum = { .from = SC_STAGE_NONE };

	if (!cpu || !p)
		return 0;
	hist_count_end(cpu, p->dir, end);
	hist_kind(cpu, p->dir, SC_HIST_BYTES, p->wire_len_bytes);
	sum.before_ns = sum.begin_ns = hist_written(p);
	if (sum.begin_ns)
		sum.from = SC_TX_WRITE;
	hist_stages(cpu, &sum, p, p->id);
	if (end == SC_END_TRANSPORT)
		count(cpu, SC_CNT_AWAITED, p->dir); /* its read will not be found */
	if (!whole)
		return 0;
	if (sum.fed & 1 << SC_HIST_DRIVER)
		hist_kind(cpu, p->dir, SC_HIST_DRIVER, sum.driver_ns);
	if (sum.fed & 1 << SC_HIST_STACK)
		hist_kind(cpu, p->dir, SC_HIST_STACK, sum.stack_ns);
	if (hist_waits(p, end)) {
		struct hist_wait wait = { .last_ns = sum.before_ns, .begin_ns = sum.begin_ns, .app_ns = sum.app_ns, .stage = sum.from };

		hist_await(cpu, p, &wait);
		return 0;
	}
	if (sum.fed & 1 << SC_HIST_APP)
		hist_kind(cpu, p->dir, SC_HIST_APP, sum.app_ns);
	if (sum.from != SC_STAGE_NONE)
		hist_kind(cpu, p->dir, SC_HIST_TOTAL, sum.before_ns > sum.begin_ns ? sum.before_ns - sum.begin_ns : 0);
	return 0;
}
