/* SPDX-License-Identifier: GPL-2.0-only */
/* Calls that come by the rings of several CPUs, one ring after the other, and are in order when somebody looks. */
#include "fixture.h"

#include "user/calls.h"

#define CALLS 3000u
#define RINGS 3u

static void feed(struct calls *c, uint64_t index)
{
	struct sc_call call = { .time_ns = 1000 + index * 10, .index = index };

	assert_int_equal(calls_add(c, &call), 0);
}

static void expect_order(const struct calls *c, uint64_t first)
{
	for (size_t i = 0; i < c->count; i++)
		assert_int_equal(c->call[c->head + i].index, first + i);
}

/* A third of them per ring; in between somebody looks, and what is old is forgotten. */
static void test_rings(void **state)
{
	struct calls c = {};
	uint64_t forgotten = 0;

	(void)state;
	for (uint64_t base = 1; base < CALLS; base += 300) {
		for (uint64_t ring = 0; ring < RINGS; ring++)
			for (uint64_t i = ring; i < 300; i += RINGS)
				feed(&c, base + i);
		calls_sort(&c);
		expect_order(&c, forgotten + 1);
		for (uint64_t i = 0; i < 300; i++)
			assert_non_null(calls_numbered(&c, base + i));
		assert_null(calls_numbered(&c, base + 300));
		if (base > 600) {
			forgotten = base - 500;
			calls_expire(&c, 1000 + (forgotten + 1) * 10);
			assert_null(calls_numbered(&c, forgotten));
			expect_order(&c, forgotten + 1);
		}
	}
	calls_expire(&c, UINT64_MAX);
	assert_int_equal(c.count, 0);
	assert_int_equal(c.sorted, 0);
	calls_free(&c);
}

/* A late one goes where its time belongs, also before all others and without anybody having looked. */
static void test_late(void **state)
{
	static const uint64_t order[] = { 5, 6, 9, 2, 7, 1, 3, 8, 4 };
	struct calls c = {};

	(void)state;
	for (size_t i = 0; i < sizeof(order) / sizeof(*order); i++)
		feed(&c, order[i]);
	calls_sort(&c);
	expect_order(&c, 1);
	assert_int_equal(calls_after(&c, 1000 + 40) - c.head, 4);
	calls_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rings),
		cmocka_unit_test(test_late),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
