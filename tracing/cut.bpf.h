/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Super-packets that software segmentation took apart: what their segments take over.
 *
 * A super-packet's slot goes to others at once, so a copy of its stamps is kept. Segments mostly follow at once, on the same CPU; a shaper cuts when it takes a
 * packet into its queue, and its segments leave behind those of many others of the same flow. So they are found again by sequence number; datagrams have none.
 * Each entry counts the segments that are still to come: where two have some that could be this one, neither is it, and the older is taken to have one less.
 */
#pragma once

#include "packet.bpf.h"
#include "timeline.bpf.h"

#define CUT_AGE_MAX_NS 10000000000ull /* one that was cut longer ago is another one, whose sequence numbers come again */
#define CUT_STAGES (SC_TX_DRIVER - SC_TX_FIRST) /* what a super-packet can have been stamped at before it is cut */
#define CUT_SETS 512
#define CUT_WAYS 16
#define CUT_WINDOW_SHIFT 15 /* a set holds the super-packets of 32 KiB of a flow: mostly sixteen or fewer */
#define CUT_WINDOWS 17	    /* of 512 KiB */
struct cut_packet {
	__u64 id; /* 0 none */
	__u64 last_ns;
	__u64 stamp_ns[CUT_STAGES];
	__u32 stages;
	__u32 flow_hash;
	__u32 seq;
	__u32 payload_len_bytes;
	__u64 window; /* of the sequence numbers, as in cut_window() */
	__u64 left;   /* segments of this window that no driver had yet; below 0 where CPUs met at the last one */
	__u64 check;  /* CPUs may meet in an entry */
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

static __always_inline __u64 cut_check(const struct cut_packet *of)
{
	__u64 check = (of->id * 3) ^ (of->window * 9) ^ (of->last_ns * 5) ^ ((__u64)of->stages << 32 | of->flow_hash) * 7 ^ ((__u64)of->seq << 32 | of->payload_len_bytes) * 11;

#pragma unroll
	for (int s = 0; s < CUT_STAGES; s++)
		check ^= of->stamp_ns[s] * (2 * s + 13);
	return check;
}

/* Which part of a TCP flow this byte belongs to; datagrams: 0. */
static __always_inline __u32 cut_window(const struct sc_packet *p, __u32 seq)
{
	return p->l4_proto == IPPROTO_TCP ? seq >> CUT_WINDOW_SHIFT : 0;
}

/* Windows that follow each other have sets of their own: a shaper holds many of one flow, and two in one set would push each other out. */
static __always_inline struct cut_set *cut_set_of(const struct sc_packet *p, __u32 window)
{
	__u32 i = (hash_mix(p->flow_hash, 0) + window) & (CUT_SETS - 1);

	return bpf_map_lookup_elem(&cut_packets, &i);
}

/* How many segments of `size_bytes` begin in the first `bytes` bytes of a super-packet. */
static __always_inline __u32 cut_begun(const struct sc_packet *p, __u32 bytes, __u32 size_bytes)
{
	if (bytes > p->payload_len_bytes)
		bytes = p->payload_len_bytes;
	return (bytes + size_bytes - 1) / size_bytes;
}

static __always_inline void cut_put(const struct sc_packet *p, __u32 window, __u64 left)
{
	struct cut_set *set = cut_set_of(p, window);
	struct cut_packet note = {
		.id = p->id, .last_ns = p->last_ns, .stages = p->stages, .flow_hash = p->flow_hash, .seq = p->seq,
		.payload_len_bytes = p->payload_len_bytes, .window = window, .left = left,
	};
	__u64 way;

	if (!set || !left)
		return;
	__builtin_memcpy(note.stamp_ns, &p->stamp_ns[SC_TX_FIRST], sizeof(note.stamp_ns));
	note.check = cut_check(&note);
	way = counter_next(&set->count);
	BOUND(way, CUT_WAYS - 1);
	set->way[way] = note;
}

/* This super-packet has been cut into segments of `size_bytes`; its story is about to be over. */
static __always_inline void cut_note(const struct sc_packet *p, __u32 size_bytes)
{
	__u32 end = 0, begin = 0;

	if (!size_bytes || !p->flow_hash) /* IP cut it, before there were bytes to know it by */
		return;
	if (!cut_any)
		cut_any = 1;
	if (p->l4_proto != IPPROTO_TCP) {
		cut_put(p, 0, cut_begun(p, p->payload_len_bytes, size_bytes));
		return;
	}
	for (__u32 i = 0; i < CUT_WINDOWS && begin < p->payload_len_bytes; i++) {
		end = begin + (1 << CUT_WINDOW_SHIFT) - (p->seq + begin) % (1 << CUT_WINDOW_SHIFT);
		cut_put(p, cut_window(p, p->seq + begin), cut_begun(p, end, size_bytes) - cut_begun(p, begin, size_bytes));
		begin = end;
	}
}
