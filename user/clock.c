// SPDX-License-Identifier: GPL-2.0-only
/* Monotonic to wall time: see clock.h. */
#include "user/clock.h"

#include <stdlib.h>
#include <time.h>

#define NS_PER_S 1000000000ull
#define BRACKETS 8

static uint64_t read_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return t.tv_sec * NS_PER_S + t.tv_nsec;
}

uint64_t clock_monotonic_ns(void)
{
	return read_ns(CLOCK_MONOTONIC);
}

void clock_add(struct clock *c, const struct clock_sample *new, uint64_t error_ns)
{
	const struct clock_sample *last = &c->sample[(c->count + CLOCK_SAMPLES - 1) % CLOCK_SAMPLES];

	if (c->count && error_ns > c->error_ns && (uint64_t)llabs(new->offset_ns - last->offset_ns) <= error_ns + c->error_ns)
		return;
	if (error_ns > c->error_ns)
		c->error_ns = error_ns;
	c->sample[c->count++ % CLOCK_SAMPLES] = *new;
}

void clock_take(struct clock *c)
{
	struct clock_sample best = {};
	uint64_t narrowest = UINT64_MAX;

	for (int i = 0; i < BRACKETS; i++) {
		uint64_t before = read_ns(CLOCK_MONOTONIC), wall = read_ns(CLOCK_REALTIME), after = read_ns(CLOCK_MONOTONIC);

		if (after - before >= narrowest)
			continue;
		narrowest = after - before;
		best.mono_ns = before + narrowest / 2;
		best.offset_ns = (int64_t)(wall - best.mono_ns);
	}
	clock_add(c, &best, narrowest / 2 + 1);
}

uint64_t clock_wall_ns(const struct clock *c, uint64_t mono_ns)
{
	uint64_t kept = c->count < CLOCK_SAMPLES ? c->count : CLOCK_SAMPLES;
	const struct clock_sample *s = NULL;

	for (uint64_t i = 1; i <= kept; i++) {
		s = &c->sample[(c->count - i) % CLOCK_SAMPLES];
		if (s->mono_ns <= mono_ns)
			break;
	}
	return s ? mono_ns + s->offset_ns : mono_ns;
}
