/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Puts stories together: GRO, fragments, TCP by sequence, datagrams by order, send calls; then hands packets on in the order of their anchors.
 * Memory is bounded by `window`; nothing leaves without being counted.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/account.h"
#include "user/story.h"

struct join_config {
	struct story_rules rules;
	uint64_t doubt_ns; /* how long after a datagram's read it may turn out that another thread read then, too */
	uint64_t deadline_ns; /* how long a packet waits for its end, from its anchor */
	size_t window;	      /* packets held at most */
	bool filtered;	      /* a filter chose the packets: what was not seen need not be missing */
	/* Index of a captured device; `name` of any device (for via=), NULL if unknown. */
	int (*interface)(void *context, uint32_t ifindex);
	const char *(*device_name)(void *context, uint32_t ifindex);
	/* A finished packet, in order of anchor_ns; wall_ns is not set. 0 or a negative errno, which ends the call that caused it. */
	int (*packet)(void *context, struct packet *p);
	void *context;
};

struct join;

int join_new(struct join **out, const struct join_config *config, struct account *account);
void join_free(struct join *j); /* NULL is fine */

/* A record of the ring. 0, -EBADMSG (counted as lost), -ENOMEM (counted as lost). */
int join_record(struct join *j, const void *data, size_t size);

/*
 * After a pass over all rings: matches with the calls up to `settled_ns` (every one of them has been handed in), and hands on every packet that is finished and
 * whose anchor is before `complete_ns` (no packet with an earlier anchor can come any more). Packets beyond their deadline go as partial.
 */
int join_pass(struct join *j, uint64_t now_ns, uint64_t settled_ns, uint64_t complete_ns);

/* Programs are off: stories found open from now on are so because the capture ended. */
void join_stop(struct join *j);

/* The capture is over: everything goes. */
int join_finish(struct join *j);

/* Packets that still wait for something. */
size_t join_waiting(const struct join *j);

/* Has a fragment's datagram passed reassembly since the last call? Its other fragments then sit in the table: see join_owns_fragment(). */
bool join_reassembled(const struct join *j);
/* Is p a fragment of a datagram that is known to have been reassembled? For source_sweep(). */
bool join_owns_fragment(void *join, const struct sc_packet *p);
