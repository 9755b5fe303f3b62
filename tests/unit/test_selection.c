/* SPDX-License-Identifier: GPL-2.0-only */
/* Which packets go to the output: the slow ones, and so many a second. */
#include "fixture.h"

#include "user/selection.h"

#define NS_PER_S 1000000000ull
#define BASE_NS	 1000000000000ull

static struct packet took(uint64_t ns)
{
	struct packet p = { .anchor_ns = BASE_NS, .stages = SC_BIT(SC_RX_DRIVER) | SC_BIT(SC_RX_NETIF) | SC_BIT(SC_RX_L4) };

	p.stamp_ns[SC_RX_DRIVER] = BASE_NS;
	p.stamp_ns[SC_RX_NETIF] = BASE_NS + ns / 2;
	p.stamp_ns[SC_RX_L4] = BASE_NS + ns;
	return p;
}

static void test_slower(void **state)
{
	struct selection s = { .slower_ns = 50000 }, all = {};
	struct packet fast = took(49999), slow = took(50000), partial = took(10);

	(void)state;
	partial.flags = PACKET_PARTIAL;
	assert_int_equal(selection_of(&s, &fast), ACCOUNT_UNWRITTEN_FASTER);
	assert_int_equal(selection_of(&s, &slow), ACCOUNT_UNWRITTEN_COUNT);
	assert_int_equal(selection_of(&s, &partial), ACCOUNT_UNWRITTEN_COUNT);
	assert_int_equal(selection_of(&all, &fast), ACCOUNT_UNWRITTEN_COUNT);
}

/* Packets `every_ns` for `seconds`: how many are written. */
static uint64_t written(uint64_t per_s, uint64_t every_ns, uint64_t seconds)
{
	struct selection s = { .per_s = per_s };
	struct packet p = took(0);
	uint64_t n = 0;

	for (; p.anchor_ns < BASE_NS + seconds * NS_PER_S; p.anchor_ns += every_ns)
		n += selection_of(&s, &p) == ACCOUNT_UNWRITTEN_COUNT;
	return n;
}

static void test_rate(void **state)
{
	static const uint64_t rates[] = { 1, 7, 100, 1000, 99999 };

	(void)state;
	for (size_t i = 0; i < sizeof(rates) / sizeof(*rates); i++) {
		uint64_t n = written(rates[i], 5000, 10);

		assert_true(n >= 10 * rates[i] && n <= 10 * rates[i] + rates[i] / 10 + 2);
	}
	assert_int_equal(written(1000, 1000000, 10), 10000); /* just as many as may be */
	assert_int_equal(written(1000, 2000000, 10), 5000);
}

/* After a pause no more at once than a tenth of a second's worth. */
static void test_burst(void **state)
{
	struct selection s = { .per_s = 1000 };
	struct packet p = took(0);

	(void)state;
	for (int round = 0; round < 5; round++) {
		int n = 0;

		for (int i = 0; i < 500; i++)
			n += selection_of(&s, &p) == ACCOUNT_UNWRITTEN_COUNT;
		assert_int_equal(n, 101);
		p.anchor_ns += 60 * NS_PER_S;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slower),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_burst),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
