/* SPDX-License-Identifier: GPL-2.0-only */
/* Datagram sockets in the join: which read took which datagram, and when that is not certain. */
#include "join_lab.h"

#define LEN 100

#define DEEP 4711ull /* some other packet */

/* Queued on the socket; `flag`: what was seen of the queue then, before or after read number `index`. */
static void feed_seen(struct lab *lab, uint64_t id, uint32_t flag, uint64_t index, uint64_t at_ns)
{
	struct record r = record_rx(id, IPPROTO_UDP, SC_END_SOCKET, at_ns);

	r.p.sock_index = index;
	r.p.flags = flag;
	r.p.payload_len_bytes = LEN;
	lab_feed(lab, &r);
}

/* The first in the queue: read number `index` takes it. */
static void feed(struct lab *lab, uint64_t id, uint64_t index, uint64_t at_ns)
{
	feed_seen(lab, id, SC_FLAG_FIRST, index, at_ns);
}

static struct sc_call read_call(uint64_t index, int32_t len, uint64_t at_ns)
{
	struct sc_call c = record_call(SC_REC_READ, 0, 0, at_ns);

	c.index = index;
	c.len_bytes = len;
	c.next = SC_NEXT_NONE;
	c.gap_ns = UINT32_MAX;
	return c;
}

static void feed_read(struct lab *lab, uint64_t index, int32_t len, uint64_t at_ns)
{
	struct sc_call c = read_call(index, len, at_ns);

	lab_call(lab, &c);
}

/* A read that took `packet`, and left `next` at the front of the queue. */
static void feed_taking(struct lab *lab, uint64_t index, uint64_t packet, uint64_t next, uint64_t at_ns)
{
	struct sc_call c = read_call(index, LEN, at_ns);

	c.packet = packet;
	c.next = next;
	lab_call(lab, &c);
}

static void expect_unmatched(const struct lab *lab, uint64_t id)
{
	assert_string_equal(lab_expect(lab, id, "unmatched")->at, "socket");
	assert_false(lab_get(lab, id)->stages & SC_BIT(SC_RX_READ));
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
		for (uint64_t n = 1; n <= 40; n++) {
			if (n != lost)
				lab_expect_read(lab, n, BASE_NS + 100000 + n * 1000);
			else if (n < 40)
				expect_unmatched(lab, n);
		}
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

/* A pool of threads: numbers are given in one order, datagrams taken in another. */
static void test_several_readers(void **state)
{
	struct lab *lab = lab_start(NULL);

	(void)state;
	for (uint64_t n = 1; n <= 64; n++) {
		feed(lab, n, n, BASE_NS + n);
		feed_read(lab, SC_READ_SEVERAL, LEN, BASE_NS + 100000 + n * 1000);
	}
	lab_settle(lab, BASE_NS + 200000);
	for (uint64_t n = 1; n <= 64; n++)
		expect_unmatched(lab, n);
	assert_int_equal(lab->account.dir[0].partial[ACCOUNT_PARTIAL_UNMATCHED], 64);
	lab_end(lab);
}

/* A second thread turns up: what the first one read shortly before is not certain any more, and what it read long before stands. */
static void test_second_reader(void **state)
{
	struct join_config config = lab_config(NULL);
	struct lab *lab;

	(void)state;
	config.doubt_ns = 50000;
	lab = lab_start(&config);
	feed(lab, 1, 1, BASE_NS);
	feed_read(lab, 1, LEN, BASE_NS + 10000);
	feed(lab, 2, 2, BASE_NS + 20000);
	feed_read(lab, 2, LEN, BASE_NS + 80000);
	lab_settle(lab, BASE_NS + 90000);
	assert_int_equal(lab->count, 1);
	feed_read(lab, SC_READ_SEVERAL, LEN, BASE_NS + 100000);
	lab_settle(lab, BASE_NS + 400000);
	lab_expect_read(lab, 1, BASE_NS + 10000);
	expect_unmatched(lab, 2);
	lab_end(lab);
}

/* Told of in another order than queued: what a read saw at the front of the queue is what the next one takes. */
static void test_seen_by_reader(void **state)
{
	(void)state;
	for (int order = 0; order < 2; order++) {
		struct lab *lab = lab_start(NULL);

		for (int half = 0; half < 2; half++) {
			if (order == half) {
				feed(lab, 3, 1, BASE_NS);
				feed_seen(lab, 5, 0, 0, BASE_NS + 100);
				feed_seen(lab, 4, 0, 0, BASE_NS + 200);
				continue;
			}
			feed_taking(lab, 1, 0, 4, BASE_NS + 10000);
			feed_taking(lab, 2, 4, 5, BASE_NS + 11000);
			feed_taking(lab, 3, 5, SC_NEXT_NONE, BASE_NS + 12000);
		}
		lab_settle(lab, BASE_NS + 20000);
		for (uint64_t id = 3; id <= 5; id++)
			lab_expect_read(lab, id, BASE_NS + 10000 + (id - 3) * 1000);
		lab_end(lab);
	}
}

/* First in the queue while a read that has another one already is about to return: that read sees it still there. */
static void test_read_under_way(void **state)
{
	struct lab *lab = lab_start(NULL);

	(void)state;
	feed_taking(lab, 1, 0, SC_NEXT_NONE, BASE_NS);
	feed(lab, 7, 2, BASE_NS + 1000);
	feed_taking(lab, 2, 0, 7, BASE_NS + 3000);
	feed_taking(lab, 3, 7, SC_NEXT_NONE, BASE_NS + 5000);
	lab_settle(lab, BASE_NS + 10000);
	lab_expect_read(lab, 7, BASE_NS + 5000);
	feed(lab, 8, 4, BASE_NS + 11000);
	feed_taking(lab, 4, 0, 0, BASE_NS + 13000); /* what it saw is not known */
	feed_taking(lab, 5, DEEP, SC_NEXT_NONE, BASE_NS + 14000);
	lab_settle(lab, BASE_NS + 20000);
	expect_unmatched(lab, 8);
	lab_end(lab);
}

/* Taken before the kernel told of it: the one read that can have, if it is one. */
static void test_gone(void **state)
{
	struct lab *lab = lab_start(NULL);

	(void)state;
	feed_taking(lab, 1, 0, SC_NEXT_NONE, BASE_NS);
	feed_seen(lab, 2, SC_FLAG_GONE, 3, BASE_NS + 1000);
	feed_taking(lab, 2, 0, SC_NEXT_NONE, BASE_NS + 2000);
	feed_taking(lab, 3, DEEP, SC_NEXT_NONE, BASE_NS + 9000);
	feed_seen(lab, 4, SC_FLAG_GONE, 5, BASE_NS + 10000);
	feed_seen(lab, 5, SC_FLAG_GONE, 5, BASE_NS + 10001);
	feed_taking(lab, 4, 0, SC_NEXT_NONE, BASE_NS + 11500);
	feed_taking(lab, 5, 0, SC_NEXT_NONE, BASE_NS + 11600);
	lab_settle(lab, BASE_NS + 20000);
	lab_expect_read(lab, 2, BASE_NS + 2000);
	expect_unmatched(lab, 4);
	expect_unmatched(lab, 5);
	lab_end(lab);
}

/* A read that began after the queue had been seen empty took another one. */
static void test_gone_before_call(void **state)
{
	struct lab *lab = lab_start(NULL);
	struct sc_call next;

	(void)state;
	feed_taking(lab, 1, 0, SC_NEXT_NONE, BASE_NS);
	feed_seen(lab, 2, SC_FLAG_GONE, 3, BASE_NS + 1000);
	feed_taking(lab, 2, 0, SC_NEXT_NONE, BASE_NS + 1900);
	next = read_call(3, LEN, BASE_NS + 9000);
	next.gap_ns = 500;
	lab_call(lab, &next);
	lab_settle(lab, BASE_NS + 20000);
	lab_expect_read(lab, 2, BASE_NS + 1900);
	lab_end(lab);
}

/* The record of one of the reads that can have taken it was lost. */
static void test_gone_lost_read(void **state)
{
	struct lab *lab = lab_start(NULL);

	(void)state;
	feed_taking(lab, 1, 0, SC_NEXT_NONE, BASE_NS);
	feed_seen(lab, 2, SC_FLAG_GONE, 3, BASE_NS + 1000);
	feed_taking(lab, 3, 0, SC_NEXT_NONE, BASE_NS + 2500);
	lab_settle(lab, BASE_NS + 20000);
	expect_unmatched(lab, 2);
	lab_end(lab);
}

/* Its skb was freed, by a reader most likely, before anything told that the socket had it. */
static void feed_consumed(struct lab *lab, uint64_t id, uint64_t at_ns, uint64_t freed_ns)
{
	struct record r = record_rx(id, IPPROTO_UDP, SC_END_CONSUMED, at_ns);

	r.p.stages &= ~SC_BIT(SC_RX_SOCKET);
	r.p.last_stage = SC_RX_L4;
	r.p.last_ns = freed_ns;
	r.p.payload_len_bytes = LEN;
	lab_feed(lab, &r);
}

/* As feed_taking(); the call began 500 ns before it returned. */
static void feed_short(struct lab *lab, uint64_t index, uint64_t packet, uint64_t at_ns)
{
	struct sc_call c = read_call(index, LEN, at_ns);

	c.packet = packet;
	c.gap_ns = 500;
	lab_call(lab, &c);
}

/* The read that names it, or the only one that can have taken it; with two to choose from it stays what it was. */
static void test_consumed(void **state)
{
	struct lab *lab = lab_start(NULL);

	(void)state;
	feed_taking(lab, 1, 0, SC_NEXT_NONE, BASE_NS);
	feed_consumed(lab, 2, BASE_NS + 1000, BASE_NS + 1500);
	feed_short(lab, 2, 0, BASE_NS + 2000);
	feed_short(lab, 3, 0, BASE_NS + 2600); /* it had been freed by then */
	feed_consumed(lab, 3, BASE_NS + 3000, BASE_NS + 3500);
	feed_short(lab, 4, 0, BASE_NS + 4000);
	feed_short(lab, 5, 3, BASE_NS + 4600);
	feed_consumed(lab, 4, BASE_NS + 5000, BASE_NS + 9000);
	feed_short(lab, 6, 0, BASE_NS + 7500);
	feed_short(lab, 7, 0, BASE_NS + 8100);
	lab_settle(lab, BASE_NS + 20000);
	lab_expect_read(lab, 2, BASE_NS + 2000);
	lab_expect_read(lab, 3, BASE_NS + 4600);
	assert_false(lab_get(lab, 2)->stages & SC_BIT(SC_RX_SOCKET));
	lab_settle(lab, BASE_NS + 5000 + DEADLINE_NS + 1);
	assert_string_equal(lab_expect(lab, 4, "consumed")->at, "l4");
	lab_end(lab);
}

/* Delivered to three sockets; two of them are told before the packet's own record or after it. */
static void test_ends(void **state)
{
	(void)state;
	for (int before = 0; before < 3; before++) {
		struct lab *lab = lab_start(NULL);
		struct sc_call also = record_call(SC_REC_ALSO, 0, 0, BASE_NS + 10);

		also.packet = 1;
		for (int i = 0; i < before; i++)
			lab_call(lab, &also);
		feed(lab, 1, 1, BASE_NS);
		for (int i = before; i < 2; i++)
			lab_call(lab, &also);
		feed(lab, 2, 2, BASE_NS + 1000);
		feed_read(lab, 1, LEN, BASE_NS + 4000);
		feed_read(lab, 2, LEN, BASE_NS + 5000);
		lab_settle(lab, BASE_NS + 10000);
		assert_int_equal(lab_get(lab, 1)->ends, 3);
		assert_int_equal(lab_get(lab, 2)->ends, 0);
		lab_end(lab);
	}
}

/* Dropped in the queue, which is told before the packet's own record or after it; the read that came upon it took the next one. */
static void test_dropped_in_queue(void **state)
{
	(void)state;
	for (int before = 0; before < 2; before++) {
		struct lab *lab = lab_start(NULL);
		struct sc_call dropped = record_call(SC_REC_DROPPED, 0, 0, BASE_NS + 3500);

		dropped.sock = 0;
		dropped.packet = 2;
		dropped.index = 3;
		feed(lab, 1, 1, BASE_NS);
		if (before)
			lab_call(lab, &dropped);
		feed_seen(lab, 2, 0, 2, BASE_NS + 1000);
		feed_seen(lab, 3, 0, 2, BASE_NS + 2000);
		feed_taking(lab, 1, 1, 2, BASE_NS + 3000);
		if (!before) {
			lab_pass(lab, BASE_NS + 3200, FOREVER);
			lab_call(lab, &dropped);
		}
		feed_taking(lab, 2, 3, SC_NEXT_NONE, BASE_NS + 4000);
		lab_settle(lab, BASE_NS + 10000);
		lab_expect_read(lab, 1, BASE_NS + 3000);
		assert_string_equal(lab_expect(lab, 2, "drop:3")->at, "socket");
		assert_false(lab_get(lab, 2)->stages & SC_BIT(SC_RX_READ));
		lab_expect_read(lab, 3, BASE_NS + 4000);
		assert_int_equal(lab->account.dir[0].complete, 3);
		lab_end(lab);
	}
}

/* Without a reason for it: it may have been dropped, then the next read took another. Or it was not, then a read says that it took it. */
static void test_perhaps_dropped(void **state)
{
	(void)state;
	for (int taken = 0; taken < 2; taken++) {
		struct lab *lab = lab_start(NULL);
		struct sc_call dropped = record_call(SC_REC_DROPPED, 0, 0, BASE_NS + 1500);

		dropped.sock = dropped.index = 0;
		dropped.packet = 1;
		feed(lab, 1, 1, BASE_NS);
		if (taken)
			feed_taking(lab, 1, 1, SC_NEXT_NONE, BASE_NS + 1000);
		lab_call(lab, &dropped);
		if (!taken)
			feed_taking(lab, 1, 0, SC_NEXT_NONE, BASE_NS + 2000);
		lab_settle(lab, BASE_NS + 10000);
		if (taken)
			lab_expect_read(lab, 1, BASE_NS + 1000);
		else
			assert_false(lab_expect(lab, 1, "unmatched")->stages & SC_BIT(SC_RX_READ));
		lab_end(lab);
	}
}

/* Nobody read: what was freed before `l4` was told, fragments and clones never wait for that. */
static void test_consumed_unread(void **state)
{
	struct lab *lab = lab_start(NULL);
	struct record r = record_rx(2, IPPROTO_UDP, SC_END_CONSUMED, BASE_NS);

	(void)state;
	feed_consumed(lab, 1, BASE_NS, BASE_NS + 500);
	r.p.stages &= ~(SC_BIT(SC_RX_SOCKET) | SC_BIT(SC_RX_L4));
	r.p.last_stage = SC_RX_LOCAL;
	lab_feed(lab, &r);
	lab_settle(lab, BASE_NS + 10000);
	assert_int_equal(lab->count, 0); /* the first has the smaller anchor, and may have been read yet */
	lab_settle(lab, BASE_NS + DEADLINE_NS + 1);
	lab_expect(lab, 1, "consumed");
	lab_expect(lab, 2, "consumed");
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
	lab_expect_read(lab, 1, BASE_NS + 4000);
	assert_int_equal(lab->account.dir[0].rejected[ACCOUNT_REJECTED_MATCH], 1);
	feed_read(lab, 3, LEN, BASE_NS + 21000); /* looked at again: still counted once */
	lab_settle(lab, BASE_NS + 5000 + DEADLINE_NS + 1);
	assert_string_equal(lab_expect(lab, 2, "unmatched")->at, "socket");
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
	r.p.flags = SC_FLAG_FIRST;
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
	struct sc_call c = read_call(1, 2 * LEN, BASE_NS + 6000);
	struct lab *lab = lab_start(NULL);

	(void)state;
	feed(lab, 1, 1, BASE_NS);
	r.p.sock = c.sock = SOCK + 1;
	r.p.sock_index = 1;
	r.p.flags = SC_FLAG_FIRST;
	r.p.payload_len_bytes = 2 * LEN;
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
	feed_seen(lab, 1, 0, 0, BASE_NS);
	feed_taking(lab, 1, 0, DEEP, BASE_NS + 5000);
	lab_settle(lab, BASE_NS + 10000);
	assert_int_equal(lab->count, 0); /* it may still be in the queue */
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

		feed_seen(lab, n, n == 1 ? SC_FLAG_FIRST : 0, 1, at_ns);
		if (n > 5)
			feed_taking(lab, n - 5, n > 6 ? n - 5 : 0, n - 4, at_ns + 1000);
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
		cmocka_unit_test(test_several_readers),
		cmocka_unit_test(test_second_reader),
		cmocka_unit_test(test_seen_by_reader),
		cmocka_unit_test(test_read_under_way),
		cmocka_unit_test(test_gone),
		cmocka_unit_test(test_gone_before_call),
		cmocka_unit_test(test_gone_lost_read),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_dropped_in_queue),
		cmocka_unit_test(test_perhaps_dropped),
		cmocka_unit_test(test_consumed),
		cmocka_unit_test(test_consumed_unread),
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
