/* SPDX-License-Identifier: GPL-2.0-only */
/* TCP in the join: reads, queueing and send calls by sequence number. */
#include "join_lab.h"

#define READ  SC_REC_READ
#define WRITE SC_REC_WRITE

/* The sequence numbers every test is repeated at: plain, and around both places where signed and
 * unsigned arithmetic turn over. */
static const uint32_t starts[] = { 1000, 0xffffffffu - 1500, 0xffffffffu,
				   0,	 0x7fffffffu - 1500, 0x80000000u };

#define FOR_EACH_START(seq)                                                                        \
	for (const uint32_t *at_ = starts; at_ < starts + sizeof(starts) / sizeof(*starts); at_++) \
		for (uint32_t seq = *at_, once_ = 1; once_; once_ = 0)

static void feed_rx(struct lab *lab, uint64_t id, uint32_t seq, uint32_t len, uint8_t end,
		    uint64_t at_ns)
{
	struct record r = record_tcp_rx(id, seq, len, end, at_ns);

	lab_feed(lab, &r);
}

static void feed_tx(struct lab *lab, uint64_t id, uint32_t seq, uint32_t len, uint64_t at_ns)
{
	struct record r = record_tcp_tx(id, seq, len, at_ns);

	lab_feed(lab, &r);
}

static void test_one_call_each(void **state)
{
	(void)state;
	FOR_EACH_START(seq)
	{
		struct lab *lab = lab_start(NULL);

		for (uint64_t i = 0; i < 5; i++) {
			feed_rx(lab, i + 1, seq + i * 1000, 1000, SC_END_SOCKET,
				BASE_NS + i * 10000);
			lab_tcp_call(lab, READ, seq + i * 1000, seq + (i + 1) * 1000,
				     BASE_NS + i * 10000 + 5000);
		}
		lab_settle(lab, BASE_NS + 100000);
		for (uint64_t i = 0; i < 5; i++)
			lab_expect_read(lab, i + 1, BASE_NS + i * 10000 + 5000);
		assert_int_equal(lab->account.dir[0].complete, 5);
		lab_end(lab);
	}
}

static void test_coalesced(void **state)
{
	(void)state;
	FOR_EACH_START(seq)
	{
		struct lab *lab = lab_start(NULL);

		for (uint64_t i = 0; i < 4; i++)
			feed_rx(lab, i + 1, seq + i * 700, 700, SC_END_SOCKET, BASE_NS + i * 1000);
		lab_tcp_call(lab, READ, seq, seq + 2100, BASE_NS + 50000); /* three at once */
		lab_tcp_call(lab, READ, seq + 2100, seq + 2799,
			     BASE_NS + 60000); /* all but the last byte of the fourth */
		lab_tcp_call(lab, READ, seq + 2799, seq + 2800, BASE_NS + 70000);
		lab_settle(lab, BASE_NS + 100000);
		lab_expect_read(lab, 1, BASE_NS + 50000);
		lab_expect_read(lab, 2, BASE_NS + 50000);
		lab_expect_read(lab, 3, BASE_NS + 50000);
		lab_expect_read(lab, 4, BASE_NS + 70000);
		lab_end(lab);
	}
}

static void test_one_segment_many_reads(void **state)
{
	(void)state;
	FOR_EACH_START(seq)
	{
		struct lab *lab = lab_start(NULL);

		feed_rx(lab, 1, seq, 1000, SC_END_SOCKET, BASE_NS);
		for (uint32_t i = 0; i < 10; i++)
			lab_tcp_call(lab, READ, seq + i * 100, seq + (i + 1) * 100,
				     BASE_NS + 1000 + i * 1000);
		lab_settle(lab, BASE_NS + 100000);
		lab_expect_read(lab, 1, BASE_NS + 10000);
		lab_end(lab);
	}
}

/* Calls of one pass, packets of the next, and the other way round. */
static void test_either_first(void **state)
{
	(void)state;
	FOR_EACH_START(seq)
	{
		struct lab *lab = lab_start(NULL);

		lab_tcp_call(lab, READ, seq, seq + 500, BASE_NS + 5000);
		lab_pass(lab, BASE_NS + 6000, BASE_NS);
		feed_rx(lab, 1, seq, 500, SC_END_SOCKET, BASE_NS);
		feed_rx(lab, 2, seq + 500, 500, SC_END_SOCKET, BASE_NS + 10000);
		lab_settle(lab, BASE_NS + 12000);
		lab_expect_read(lab, 1, BASE_NS + 5000);
		assert_int_equal(lab->count, 1);
		assert_int_equal(join_waiting(lab->join), 1);
		lab_tcp_call(lab, READ, seq + 500, seq + 1000, BASE_NS + 15000);
		lab_settle(lab, BASE_NS + 20000);
		lab_expect_read(lab, 2, BASE_NS + 15000);
		assert_int_equal(join_waiting(lab->join), 0);
		lab_end(lab);
	}
}

/* Rings of several CPUs: records of one pass come in any order. */
static void test_calls_shuffled(void **state)
{
	static const unsigned int order[] = { 4, 1, 3, 0, 2 };
	struct lab *lab = lab_start(NULL);

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		unsigned int n = order[i];

		lab_tcp_call(lab, READ, n * 100, n * 100 + 100, BASE_NS + 10000 + n * 1000);
		feed_rx(lab, 5 - n, (4 - n) * 100, 100, SC_END_SOCKET, BASE_NS + (4 - n) * 100);
	}
	lab_settle(lab, BASE_NS + 100000);
	for (uint64_t n = 0; n < 5; n++)
		lab_expect_read(lab, n + 1, BASE_NS + 10000 + n * 1000);
	lab_end(lab);
}

static void test_other_socket(void **state)
{
	struct sc_call c = record_call(READ, 0, 100, BASE_NS + 5000);
	struct lab *lab = lab_start(NULL);

	(void)state;
	c.sock = SOCK + 1;
	feed_rx(lab, 1, 0, 100, SC_END_SOCKET, BASE_NS);
	lab_call(lab, &c);
	lab_settle(lab, BASE_NS + 6000);
	assert_int_equal(lab->count, 0);
	lab_end(lab);
}

/* Taken while its owner had the socket: queued later, told by sequence, then read. */
static void test_transport(void **state)
{
	(void)state;
	FOR_EACH_START(seq)
	{
		struct lab *lab = lab_start(NULL);
		const struct packet *p;

		feed_rx(lab, 1, seq, 100, SC_END_TRANSPORT, BASE_NS);
		feed_rx(lab, 2, seq + 100, 100, SC_END_TRANSPORT, BASE_NS + 1000);
		lab_tcp_call(lab, SC_REC_SOCKET, 0, seq + 99, BASE_NS + 2000);
		lab_settle(lab, BASE_NS + 2500);
		assert_int_equal(join_waiting(lab->join), 2);
		lab_tcp_call(lab, SC_REC_SOCKET, 0, seq + 200, BASE_NS + 3000);
		lab_settle(lab, BASE_NS + 3500);
		assert_int_equal(lab->count, 0);
		lab_tcp_call(lab, READ, seq, seq + 100, BASE_NS + 4000);
		lab_tcp_call(lab, READ, seq + 100, seq + 200, BASE_NS + 5000);
		lab_settle(lab, BASE_NS + 6000);
		lab_expect_read(lab, 1, BASE_NS + 4000);
		lab_expect_read(lab, 2, BASE_NS + 5000);
		for (uint64_t id = 1; id <= 2; id++) {
			p = lab_get(lab, id);
			assert_true(p->stages & SC_BIT(SC_RX_SOCKET));
			assert_int_equal(p->stamp_ns[SC_RX_SOCKET], BASE_NS + 3000);
		}
		lab_end(lab);
	}
}

/* The same bytes twice, both before the read: nothing tells that it was the copy that was read. What was readable before a packet
 * came is not its own queueing. */
static void test_duplicates(void **state)
{
	struct lab *lab = lab_start(NULL);

	(void)state;
	feed_rx(lab, 1, 0, 100, SC_END_TRANSPORT, BASE_NS);
	feed_rx(lab, 2, 0, 100, SC_END_TRANSPORT, BASE_NS + 1000);
	lab_tcp_call(lab, SC_REC_SOCKET, 0, 100, BASE_NS + 2000);
	lab_tcp_call(lab, READ, 0, 100, BASE_NS + 3000);
	feed_rx(lab, 3, 0, 100, SC_END_TRANSPORT, BASE_NS + 4000);
	lab_settle(lab, BASE_NS + 5000);
	lab_expect_read(lab, 1, BASE_NS + 3000);
	assert_true(lab_expect(lab, 2, "unmatched")->flags & PACKET_RETRANS);
	assert_false(lab_get(lab, 2)->stages & (SC_BIT(SC_RX_SOCKET) | SC_BIT(SC_RX_READ)));
	assert_int_equal(lab_get(lab, 2)->pid, 0);
	assert_int_equal(lab->count, 2);
	lab_settle(lab, BASE_NS + 4000 + DEADLINE_NS + 1);
	assert_true(lab_expect(lab, 3, "timeout")->flags & PACKET_RETRANS);
	assert_false(lab_get(lab, 3)->stages & (SC_BIT(SC_RX_SOCKET) | SC_BIT(SC_RX_READ)));
	lab_end(lab);
}

/* A packet that knows no socket is found by its flow, if another one told. */
static void test_socket_by_flow(void **state)
{
	struct record stranger = record_tcp_rx(2, 100, 100, SC_END_TRANSPORT, BASE_NS + 1000);
	struct lab *lab = lab_start(NULL);

	(void)state;
	stranger.p.sock = 0;
	feed_rx(lab, 1, 0, 100, SC_END_SOCKET, BASE_NS);
	lab_feed(lab, &stranger);
	stranger = record_tcp_rx(3, 100, 100, SC_END_TRANSPORT, BASE_NS + 2000);
	stranger.p.sock = 0;
	stranger.p.flow_hash++;
	lab_feed(lab, &stranger);
	lab_tcp_call(lab, READ, 0, 200, BASE_NS + 5000);
	lab_settle(lab, BASE_NS + 6000);
	lab_expect_read(lab, 1, BASE_NS + 5000);
	lab_expect_read(lab, 2, BASE_NS + 5000);
	assert_int_equal(lab->count, 2);
	lab_settle(lab, BASE_NS + 2000 + DEADLINE_NS + 1);
	lab_expect(lab, 3, "timeout");
	lab_end(lab);
}

static void expect_write(const struct lab *lab, uint64_t id, uint64_t at_ns)
{
	const struct packet *p = lab_expect(lab, id, "driver");

	assert_true(p->stages & SC_BIT(SC_TX_WRITE));
	assert_int_equal(p->stamp_ns[SC_TX_WRITE], at_ns);
	assert_int_equal(p->pid, 812);
	assert_string_equal(p->comm, "app");
}

static void expect_no_write(const struct lab *lab, uint64_t id)
{
	const struct packet *p = lab_expect(lab, id, "driver");

	assert_false(p->stages & SC_BIT(SC_TX_WRITE));
	assert_int_equal(p->pid, 0);
}

static void test_many_writes_one_segment(void **state)
{
	(void)state;
	FOR_EACH_START(seq)
	{
		struct lab *lab = lab_start(NULL);

		for (uint32_t i = 0; i < 10; i++)
			lab_tcp_call(lab, WRITE, seq + i * 100, seq + (i + 1) * 100,
				     BASE_NS + i * 1000);
		feed_tx(lab, 1, seq, 1000, BASE_NS + 20000);
		feed_tx(lab, 2, seq, 901, BASE_NS + 21000);
		feed_tx(lab, 3, seq, 900, BASE_NS + 22000);
		lab_settle(lab, BASE_NS + 30000);
		expect_write(lab, 1, BASE_NS + 9000);
		expect_write(lab, 2, BASE_NS + 9000);
		expect_write(lab, 3, BASE_NS + 8000);
		lab_end(lab);
	}
}

static void test_one_write_many_segments(void **state)
{
	(void)state;
	FOR_EACH_START(seq)
	{
		struct lab *lab = lab_start(NULL);

		lab_tcp_call(lab, WRITE, seq, seq + 10000, BASE_NS);
		for (uint64_t i = 0; i < 10; i++)
			feed_tx(lab, i + 1, seq + i * 1000, 1000, BASE_NS + 1000 + i * 1000);
		feed_tx(lab, 11, seq + 10000, 1, BASE_NS + 15000); /* the byte after */
		feed_tx(lab, 12, seq - 1, 1, BASE_NS + 16000);	   /* the byte before */
		lab_settle(lab, BASE_NS + 30000);
		for (uint64_t i = 0; i < 10; i++)
			expect_write(lab, i + 1, BASE_NS);
		lab_expect(lab, 11, "unmatched"); /* some call sent it after one that is known */
		expect_no_write(lab, 12);
		lab_end(lab);
	}
}

/* A full ring took the record of a call: its bytes have no time, and say so. What was sent before the first known call just has none, and a drop remains one. */
static void test_lost_write(void **state)
{
	(void)state;
	FOR_EACH_START(seq)
	{
		struct lab *lab = lab_start(NULL);

		for (uint32_t i = 1; i < 40; i++)
			if (i % 10)
				lab_tcp_call(lab, WRITE, seq + i * 100, seq + (i + 1) * 100, BASE_NS + i * 1000);
		for (uint32_t i = 0; i < 40; i++)
			feed_tx(lab, i + 1, seq + i * 100, 100, BASE_NS + 100000 + i);
		lab_settle(lab, BASE_NS + 200000);
		expect_no_write(lab, 1);
		for (uint32_t i = 1; i < 40; i++)
			if (i % 10)
				expect_write(lab, i + 1, BASE_NS + i * 1000);
			else
				assert_false(lab_expect(lab, i + 1, "unmatched")->stages & SC_BIT(SC_TX_WRITE));
		lab_end(lab);
	}
}

/* Calls of a gigabyte each: they are kept for longer than sequence numbers take to come round. */
static void test_giant_writes(void **state)
{
	const uint32_t giga = 1u << 30;

	(void)state;
	FOR_EACH_START(seq)
	{
		struct lab *lab = lab_start(NULL);

		for (uint32_t i = 0; i < 12; i++)
			lab_tcp_call(lab, WRITE, seq + i * giga, seq + (i + 1) * giga, BASE_NS + i * 1000);
		for (uint32_t i = 10; i < 12; i++)
			feed_tx(lab, i + 1, seq + i * giga + 5000, 100, BASE_NS + 100000 + i);
		lab_settle(lab, BASE_NS + 200000);
		for (uint32_t i = 10; i < 12; i++)
			expect_write(lab, i + 1, BASE_NS + i * 1000);
		lab_end(lab);
	}
}

/* A call that could send only a part is followed by one that covers the rest. */
static void test_partial_send(void **state)
{
	(void)state;
	FOR_EACH_START(seq)
	{
		struct lab *lab = lab_start(NULL);

		lab_tcp_call(lab, WRITE, seq, seq + 1000, BASE_NS);
		lab_tcp_call(lab, WRITE, seq + 400, seq + 1000, BASE_NS + 5000);
		feed_tx(lab, 1, seq, 400, BASE_NS + 6000);
		feed_tx(lab, 2, seq + 400, 600, BASE_NS + 7000);
		feed_tx(lab, 3, seq + 300, 200, BASE_NS + 8000); /* last byte of the second call */
		feed_tx(lab, 4, seq + 400, 600,
			BASE_NS + 4000); /* sent before the second call: the first one's byte */
		lab_settle(lab, BASE_NS + 30000);
		expect_write(lab, 1, BASE_NS);
		expect_write(lab, 2, BASE_NS + 5000);
		expect_write(lab, 3, BASE_NS + 5000);
		expect_write(lab, 4, BASE_NS);
		lab_end(lab);
	}
}

/* A call that asked for much and sent little, then small ones: what a call asked for overlaps what
 * others sent. */
static void test_greedy_send(void **state)
{
	(void)state;
	FOR_EACH_START(seq)
	{
		struct lab *lab = lab_start(NULL);

		lab_tcp_call(lab, WRITE, seq, seq + 100000, BASE_NS);
		for (uint32_t i = 1; i < 10; i++)
			lab_tcp_call(lab, WRITE, seq + i * 100, seq + (i + 1) * 100,
				     BASE_NS + i * 1000);
		for (uint32_t i = 0; i < 10; i++)
			feed_tx(lab, i + 1, seq + i * 100, 100, BASE_NS + 20000 + i);
		lab_settle(lab, BASE_NS + 30000);
		for (uint32_t i = 0; i < 10; i++)
			expect_write(lab, i + 1, BASE_NS + i * 1000);
		lab_end(lab);
	}
}

static void test_newer_write(void **state)
{
	struct lab *lab = lab_start(NULL);

	(void)state;
	lab_tcp_call(lab, WRITE, 0, 1000, BASE_NS + 6001);
	feed_tx(lab, 1, 0, 1000, BASE_NS + 6000);
	feed_tx(lab, 2, 0, 1000, BASE_NS + 6001);
	lab_settle(lab, BASE_NS + 30000);
	expect_no_write(lab, 1);
	expect_write(lab, 2, BASE_NS + 6001);
	lab_end(lab);
}

/* The send call may sit in a ring behind the packet's: one more pass. Without payload there is
 * nothing to wait for. */
static void test_write_a_pass_late(void **state)
{
	struct lab *lab = lab_start(NULL);

	(void)state;
	feed_tx(lab, 1, 0, 1000, BASE_NS + 1000);
	lab_pass(lab, BASE_NS + 10000, FOREVER);
	assert_int_equal(lab->count, 0);
	assert_int_equal(join_waiting(lab->join), 0);
	lab_tcp_call(lab, WRITE, 0, 1000, BASE_NS);
	feed_tx(lab, 2, 1000, 0, BASE_NS + 10000); /* an ACK */
	lab_settle(lab, BASE_NS + 20000);
	expect_write(lab, 1, BASE_NS);
	expect_no_write(lab, 2);
	feed_tx(lab, 3, 500, 500,
		BASE_NS + 30000); /* the end of the capture does not take the write away */
	assert_int_equal(join_finish(lab->join), 0);
	expect_write(lab, 3, BASE_NS);
	assert_true(lab_get(lab, 3)->flags & PACKET_RETRANS);
	lab_end(lab);
}

#define STREAM_PACKETS 300

/* Streams cut at random into packets, reads and writes, fed in any order, against what the cuts
 * say. */
static void test_random_streams(void **state)
{
	uint64_t seed = 42;

	(void)state;
	for (int round = 0; round < 60; round++) {
		uint32_t seq = (uint32_t)fixture_random(&seed), end = 0, reached = 0;
		struct sc_call calls[STREAM_PACKETS * 4];
		uint64_t expected[STREAM_PACKETS] = { 0 }, read_ns = BASE_NS + 10000000;
		struct lab *lab = lab_start(NULL);
		size_t call_count = 0, next = 0;
		uint32_t ends[STREAM_PACKETS];
		uint8_t type = round & 1 ? READ : WRITE;

		for (size_t i = 0; i < STREAM_PACKETS; i++)
			ends[i] = end += 1 + fixture_random(&seed) % 3000;
		while (reached < end && call_count < STREAM_PACKETS * 4) {
			uint32_t from = reached;

			reached += 1 + fixture_random(&seed) % 6000;
			reached = reached > end || call_count == STREAM_PACKETS * 4 - 1 ? end
											: reached;
			read_ns += 1000;
			calls[call_count++] =
				record_call(type, seq + from, seq + reached,
					    type == READ ? read_ns : read_ns - 10000000);
			for (; next < STREAM_PACKETS && ends[next] <= reached; next++)
				expected[next] = calls[call_count - 1].time_ns;
		}
		for (size_t i = 0; i < call_count; i++) { /* Fisher-Yates */
			size_t with = i + fixture_random(&seed) % (call_count - i);
			struct sc_call c = calls[with];

			calls[with] = calls[i];
			lab_call(lab, &c);
		}
		for (size_t i = STREAM_PACKETS; i-- > 0;) {
			uint32_t from = i ? ends[i - 1] : 0;

			if (type == READ)
				feed_rx(lab, i + 1, seq + from, ends[i] - from, SC_END_SOCKET,
					BASE_NS + i * 1000);
			else
				feed_tx(lab, i + 1, seq + from, ends[i] - from,
					BASE_NS + 20000000 + i * 1000);
		}
		lab_settle(lab, BASE_NS + 100000000);
		for (size_t i = 0; i < STREAM_PACKETS; i++) {
			if (type == READ)
				lab_expect_read(lab, i + 1, expected[i]);
			else
				expect_write(lab, i + 1, expected[i]);
			assert_int_equal(lab_get(lab, i + 1)->flags,
					 0); /* one stream in order: nothing sent twice, no hole */
		}
		lab_end(lab);
	}
}

/* Packets and calls of minutes, with the passes of a live capture: old calls go, what is needed
 * stays. */
static void test_long_connection(void **state)
{
	struct lab *lab = lab_start(NULL);
	const uint64_t every_ns = 100000000ull;

	(void)state;
	lab_tcp_call(lab, WRITE, 0, 1000000, BASE_NS);
	for (uint64_t i = 0; i < 2000; i++) {
		uint64_t at_ns = BASE_NS + i * every_ns;

		feed_rx(lab, 2 * i + 1, i * 100, 100, SC_END_SOCKET, at_ns);
		feed_tx(lab, 2 * i + 2, i * 100, 100, at_ns + 2000);
		lab_tcp_call(lab, READ, i * 100, i * 100 + 100, at_ns + every_ns / 2);
		if (i % 100 == 99)
			lab_tcp_call(lab, WRITE, 1000000 + i, 1000001 + i,
				     at_ns); /* keeps the socket's calls alive */
		lab_pass(lab, at_ns + every_ns / 2 + 1, at_ns + every_ns / 2);
	}
	lab_settle(lab, BASE_NS + 2000 * every_ns);
	for (uint64_t i = 0; i < 2000; i++) {
		lab_expect_read(lab, 2 * i + 1, BASE_NS + i * every_ns + every_ns / 2);
		expect_write(lab, 2 * i + 2, BASE_NS);
	}
	lab_end(lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_call_each),
		cmocka_unit_test(test_coalesced),
		cmocka_unit_test(test_one_segment_many_reads),
		cmocka_unit_test(test_either_first),
		cmocka_unit_test(test_calls_shuffled),
		cmocka_unit_test(test_other_socket),
		cmocka_unit_test(test_transport),
		cmocka_unit_test(test_duplicates),
		cmocka_unit_test(test_socket_by_flow),
		cmocka_unit_test(test_many_writes_one_segment),
		cmocka_unit_test(test_one_write_many_segments),
		cmocka_unit_test(test_lost_write),
		cmocka_unit_test(test_giant_writes),
		cmocka_unit_test(test_partial_send),
		cmocka_unit_test(test_greedy_send),
		cmocka_unit_test(test_newer_write),
		cmocka_unit_test(test_write_a_pass_late),
		cmocka_unit_test(test_random_streams),
		cmocka_unit_test(test_long_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
