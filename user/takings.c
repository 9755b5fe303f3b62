// SPDX-License-Identifier: GPL-2.0-only
/* A hash by packet: see takings.h. */
#include "user/takings.h"

#include <errno.h>
#include <stdlib.h>

const struct taking *takings_find(struct taking *all, uint64_t id)
{
	struct taking *taking;

	HASH_FIND(hh, all, &id, sizeof(id), taking);
	return taking;
}

int takings_add(struct taking **all, const struct taking *taking)
{
	struct taking *copy;

	if (takings_find(*all, taking->id))
		return 0;
	copy = malloc(sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	*copy = *taking;
	HASH_ADD(hh, *all, id, sizeof(copy->id), copy);
	return 0;
}

void takings_expire(struct taking **all, uint64_t before_ns)
{
	struct taking *taking, *next;

	HASH_ITER(hh, *all, taking, next) {
		if (taking->time_ns >= before_ns)
			continue;
		HASH_DELETE(hh, *all, taking);
		free(taking);
	}
}
