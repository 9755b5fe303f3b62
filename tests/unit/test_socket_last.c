/* SPDX-License-Identifier: GPL-2.0-only */
/* Stage socket without stage read: a packet that was taken first and queued later waits for ever.
 * conn.c, match_tcp() against story.c, end_socket(). */
#include "join_lab.h"

static void test_socket_is_last(void **state)
{
	struct record r = record_tcp_rx(1, 0, 100, SC_END_TRANSPORT, BASE_NS);
	struct join_config config = lab_config(NULL);
	struct lab *lab;

	(void)state;
	config.rules.tcp_stages &=
		~SC_BIT(SC_RX_READ); /* --stages without read, --without tcp_rcv_space_adjust */
	lab = lab_start(&config);
	lab_feed(lab, &r);
	lab_tcp_call(lab, SC_REC_SOCKET, 0, 100, BASE_NS + 2000);
	lab_settle(lab, BASE_NS + 10000);
	lab_settle(lab, BASE_NS + 2 * DEADLINE_NS);
	lab_expect(lab, 1, "socket"); /* seen: timeout, partial */
	lab_end(lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_socket_is_last),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
