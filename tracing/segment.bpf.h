/* SPDX-License-Identifier: GPL-2.0-only */
/* Segments: what they take over from the super-packet they were cut from. */
#pragma once

#include "cut.bpf.h"

static __always_inline bool cut_holds(const struct cut_packet *of, const struct sc_packet *p, __u64 now_ns)
{
	return of->id && (__s64)of->left > 0 && of->window == cut_window(p, p->seq) && of->flow_hash == p->flow_hash && now_ns - of->last_ns <= CUT_AGE_MAX_NS &&
	       (p->l4_proto != IPPROTO_TCP || p->seq - of->seq < of->payload_len_bytes);
}

/*
 * A packet that the driver is the first to see: if it is a segment, it takes over what its super-packet had. A global function, so that the verifier walks its many
 * branches once and not again for all that follows.
 */
__weak int cut_inherit(__u32 slot, __u64 now_ns)
{
	__u64 oldest_ns = ~0ull, found = 0, count = 0;
	struct sc_packet *p = slot_packet(slot);
	struct cpu_state *cpu = cpu_state();
	struct cut_packet of;
	struct cut_set *set;

	if (!p || !cpu)
		return 0;
	set = cut_set_of(p, cut_window(p, p->seq));
	if (!set)
		return 0;
	for (__u32 i = 0; i < CUT_WAYS; i++) {
		if (!cut_holds(&set->way[i], p, now_ns))
			continue;
		count++;
		SCRUB(count, now_ns);
		if (set->way[i].last_ns > oldest_ns)
			continue;
		oldest_ns = set->way[i].last_ns;
		found = i;
		SCRUB(found, now_ns);
	}
	if (!count)
		return 0;
	BOUND(found, CUT_WAYS - 1);
	of = set->way[found];
	__sync_fetch_and_add(&set->way[found].left, -1);
	if (count > 1 || of.check != cut_check(&of)) {
		p->flags |= SC_FLAG_ORPHAN;
		return 0;
	}
	p->parent_id = of.id;
	p->flags |= SC_FLAG_SEGMENT;
#pragma unroll
	for (int s = 0; s < CUT_STAGES; s++)
		if (of.stages & SC_BIT(SC_TX_FIRST + s))
			timeline_stamp(cpu, p, SC_TX_FIRST + s, of.stamp_ns[s]);
	/* A queue cut it and held its segments: this one left with the newest dequeue of this CPU, right before the driver gets it. */
	if (p->last_stage == SC_TX_NETDEV && cpu->dequeued_ns > of.last_ns && cpu->dequeued_ifindex == p->ifindex)
		timeline_stamp(cpu, p, SC_TX_QDISC, cpu->dequeued_ns);
	return 0;
}
