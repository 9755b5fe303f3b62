/* SPDX-License-Identifier: GPL-2.0-only */
/* A read is credited to a packet whose last byte it did not return: conn.c, reached() looks at `to`
 * only. */
#include "join_lab.h"

static struct lab *lab_of(void)
{
	return lab_start(NULL);
}

/* The record of the right read is lost with a full ring; the next one began behind the packet. */
static void test_lost_read(void **state)
{
	struct record first = record_tcp_rx(1, 0, 100, SC_END_SOCKET, BASE_NS),
		      second = record_tcp_rx(2, 100, 100, SC_END_SOCKET, BASE_NS + 1000);
	struct lab *lab = lab_of();

	(void)state;
	lab_feed(lab, &first);
	lab_feed(lab, &second);
	lab_tcp_call(lab, SC_REC_READ, 100, 200, BASE_NS + 900000);
	lab_settle(lab, BASE_NS + 1000000);
	lab_settle(lab, BASE_NS + 2 * DEADLINE_NS);
	lab_expect_read(lab, 2, BASE_NS + 900000);
	lab_expect(lab, 1, "timeout"); /* seen: read at +900000 */
	lab_end(lab);
}

/* The same across two passes: the reader changed CPUs, the ring of its second read was drained in
 * time, that of the first was not. */
static void test_rings_behind(void **state)
{
	struct record first = record_tcp_rx(1, 0, 100, SC_END_SOCKET, BASE_NS),
		      second = record_tcp_rx(2, 100, 100, SC_END_SOCKET, BASE_NS + 1000);
	struct lab *lab = lab_of();

	(void)state;
	lab_feed(lab, &first);
	lab_feed(lab, &second);
	lab_tcp_call(lab, SC_REC_READ, 100, 200, BASE_NS + 900000);
	lab_pass(lab, BASE_NS + 1000000, BASE_NS);
	lab_tcp_call(lab, SC_REC_READ, 0, 100, BASE_NS + 5000);
	lab_settle(lab, BASE_NS + 1100000);
	lab_expect_read(lab, 2, BASE_NS + 900000);
	lab_expect_read(lab, 1, BASE_NS + 5000); /* seen: read at +900000 */
	lab_end(lab);
}

/* The socket's news of a later moment is there, that of the right one is still in another CPU's ring. */
static void test_socket_of_another_ring(void **state)
{
	struct record p = record_tcp_rx(1, 0, 100, SC_END_TRANSPORT, BASE_NS);
	struct lab *lab = lab_of();

	(void)state;
	lab_feed(lab, &p);
	lab_tcp_call(lab, SC_REC_SOCKET, 0, 500, BASE_NS + 2000000);
	lab_pass(lab, BASE_NS + 1000000, BASE_NS);
	lab_tcp_call(lab, SC_REC_SOCKET, 0, 100, BASE_NS + 500000);
	lab_tcp_call(lab, SC_REC_READ, 0, 100, BASE_NS + 600000);
	lab_settle(lab, BASE_NS + 3000000);
	lab_expect_read(lab, 1, BASE_NS + 600000);
	assert_int_equal(lab_get(lab, 1)->stamp_ns[SC_RX_SOCKET], BASE_NS + 500000); /* seen: +2000000, never read */
	lab_end(lab);
}

/* A retransmission of bytes that were read before it came. */
static void test_duplicate_after_read(void **state)
{
	struct record first = record_tcp_rx(1, 0, 100, SC_END_SOCKET, BASE_NS),
		      again = record_tcp_rx(2, 0, 100, SC_END_TRANSPORT, BASE_NS + 10000);
	struct lab *lab = lab_of();

	(void)state;
	lab_feed(lab, &first);
	lab_tcp_call(lab, SC_REC_READ, 0, 100, BASE_NS + 5000);
	lab_feed(lab, &again);
	lab_tcp_call(lab, SC_REC_SOCKET, 0, 200, BASE_NS + 800000);
	lab_tcp_call(lab, SC_REC_READ, 100, 200, BASE_NS + 900000);
	lab_settle(lab, BASE_NS + 1000000);
	lab_expect_read(lab, 1, BASE_NS + 5000);
	assert_int_equal(lab->count, 1); /* seen: 2, the duplicate "read" at +900000 */
	lab_settle(lab, BASE_NS + 10000 + DEADLINE_NS + 1);
	assert_false(lab_expect(lab, 2, "timeout")->stages & SC_BIT(SC_RX_SOCKET)); /* seen: queued at +800000 */
	lab_end(lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lost_read),
		cmocka_unit_test(test_rings_behind),
		cmocka_unit_test(test_socket_of_another_ring),
		cmocka_unit_test(test_duplicate_after_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
