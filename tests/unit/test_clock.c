/* SPDX-License-Identifier: GPL-2.0-only */
/* Monotonic stamps to wall time: clock.h. */
#include "fixture.h"

#include <time.h>

#include "user/clock.h"

#define S    1000000000ull
#define WALL 1700000000000000000ll

static void put(struct clock *c, uint64_t mono_ns, int64_t offset_ns)
{
	c->sample[c->count++ % CLOCK_SAMPLES] = (struct clock_sample) { mono_ns, offset_ns };
}

static void test_no_sample(void **state)
{
	struct clock c = { .count = 0 };

	(void)state;
	assert_int_equal(clock_wall_ns(&c, 12345), 12345);
}

/* Each stamp goes by the newest sample that is not after it; what is older than all of them by the
 * oldest. */
static void test_by_sample_time(void **state)
{
	struct clock c = { .count = 0 };

	(void)state;
	put(&c, 100 * S, WALL);
	put(&c, 101 * S, WALL + 5);
	put(&c, 102 * S, WALL - 7);
	assert_int_equal(clock_wall_ns(&c, 50 * S), WALL + 50 * S);
	assert_int_equal(clock_wall_ns(&c, 100 * S), WALL + 100 * S);
	assert_int_equal(clock_wall_ns(&c, 101 * S - 1), WALL + 101 * S - 1);
	assert_int_equal(clock_wall_ns(&c, 101 * S), WALL + 101 * S + 5);
	assert_int_equal(clock_wall_ns(&c, 102 * S - 1), WALL + 102 * S - 1 + 5);
	assert_int_equal(clock_wall_ns(&c, 102 * S), WALL + 102 * S - 7);
	assert_int_equal(clock_wall_ns(&c, 900 * S), WALL + 900 * S - 7);
}

/* The wall clock is set an hour back, then two ahead, between samples: packets of before stay where
 * they were, and times between two packets of one sample as well. */
static void test_step(void **state)
{
	static const int64_t steps[] = { -3600 * (int64_t)S, 7200 * (int64_t)S, -WALL };

	(void)state;
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		uint64_t before[10], mono_ns = 100 * S + 999999000;
		struct clock c = { .count = 0 };

		put(&c, 100 * S, WALL);
		for (size_t n = 0; n < 10; n++)
			before[n] = clock_wall_ns(&c, mono_ns + n * 100);
		put(&c, 101 * S, WALL + steps[i]);
		for (size_t n = 0; n < 10; n++)
			assert_int_equal(clock_wall_ns(&c, mono_ns + n * 100), before[n]);
		assert_int_equal(clock_wall_ns(&c, 101 * S + 4711) - clock_wall_ns(&c, 101 * S),
				 4711);
		assert_int_equal(clock_wall_ns(&c, 101 * S), WALL + steps[i] + (int64_t)(101 * S));
	}
}

/* A sample of a busy moment moves nothing and widens no bound, unless it shows a step. */
static void test_inexact_sample(void **state)
{
	struct clock c = { .count = 0 };

	(void)state;
	clock_add(&c, &(struct clock_sample) { 100 * S, WALL }, 30);
	clock_add(&c, &(struct clock_sample) { 101 * S, WALL + 4000 }, 4000);
	assert_int_equal(c.error_ns, 30);
	assert_int_equal(clock_wall_ns(&c, 102 * S), WALL + 102 * S);
	clock_add(&c, &(struct clock_sample) { 102 * S, WALL + 20 }, 30);
	assert_int_equal(clock_wall_ns(&c, 103 * S), WALL + 103 * S + 20);
	clock_add(&c, &(struct clock_sample) { 103 * S, WALL - (int64_t)S }, 4000);
	assert_int_equal(c.error_ns, 4000);
	assert_int_equal(clock_wall_ns(&c, 104 * S), WALL + 103 * S);
}

/* An offset may be negative: the machine believes in 1970. */
static void test_negative_offset(void **state)
{
	struct clock c = { .count = 0 };

	(void)state;
	put(&c, 100 * S, -50 * (int64_t)S);
	assert_int_equal(clock_wall_ns(&c, 120 * S), 70 * S);
}

/* More samples than are kept: the newest CLOCK_SAMPLES are right, older stamps go by the oldest of
 * them. */
static void test_ring(void **state)
{
	struct clock c = { .count = 0 };
	const uint64_t count = 3 * CLOCK_SAMPLES + 5, oldest = count - CLOCK_SAMPLES;

	(void)state;
	for (uint64_t i = 0; i < count; i++) {
		put(&c, i * S, WALL + (int64_t)i);
		assert_int_equal(clock_wall_ns(&c, i * S + 3), WALL + i * S + i + 3);
	}
	for (uint64_t i = 0; i < count; i++)
		assert_int_equal(clock_wall_ns(&c, i * S + 3),
				 WALL + i * S + 3 + (i < oldest ? oldest : i));
}

static uint64_t wall_now_ns(void)
{
	struct timespec t;

	assert_int_equal(clock_gettime(CLOCK_REALTIME, &t), 0);
	return (uint64_t)t.tv_sec * S + (uint64_t)t.tv_nsec;
}

/* Samples of the real clocks: between what the wall clock said before and after, but for the error
 * that is owned up to. */
static void test_take(void **state)
{
	struct clock c = { .count = 0 };
	uint64_t error_ns = 0;

	(void)state;
	for (uint64_t i = 1; i <= 200; i++) {
		uint64_t before = wall_now_ns(), mono_ns, after;

		clock_take(&c);
		mono_ns = clock_monotonic_ns();
		after = wall_now_ns();
		assert_in_range(c.count, 1, i);
		assert_true(i == 1 ? c.error_ns > 0 : c.error_ns == error_ns); /* the start's, which files tell */
		error_ns = c.error_ns;
		assert_true(c.sample[(c.count - 1) % CLOCK_SAMPLES].mono_ns <= mono_ns);
		assert_true(clock_wall_ns(&c, mono_ns) + c.error_ns >= before);
		assert_true(clock_wall_ns(&c, mono_ns) <= after + c.error_ns);
	}
}

static void test_error_kept(void **state)
{
	struct clock c = { .error_ns = 10 * S };

	(void)state;
	clock_take(&c);
	assert_int_equal(c.error_ns, 10 * S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_sample),  cmocka_unit_test(test_by_sample_time),
		cmocka_unit_test(test_step),	   cmocka_unit_test(test_inexact_sample),
		cmocka_unit_test(test_negative_offset),
		cmocka_unit_test(test_ring),	   cmocka_unit_test(test_take),
		cmocka_unit_test(test_error_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
