/* SPDX-License-Identifier: GPL-2.0-only */
/* How many sockets a datagram was offered to, beyond the first: told beside the packet's own record, before or after it. */
#pragma once

#include <stdint.h>

struct ends;

/* The head of such a hash is NULL at first. One more socket for packet `id`: 0, or -ENOMEM. So many are remembered (ENDS_MAX); of more, the oldest say nothing. */
int ends_add(struct ends **all, uint64_t id, uint64_t time_ns);

/* Of all of them; 0: one, or not known. */
uint32_t ends_of(struct ends *all, uint64_t id);

/* Forgets what is older; all of it with UINT64_MAX. */
void ends_expire(struct ends **all, uint64_t before_ns);
