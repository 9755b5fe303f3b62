/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Calls of one kind of a socket, by time. Rings of several CPUs are read one after the other, so calls come in any order; they are put in order when somebody looks for one,
 * all of them at once: one by one that would take the square of their number.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "tracing/stamp.h"

/* All zero is empty. Valid: call[head .. head + count); the first `sorted` of them are in order. */
struct calls {
	struct sc_call *call;
	size_t head, count, room, sorted;
};

/* Keeps a copy. 0, or -ENOMEM. */
int calls_add(struct calls *c, const struct sc_call *call);

/* Everything below needs calls in order. */
void calls_sort(struct calls *c);

/* Forgets what is older; all of it with UINT64_MAX. */
void calls_expire(struct calls *c, uint64_t before_ns);

/* Index of the first call after that time, or one past the last. */
size_t calls_after(const struct calls *c, uint64_t time_ns);

/* Index of the first call in [low, high) whose `to` has reached sequence number `end`, or `high`. A call's `to` only grows with time. */
size_t calls_reaching(const struct calls *c, size_t low, size_t high, uint32_t end);

/* The same among all calls, looked for from the newest back: sequence numbers of calls that lie far from each other cannot be compared. */
size_t calls_reaching_newest(const struct calls *c, uint32_t end);

/* The datagram read with this number: they come in the order of their numbers, but some may have been lost. NULL: there is none. */
struct sc_call *calls_numbered(const struct calls *c, uint64_t index);

/* Frees and empties it. */
void calls_free(struct calls *c);
