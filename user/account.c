/* SPDX-License-Identifier: GPL-2.0-only */
/* Sums of a capture's accounting and its text form: account.h. */
#include "user/account.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "user/text.h"

#define X(id, name) [ACCOUNT_PARTIAL_##id] = name,
const char *const account_partial_names[ACCOUNT_PARTIAL_COUNT] = { ACCOUNT_PARTIALS(X) };
#undef X
#define X(id, name) [ACCOUNT_LOST_##id] = name,
const char *const account_lost_names[ACCOUNT_LOST_COUNT] = { ACCOUNT_LOSTS(X) };
#undef X
#define X(id, name) [ACCOUNT_REJECTED_##id] = name,
const char *const account_rejected_names[ACCOUNT_REJECTED_COUNT] = { ACCOUNT_REJECTEDS(X) };
#undef X

#define X(id, name) [ACCOUNT_UNWRITTEN_##id] = name,
const char *const account_unwritten_names[ACCOUNT_UNWRITTEN_COUNT] = { ACCOUNT_UNWRITTENS(X) };
#undef X

static const char *const totals[] = { "seen", "complete" };

/* What follows what in struct account_dir, and in the text. */
static const struct {
	const char *prefix;
	const char *const *names;
	size_t count;
} groups[] = {
	{ "", totals, 2 },
	{ "partial.", account_partial_names, ACCOUNT_PARTIAL_COUNT },
	{ "lost.", account_lost_names, ACCOUNT_LOST_COUNT },
	{ "rejected.", account_rejected_names, ACCOUNT_REJECTED_COUNT },
	{ "unwritten.", account_unwritten_names, ACCOUNT_UNWRITTEN_COUNT },
};

#define ACCOUNT_COUNTERS (2 + ACCOUNT_PARTIAL_COUNT + ACCOUNT_LOST_COUNT + ACCOUNT_REJECTED_COUNT + ACCOUNT_UNWRITTEN_COUNT)
_Static_assert(sizeof(struct account_dir) == ACCOUNT_COUNTERS * sizeof(uint64_t), "a counter that no group names");

struct account_counter {
	const char *group; /* "partial." or "" */
	const char *name;
};

/* The name of each uint64_t of struct account_dir, in memory order, which is the order of the text. */
static struct account_counter account_counter(size_t i)
{
	size_t group = 0;

	for (; i >= groups[group].count; group++)
		i -= groups[group].count;
	return (struct account_counter){ groups[group].prefix, groups[group].names[i] };
}

static uint64_t sum(const uint64_t *counters, size_t count)
{
	uint64_t total = 0;
	size_t i;

	for (i = 0; i < count; i++)
		total += counters[i];
	return total;
}

uint64_t account_partial_sum(const struct account_dir *d)
{
	return sum(d->partial, ACCOUNT_PARTIAL_COUNT);
}

uint64_t account_lost_sum(const struct account_dir *d)
{
	return sum(d->lost, ACCOUNT_LOST_COUNT);
}

uint64_t account_unwritten_sum(const struct account_dir *d)
{
	return sum(d->unwritten, ACCOUNT_UNWRITTEN_COUNT);
}

void account_total(const struct account *a, struct account_dir *total)
{
	uint64_t counters[2][ACCOUNT_COUNTERS];
	size_t i;

	memcpy(counters, a->dir, sizeof(counters));
	for (i = 0; i < ACCOUNT_COUNTERS; i++)
		counters[0][i] += counters[1][i];
	memcpy(total, counters[0], sizeof(*total));
}

int account_check(const struct account *a)
{
	size_t i;

	for (i = 0; i < 2; i++) {
		const struct account_dir *d = &a->dir[i];

		if (d->seen != d->complete + account_partial_sum(d) + account_lost_sum(d))
			return -ERANGE;
	}
	return 0;
}

static void account_dir_format(const struct account_dir *d, struct text *t)
{
	uint64_t counters[ACCOUNT_COUNTERS];
	size_t i;

	memcpy(counters, d, sizeof(counters));
	for (i = 0; i < ACCOUNT_COUNTERS; i++) {
		struct account_counter counter = account_counter(i);

		text_add(t, " %s%s=%llu", counter.group, counter.name,
			 (unsigned long long)counters[i]);
	}
}

int account_format(const struct account *a, char *buf, size_t size)
{
	struct text t;

	text_init(&t, buf, size);
	text_add(&t, "stampcap accounting rx");
	account_dir_format(&a->dir[0], &t);
	text_add(&t, " | tx");
	account_dir_format(&a->dir[1], &t);
	return text_result(&t);
}

static bool next_is(struct span *rest, const char *expected)
{
	struct span token;

	return span_cut(rest, ' ', &token) && span_equal(token, expected);
}

static int account_dir_parse(struct account_dir *d, struct span *rest)
{
	uint64_t counters[ACCOUNT_COUNTERS];
	size_t i;

	for (i = 0; i < ACCOUNT_COUNTERS; i++) {
		struct account_counter counter = account_counter(i);
		struct span token, name, value;

		if (!span_cut(rest, ' ', &token) || !span_split(token, &name, &value) ||
		    !span_starts(name, counter.group))
			return -EINVAL;
		name.ptr += strlen(counter.group);
		name.len -= strlen(counter.group);
		if (!span_equal(name, counter.name) || span_number(value, UINT64_MAX, &counters[i]))
			return -EINVAL;
	}
	memcpy(d, counters, sizeof(*d));
	return 0;
}

int account_parse(struct account *a, const char *text, size_t len)
{
	struct span rest = { text, len };
	struct account parsed;

	if (!span_starts(rest, "stampcap accounting "))
		return -ENOENT;
	if (!next_is(&rest, "stampcap") || !next_is(&rest, "accounting") || !next_is(&rest, "rx") ||
	    account_dir_parse(&parsed.dir[0], &rest) || !next_is(&rest, "|") ||
	    !next_is(&rest, "tx") || account_dir_parse(&parsed.dir[1], &rest) || rest.ptr)
		return -EINVAL;
	*a = parsed;
	return 0;
}
