/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Slots of the table of open timelines: who owns which.
 *
 * A slot belongs to the skb whose key stands in its set. The key is the skb's address under a generation, so an old owner never frees a slot
 * that has gone to somebody else. Setting SC_KEY_BUSY is how the one who ends a story takes it: programs and the sweep of user space exclude each other by it.
 */
#pragma once

#include "atomic.bpf.h"

#define KEY_MASK ((1ull << 48) - 1)
#define KEY_ADRIFT 2ull /* set in no skb's key, which is a multiple of 8: a story whose skb is still to come */

struct timeline {
	struct sc_packet *packet;
	__u64 *key; /* in its set */
	__u64 owned; /* value of *key while the story is ours */
};

/*
 * An skb's identity as a number. The verifier lets pointers be subtracted, not stored or shifted: measuring from a fixed place of ours keeps
 * addresses apart just as well.
 */
static __always_inline __u64 skb_key(const void *skb)
{
	return ((__u64)skb - (__u64)&begun_total) & KEY_MASK;
}

/* The same for an address that is a number already, as kprobes get it. That place is not one, and has to be read as one once. */
static __always_inline __u64 skb_key_untyped(const void *skb)
{
	__u64 origin = *(volatile __u64 *)&key_origin;

	if (!origin) {
		const void *place = &begun_total;

		bpf_probe_read_kernel(&origin, sizeof(origin), &place);
		key_origin = origin;
	}
	return ((__u64)skb - origin) & KEY_MASK;
}

static __always_inline __u64 key_of(const void *skb, const bool typed)
{
	return typed ? skb_key(skb) : skb_key_untyped(skb);
}

/* Of a socket; 0 for none. */
static __always_inline __u64 sock_key_as(const void *sk, const bool typed)
{
	return sk ? key_of(sk, typed) : 0;
}

static __always_inline __u64 sock_key(const void *sk)
{
	return sock_key_as(sk, TYPED);
}

/* The place of a key in a table whose size is a power of two, `mask` + 1. */
static __always_inline __u32 key_place(__u64 key, __u32 mask)
{
	return (__u32)((key * 0x9E3779B97F4A7C15ull) >> 40) & mask;
}

static __always_inline __u32 key_set(__u64 key)
{
	return key_place(key, conf_set_mask);
}

static __always_inline struct sc_packet *slot_packet(__u32 slot)
{
	return bpf_map_lookup_elem(&timelines, &slot);
}

/* Not even one story is open. */
static __always_inline bool nothing_open(void)
{
	return conf_filter && !*(volatile __u32 *)&open_total;
}

static __always_inline bool set_is_empty(const struct sc_set *set)
{
	__u64 any = 0;

#pragma unroll
	for (int way = 0; way < SC_WAYS; way++)
		any |= *(volatile __u64 *)&set->key[way];
	return !any;
}

/* The open timeline of an skb: true and *t, or false. */
static __always_inline bool timeline_find(__u64 key, struct timeline *t)
{
	__u32 index = key_set(key);
	struct sc_set *set;

	if (nothing_open())
		return false;
	set = bpf_map_lookup_elem(&sets, &index);
	if (!set || set_is_empty(set))
		return false;
#pragma unroll
	for (int way = 0; way < SC_WAYS; way++) {
		__u64 owned = *(volatile __u64 *)&set->key[way];

		if ((owned & KEY_MASK) == key) {
			t->packet = slot_packet(index * SC_WAYS + way);
			t->key = &set->key[way];
			t->owned = owned;
			return t->packet != NULL;
		}
	}
	return false;
}

/* The open timeline in a remembered slot, if it is still the packet `id`. */
static __always_inline bool timeline_at(__u32 slot, __u64 id, struct timeline *t)
{
	__u32 index = slot / SC_WAYS;
	__u64 way = slot % SC_WAYS;
	struct sc_set *set = bpf_map_lookup_elem(&sets, &index);

	if (!id || !set)
		return false;
	BOUND(way, 7);
	t->packet = slot_packet(slot);
	t->key = &set->key[way];
	t->owned = *(volatile __u64 *)t->key;
	/* A slot being claimed is marked busy until its new id stands. */
	return t->packet && t->packet->id == id && t->owned && !(t->owned & SC_KEY_BUSY);
}

/* Marks the story as taken by us; false if somebody else was faster. */
static __always_inline bool timeline_take(const struct timeline *t)
{
	return key_exchange(t->key, t->packet->slot, t->owned, t->owned | SC_KEY_BUSY);
}

/* The packet's contents stay readable until somebody else claims the slot. */
static __always_inline void timeline_free(const struct timeline *t)
{
	*(volatile __u64 *)t->key = 0;
	if (conf_filter)
		__sync_fetch_and_add(&open_total, -1);
}
