/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sockets: what their applications did (reads, writes) and which packets wait for it. TCP is matched by sequence number, datagrams by what
 * the kernel side saw in the socket's queue. Calls and packets may come in either order: they travel through different CPUs' rings.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "user/pending.h"

struct conns;
struct drop_reasons;

/* doubt_ns: see join.h. `drops` is borrowed. */
int conns_new(struct conns **out, uint64_t doubt_ns, const struct drop_reasons *drops);
void conns_free(struct conns *c); /* NULL is fine; packets are not ours */

/* Keeps a copy of the call. 0 or -ENOMEM. */
int conns_call(struct conns *c, const struct sc_call *call);
/* The datagram call->packet, which is n if that is not NULL, was dropped in its socket's queue (SC_REC_DROPPED). 0 or -ENOMEM. */
int conns_dropped(struct conns *c, const struct sc_call *call, const struct pending *n);
/* n waits for its socket (n->sock, or found by its flow) from now on; pending_list_remove() ends that. 0 or -ENOMEM. */
int conns_wait(struct conns *c, struct pending *n);

/*
 * Matches what changed with calls up to `until_ns`: every call before it must have been handed in, for a call that is still in some ring may be the one that a
 * later one looks like. Matches that contradict their packet are counted in *rejected.
 */
void conns_match(struct conns *c, uint64_t until_ns, uint64_t *rejected);
/* The send call that covers n's last byte: sets the write stamp, pid and name if there is one. */
void conns_write(struct conns *c, struct pending *n);

/* Drops calls older than `before_ns` and sockets that have nothing left. */
void conns_expire(struct conns *c, uint64_t before_ns);
/* Nobody waits, and no call is kept that somebody could wait for. */
bool conns_quiet(const struct conns *c);
