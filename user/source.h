/* SPDX-License-Identifier: GPL-2.0-only */
/* Where records come from: the rings of all CPUs, and the table of open timelines for what never came out by itself. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/loader.h"

struct source;

/* `record` gets every record of the rings, valid for the call only; 0 to go on, a negative errno to stop draining. Returns 0 or a negative errno. */
int source_new(struct source **out, const struct loader_maps *maps, int (*record)(void *context, const void *data, size_t size), void *context);
void source_free(struct source *s); /* NULL is fine */

/* Readable when a ring asks for attention; draining by the clock is up to the caller. */
int source_fd(const struct source *s);

/* Empties all rings once, one after the other. How many records there were, or what `record` returned. */
int source_drain(struct source *s);

/*
 * When the oldest story that is still open in the kernel began: no packet of those can come with an earlier anchor. Packets that are queued for
 * transmission since before `patience_ns` are left out: only a drop would still date them back. UINT64_MAX: none is open.
 */
uint64_t source_oldest_ns(const struct source *s, uint64_t patience_ns);

/*
 * Takes open timelines that `wanted` accepts out of the table: each goes to `record` as SC_END_OPEN. How many, or a negative errno.
 * Safe while programs run.
 */
int source_sweep(struct source *s, bool (*wanted)(void *context, const struct sc_packet *p), void *context);

/* Does the number of taken slots, which the programs keep with a filter, differ from how many are? Only certain when no program runs any more. */
bool source_miscounts(const struct source *s);

/* Sums the counters of all CPUs: [enum sc_counter * 2 + dir - 1]. */
int source_counters(const struct source *s, uint64_t counter[SC_CNT_COUNT * 2]);
