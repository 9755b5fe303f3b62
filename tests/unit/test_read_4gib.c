/* SPDX-License-Identifier: GPL-2.0-only */
/* Calls kept for some seconds span more than 4 GiB of a fast connection: the binary search of
 * conn.c, reached() is no longer over a sorted list. */
#include "join_lab.h"

/* 1.5 GB/s: every ms a packet ends at the byte where a read of 1.5 MB ends. All are read 5.5 ms,
 * that is five other reads, after their arrival. */
static void test_fast_connection(void **state)
{
	struct join_config config = lab_config(NULL);
	const uint64_t ms = 1000000;
	struct lab *lab;

	(void)state;
	config.deadline_ns = 3000 * ms; /* as `record -w` */
	lab = lab_start(&config);
	for (uint64_t n = 0; n < 4000; n++) {
		uint64_t at_ns = BASE_NS + n * ms;
		uint32_t end = (uint32_t)((n + 1) * 1500000);
		struct record r = record_tcp_rx(n + 1, end - 1000, 1000, SC_END_SOCKET, at_ns);

		lab_feed(lab, &r);
		lab_tcp_call(lab, SC_REC_READ, end - 1500000, end, at_ns + 5500000);
		if (n % 20 == 19)
			lab_pass(lab, at_ns + ms, at_ns);
	}
	lab_settle(lab, BASE_NS + 4100 * ms);
	for (uint64_t n = 0; n < 4000; n++)
		lab_expect_read(lab, n + 1, BASE_NS + n * ms + 5500000);
	lab_end(lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fast_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
