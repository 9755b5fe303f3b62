/* SPDX-License-Identifier: GPL-2.0-only */
/* A packet without a socket is not found again when a later packet tells the flow's socket: conn.c,
 * conns_wait(). */
#include "join_lab.h"

static void test_stranger_first(void **state)
{
	struct record stranger = record_tcp_rx(1, 0, 100, SC_END_TRANSPORT, BASE_NS),
		      known = record_tcp_rx(2, 100, 100, SC_END_SOCKET, BASE_NS + 1000);
	struct lab *lab = lab_start(NULL);

	(void)state;
	stranger.p.sock = 0;
	lab_feed(lab, &stranger);
	lab_feed(lab, &known);
	lab_tcp_call(lab, SC_REC_SOCKET, 0, 200, BASE_NS + 2000);
	lab_tcp_call(lab, SC_REC_READ, 0, 200, BASE_NS + 5000);
	lab_settle(lab, BASE_NS + 10000);
	lab_settle(lab, BASE_NS + 2 * DEADLINE_NS);
	lab_expect_read(lab, 2, BASE_NS + 5000);
	lab_expect_read(lab, 1, BASE_NS + 5000); /* seen: timeout */
	lab_end(lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stranger_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
