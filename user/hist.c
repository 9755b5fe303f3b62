/* SPDX-License-Identifier: GPL-2.0-only */
/* Log-linear histogram as a sorted array of the buckets that were hit: hist.h. */
#include "user/hist.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SUB_BUCKETS (1u << HIST_SUB_BITS)

struct hist_bucket {
	uint64_t index : 16;
	uint64_t count : 48;
};
_Static_assert(sizeof(struct hist_bucket) == 8, "documented in hist.h");
_Static_assert(HIST_BUCKETS <= 1 << 16, "index of a bucket does not fit");

/* Below SUB_BUCKETS one bucket per value; above, the bits after the leading one number the buckets of a power of two. */
static unsigned int bucket_index(uint64_t ns)
{
	unsigned int shift;

	if (ns < SUB_BUCKETS)
		return (unsigned int)ns;
	shift = 63u - (unsigned int)__builtin_clzll(ns) - HIST_SUB_BITS;
	return shift * SUB_BUCKETS + (unsigned int)(ns >> shift);
}

/* Middle of the bucket's values. */
static uint64_t bucket_value_ns(unsigned int index)
{
	unsigned int shift;
	uint64_t low;

	if (index < SUB_BUCKETS)
		return index;
	shift = index / SUB_BUCKETS - 1;
	low = (uint64_t)(SUB_BUCKETS + index % SUB_BUCKETS) << shift;
	return low + ((1ull << shift) - 1) / 2;
}

/* Position of the first bucket that is not below `index`. */
static size_t bucket_search(const struct hist *h, unsigned int index)
{
	size_t low = 0, high = h->bucket_count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (h->buckets[middle].index < index)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int bucket_insert(struct hist *h, size_t at, unsigned int index)
{
	if (h->bucket_count == h->bucket_capacity) {
		size_t capacity = h->bucket_capacity ? h->bucket_capacity * 2 : 4;
		struct hist_bucket *grown;

		grown = reallocarray(h->buckets, capacity, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		h->buckets = grown;
		h->bucket_capacity = capacity;
	}
	memmove(&h->buckets[at + 1], &h->buckets[at],
		(h->bucket_count - at) * sizeof(*h->buckets));
	h->buckets[at] = (struct hist_bucket){ .index = (uint16_t)index };
	h->bucket_count++;
	return 0;
}

static int bucket_add(struct hist *h, unsigned int index, uint64_t count)
{
	size_t at = bucket_search(h, index);

	if (at == h->bucket_count || h->buckets[at].index != index) {
		int err = bucket_insert(h, at, index);

		if (err)
			return err;
	}
	h->buckets[at].count += count;
	return 0;
}

int hist_add(struct hist *h, uint64_t ns)
{
	int err = bucket_add(h, bucket_index(ns), 1);

	if (err)
		return err;
	if (!h->count || ns < h->min_ns)
		h->min_ns = ns;
	if (ns > h->max_ns)
		h->max_ns = ns;
	h->count++;
	h->sum_ns += ns;
	return 0;
}

int hist_merge(struct hist *to, const struct hist *from)
{
	size_t i;

	if (!from->count)
		return 0;
	if (!to->count || from->min_ns < to->min_ns)
		to->min_ns = from->min_ns;
	if (from->max_ns > to->max_ns)
		to->max_ns = from->max_ns;
	for (i = 0; i < from->bucket_count; i++) {
		int err = bucket_add(to, from->buckets[i].index, from->buckets[i].count);

		if (err)
			return err;
		to->count += from->buckets[i].count;
	}
	to->sum_ns += from->sum_ns;
	return 0;
}

uint64_t hist_mean_ns(const struct hist *h)
{
	return h->count ? (uint64_t)(h->sum_ns / h->count) : 0;
}

uint64_t hist_quantile_ns(const struct hist *h, unsigned int permille)
{
	uint64_t below = 0, rank, value;
	size_t i;

	rank = (uint64_t)(((unsigned __int128)h->count * permille + 999) / 1000);
	if (rank <= 1)
		return h->min_ns;
	if (rank == h->count)
		return h->max_ns;
	for (i = 0; i < h->bucket_count - 1; i++) {
		below += h->buckets[i].count;
		if (below >= rank)
			break;
	}
	value = bucket_value_ns(h->buckets[i].index);
	value = value < h->min_ns ? h->min_ns : value;
	return value > h->max_ns ? h->max_ns : value;
}

void hist_clear(struct hist *h)
{
	free(h->buckets);
	*h = (struct hist){ 0 };
}
