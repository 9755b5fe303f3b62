// SPDX-License-Identifier: GPL-2.0-only
/* An array that is sorted when it is asked: see calls.h. */
#include "user/calls.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/pending.h"

#define CALLS_FIRST 16

static int calls_room(struct calls *c)
{
	size_t room = c->room ? c->room * 2 : CALLS_FIRST;
	struct sc_call *grown;

	if (c->head + c->count < c->room)
		return 0;
	if (c->head > c->room / 2) {
		memmove(c->call, c->call + c->head, c->count * sizeof(*c->call));
		c->head = 0;
		return 0;
	}
	grown = realloc(c->call, room * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	c->call = grown;
	c->room = room;
	return 0;
}

int calls_add(struct calls *c, const struct sc_call *call)
{
	struct sc_call *at;

	if (calls_room(c))
		return -ENOMEM;
	at = &c->call[c->head + c->count];
	*at = *call;
	if (c->sorted == c->count && (!c->count || at[-1].time_ns <= at->time_ns))
		c->sorted++;
	c->count++;
	return 0;
}

static int by_time(const void *a, const void *b)
{
	const struct sc_call *x = a, *y = b;

	if (x->time_ns != y->time_ns)
		return x->time_ns < y->time_ns ? -1 : 1;
	return (x->index > y->index) - (x->index < y->index);
}

/* What is in order stays where it is, up to the first that somebody belongs before. */
void calls_sort(struct calls *c)
{
	struct calls ordered = { .call = c->call, .head = c->head, .count = c->sorted };
	uint64_t oldest_ns = UINT64_MAX;
	size_t from, end = c->head + c->count;

	if (c->sorted == c->count)
		return;
	for (size_t i = c->head + c->sorted; i < end; i++)
		if (c->call[i].time_ns < oldest_ns)
			oldest_ns = c->call[i].time_ns;
	from = calls_after(&ordered, oldest_ns);
	qsort(c->call + from, end - from, sizeof(*c->call), by_time);
	c->sorted = c->count;
}

void calls_expire(struct calls *c, uint64_t before_ns)
{
	while (c->count && c->call[c->head].time_ns < before_ns) {
		c->head++;
		c->count--;
		c->sorted -= c->sorted > 0;
	}
}

size_t calls_after(const struct calls *c, uint64_t time_ns)
{
	size_t low = c->head, high = c->head + c->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (c->call[middle].time_ns > time_ns)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

size_t calls_reaching(const struct calls *c, size_t low, size_t high, uint32_t end)
{
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (seq_diff(c->call[middle].to, end) >= 0)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

size_t calls_reaching_newest(const struct calls *c, uint32_t end)
{
	size_t high = c->head + c->count, step = 1;

	/* In growing steps. */
	while (high > c->head) {
		size_t probe = high - c->head > step ? high - step : c->head;

		if (seq_diff(c->call[probe].to, end) < 0)
			return calls_reaching(c, probe + 1, high, end);
		high = probe;
		step *= 2;
	}
	return high;
}

struct sc_call *calls_numbered(const struct calls *c, uint64_t index)
{
	size_t low = c->head, high = c->head + c->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (c->call[middle].index >= index)
			high = middle;
		else
			low = middle + 1;
	}
	return low < c->head + c->count && c->call[low].index == index ? &c->call[low] : NULL;
}

void calls_free(struct calls *c)
{
	free(c->call);
	*c = (struct calls){ 0 };
}
