/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Log-linear histogram of times in ns, for quantiles over the whole range of uint64_t. 64 buckets per power of two: a quantile is off by at
 * most 1/128 of its value. Only buckets that were hit take memory (8 bytes each, and free room for up to twice as many), so a flow of few packets is cheap.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define HIST_SUB_BITS 6
#define HIST_BUCKETS ((64 - HIST_SUB_BITS + 1) << HIST_SUB_BITS)

/* All zero is an empty histogram. */
struct hist {
	uint64_t count, min_ns, max_ns; /* exact; min and max 0 while empty */
	unsigned __int128 sum_ns;
	struct hist_bucket *buckets; /* a hash table, its capacity a power of two */
	size_t bucket_count, bucket_capacity;
};

/* 0 or -ENOMEM, then *h is unchanged. */
int hist_add(struct hist *h, uint64_t ns);
/*
 * `count` values of a bucket with this number, counted elsewhere: least and greatest are then the middle of a bucket. Their sum is the caller's to add. 0 or -ENOMEM, then *h
 * is unchanged.
 */
int hist_add_bucket(struct hist *h, unsigned int index, uint64_t count);
/* *to += *from. 0 or -ENOMEM, then *to is a valid histogram of an unspecified part of *from. */
int hist_merge(struct hist *to, const struct hist *from);
/* Exact, rounded down; 0 if empty. */
uint64_t hist_mean_ns(const struct hist *h);
/* Value of rank ceil(count * permille / 1000), the smallest value for 0. The least and the greatest are exact, others within one part in 128. 0 if empty. */
uint64_t hist_quantile_ns(const struct hist *h, unsigned int permille);
/* Frees the buckets and empties *h. */
void hist_clear(struct hist *h);
