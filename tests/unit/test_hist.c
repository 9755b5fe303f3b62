/* SPDX-License-Identifier: GPL-2.0-only */
/* Histograms against sorted data: quantiles within 1 %, the rest exact. */
#include "fixture.h"

#include "tracing/histogram.h"
#include "user/hist.h"

#define SAMPLES 20000

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void check_quantiles(const struct hist *h, uint64_t *data, size_t count)
{
	static const unsigned int permilles[] = { 0, 1, 10, 250, 500, 900, 990, 999, 1000 };
	size_t i;

	qsort(data, count, sizeof(*data), compare);
	assert_int_equal(h->count, count);
	assert_int_equal(h->min_ns, data[0]);
	assert_int_equal(h->max_ns, data[count - 1]);
	for (i = 0; i < sizeof(permilles) / sizeof(permilles[0]); i++) {
		size_t rank = (count * permilles[i] + 999) / 1000;
		uint64_t exact = data[rank ? rank - 1 : 0], got = hist_quantile_ns(h, permilles[i]);
		uint64_t error = got > exact ? got - exact : exact - got;

		if (error > exact / 100)
			fail_msg("permille %u: %lu instead of %lu", permilles[i], got, exact);
	}
}

/* `bits`: samples are spread over all magnitudes below 2^bits. */
static void check_spread(uint64_t seed, unsigned int bits, size_t count)
{
	uint64_t *data = calloc(count, sizeof(*data));
	unsigned __int128 sum = 0;
	struct hist h = { 0 };
	size_t i;

	assert_non_null(data);
	for (i = 0; i < count; i++) {
		data[i] = fixture_random(&seed) >> (64 - 1 - fixture_random(&seed) % bits);
		sum += data[i];
		assert_int_equal(hist_add(&h, data[i]), 0);
	}
	assert_int_equal(hist_mean_ns(&h), (uint64_t)(sum / count));
	check_quantiles(&h, data, count);
	assert_true(h.bucket_count <= HIST_BUCKETS);
	hist_clear(&h);
	free(data);
}

static void test_spread(void **state)
{
	(void)state;
	check_spread(1, 64, SAMPLES);
	check_spread(2, 30, SAMPLES);
	check_spread(3, 7, SAMPLES);
	check_spread(4, 20, 1);
	check_spread(5, 20, 3);
	check_spread(6, 40, 999);
}

static void test_empty(void **state)
{
	struct hist h = { 0 };

	(void)state;
	assert_int_equal(hist_quantile_ns(&h, 500), 0);
	assert_int_equal(hist_mean_ns(&h), 0);
	hist_clear(&h);
}

static void test_extremes(void **state)
{
	struct hist h = { 0 };

	(void)state;
	assert_int_equal(hist_add(&h, 0), 0);
	assert_int_equal(hist_add(&h, UINT64_MAX), 0);
	assert_int_equal(hist_add(&h, UINT64_MAX), 0);
	assert_int_equal(hist_quantile_ns(&h, 0), 0);
	assert_true(hist_quantile_ns(&h, 1000) > UINT64_MAX / 100 * 99);
	assert_int_equal(hist_mean_ns(&h), UINT64_MAX / 3 * 2);
	assert_int_equal(h.max_ns, UINT64_MAX);
	hist_clear(&h);
}

/* Two values of one power of two stay apart where one bucket would mix them. */
static void test_apart(void **state)
{
	struct hist h = { 0 };

	(void)state;
	assert_int_equal(hist_add(&h, 1000000), 0);
	assert_int_equal(hist_add(&h, 1020000), 0);
	assert_true(hist_quantile_ns(&h, 500) < 1010000);
	assert_true(hist_quantile_ns(&h, 1000) > 1010000);
	hist_clear(&h);
}

static void test_merge(void **state)
{
	uint64_t data[SAMPLES / 10], seed = 9;
	struct hist a = { 0 }, b = { 0 }, all = { 0 };
	size_t i, count = sizeof(data) / sizeof(data[0]);

	(void)state;
	for (i = 0; i < count; i++) {
		data[i] = fixture_random(&seed) >> 30;
		assert_int_equal(hist_add(i % 3 ? &a : &b, data[i]), 0);
	}
	assert_int_equal(hist_merge(&all, &a), 0);
	assert_int_equal(hist_merge(&all, &b), 0);
	check_quantiles(&all, data, count);
	assert_int_equal(hist_mean_ns(&all), (uint64_t)((a.sum_ns + b.sum_ns) / count));
	hist_clear(&b);
	assert_int_equal(hist_merge(&all, &b), 0);
	assert_int_equal(all.min_ns, data[0]);
	hist_clear(&a);
	hist_clear(&all);
}

/* Ten packets of a flow do not cost the memory of ten thousand. */
static void test_lazy(void **state)
{
	struct hist h = { 0 };
	uint64_t i;

	(void)state;
	for (i = 0; i < 100000; i++)
		assert_int_equal(hist_add(&h, 5000), 0);
	assert_int_equal(h.bucket_count, 1);
	assert_true(h.bucket_capacity <= 8);
	hist_clear(&h);
}

/* The kernel's buckets are ours: what it counted in one comes out as the value that went in. */
static void check_bucket(uint64_t value)
{
	struct hist h = { 0 };
	uint64_t got, limit = 1ull << SC_HIST_MAX_BITS;

	value = value < limit ? value : limit - 1;
	assert_true(sc_hist_bucket(value) < SC_HIST_BUCKETS);
	assert_int_equal(hist_add_bucket(&h, sc_hist_bucket(value), 3), 0);
	assert_int_equal(h.count, 3);
	got = hist_quantile_ns(&h, 500);
	assert_true((got > value ? got - value : value - got) <= value / 128);
	assert_int_equal(h.min_ns, got);
	assert_int_equal(h.max_ns, got);
	hist_clear(&h);
}

static void test_kernel_buckets(void **state)
{
	uint64_t value, seed = 7;

	(void)state;
	assert_int_equal(SC_HIST_SUB_BITS, HIST_SUB_BITS);
	for (value = 0; value < 5000; value++)
		check_bucket(value);
	for (unsigned int bit = 6; bit < 64; bit++) {
		check_bucket((1ull << bit) - 1);
		check_bucket(1ull << bit);
		check_bucket((1ull << bit) + 1);
	}
	for (int i = 0; i < 100000; i++) {
		seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		check_bucket(seed >> (seed >> 58));
	}
	check_bucket(UINT64_MAX);
	assert_int_equal(sc_hist_bucket(UINT64_MAX), SC_HIST_BUCKETS - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spread), cmocka_unit_test(test_empty),
		cmocka_unit_test(test_extremes), cmocka_unit_test(test_apart),
		cmocka_unit_test(test_merge), cmocka_unit_test(test_lazy),
		cmocka_unit_test(test_kernel_buckets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
