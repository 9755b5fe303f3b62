/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * When the driver handed a packet to eth_type_trans(), which most drivers call right before they pass the skb on: earlier and nearer to the driver than what the stack
 * tells. The skb is not complete there, so only the time is kept, per CPU and skb, for the stage that follows.
 */
#pragma once

#include "slot.bpf.h"

struct driver_mark {
	__u64 key;
	__u64 time_ns;
};
#define DRIVER_MARKS 256 /* drivers pass skbs on one by one, or a list per poll */
struct map_driver_marks {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, DRIVER_MARKS);
	__type(key, __u32);
	__type(value, struct driver_mark);
};
extern struct map_driver_marks driver_marks SEC(".maps");

static __always_inline struct driver_mark *driver_mark_of(__u64 key)
{
	__u32 index = key_place(key, DRIVER_MARKS - 1);

	return bpf_map_lookup_elem(&driver_marks, &index);
}

/* The time kept for this skb, once, if it is not older than `since_ns`; else 0. */
static __always_inline __u64 driver_mark_take(__u64 key, __u64 since_ns)
{
	struct driver_mark *m = driver_mark_of(key);

	if (!m || m->key != key)
		return 0;
	m->key = 0;
	return m->time_ns >= since_ns ? m->time_ns : 0;
}
