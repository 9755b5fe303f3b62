// SPDX-License-Identifier: GPL-2.0-only
/* By how long a packet took, and by how many there are: see selection.h. */
#include "user/selection.h"

#define NS_PER_S 1000000000ull
#define BURST_NS (NS_PER_S / 10)

/* A partial packet has taken longer than is known. */
static bool is_faster(const struct selection *s, const struct packet *p)
{
	return !(p->flags & PACKET_PARTIAL) && packet_total_ns(p) < s->slower_ns;
}

/* Each packet takes an even share of a second. What was not taken up is kept for as long as a burst lasts. */
static bool is_above_rate(struct selection *s, uint64_t now_ns)
{
	if (s->due_ns > now_ns + BURST_NS)
		return true;
	if (s->due_ns < now_ns)
		s->due_ns = now_ns;
	s->due_ns += (NS_PER_S + s->per_s - 1) / s->per_s;
	return false;
}

enum account_unwritten selection_of(struct selection *s, const struct packet *p)
{
	if (s->slower_ns && is_faster(s, p))
		return ACCOUNT_UNWRITTEN_FASTER;
	if (s->per_s && is_above_rate(s, p->anchor_ns))
		return ACCOUNT_UNWRITTEN_RATE;
	return ACCOUNT_UNWRITTEN_COUNT;
}
