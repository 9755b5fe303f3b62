// SPDX-License-Identifier: GPL-2.0-only
/* Which counter means what: see tally.h. */
#include "user/tally.h"

static uint64_t of(const struct tally *t, enum sc_counter counter, int dir)
{
	return t->counter[counter * 2 + dir];
}

/* --hist: what ended without a record. Of those that waited for a read, or had a send call, some were not found by it. */
static void add_ended(struct account_dir *a, const struct tally *t, int dir)
{
	uint64_t unmatched = of(t, SC_CNT_AWAITED, dir) - of(t, SC_CNT_JOINED, dir), unstamped = of(t, SC_CNT_UNSTAMPED, dir);

	a->complete += of(t, SC_CNT_ENDED, dir) - unmatched - unstamped;
	a->partial[ACCOUNT_PARTIAL_UNMATCHED] += unmatched;
	a->partial[ACCOUNT_PARTIAL_UNSTAMPED] += unstamped;
	a->partial[ACCOUNT_PARTIAL_CONSUMED] += of(t, SC_CNT_CONSUMED, dir);
	a->partial[ACCOUNT_PARTIAL_RECYCLED] += of(t, SC_CNT_RECYCLED, dir);
}

bool tally_waiting(const uint64_t *counter)
{
	return counter[SC_CNT_AWAITED * 2] > counter[SC_CNT_JOINED * 2];
}

void tally_add(struct account *account, const struct tally *t)
{
	for (int dir = 0; dir < 2; dir++) {
		struct account_dir *a = &account->dir[dir];

		a->seen = of(t, SC_CNT_CREATED, dir) - of(t, SC_CNT_SPLIT, dir);
		a->lost[ACCOUNT_LOST_TABLE] += of(t, SC_CNT_TABLE, dir);
		a->lost[ACCOUNT_LOST_RING] += of(t, SC_CNT_RING, dir);
		a->rejected[ACCOUNT_REJECTED_BACKWARDS] += of(t, SC_CNT_BACKWARDS, dir);
		a->rejected[ACCOUNT_REJECTED_CALLS] += of(t, SC_CNT_CALLS, dir);
		a->rejected[ACCOUNT_REJECTED_BLIND] = t->blind[dir];
		a->complete += of(t, SC_CNT_FASTER, dir);
		a->unwritten[ACCOUNT_UNWRITTEN_FASTER] += of(t, SC_CNT_FASTER, dir);
		add_ended(a, t, dir);
	}
	/* Not of one direction; told with the received ones. */
	account->dir[SC_DIR_RX - 1].rejected[ACCOUNT_REJECTED_MISSED] = t->missed;
}
