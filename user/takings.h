/* SPDX-License-Identifier: GPL-2.0-only */
/* Which read took a datagram, as far as a read said so or it was concluded; or that none did, for it was dropped in its socket's queue. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <uthash.h>

struct taking {
	uint64_t id; /* packet */
	uint64_t index, time_ns; /* index: of the read in its socket, or the reason of the drop, 0: it may have been dropped */
	bool dropped;
	UT_hash_handle hh;
};

/* The head of such a hash is NULL at first. NULL: nothing is known of this packet. */
const struct taking *takings_find(struct taking *all, uint64_t id);

/* Keeps a copy; what is known of a packet first counts. 0, or -ENOMEM. */
int takings_add(struct taking **all, const struct taking *taking);

/* Forgets what is older; all of it with UINT64_MAX. */
void takings_expire(struct taking **all, uint64_t before_ns);
