/* SPDX-License-Identifier: GPL-2.0-only */
/* From the counters of the programs to the accounting. */
#pragma once

#include <stdbool.h>

#include "tracing/stamp.h"
#include "user/account.h"

struct tally {
	const uint64_t *counter; /* enum sc_counter * 2 + (dir - 1) */
	const uint64_t *blind;	 /* [2]: softirqs without a program of ours */
	uint64_t missed;	 /* runs of programs that the kernel skipped */
};

/* --hist: do packets wait for a read that may yet come? */
bool tally_waiting(const uint64_t *counter);

/* Adds what the kernel counted to what became of the records that it sent; `seen` is set. */
void tally_add(struct account *account, const struct tally *t);
