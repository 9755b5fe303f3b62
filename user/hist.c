/* SPDX-License-Identifier: GPL-2.0-only */
/* Log-linear histogram as a hash table of the buckets that were hit: hist.h. */
#include "user/hist.h"

#include <errno.h>
#include <stdlib.h>

#define SUB_BUCKETS (1u << HIST_SUB_BITS)

struct hist_bucket {
	uint64_t index : 16;
	uint64_t count : 48; /* 0: no bucket */
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

/* Where the bucket is, or would be. Numbers that follow each other get places of their own: the factor is odd. */
static struct hist_bucket *bucket_find(struct hist_bucket *buckets, size_t capacity, unsigned int index)
{
	size_t at = index * 40503u & (capacity - 1);

	while (buckets[at].count && buckets[at].index != index)
		at = (at + 1) & (capacity - 1);
	return &buckets[at];
}

/* Room for one more; a quarter stays empty, so that searches end soon. */
static int bucket_room(struct hist *h)
{
	size_t capacity = h->bucket_capacity ? h->bucket_capacity * 2 : 4, i;
	struct hist_bucket *grown;

	if ((h->bucket_count + 1) * 4 <= h->bucket_capacity * 3)
		return 0;
	grown = calloc(capacity, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	for (i = 0; i < h->bucket_capacity; i++)
		if (h->buckets[i].count)
			*bucket_find(grown, capacity, h->buckets[i].index) = h->buckets[i];
	free(h->buckets);
	h->buckets = grown;
	h->bucket_capacity = capacity;
	return 0;
}

static int bucket_add(struct hist *h, unsigned int index, uint64_t count)
{
	struct hist_bucket *bucket;
	int err = bucket_room(h);

	if (err)
		return err;
	bucket = bucket_find(h->buckets, h->bucket_capacity, index);
	h->bucket_count += !bucket->count;
	bucket->index = (uint16_t)index;
	bucket->count += count;
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

int hist_add_bucket(struct hist *h, unsigned int index, uint64_t count)
{
	uint64_t value_ns = bucket_value_ns(index);
	int err = bucket_add(h, index, count);

	if (err)
		return err;
	if (!h->count || value_ns < h->min_ns)
		h->min_ns = value_ns;
	if (value_ns > h->max_ns)
		h->max_ns = value_ns;
	h->count += count;
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
	for (i = 0; i < from->bucket_capacity; i++) {
		int err;

		if (!from->buckets[i].count)
			continue;
		err = bucket_add(to, from->buckets[i].index, from->buckets[i].count);
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

/* Index of the bucket with that rank: which buckets there are is noted in a set of bits, whose order is theirs. */
static unsigned int bucket_of_rank(const struct hist *h, uint64_t rank)
{
	uint64_t used[(HIST_BUCKETS + 63) / 64] = { 0 }, below = 0;
	unsigned int index = 0;
	size_t i;

	for (i = 0; i < h->bucket_capacity; i++)
		if (h->buckets[i].count)
			used[h->buckets[i].index / 64] |= 1ull << h->buckets[i].index % 64;
	for (i = 0; i < sizeof(used) / sizeof(used[0]) && below < rank; i++)
		for (uint64_t bits = used[i]; bits && below < rank; bits &= bits - 1) {
			index = (unsigned int)(i * 64) + (unsigned int)__builtin_ctzll(bits);
			below += bucket_find(h->buckets, h->bucket_capacity, index)->count;
		}
	return index;
}

uint64_t hist_quantile_ns(const struct hist *h, unsigned int permille)
{
	uint64_t rank, value;

	rank = (uint64_t)(((unsigned __int128)h->count * permille + 999) / 1000);
	if (rank <= 1)
		return h->min_ns;
	if (rank == h->count)
		return h->max_ns;
	value = bucket_value_ns(bucket_of_rank(h, rank));
	value = value < h->min_ns ? h->min_ns : value;
	return value > h->max_ns ? h->max_ns : value;
}

void hist_clear(struct hist *h)
{
	free(h->buckets);
	*h = (struct hist){ 0 };
}
