/* SPDX-License-Identifier: GPL-2.0-only */
/* The accounting: sums, its equation, its text form. */
#include "fixture.h"

#include <errno.h>

#include "user/account.h"

static struct account sample(void)
{
	struct account a = { 0 };

	a.dir[0].seen = 20;
	a.dir[0].complete = 11;
	a.dir[0].partial[ACCOUNT_PARTIAL_TIMEOUT] = 3;
	a.dir[0].partial[ACCOUNT_PARTIAL_WINDOW] = 1;
	a.dir[0].lost[ACCOUNT_LOST_RING] = 5;
	a.dir[1].seen = 7;
	a.dir[1].complete = 7;
	a.dir[1].rejected[ACCOUNT_REJECTED_BACKWARDS] = UINT64_MAX;
	return a;
}

#define SAMPLE_TEXT                                                                                 \
	"stampcap accounting rx seen=20 complete=11 partial.timeout=3 partial.unread=0 "            \
	"partial.open=0 partial.consumed=0 partial.recycled=0 partial.parent=0 "                    \
	"partial.unmatched=0 partial.unstamped=0 partial.window=1 lost.table=0 lost.ring=5 lost.queue=0 lost.decode=0 " \
	"rejected.backwards=0 rejected.calls=0 rejected.match=0 rejected.missed=0 rejected.blind=0 unwritten.faster=0 unwritten.rate=0 | tx seen=7 complete=7 "            \
	"partial.timeout=0 partial.unread=0 partial.open=0 partial.consumed=0 partial.recycled=0 "  \
	"partial.parent=0 partial.unmatched=0 partial.unstamped=0 partial.window=0 lost.table=0 lost.ring=0 "           \
	"lost.queue=0 lost.decode=0 rejected.backwards=18446744073709551615 rejected.calls=0 "      \
	"rejected.match=0 rejected.missed=0 rejected.blind=0 unwritten.faster=0 unwritten.rate=0"

static void test_sums(void **state)
{
	struct account a = sample();
	struct account_dir total;

	(void)state;
	assert_int_equal(account_partial_sum(&a.dir[0]), 4);
	assert_int_equal(account_lost_sum(&a.dir[0]), 5);
	account_total(&a, &total);
	assert_int_equal(total.seen, 27);
	assert_int_equal(total.complete, 18);
	assert_int_equal(total.lost[ACCOUNT_LOST_RING], 5);
	account_total(&a, &a.dir[0]); /* in place */
	assert_int_equal(a.dir[0].seen, 27);
}

static void test_check(void **state)
{
	struct account a = sample();

	(void)state;
	assert_int_equal(account_check(&a), 0);
	a.dir[1].seen++;
	assert_int_equal(account_check(&a), -ERANGE);
	a.dir[1].lost[ACCOUNT_LOST_QUEUE]++;
	assert_int_equal(account_check(&a), 0);
	a.dir[0].complete--;
	assert_int_equal(account_check(&a), -ERANGE);
}

static void test_text(void **state)
{
	struct account a = sample(), parsed;
	char buf[ACCOUNT_TEXT_MAX];
	int len;

	(void)state;
	len = account_format(&a, buf, sizeof(buf));
	assert_string_equal(buf, SAMPLE_TEXT);
	assert_int_equal(len, strlen(SAMPLE_TEXT));
	memset(&parsed, 0xff, sizeof(parsed));
	assert_int_equal(account_parse(&parsed, buf, (size_t)len), 0);
	assert_memory_equal(&parsed, &a, sizeof(a));
	assert_int_equal(account_format(&a, buf, (size_t)len), -ENOSPC);
	assert_int_equal(account_format(&a, buf, (size_t)len + 1), len);
}

static void test_largest(void **state)
{
	char buf[ACCOUNT_TEXT_MAX];
	struct account a;

	(void)state;
	memset(&a, 0xff, sizeof(a));
	assert_true(account_format(&a, buf, sizeof(buf)) > 0);
}

static void test_malformed(void **state)
{
	static const char *const foreign[] = { "", "hello", "stampcap rx total=0.000us", "stampcap accounting" };
	struct account a;
	size_t len = strlen(SAMPLE_TEXT), i;

	(void)state;
	for (i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
		assert_int_equal(account_parse(&a, foreign[i], strlen(foreign[i])), -ENOENT);
	for (i = strlen("stampcap accounting "); i < len - 1; i++)
		assert_int_equal(account_parse(&a, SAMPLE_TEXT, i), -EINVAL);
	assert_int_equal(account_parse(&a, SAMPLE_TEXT " ", len + 1), -EINVAL);
	assert_int_equal(account_parse(&a, SAMPLE_TEXT " lost.moon=1", len + 12), -EINVAL);
	assert_int_equal(account_parse(&a, SAMPLE_TEXT "0", len + 1), -EINVAL); /* "00" */
}

/* Every changed digit, sign or letter is noticed or changes a counter. */
static void test_mutated(void **state)
{
	char text[] = SAMPLE_TEXT;
	struct account good, a;
	size_t i;

	(void)state;
	assert_int_equal(account_parse(&good, text, strlen(text)), 0);
	for (i = 0; i < strlen(SAMPLE_TEXT); i++) {
		int err;

		text[i] ^= 1;
		err = account_parse(&a, text, strlen(SAMPLE_TEXT));
		assert_true(err || memcmp(&a, &good, sizeof(a)));
		text[i] ^= 1;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sums),	cmocka_unit_test(test_check),
		cmocka_unit_test(test_text),	cmocka_unit_test(test_largest),
		cmocka_unit_test(test_malformed), cmocka_unit_test(test_mutated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
