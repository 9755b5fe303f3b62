/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Atomic operations whose result is used, and what stands in for them before Linux 5.12 (kernel commits 5ca419f2864a, 5ffa25502b5a), which refuses them even in code that
 * is never reached: the loader takes them out of the object there (atomics.h). All of them are in this file.
 */
#pragma once

#include "maps.bpf.h"

/* Older kernels: who holds which slot's lock. Creating an entry of a hash map is atomic. User space takes part. */
struct map_slot_locks {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u32);
};
extern struct map_slot_locks slot_locks SEC(".maps");

/* *at, the key of `slot`, becomes `to` if it is `from`. A lock that is held means that somebody else is changing it. */
static __always_inline bool key_exchange(__u64 *at, __u32 slot, __u64 from, __u64 to)
{
	__u32 held = 1;
	bool same;

	if (conf_atomics)
		return __sync_val_compare_and_swap(at, from, to) == from;
	if (bpf_map_update_elem(&slot_locks, &slot, &held, BPF_NOEXIST))
		return false;
	same = *(volatile __u64 *)at == from;
	if (same)
		*(volatile __u64 *)at = to;
	bpf_map_delete_elem(&slot_locks, &slot);
	return same;
}

/* The next number of a counter, from 1. Older kernels: CPUs that meet may get the same. */
static __always_inline __u64 counter_next(__u64 *counter)
{
	if (conf_atomics)
		return __sync_fetch_and_add(counter, 1) + 1;
	return ++*(volatile __u64 *)counter;
}

/* The counter as it is, ordered with what is read before and after. */
static __always_inline __u64 counter_read(__u64 *counter)
{
	return conf_atomics ? __sync_fetch_and_add(counter, 0) : *(volatile __u64 *)counter;
}

/* Adds one unless that would exceed `limit`. Older kernels: of several CPUs that want the last ones at once, all may have to come again. */
static __always_inline bool counter_take(__u64 *counter, __u64 limit)
{
	bool taken;

	if (conf_atomics) {
		taken = __sync_fetch_and_add(counter, 1) < limit;
	} else {
		__sync_fetch_and_add(counter, 1);
		taken = *(volatile __u64 *)counter <= limit;
	}
	if (!taken)
		__sync_fetch_and_add(counter, -1);
	return taken;
}
