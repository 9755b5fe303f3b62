/* SPDX-License-Identifier: GPL-2.0-only */
/* `record --hist`: the rows of the histograms, and counting in one. */
#pragma once

#include "histogram.h"
#include "slot.bpf.h"

struct map_hist_rows {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sc_hist_row);
};
extern struct map_hist_rows hist_rows SEC(".maps");

struct map_hist_index {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sc_hist_index);
};
extern struct map_hist_index hist_index SEC(".maps");

/* In the softirq nothing interrupts us that counts; whatever it interrupts adds in one go. */
static __always_inline void hist_add(struct cpu_state *cpu, __u32 row, __u64 value)
{
	__u32 index = bpf_get_smp_processor_id() * SC_HIST_ROWS + row;
	struct sc_hist_row *r = bpf_map_lookup_elem(&hist_rows, &index);
	__u64 at = sc_hist_bucket(value);

	if (!r)
		return;
	BOUND(at, SC_HIST_BUCKETS - 1);
	if (cpu->softirq_ns) {
		r->sum += value;
		r->bucket[at]++;
	} else {
		__sync_fetch_and_add(&r->sum, value);
		__sync_fetch_and_add(&r->bucket[at], 1);
	}
}

static __always_inline void hist_kind(struct cpu_state *cpu, __u8 dir, __u32 kind, __u64 value)
{
	hist_add(cpu, (dir == SC_DIR_TX ? SC_HIST_KINDS : 0) + kind, value);
}

/* The row of an interval (from * SC_HIST_STAGES + to), 0 if there are too many. */
static __always_inline __u32 hist_row_of(__u8 dir, __u64 interval)
{
	struct sc_hist_index *index;
	__u32 zero = 0;
	__u64 row;

	index = bpf_map_lookup_elem(&hist_index, &zero);
	if (!index)
		return 0;
	interval += dir == SC_DIR_TX ? SC_HIST_INTERVALS / 2 : 0;
	BOUND(interval, SC_HIST_INTERVALS - 1);
	row = *(volatile __u8 *)&index->row[interval];
	if (row)
		return row;
	if (*(volatile __u64 *)&index->used > SC_HIST_ROWS - SC_HIST_FIXED)
		return 0;
	row = SC_HIST_FIXED + counter_next(&index->used) - 1;
	if (row >= SC_HIST_ROWS)
		return 0;
	BOUND(row, SC_HIST_ROWS - 1);
	index->interval[row] = interval;
	*(volatile __u8 *)&index->row[interval] = row;
	return row;
}

static __always_inline void hist_interval(struct cpu_state *cpu, __u8 dir, __u64 interval, __u64 ns)
{
	__u32 row = hist_row_of(dir, interval);

	if (row)
		hist_add(cpu, row, ns);
}
