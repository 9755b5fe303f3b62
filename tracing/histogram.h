/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Histograms that the kernel keeps for `record --hist`, per CPU, and that user space reads through mmap.
 *
 * A row is a quantity: first those of enum sc_hist_kind, of either direction, then intervals between two stages as they turn up. Buckets are those of user/hist.h; a time of
 * 2^37 ns (137 s) or more counts as just below. A bucket wraps around: it has to be read before it has counted 2^32.
 */
#pragma once

#include "stamp.h"

#define SC_HIST_SUB_BITS 6
#define SC_HIST_MAX_BITS 37
#define SC_HIST_BUCKETS ((SC_HIST_MAX_BITS - SC_HIST_SUB_BITS + 1) << SC_HIST_SUB_BITS)

/* Of a packet: the sums per side are in the order of enum side. */
enum sc_hist_kind { SC_HIST_TOTAL, SC_HIST_DRIVER, SC_HIST_STACK, SC_HIST_APP, SC_HIST_BYTES, SC_HIST_KINDS };
#define SC_HIST_FIXED (2 * SC_HIST_KINDS) /* row of a kind: (dir - 1) * SC_HIST_KINDS + kind */
#define SC_HIST_ROWS 96
#define SC_HIST_SOCKS 4096	/* that are remembered, the least used go */
#define SC_HIST_DATAGRAMS 8192	/* that wait for a read, of all sockets */

/* Map "hist_rows", array: CPU * SC_HIST_ROWS + row. */
struct sc_hist_row {
	__u64 sum; /* ns, bytes */
	__u32 bucket[SC_HIST_BUCKETS];
};

/* Map "hist_index", array of one: which row an interval has. Two CPUs may give one interval two rows: they add up. */
#define SC_HIST_STAGES 32
#define SC_HIST_INTERVALS (2 * SC_HIST_STAGES * SC_HIST_STAGES) /* number: ((dir - 1) * SC_HIST_STAGES + from) * SC_HIST_STAGES + to */
struct sc_hist_index {
	__u64 used;		      /* rows given to intervals; more than there are: not all got one */
	__u8 row[SC_HIST_INTERVALS];  /* 0: none yet */
	__u16 interval[SC_HIST_ROWS]; /* the number of each row; 0: no such row */
};
_Static_assert(SC_STAGE_COUNT < SC_HIST_STAGES, "an interval has no number");

/* The bucket of a value. clang 14 cannot count leading zeros for BPF: the highest bit is found by a de Bruijn sequence, which has no branches for the verifier to follow. */
static inline __u32 sc_hist_bucket(__u64 value)
{
	static const __u8 highest[64] = {
		0, 58, 1, 59, 47, 53, 2, 60, 39, 48, 27, 54, 33, 42, 3, 61,
		51, 37, 40, 49, 18, 28, 20, 55, 30, 34, 11, 43, 14, 22, 4, 62,
		57, 46, 52, 38, 26, 32, 41, 50, 36, 17, 19, 29, 10, 13, 21, 56,
		45, 25, 31, 35, 16, 9, 12, 44, 24, 15, 8, 23, 7, 6, 5, 63,
	};
	__u64 ones;
	__u32 shift;

	if (value >> SC_HIST_MAX_BITS)
		value = (1ull << SC_HIST_MAX_BITS) - 1;
	if (value >> SC_HIST_SUB_BITS == 0)
		return value;
	ones = value | value >> 1;
	ones |= ones >> 2;
	ones |= ones >> 4;
	ones |= ones >> 8;
	ones |= ones >> 16;
	ones |= ones >> 32;
	shift = highest[ones * 0x03f6eaf2cd271461ull >> 58] - SC_HIST_SUB_BITS;
	return (shift << SC_HIST_SUB_BITS) + (__u32)(value >> (shift & 63));
}
