/* SPDX-License-Identifier: GPL-2.0-only */
/* A rate of packets: how many may have begun by now. What is not used is kept for a tenth of a second. */
#pragma once

#include <stdint.h>

#define RATE_MAX 1000000000ull

struct rate {
	uint64_t per_second; /* 1 to RATE_MAX; the rest begins as 0 */
	uint64_t begun, time_ns;
	int64_t credit; /* in 1e-9 packets */
};

/* `begun` packets have, at `now_ns`; returns how many may have until it is asked again. Time that goes by unasked counts as a second at most. */
uint64_t rate_allow(struct rate *r, uint64_t begun, uint64_t now_ns);
