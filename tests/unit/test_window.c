/* SPDX-License-Identifier: GPL-2.0-only */
/* The window does not bound what is held: join.c, ready() forces only packets that wait. */
#include "join_lab.h"

/* One old timeline is open in the kernel (complete_ns does not move) while finished packets keep
 * coming. */
static void test_window(void **state)
{
	struct join_config config = lab_config(NULL);
	struct lab *lab;

	(void)state;
	config.window = 100;
	lab = lab_start(&config);
	for (uint64_t id = 1; id <= 4000; id++) {
		struct record r = record_tcp_rx(id, 0, 0, SC_END_L4, BASE_NS + id * 1000);

		lab_feed(lab, &r);
		lab_pass(lab, BASE_NS + id * 1000 + 500, BASE_NS);
	}
	assert_true(4000 - lab->count <=
		    100 + 1 + account_lost_sum(&lab->account.dir[0])); /* seen: all 4000 held */
	lab_end(lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_window),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
