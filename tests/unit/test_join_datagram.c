/* SPDX-License-Identifier: GPL-2.0-only */
/* Datagram sockets in the join: the n-th read takes the n-th datagram. */
#include "join_lab.h"

#define LEN 100

static void feed(struct lab *lab, uint64_t id, uint64_t index, uint64_t at_ns)
{
	struct record r = record_rx(id, IPPROTO_UDP, SC_END_SOCKET, at_ns);

	r.p.sock_index = index;
	r.p.payload_len_bytes = LEN;
	lab_feed(lab, &r);
}

static void feed_read(struct lab *lab, uint64_t index, int32_t len, uint64_t at_ns)
{
	struct sc_call c = record_call(SC_REC_READ, 0, 0, at_ns);

	c.index = index;
	c.len_bytes = len;
	lab_call(lab, &c);
}

/* Whichever comes first, in one pass or in two. */
static void test_by_index(void **state)
{
	(void)state;
	for (int order = 0; order < 4; order++) {
		struct lab *lab = lab_start(NULL);

		for (int half = 0; half < 2; half++) {
			for (uint64_t n = 1; n <= 50; n++) {
				if ((order & 1) == half)
					feed(lab, n, n, BASE_NS + n * 1000);
				else
					feed_read(lab, n, LEN, BASE_NS + 100000 + n * 1000);
			}
			if (order & 2)
				lab_pass(lab, BASE_NS + 60000, FOREVER);
		}
		lab_settle(lab, BASE_NS + 200000);
		for (uint64_t n = 1; n <= 50; n++)
			lab_expect_read(lab, n, BASE_NS + 100000 + n * 1000);
		assert_int_equal(lab->account.dir[0].complete, 50);
		lab_end(lab);
	}
}

/* The record of a read was lost with a full ring: only its own packet stays without. */
static void test_lost_read(void **state)
{
	(void)state;
	for (uint64_t lost = 1; lost <= 40; lost++) {
		struct lab *lab = lab_start(NULL);

		for (uint64_t n = 1; n <= 40; n++) {
			feed(lab, n, n, BASE_NS + n * 1000);
			if (n != lost)
				feed_read(lab, n, LEN, BASE_NS + 100000 + n * 1000);
		}
		lab_settle(lab, BASE_NS + 200000);
		assert_int_equal(lab->count, lost - 1);
		lab_settle(lab, BASE_NS + 100000 + DEADLINE_NS);
		for (uint64_t n = 1; n <= 40; n++) {
			if (n != lost)
				lab_expect_read(lab, n, BASE_NS + 100000 + n * 1000);
			else
				assert_string_equal(lab_expect(lab, n, "timeout")->at, "socket");
		}
		assert_int_equal(lab->account.dir[0].partial[ACCOUNT_PARTIAL_TIMEOUT], 1);
		lab_end(lab);
	}
}

/* The record of a packet was lost: its read belongs to nobody. */
static void test_lost_packet(void **state)
{
	struct lab *lab = lab_start(NULL);

	(void)state;
	for (uint64_t n = 1; n <= 20; n++) {
		if (n != 7)
			feed(lab, n, n, BASE_NS + n * 1000);
		feed_read(lab, n, LEN, BASE_NS + 100000 + n * 1000);
	}
	lab_settle(lab, BASE_NS + 200000);
	for (uint64_t n = 1; n <= 20; n++)
		if (n != 7)
			lab_expect_read(lab, n, BASE_NS + 100000 + n * 1000);
	lab_end(lab);
}

/* A pool of threads: numbers are given in one order, times taken in another. */
static void test_overtaking_readers(void **state)
{
	struct lab *lab = lab_start(NULL);

	(void)state;
	for (uint64_t n = 1; n <= 64; n++) {
		feed(lab, n, n, BASE_NS + n);
		feed_read(lab, n, LEN, BASE_NS + 100000 + (n ^ 7) * 1000);
	}
	lab_settle(lab, BASE_NS + 200000);
	for (uint64_t n = 1; n <= 64; n++)
		lab_expect_read(lab, n, BASE_NS + 100000 + (n ^ 7) * 1000);
	lab_end(lab);
}

static void test_truncated_read(void **state)
{
	struct lab *lab = lab_start(NULL);

	(void)state;
	feed(lab, 1, 1, BASE_NS);
	feed(lab, 2, 2, BASE_NS + 1000);
	feed_read(lab, 1, 10, BASE_NS + 5000); /* a small buffer */
	feed_read(lab, 2, 0, BASE_NS + 6000);
	lab_settle(lab, BASE_NS + 10000);
	lab_expect_read(lab, 1, BASE_NS + 5000);
	lab_expect_read(lab, 2, BASE_NS + 6000);
	lab_end(lab);
}

/* The second datagram's read contradicts it; the first one's, told before, stands. */
static void check_rejected(int32_t len, uint64_t read_ns)
{
	struct lab *lab = lab_start(NULL);

	feed(lab, 1, 1, BASE_NS);
	feed_read(lab, 1, LEN, BASE_NS + 4000);
	lab_settle(lab, BASE_NS + 5000);
	feed(lab, 2, 2, BASE_NS + 5000);
	feed_read(lab, 2, len, read_ns);
	lab_settle(lab, BASE_NS + 20000);
	assert_int_equal(lab->count, 1);
	lab_expect_read(lab, 1, BASE_NS + 4000);
	assert_int_equal(lab->account.dir[0].rejected[ACCOUNT_REJECTED_MATCH], 1);
	feed_read(lab, 3, LEN, BASE_NS + 21000); /* looked at again: still counted once */
	lab_settle(lab, BASE_NS + 5000 + DEADLINE_NS + 1);
	assert_string_equal(lab_expect(lab, 2, "timeout")->at, "socket");
	assert_int_equal(lab_get(lab, 2)->stages, record_rx_stages(SC_RX_SOCKET));
	assert_int_equal(lab_get(lab, 2)->pid, 0);
	assert_int_equal(lab->account.dir[0].rejected[ACCOUNT_REJECTED_MATCH], 1);
	lab_end(lab);
}

static void test_longer_than_datagram(void **state)
{
	(void)state;
	check_rejected(LEN + 1, BASE_NS + 11000);
	check_rejected(INT32_MAX, BASE_NS + 11000);
}

static void test_read_before_arrival(void **state)
{
	struct record r = record_rx(2, IPPROTO_UDP, SC_END_SOCKET, BASE_NS + 5000);

	(void)state;
	check_rejected(LEN, r.p.stamp_ns[SC_RX_L4] - 1);
	check_rejected(LEN, BASE_NS + 4500);
}

/* Raw and ping sockets return headers as well: their length says nothing. */
static void test_raw_length(void **state)
{
	struct record r = record_rx(1, IPPROTO_ICMP, SC_END_SOCKET, BASE_NS);
	struct lab *lab = lab_start(NULL);

	(void)state;
	r.p.sock_index = 1;
	r.p.payload_len_bytes = LEN;
	lab_feed(lab, &r);
	feed_read(lab, 1, LEN + 28, BASE_NS + 5000);
	lab_settle(lab, BASE_NS + 10000);
	lab_expect_read(lab, 1, BASE_NS + 5000);
	lab_end(lab);
}

static void test_sockets_apart(void **state)
{
	struct record r = record_rx(2, IPPROTO_UDP, SC_END_SOCKET, BASE_NS + 1000);
	struct sc_call c = record_call(SC_REC_READ, 0, 0, BASE_NS + 6000);
	struct lab *lab = lab_start(NULL);

	(void)state;
	feed(lab, 1, 1, BASE_NS);
	r.p.sock = c.sock = SOCK + 1;
	r.p.sock_index = c.index = 1;
	r.p.payload_len_bytes = c.len_bytes = 2 * LEN;
	lab_feed(lab, &r);
	lab_call(lab, &c);
	feed_read(lab, 1, LEN, BASE_NS + 5000);
	lab_settle(lab, BASE_NS + 10000);
	lab_expect_read(lab, 1, BASE_NS + 5000);
	lab_expect_read(lab, 2, BASE_NS + 6000);
	assert_int_equal(lab->account.dir[0].rejected[ACCOUNT_REJECTED_MATCH], 0);
	lab_end(lab);
}

static void test_unknown_index(void **state)
{
	struct lab *lab = lab_start(NULL);

	(void)state;
	feed(lab, 1, 0, BASE_NS);
	feed_read(lab, 0, LEN, BASE_NS + 5000);
	lab_settle(lab, BASE_NS + 10000);
	assert_int_equal(lab->count, 0);
	lab_end(lab);
}

/* Hours of one socket, old calls expire, and a reader that takes its time. */
static void test_long_run(void **state)
{
	struct lab *lab = lab_start(NULL);
	const uint64_t every_ns = DEADLINE_NS / 10;

	(void)state;
	for (uint64_t n = 1; n <= 2000; n++) {
		uint64_t at_ns = BASE_NS + n * every_ns;

		feed(lab, n, n, at_ns);
		if (n > 5)
			feed_read(lab, n - 5, LEN, at_ns + 1000);
		lab_pass(lab, at_ns + 2000, at_ns);
	}
	for (uint64_t n = 1; n <= 1990; n++)
		lab_expect_read(lab, n, BASE_NS + (n + 5) * every_ns + 1000);
	lab_end(lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_index),
		cmocka_unit_test(test_lost_read),
		cmocka_unit_test(test_lost_packet),
		cmocka_unit_test(test_overtaking_readers),
		cmocka_unit_test(test_truncated_read),
		cmocka_unit_test(test_longer_than_datagram),
		cmocka_unit_test(test_read_before_arrival),
		cmocka_unit_test(test_raw_length),
		cmocka_unit_test(test_sockets_apart),
		cmocka_unit_test(test_unknown_index),
		cmocka_unit_test(test_long_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
