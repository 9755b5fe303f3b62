// SPDX-License-Identifier: GPL-2.0-only
/* A token bucket: see rate.h. */
#include "user/rate.h"

#define PACKET 1000000000ll /* credit of one */
#define NS_PER_S 1000000000ull
#define BURST_NS 100000000

uint64_t rate_allow(struct rate *r, uint64_t begun, uint64_t now_ns)
{
	uint64_t since_ns = now_ns - r->time_ns;
	int64_t room = (int64_t)r->per_second * BURST_NS;

	if (since_ns > NS_PER_S)
		since_ns = NS_PER_S;
	if (room < PACKET)
		room = PACKET;
	r->credit += (int64_t)(since_ns * r->per_second) - (int64_t)(begun - r->begun) * PACKET;
	if (r->credit > room)
		r->credit = room;
	r->begun = begun;
	r->time_ns = now_ns;
	return begun + (r->credit > 0 ? r->credit / PACKET : 0);
}
