/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Super-packets that software segmentation took apart: what their segments take over.
 *
 * A super-packet's slot goes to others at once, so a copy of its stamps is kept. Segments mostly follow at once, on the same CPU; a shaper cuts when it takes a
 * packet into its queue, and its segments leave behind those of many others of the same flow. So they are found again by sequence number.
 * Datagrams have none: there it is the only one of the flow that has segments to come, and with several it is none.
 */
#pragma once

#include "packet.bpf.h"
#include "timeline.bpf.h"

#define CUT_AGE_MAX_NS 10000000000ull /* one that was cut longer ago is another one, whose sequence numbers come again */
#define CUT_STAGES (SC_TX_DRIVER - SC_TX_FIRST) /* what a super-packet can have been stamped at before it is cut */
#define CUT_SETS 512
#define CUT_WAYS 16
#define CUT_WINDOW_SHIFT 15 /* a set holds the super-packets of 32 KiB of a flow: sixteen are enough, as the least one has two segments */
#define CUT_WINDOWS 4	    /* and one of up to 96 KiB lies in as many sets */
struct cut_packet {
	__u64 id;
	__u64 last_ns;
	__u64 stamp_ns[CUT_STAGES];
	__u32 stages;
	__u32 flow_hash;
	__u32 seq;
	__u32 payload_len_bytes;
	__u64 left; /* segments that no driver had yet */
};
struct cut_set {
	__u64 count;
	struct cut_packet way[CUT_WAYS];
};
struct map_cut_packets { /* by flow */
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CUT_SETS);
	__type(key, __u32);
	__type(value, struct cut_set);
};
extern struct map_cut_packets cut_packets SEC(".maps");
extern __u32 cut_any; /* some packet was */

/* The set for this byte of a TCP flow, or for a flow of datagrams. */
static __always_inline struct cut_set *cut_set_of(const struct sc_packet *p, __u32 window)
{
	__u32 i = hash_mix(p->flow_hash, p->l4_proto == IPPROTO_TCP ? window : 0) & (CUT_SETS - 1);

	return bpf_map_lookup_elem(&cut_packets, &i);
}

static __always_inline void cut_put(const struct sc_packet *p, __u32 window, __u32 segs)
{
	struct cut_set *set = cut_set_of(p, window);
	struct cut_packet *of;
	__u64 way;

	if (!set)
		return;
	way = __sync_fetch_and_add(&set->count, 1);
	BOUND(way, CUT_WAYS - 1);
	of = &set->way[way];
	/* Another CPU may look at it at any time: without an id it is none. */
	*(volatile __u64 *)&of->id = 0;
	of->last_ns = p->last_ns;
	__builtin_memcpy(of->stamp_ns, &p->stamp_ns[SC_TX_FIRST], sizeof(of->stamp_ns));
	of->stages = p->stages;
	of->flow_hash = p->flow_hash;
	of->seq = p->seq;
	of->payload_len_bytes = p->payload_len_bytes;
	of->left = segs;
	*(volatile __u64 *)&of->id = p->id;
}

/* This super-packet has been cut into `segs` segments; its story is about to be over. */
static __always_inline void cut_note(const struct sc_packet *p, __u32 segs)
{
	__u32 first = p->seq >> CUT_WINDOW_SHIFT, last = (p->seq + p->payload_len_bytes) >> CUT_WINDOW_SHIFT;

	if (!cut_any)
		cut_any = 1;
	for (__u32 i = 0; i < CUT_WINDOWS; i++) {
		cut_put(p, first + i, segs);
		if (p->l4_proto != IPPROTO_TCP || first + i == last)
			break;
	}
}

static __always_inline bool cut_holds(const struct cut_packet *of, const struct sc_packet *p, __u64 now_ns)
{
	if (!of->id || of->flow_hash != p->flow_hash || now_ns - of->last_ns > CUT_AGE_MAX_NS)
		return false;
	return p->l4_proto == IPPROTO_TCP ? p->seq - of->seq < of->payload_len_bytes : of->left > 0;
}

/* The one that p was cut from, or NULL. */
static __always_inline struct cut_packet *cut_find(const struct sc_packet *p, __u64 now_ns)
{
	struct cut_set *set = cut_set_of(p, p->seq >> CUT_WINDOW_SHIFT);
	__u64 newest_ns = 0, found = 0, count = 0;

	if (!set)
		return NULL;
	SCRUB(found, now_ns);
	SCRUB(count, now_ns);
	for (__u32 i = 0; i < CUT_WAYS; i++) {
		struct cut_packet *of = &set->way[i];

		if (!cut_holds(of, p, now_ns))
			continue;
		count++;
		SCRUB(count, now_ns);
		if (of->last_ns < newest_ns)
			continue;
		newest_ns = of->last_ns;
		found = i;
		SCRUB(found, now_ns);
	}
	if (!count || (count > 1 && p->l4_proto != IPPROTO_TCP))
		return NULL;
	BOUND(found, CUT_WAYS - 1);
	return &set->way[found];
}

/*
 * A packet that the driver is the first to see: if it is a segment, it takes over what its super-packet had. A global function, so that the verifier walks its many
 * branches once and not again for all that follows.
 */
__weak int cut_inherit(__u32 slot)
{
	struct sc_packet *p = slot_packet(slot);
	struct cpu_state *cpu = cpu_state();
	struct cut_packet *of;

	if (!p || !cpu)
		return 0;
	of = cut_find(p, bpf_ktime_get_ns());
	if (!of)
		return 0;
	__sync_fetch_and_add(&of->left, -1);
	p->parent_id = of->id;
	p->flags |= SC_FLAG_SEGMENT;
#pragma unroll
	for (int s = 0; s < CUT_STAGES; s++)
		if (of->stages & SC_BIT(SC_TX_FIRST + s))
			timeline_stamp(cpu, p, SC_TX_FIRST + s, of->stamp_ns[s]);
	/* A queue cut it and held its segments: this one left with the newest dequeue of this CPU, right before the driver gets it. */
	if (p->last_stage == SC_TX_NETDEV && cpu->dequeued_ns > of->last_ns)
		timeline_stamp(cpu, p, SC_TX_QDISC, cpu->dequeued_ns);
	return 0;
}
