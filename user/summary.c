// SPDX-License-Identifier: GPL-2.0-only
/* The summary of a recording: see summary.h. */
#include "user/summary.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "user/log.h"

static size_t print_nonzero(char *buf, size_t size, size_t at, const uint64_t *count, const char *const *name, int n)
{
	bool any = false;

	for (int i = 0; i < n && at < size; i++) {
		if (!count[i])
			continue;
		at += snprintf(buf + at, size - at, "%s%s %" PRIu64, any ? ", " : " (", name[i], count[i]);
		any = true;
	}
	if (any && at < size)
		at += snprintf(buf + at, size - at, ")");
	return at;
}

void summary_print(const struct account *account)
{
	struct account_dir total;
	char line[1024];

	for (int dir = 0; dir < 2 && log_level >= 0; dir++) {
		const struct account_dir *a = &account->dir[dir];
		size_t at = snprintf(line, sizeof(line), "stampcap: %s: %" PRIu64 " seen = %" PRIu64 " complete + %" PRIu64 " partial",
				     dir ? "tx" : "rx", a->seen, a->complete, account_partial_sum(a));

		at = print_nonzero(line, sizeof(line), at, a->partial, account_partial_names, ACCOUNT_PARTIAL_COUNT);
		at += snprintf(line + at, sizeof(line) - at, " + %" PRIu64 " lost", account_lost_sum(a));
		at = print_nonzero(line, sizeof(line), at, a->lost, account_lost_names, ACCOUNT_LOST_COUNT);
		at += snprintf(line + at, sizeof(line) - at, "; rejected");
		if (at == print_nonzero(line, sizeof(line), at, a->rejected, account_rejected_names, ACCOUNT_REJECTED_COUNT))
			at += snprintf(line + at, sizeof(line) - at, " nothing");
		else
			at = strlen(line);
		if (account_unwritten_sum(a)) {
			at += snprintf(line + at, sizeof(line) - at, "; unwritten");
			print_nonzero(line, sizeof(line), at, a->unwritten, account_unwritten_names, ACCOUNT_UNWRITTEN_COUNT);
		}
		fprintf(stderr, "%s\n", line);
	}
	account_total(account, &total);
	if (account_lost_sum(&total))
		fprintf(stderr, "stampcap: %" PRIu64 " packets were lost: try a larger -B, a smaller -s, or fewer --stages\n", account_lost_sum(&total));
}
