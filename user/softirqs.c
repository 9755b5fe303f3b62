// SPDX-License-Identifier: GPL-2.0-only
/* What the kernel counted and we did not: see softirqs.h. */
#include "user/softirqs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/cleanup.h"

/* The numbers after the colon, one per CPU. */
static uint64_t sum_of(const char *at)
{
	uint64_t sum = 0;
	char *end;

	for (;; at = end) {
		uint64_t n = strtoull(at, &end, 10);

		if (end == at)
			return sum;
		sum += n;
	}
}

static int count_ran(uint64_t ran[2])
{
	static const char *const names[2] = { "NET_RX:", "NET_TX:" };
	FILE *f = fopen("/proc/softirqs", "re");
	_cleanup_free_ char *line = NULL;
	size_t room = 0;
	int found = 0;

	if (!f)
		return -errno;
	while (getline(&line, &room, f) >= 0) {
		for (int i = 0; i < 2; i++) {
			const char *name = strstr(line, names[i]);

			if (!name)
				continue;
			ran[i] = sum_of(name + strlen(names[i]));
			found |= 1 << i;
		}
	}
	fclose(f);
	return found == 3 ? 0 : -EBADMSG;
}

static int count_seen(const struct source *source, uint64_t seen[2])
{
	uint64_t counter[SC_CNT_COUNT * 2];
	int err = source_counters(source, counter);

	if (!err)
		memcpy(seen, &counter[SC_CNT_SOFTIRQS * 2], 2 * sizeof(*seen));
	return err;
}

#define TRIES 8 /* to find a moment in which none begins */

/* Both at once; if that cannot be had, ours are those of before (`first`) or after. */
static int count_both(struct softirqs *s, const struct source *source, bool first)
{
	uint64_t after[2];
	int err = 0;

	for (int i = 0; i < TRIES && !err; i++) {
		err = count_seen(source, s->seen);
		err = err ?: count_ran(s->ran);
		err = err ?: count_seen(source, after);
		if (!err && !memcmp(after, s->seen, sizeof(after)))
			break;
		if (!err && !first)
			memcpy(s->seen, after, sizeof(after));
	}
	return err;
}

int softirqs_begin(struct softirqs *s, const struct source *source)
{
	int err = count_both(s, source, true);

	if (err)
		memset(s, 0, sizeof(*s));
	return err;
}

void softirqs_blind(const struct softirqs *s, const struct source *source, uint64_t blind[2])
{
	struct softirqs now;

	blind[0] = blind[1] = 0;
	if (!s->ran[0] || count_both(&now, source, false))
		return;
	if (!now.seen[0] && !now.seen[1]) /* without that program nothing can be said */
		return;
	for (int i = 0; i < 2; i++) {
		/* The kernel's counters, of each CPU, are 32 bits wide. */
		int32_t unseen = (uint32_t)(now.ran[i] - s->ran[i] - (now.seen[i] - s->seen[i]));

		blind[i] = unseen > 0 ? unseen : 0;
	}
}
