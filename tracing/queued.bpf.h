/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which packet is in an skb that waits in the queue of a datagram socket. Where no function tells which datagram a read takes, its skb was the first in the queue when the
 * reader came back the time before: this table says which packet that was.
 *
 * Every datagram passes here on its way to a socket: recorded ones are put, any other takes away what the table knew of its skb, or is put as one that is not recorded. A
 * place is freed by the read; if there is none, the oldest entry goes, and its packet stays without a read.
 */
#pragma once

#include "slot.bpf.h"

#define QUEUED_WAYS 4
struct queued {
	__u64 key; /* of the skb, 0: free */
	__u64 id;  /* of the packet */
	__u64 time_ns;
	__u64 check; /* CPUs may meet in an entry */
};
struct queued_set {
	struct queued way[QUEUED_WAYS];
};
struct map_queued {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* SC_QUEUED_SETS where it is needed: the loader */
	__type(key, __u32);
	__type(value, struct queued_set);
};
extern struct map_queued queued_skbs SEC(".maps");

static __always_inline __u64 queued_check(__u64 key, __u64 id)
{
	return key ^ (id * 0x9E3779B97F4A7C15ull);
}

static __always_inline struct queued_set *queued_set_of(__u64 key)
{
	__u32 index = key_place(key, SC_QUEUED_SETS - 1);

	return bpf_map_lookup_elem(&queued_skbs, &index);
}

static __always_inline void queued_put(__u64 key, __u64 id, __u64 now_ns)
{
	struct queued_set *set = queued_set_of(key);
	struct queued *at;

	if (!set)
		return;
	at = &set->way[0];
#pragma unroll
	for (int i = 1; i < QUEUED_WAYS; i++) {
		if (at->key == key)
			break;
		if (set->way[i].key == key || (at->key && (!set->way[i].key || set->way[i].time_ns < at->time_ns)))
			at = &set->way[i];
	}
	*(volatile __u64 *)&at->key = 0;
	at->id = id;
	at->time_ns = now_ns;
	at->check = queued_check(key, id);
	*(volatile __u64 *)&at->key = key;
}

/* Another packet has this skb now. */
static __always_inline void queued_forget(__u64 key)
{
	struct queued_set *set = queued_set_of(key);

	if (!set)
		return;
#pragma unroll
	for (int i = 0; i < QUEUED_WAYS; i++)
		if (*(volatile __u64 *)&set->way[i].key == key)
			*(volatile __u64 *)&set->way[i].key = 0;
}

/* The packet in this skb, 0 unknown. */
static __always_inline __u64 queued_find(__u64 key)
{
	struct queued_set *set = queued_set_of(key);
	__u64 id = 0;

	if (!set)
		return 0;
#pragma unroll
	for (int i = 0; i < QUEUED_WAYS; i++) {
		struct queued at = set->way[i];

		if (at.key == key && at.check == queued_check(key, at.id))
			id = at.id;
	}
	return id;
}

/* The skb is freed: which packet's end that is, 0 of none that is recorded. */
static __always_inline __u64 queued_end(__u64 key)
{
	__u64 id = queued_find(key);

	if (id)
		queued_forget(key);
	return id == SC_NEXT_OTHER ? 0 : id;
}

/* Is the packet `id` in this skb? Then it has been read, and its place becomes free. If not, another is on its way in it. */
static __always_inline bool queued_take(__u64 key, __u64 id)
{
	if (queued_find(key) != id)
		return false;
	queued_forget(key);
	return true;
}
