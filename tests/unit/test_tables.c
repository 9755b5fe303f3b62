/* SPDX-License-Identifier: GPL-2.0-only */
/* The table of devices and the question whether an interrupt is shared: tables.h. */
#include "fixture.h"

#include "user/tables.h"

/* As the programs look a device up. */
static const struct sc_device *find(const struct sc_device *table, uint32_t ifindex)
{
	for (unsigned int i = 0; i < SC_DEVICE_PROBES; i++)
		if (table[(ifindex + i) % SC_MAX_DEVICES].ifindex == ifindex)
			return &table[(ifindex + i) % SC_MAX_DEVICES];
	return NULL;
}

static unsigned int used(const struct sc_device *table)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < SC_MAX_DEVICES; i++)
		count += table[i].ifindex != 0;
	return count;
}

static void test_put(void **state)
{
	struct sc_device table[SC_MAX_DEVICES] = { 0 };

	(void)state;
	assert_true(device_put(table, 3, SC_DEV_CAPTURE));
	assert_true(device_put(table, 3 + SC_MAX_DEVICES, SC_DEV_UPPER)); /* the same place */
	assert_true(device_put(table, 3, SC_DEV_RAW | SC_DEV_IRQ));
	assert_int_equal(used(table), 2);
	assert_int_equal(find(table, 3)->flags, SC_DEV_CAPTURE | SC_DEV_RAW | SC_DEV_IRQ);
	assert_int_equal(find(table, 3 + SC_MAX_DEVICES)->flags, SC_DEV_UPPER);
	assert_null(find(table, 4));
}

/* As many as may share a place, then no more; those that are in stay reachable, the one refused
 * left nothing. */
static void test_full_around(void **state)
{
	struct sc_device table[SC_MAX_DEVICES] = { 0 }, before[SC_MAX_DEVICES];

	(void)state;
	for (uint32_t i = 0; i < SC_DEVICE_PROBES; i++)
		assert_true(device_put(table, 5 + i * SC_MAX_DEVICES, 1u << i));
	memcpy(before, table, sizeof(before));
	assert_false(device_put(table, 5 + SC_DEVICE_PROBES * SC_MAX_DEVICES, 1));
	assert_memory_equal(table, before, sizeof(before));
	for (uint32_t i = 0; i < SC_DEVICE_PROBES; i++)
		assert_int_equal(find(table, 5 + i * SC_MAX_DEVICES)->flags, 1u << i);
	assert_true(device_put(table, 5, 1u << 30));
	assert_true(device_put(table, 6, 1)); /* one place further there is room */
	assert_int_equal(find(table, 5)->flags, 1u | 1u << 30);
}

static void test_wraps(void **state)
{
	struct sc_device table[SC_MAX_DEVICES] = { 0 };

	(void)state;
	for (uint32_t i = 1; i <= SC_DEVICE_PROBES; i++) {
		assert_true(device_put(table, i * SC_MAX_DEVICES - 1, i));
		assert_int_equal(find(table, i * SC_MAX_DEVICES - 1)->flags, i);
	}
	assert_int_equal(table[SC_MAX_DEVICES - 1].ifindex, SC_MAX_DEVICES - 1);
	assert_int_equal(table[0].ifindex, 2 * SC_MAX_DEVICES - 1);
}

/* Full to the last place, and every device with its own flags. */
static void test_all(void **state)
{
	struct sc_device table[SC_MAX_DEVICES] = { 0 };

	(void)state;
	for (uint32_t i = 1; i <= SC_MAX_DEVICES; i++)
		assert_true(device_put(table, i, i));
	for (uint32_t i = 1; i <= SC_MAX_DEVICES; i++)
		assert_int_equal(find(table, i)->flags, i);
	assert_false(device_put(table, SC_MAX_DEVICES + 1, 1));
	assert_true(device_put(table, SC_MAX_DEVICES, 1u << 20));
}

/* What /proc/interrupts says of each line, read in another way; a line that does not exist is not
 * shared. */
static void test_irq(void **state)
{
	FILE *f = fopen("/proc/interrupts", "re");
	char line[65536];

	(void)state;
	assert_false(irq_is_shared(UINT32_MAX));
	while (f && fgets(line, sizeof(line), f)) {
		unsigned int irq, end = 0;

		if (sscanf(line, " %u:%n", &irq, &end) == 1 && end)
			assert_int_equal(irq_is_shared(irq), strstr(line, ", ") != NULL);
	}
	if (f)
		fclose(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_put),   cmocka_unit_test(test_full_around),
		cmocka_unit_test(test_wraps), cmocka_unit_test(test_all),
		cmocka_unit_test(test_irq),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
