/* SPDX-License-Identifier: GPL-2.0-only */
/* A hole that is never seen filled marks the flow `hol` for ever: flow_order.c. */
#include "join_lab.h"

/* One record of a segment is lost by the capture. The receiver had it: later segments are queued in
 * their own softirq and read at once. */
static void test_lost_record(void **state)
{
	struct lab *lab = lab_start(NULL);
	unsigned int hol = 0;

	(void)state;
	for (uint32_t n = 0; n < 1000; n++) {
		struct record r =
			record_tcp_rx(n + 1, n * 100, 100, SC_END_SOCKET, BASE_NS + n * 10000);

		if (n == 1)
			continue;
		lab_feed(lab, &r);
		lab_tcp_call(lab, SC_REC_READ, n * 100, n * 100 + 100, BASE_NS + n * 10000 + 5000);
	}
	lab_settle(lab, BASE_NS + 100000000);
	for (size_t i = 0; i < lab->count; i++)
		hol += !!(lab->out[i].flags & PACKET_HOL);
	assert_true(hol < 10); /* seen: 998 */
	lab_end(lab);
}

/* Nine segments each behind a hole of its own: the ninth is not remembered, so when all holes are
 * filled its place stays a hole. */
static void test_nine_ranges(void **state)
{
	struct lab *lab = lab_start(NULL);
	uint64_t id = 0;

	(void)state;
	for (int half = 0; half < 2; half++) {
		for (uint32_t n = 0; n <= 9; n++) {
			/* first 0, 2, 4 ... 18, then 1, 3, ... 19 */
			uint64_t next = ++id;
			struct record r = record_tcp_rx(next, (2 * n + half) * 100, 100,
							half ? SC_END_SOCKET : SC_END_TRANSPORT,
							BASE_NS + next * 1000);

			lab_feed(lab, &r);
		}
	}
	for (uint32_t n = 20; n < 100; n++) {
		uint64_t next = ++id;
		struct record r =
			record_tcp_rx(next, n * 100, 100, SC_END_SOCKET, BASE_NS + next * 1000);

		lab_feed(lab, &r);
	}
	lab_tcp_call(lab, SC_REC_SOCKET, 0, 100 * 100, BASE_NS + 10000000);
	lab_tcp_call(lab, SC_REC_READ, 0, 100 * 100, BASE_NS + 20000000);
	lab_settle(lab, BASE_NS + 100000000);
	for (id = 21; id <= 100; id++)
		assert_false(lab_get(lab, id)->flags & PACKET_HOL); /* seen: all of them */
	lab_end(lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lost_record),
		cmocka_unit_test(test_nine_ranges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
