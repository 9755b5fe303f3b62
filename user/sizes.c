// SPDX-License-Identifier: GPL-2.0-only
/* Powers of two below a share of the memory: see sizes.h. */
#include "user/sizes.h"

#include <errno.h>

#include "tracing/stamp.h"

#define SETS_MAX 2048u
#define SETS_MIN 32u
_Static_assert(SETS_MAX * SC_WAYS <= SC_MAX_SLOTS, "every slot has a number of its own in ids");
#define RING_MAX_BYTES (1u << 30)
#define RING_UNASKED_MAX_BYTES (32u << 20)
#define RING_MIN_BYTES (64u << 10)
#define RING_UNASKED_MIN_BYTES (1u << 20) /* with many CPUs they come to more than the memory: nobody asked for less */

static uint64_t table_bytes(const struct sizes *s)
{
	return (uint64_t)s->sets * (SC_WAYS * s->slot_bytes + sizeof(struct sc_set));
}

uint64_t sizes_bytes(const struct sizes *s, int cpus)
{
	return table_bytes(s) + (uint64_t)s->ring_bytes * cpus;
}

int sizes_choose(struct sizes *out, const struct sizes_request *request)
{
	uint32_t room = request->snaplen_bytes < SC_MIN_BYTES ? SC_MIN_BYTES : request->snaplen_bytes;
	uint64_t memory = request->memory_bytes ?: SIZES_MEMORY_BYTES, rings;
	uint32_t least = request->memory_bytes ? RING_MIN_BYTES : RING_UNASKED_MIN_BYTES;

	out->slot_bytes = (sizeof(struct sc_packet) + room + 7) & ~7u;
	out->sets = SETS_MAX;
	while (out->sets > SETS_MIN && table_bytes(out) > memory / 3)
		out->sets /= 2;
	out->ring_bytes = request->ring_bytes;
	if (!out->ring_bytes) {
		rings = memory - memory / 3;
		out->ring_bytes = request->memory_bytes ? RING_MAX_BYTES : RING_UNASKED_MAX_BYTES;
		while (out->ring_bytes > least && (uint64_t)out->ring_bytes * request->cpus > rings)
			out->ring_bytes /= 2;
	}
	if (!request->memory_bytes)
		return 0;
	while (out->sets > SETS_MIN && sizes_bytes(out, request->cpus) > memory) /* a ring was asked for that takes more than its share */
		out->sets /= 2;
	return sizes_bytes(out, request->cpus) <= memory ? 0 : -E2BIG;
}
