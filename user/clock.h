/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Stamps are CLOCK_MONOTONIC; files carry wall time. The offset between the two is sampled in narrow brackets and applied by sample time, so a step of
 * the wall clock moves later packets and never a latency.
 */
#pragma once

#include <stdint.h>

#define CLOCK_SAMPLES 64

struct clock {
	struct clock_sample {
		uint64_t mono_ns;
		int64_t offset_ns; /* wall - monotonic */
	} sample[CLOCK_SAMPLES]; /* a ring, oldest overwritten */
	uint64_t count;
	uint64_t error_ns; /* half of the widest bracket used; a file tells that of the start */
};

uint64_t clock_monotonic_ns(void);
/* Takes a sample. Call at the start and every second or so. */
void clock_take(struct clock *c);
/*
 * Adds a sample that is right within error_ns. Both clocks run at one rate, so one that is less exact than those before and agrees with the last says nothing
 * new: it is left out. Only a step of the wall clock that is first seen by such a sample widens the error.
 */
void clock_add(struct clock *c, const struct clock_sample *new, uint64_t error_ns);
/* Wall time of a stamp: by the newest sample not after it, else by the oldest one kept. */
uint64_t clock_wall_ns(const struct clock *c, uint64_t mono_ns);
