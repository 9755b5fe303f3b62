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

/* Stages that it passed and this kernel can stamp are missing: the rules of user/story.c. */
static __always_inline bool hist_unstamped(const struct sc_packet *p, __u32 end)
{
	const __u32 before = SC_BIT(SC_TX_IP) | SC_BIT(SC_TX_OUT) | SC_BIT(SC_TX_TC) | SC_BIT(SC_TX_NETDEV);

	if (end == SC_END_L4)
		return p->l4_proto == IPPROTO_TCP && (conf_l4_cgroup || conf_l4_function) && conf_stages & ~p->stages & SC_BIT(SC_RX_L4);
	if (end != SC_END_DRIVER && end != SC_END_TXDONE)
		return false;
	if (p->flags & SC_FLAG_ORPHAN)
		return true;
	return p->sock && p->payload_len_bytes && p->l4_proto == IPPROTO_TCP && !(p->flags & SC_FLAG_SEGMENT) && conf_stages & SC_BIT(SC_TX_TC) && !(p->stages & before);
}

/* How a story ends, for the accounting; false if not all of it is known. */
static __always_inline bool hist_count_end(struct cpu_state *cpu, const struct sc_packet *p, __u32 end, enum hist_call_known call)
{
	count(cpu, end == SC_END_CONSUMED ? SC_CNT_CONSUMED : end == SC_END_RECYCLED ? SC_CNT_RECYCLED : SC_CNT_ENDED, p->dir);
	if (end == SC_END_CONSUMED || end == SC_END_RECYCLED || end == SC_END_MERGED)
		return false;
	if (hist_unstamped(p, end)) {
		count(cpu, SC_CNT_UNSTAMPED, p->dir);
		return false;
	}
	/* Its read will not be found, if there is one to be told of; or its send call was not. */
	if ((end == SC_END_TRANSPORT && conf_stages & (SC_BIT(SC_RX_SOCKET) | SC_BIT(SC_RX_READ))) || call == HIST_CALL_FORGOTTEN) {
		count(cpu, SC_CNT_AWAITED, p->dir);
		return false;
	}
	return true;
}

/* Counts a story that has ended. Its application's share follows with the read, if that comes later. */
__noinline int hist_packet(struct cpu_state *cpu, struct sc_packet *p, __u32 end)
{
	struct hist_sum sum = { .from = SC_STAGE_NONE };
	enum hist_call_known call;

	if (!cpu || !p)
		return 0;
	hist_kind(cpu, p->dir, SC_HIST_BYTES, p->wire_len_bytes);
	call = hist_written(p, &sum.begin_ns);
	sum.before_ns = sum.begin_ns;
	if (call == HIST_CALL_FOUND)
		sum.from = SC_TX_WRITE;
	hist_stages(cpu, &sum, p, p->id);
	if (!hist_count_end(cpu, p, end, call))
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
