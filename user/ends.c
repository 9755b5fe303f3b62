// SPDX-License-Identifier: GPL-2.0-only
/* A hash by packet: see ends.h. */
#include "user/ends.h"

#include <errno.h>
#include <stdlib.h>
#include <uthash.h>

#define ENDS_MAX 65536

struct ends {
	uint64_t id, time_ns;
	uint32_t others;
	UT_hash_handle hh;
};

static struct ends *find(struct ends *all, uint64_t id)
{
	struct ends *e;

	HASH_FIND(hh, all, &id, sizeof(id), e);
	return e;
}

static void forget(struct ends **all, struct ends *e)
{
	HASH_DELETE(hh, *all, e);
	free(e);
}

int ends_add(struct ends **all, uint64_t id, uint64_t time_ns)
{
	struct ends *e = find(*all, id);

	if (!e) {
		if (HASH_COUNT(*all) >= ENDS_MAX)
			forget(all, *all); /* a hash begins with its oldest */
		e = calloc(1, sizeof(*e));
		if (!e)
			return -ENOMEM;
		e->id = id;
		HASH_ADD(hh, *all, id, sizeof(e->id), e);
	}
	e->time_ns = time_ns;
	e->others++;
	return 0;
}

uint32_t ends_of(struct ends *all, uint64_t id)
{
	struct ends *e = find(all, id);

	return e ? e->others + 1 : 0;
}

void ends_expire(struct ends **all, uint64_t before_ns)
{
	struct ends *e, *next;

	HASH_ITER(hh, *all, e, next)
		if (e->time_ns < before_ns)
			forget(all, e);
}
