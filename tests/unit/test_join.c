/* SPDX-License-Identifier: GPL-2.0-only */
/* The join as a whole: order, patience, ends, accounting. Matching itself: test_join_tcp.c,
 * test_join_gro.c, test_join_datagram.c. */
#include "join_lab.h"

/* Each packet has a socket of its own, so that reads may come in any order. */
static void feed_rx(struct lab *lab, uint64_t id, uint8_t end, uint64_t at_ns)
{
	struct record r = record_tcp_rx(id, 0, end == SC_END_L4 ? 0 : 100, end, at_ns);

	r.p.sock = id;
	lab_feed(lab, &r);
}

static void feed_read(struct lab *lab, uint64_t id, uint64_t at_ns)
{
	struct sc_call c = record_call(SC_REC_READ, 0, 100, at_ns);

	c.sock = id;
	lab_call(lab, &c);
}

/* Fed in any order, late completions among them: out by anchor. */
static void test_order(void **state)
{
	uint64_t seed = 7;

	(void)state;
	for (int round = 0; round < 50; round++) {
		struct lab *lab = lab_start(NULL);
		uint64_t ids[200];

		for (uint64_t i = 0; i < 200; i++)
			ids[i] = i + 1;
		for (size_t i = 0; i < 200; i++) {
			size_t with = i + fixture_random(&seed) % (200 - i);
			uint64_t id = ids[with];

			ids[with] = ids[i];
			feed_rx(lab, id, id % 3 ? SC_END_L4 : SC_END_SOCKET, BASE_NS + id * 1000);
		}
		lab_settle(lab, BASE_NS + 300000);
		assert_int_equal(lab->count,
				 2); /* the third waits for its read, all others behind it */
		for (uint64_t id = 198; id > 0; id -= 3) {
			feed_read(lab, id, BASE_NS + 1000000 - id * 100);
			if (id > 3 && id % 30 == 0)
				lab_settle(lab, BASE_NS + 1000000);
			assert_int_equal(lab->count, 2);
		}
		lab_settle(lab, BASE_NS + 2000000);
		assert_int_equal(lab->count, 200);
		for (uint64_t i = 0; i < 200; i++)
			assert_int_equal(lab->out[i].id, i + 1);
		lab_end(lab);
	}
}

/* Nothing goes whose predecessor may still be inside the kernel, nor before every ring was drained
 * once more. */
static void test_held_back(void **state)
{
	struct lab *lab = lab_start(NULL);

	(void)state;
	feed_rx(lab, 2, SC_END_L4, BASE_NS + 1000);
	lab_pass(lab, BASE_NS + 10000, FOREVER);
	assert_int_equal(lab->count,
			 0); /* came in this pass: its children may be in a ring behind us */
	lab_pass(lab, BASE_NS + 10000, BASE_NS + 1000);
	assert_int_equal(lab->count, 0); /* one as old as it may come */
	feed_rx(lab, 1, SC_END_L4, BASE_NS + 500);
	lab_settle(lab, BASE_NS + 11000);
	assert_int_equal(lab->count, 2);
	assert_int_equal(lab->out[0].id, 1);
	lab_end(lab);
}

static void test_deadline(void **state)
{
	struct lab *lab = lab_start(NULL);

	(void)state;
	feed_rx(lab, 1, SC_END_SOCKET, BASE_NS);
	feed_rx(lab, 2, SC_END_TRANSPORT, BASE_NS + 10);
	feed_rx(lab, 3, SC_END_L4, BASE_NS + 20);
	lab_settle(lab, BASE_NS + DEADLINE_NS);
	assert_int_equal(lab->count, 0);
	assert_int_equal(join_waiting(lab->join), 2);
	lab_settle(lab, BASE_NS + DEADLINE_NS + 1);
	assert_int_equal(lab->count, 1);
	assert_string_equal(lab_expect(lab, 1, "timeout")->at, "socket");
	feed_read(lab, 1, BASE_NS + DEADLINE_NS + 5); /* too late, and nobody's */
	lab_settle(lab, BASE_NS + DEADLINE_NS + 11);
	assert_string_equal(lab_expect(lab, 2, "timeout")->at, "l4");
	lab_expect(lab, 3, "l4");
	assert_int_equal(lab->account.dir[0].complete, 1);
	assert_int_equal(lab->account.dir[0].partial[ACCOUNT_PARTIAL_TIMEOUT], 2);
	assert_int_equal(join_waiting(lab->join), 0);
	lab_end(lab);
}

static void test_window(void **state)
{
	struct lab *lab = lab_start(NULL);

	(void)state;
	for (uint64_t id = 1; id <= WINDOW + 10; id++)
		feed_rx(lab, id, SC_END_SOCKET, BASE_NS + id);
	lab_settle(lab, BASE_NS + 100000);
	assert_int_equal(lab->count, 10);
	assert_int_equal(join_waiting(lab->join), WINDOW);
	for (uint64_t id = 1; id <= 10; id++)
		lab_expect(lab, id, "window");
	for (uint64_t id = 1; id <= WINDOW + 10; id++)
		feed_read(lab, id, BASE_NS + 200000);
	lab_settle(lab, BASE_NS + 300000);
	lab_expect(lab, 11, "read");
	assert_int_equal(lab->account.dir[0].partial[ACCOUNT_PARTIAL_WINDOW], 10);
	assert_int_equal(lab->account.dir[0].complete, WINDOW);
	lab_end(lab);
}

static void test_finish(void **state)
{
	struct record sent = record_tcp_tx(6, 0, 100, BASE_NS + 60);
	struct record child = record_tcp_rx(7, 0, 100, SC_END_MERGED, BASE_NS + 70);
	struct lab *lab = lab_start(NULL);

	(void)state;
	child.p.parent_id = 1000;
	feed_rx(lab, 1, SC_END_SOCKET, BASE_NS + 10);
	feed_rx(lab, 2, SC_END_TRANSPORT, BASE_NS + 20);
	feed_rx(lab, 3, SC_END_L4, BASE_NS + 30);
	feed_rx(lab, 4, SC_END_OPEN, BASE_NS + 40); /* swept while running: beyond its deadline */
	lab_feed(lab, &sent);
	lab_feed(lab, &child);
	join_stop(lab->join);
	feed_rx(lab, 5, SC_END_OPEN, BASE_NS + 50);
	feed_rx(lab, 8, SC_END_SOCKET, BASE_NS + 80);
	feed_read(lab, 8, BASE_NS + 5000);
	assert_int_equal(join_finish(lab->join), 0);
	assert_int_equal(lab->count, 8);
	lab_expect(lab, 1, "unread");
	lab_expect(lab, 2, "unread");
	lab_expect(lab, 3, "l4");
	lab_expect(lab, 4, "timeout");
	assert_string_equal(lab_expect(lab, 5, "open")->at, "l4");
	lab_expect(lab, 6, "driver");
	lab_expect(lab, 7, "parent");
	lab_expect_read(lab, 8, BASE_NS + 5000);
	assert_int_equal(lab->account.dir[0].partial[ACCOUNT_PARTIAL_UNREAD], 2);
	assert_int_equal(lab->account.dir[0].partial[ACCOUNT_PARTIAL_OPEN], 1);
	assert_int_equal(lab->account.dir[0].partial[ACCOUNT_PARTIAL_TIMEOUT], 1);
	assert_int_equal(lab->account.dir[0].partial[ACCOUNT_PARTIAL_PARENT], 1);
	lab_end(lab);
}

static void test_ends(void **state)
{
	static const struct {
		uint8_t end, dir;
		const char *name, *at;
	} rows[] = {
		{ SC_END_TC, SC_DIR_RX, "tc", "" },
		{ SC_END_L4, SC_DIR_RX, "l4", "" },
		{ SC_END_FORWARD, SC_DIR_RX, "forward", "" },
		{ SC_END_DROP, SC_DIR_RX, "drop:54321", "l4" },
		{ SC_END_CONSUMED, SC_DIR_RX, "consumed", "l4" },
		{ SC_END_RECYCLED, SC_DIR_RX, "recycled", "l4" },
		{ SC_END_OPEN, SC_DIR_RX, "timeout", "l4" },
		{ SC_END_READ, SC_DIR_RX, "read", "" },
		{ SC_END_DRIVER, SC_DIR_TX, "driver", "" },
		{ SC_END_TXDONE, SC_DIR_TX, "txdone", "" },
		{ SC_END_DROP, SC_DIR_TX, "drop:54321", "driver" },
		{ SC_END_CONSUMED, SC_DIR_TX, "consumed", "driver" },
		{ SC_END_OPEN, SC_DIR_TX, "timeout", "driver" },
	};
	struct lab *lab = lab_start(NULL);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct record r = rows[i].dir == SC_DIR_RX
					  ? record_tcp_rx(i + 1, i, 0, rows[i].end, BASE_NS + i)
					  : record_tcp_tx(i + 1, i, 0, BASE_NS + i);

		r.p.end = rows[i].end;
		r.p.drop_reason = 54321;
		r.p.out_ifindex = rows[i].end == SC_END_FORWARD ? 9 : i & 1 ? 1234 : 0;
		lab_feed(lab, &r);
	}
	lab_settle(lab, BASE_NS + 100000);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct packet *p = lab_expect(lab, i + 1, rows[i].name);

		assert_string_equal(p->at, rows[i].at);
		assert_string_equal(p->via, rows[i].end == SC_END_FORWARD ? "eth9" : "");
		assert_int_equal(p->dir, rows[i].dir);
	}
	lab_end(lab);
}

/* What TCP sent and only the driver saw is not whole, unless it was cut from another packet. */
static void test_begun_at_driver(void **state)
{
	struct lab *lab = lab_start(NULL);

	(void)state;
	for (uint64_t id = 1; id <= 2; id++) {
		struct record r = record_tcp_tx(id, 0, 100, BASE_NS + id);

		r.p.end = SC_END_DRIVER;
		r.p.sock = 5;
		r.p.stages = SC_BIT(SC_TX_DRIVER);
		r.p.flags |= id == 2 ? SC_FLAG_SEGMENT : 0;
		lab_feed(lab, &r);
	}
	lab_settle(lab, BASE_NS + 100000);
	lab_expect(lab, 1, "unstamped");
	lab_expect(lab, 2, "driver");
	assert_int_equal(lab->account.dir[1].partial[ACCOUNT_PARTIAL_UNSTAMPED], 1);
	lab_end(lab);
}

/* What this kernel cannot stamp is not waited for. */
static void test_rules(void **state)
{
	static const struct {
		uint32_t without;
		uint8_t end;
		const char *name; /* NULL: it waits */
	} rows[] = {
		{ SC_BIT(SC_RX_READ), SC_END_SOCKET, "socket" },
		{ SC_BIT(SC_RX_SOCKET), SC_END_SOCKET, NULL },
		{ SC_BIT(SC_RX_READ) | SC_BIT(SC_RX_SOCKET), SC_END_TRANSPORT, "l4" },
		{ SC_BIT(SC_RX_SOCKET), SC_END_TRANSPORT, NULL },
		{ SC_BIT(SC_RX_WAKEUP), SC_END_SOCKET, NULL },
	};

	(void)state;
	for (int datagram = 0; datagram < 2; datagram++) {
		for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
			struct record r = record_rx(1, datagram ? IPPROTO_UDP : IPPROTO_TCP,
						    rows[i].end, BASE_NS);
			struct join_config config = lab_config(NULL);
			struct lab *lab;

			*(datagram ? &config.rules.dgram_stages : &config.rules.tcp_stages) &=
				~rows[i].without;
			r.p.payload_len_bytes = 100;
			lab = lab_start(&config);
			lab_feed(lab, &r);
			lab_settle(lab, BASE_NS + 100000);
			assert_int_equal(lab->count, rows[i].name ? 1 : 0);
			assert_int_equal(join_waiting(lab->join), rows[i].name ? 0 : 1);
			if (rows[i].name)
				lab_expect(lab, 1, rows[i].name);
			lab_end(lab);
		}
	}
}

/* Everything of a record that a sink shows. */
static void test_fields(void **state)
{
	struct record r = record_new(SC_DIR_RX, 4711, IPPROTO_UDP, SC_END_L4);
	struct lab *lab = lab_start(NULL);
	const struct packet *p;

	(void)state;
	record_stamps(&r,
		      SC_BIT(SC_RX_HARDIRQ) | SC_BIT(SC_RX_SOFTIRQ) | SC_BIT(SC_RX_DRIVER) |
			      SC_BIT(SC_RX_NETIF),
		      BASE_NS);
	r.p.ifindex = IFINDEX + 1;
	r.p.cpu = 5;
	r.p.irq = 33;
	r.p.queue = 2;
	r.p.wire_len_bytes = 9000;
	r.p.flags = SC_FLAG_POLLED | SC_FLAG_GSO | SC_FLAG_VLAN | SC_FLAG_BACKLOG | SC_FLAG_CLONE;
	lab_feed(lab, &r);
	lab_settle(lab, BASE_NS + 100000);
	p = lab_expect(lab, 4711, "l4");
	assert_int_equal(p->interface, 1);
	assert_int_equal(p->anchor_ns, BASE_NS + 2 * STEP_NS);
	assert_int_equal(p->stages, r.p.stages);
	assert_int_equal(p->stamp_ns[SC_RX_HARDIRQ], BASE_NS);
	assert_int_equal(p->cpu, 5);
	assert_int_equal(p->irq, 33);
	assert_int_equal(p->queue, 2);
	assert_int_equal(p->wire_len_bytes, 9000);
	assert_int_equal(p->flags, PACKET_POLLED | PACKET_GSO | PACKET_VLAN);
	assert_string_equal(p->comm, "");
	lab_end(lab);
}

/* RX: xdp, driver, netif, tc, ip, whichever is first; TX: driver, netdev, tc. */
static void test_anchor(void **state)
{
	static const uint8_t rx[] = { SC_RX_XDP, SC_RX_DRIVER, SC_RX_NETIF, SC_RX_TC, SC_RX_IP };
	static const uint8_t tx[] = { SC_TX_DRIVER, SC_TX_NETDEV, SC_TX_TC };

	(void)state;
	for (size_t i = 0; i < sizeof(rx) + sizeof(tx); i++) {
		bool is_rx = i < sizeof(rx);
		struct record r = record_new(is_rx ? SC_DIR_RX : SC_DIR_TX, 1, IPPROTO_UDP,
					     is_rx ? SC_END_L4 : SC_END_DRIVER);
		uint8_t stage = is_rx ? rx[i] : tx[i - sizeof(rx)];
		struct lab *lab = lab_start(NULL);

		if (is_rx)
			record_stamps(&r,
				      (record_rx_stages(SC_RX_L4) | SC_BIT(SC_RX_XDP) |
				       SC_BIT(SC_RX_SOFTIRQ)) &
					      ~((SC_BIT(stage) - 1) & ~SC_BIT(SC_RX_SOFTIRQ)),
				      BASE_NS);
		else
			record_stamps(&r, (SC_BIT(stage + 1) - 1) & ~(SC_BIT(SC_TX_L4) - 1),
				      BASE_NS);
		lab_feed(lab, &r);
		lab_settle(lab, BASE_NS + 100000);
		assert_int_equal(lab_get(lab, 1)->anchor_ns, r.p.stamp_ns[stage]);
		lab_end(lab);
	}
}

/* What cannot be used is counted as lost, once, in its direction. */
static void test_lost(void **state)
{
	struct record r = record_tcp_tx(1, 0, 100, BASE_NS),
		      broken = record_tcp_rx(2, 0, 100, SC_END_L4, BASE_NS);
	struct lab *lab = lab_start(NULL);

	(void)state;
	r.p.ifindex = 99; /* not captured */
	assert_int_equal(join_record(lab->join, &r, sizeof(r)), -EBADMSG);
	broken.p.stamp_ns[SC_RX_L4] = 1;
	assert_int_equal(join_record(lab->join, &broken, sizeof(broken)), -EBADMSG);
	assert_int_equal(lab->account.dir[1].lost[ACCOUNT_LOST_DECODE], 1);
	assert_int_equal(lab->account.dir[0].lost[ACCOUNT_LOST_DECODE], 1);
	lab->account.dir[0].seen = lab->account.dir[1].seen = 1;
	lab_end(lab);
}

/* A sink that fails ends the pass, and what it was given is counted. */
static void test_sink_fails(void **state)
{
	struct lab *lab = lab_start(NULL);

	(void)state;
	feed_rx(lab, 1, SC_END_L4, BASE_NS);
	feed_rx(lab, 2, SC_END_L4, BASE_NS + 1);
	feed_rx(lab, 3, SC_END_L4, BASE_NS + 2);
	lab_pass(lab, BASE_NS + 10000, FOREVER);
	lab->fail = -EPIPE;
	assert_int_equal(join_pass(lab->join, BASE_NS + 10000, FOREVER, FOREVER), -EPIPE);
	assert_int_equal(lab->count, 1);
	assert_int_equal(join_finish(lab->join), -EPIPE); /* all the same, everything is counted */
	assert_int_equal(lab->count, 3);
	lab_end(lab);
}

/* Freed with packets and children inside. */
static void test_freed_early(void **state)
{
	struct record child = record_tcp_rx(3, 0, 100, SC_END_MERGED, BASE_NS + 70);
	struct lab *lab = lab_start(NULL);

	(void)state;
	child.p.parent_id = 1000;
	feed_rx(lab, 1, SC_END_SOCKET, BASE_NS);
	feed_rx(lab, 2, SC_END_TRANSPORT, BASE_NS);
	lab_feed(lab, &child);
	lab_tcp_call(lab, SC_REC_WRITE, 0, 1, BASE_NS);
	join_free(lab->join);
	join_free(NULL);
	free(lab);
}

/* All kinds at once for many passes: nothing appears twice, nothing vanishes, the order holds. */
static void test_random_mix(void **state)
{
	static const uint8_t ends[] = { SC_END_L4,   SC_END_SOCKET, SC_END_TRANSPORT, SC_END_MERGED,
					SC_END_DROP, SC_END_OPEN,   SC_END_CONSUMED };
	uint64_t seed = 99;

	(void)state;
	for (int round = 0; round < 20; round++) {
		struct join_config config = lab_config(NULL);
		uint64_t now_ns = BASE_NS, fed = 0;
		struct lab *lab;

		config.window = 50;
		config.deadline_ns = 500000;
		lab = lab_start(&config);
		for (int i = 0; i < 1000; i++) {
			uint64_t dice = fixture_random(&seed);
			uint64_t id = ++fed;
			struct record r =
				dice % 5 ? record_tcp_rx(id, 0, 100, ends[dice / 5 % sizeof(ends)],
							 now_ns)
					 : record_tcp_tx(id, 0, 100, now_ns);

			r.p.sock = id;
			r.p.parent_id = r.p.end == SC_END_MERGED ? fed - dice / 64 % 4 : 0;
			lab_feed(lab, &r);
			if (dice & 0x1000)
				feed_read(lab, fed - dice / 8192 % 8, now_ns + 1000);
			now_ns += 1000 + dice % 5000;
			if (dice / 0x10000 % 8 == 0)
				lab_pass(lab, now_ns, now_ns - 1000);
		}
		join_stop(lab->join);
		assert_int_equal(join_finish(lab->join), 0);
		assert_int_equal(lab->count, fed);
		for (uint64_t id = 1; id <= fed; id++)
			lab_get(lab, id);
		lab_end(lab);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),	   cmocka_unit_test(test_held_back),
		cmocka_unit_test(test_deadline),   cmocka_unit_test(test_window),
		cmocka_unit_test(test_finish),	   cmocka_unit_test(test_ends),
		cmocka_unit_test(test_begun_at_driver),
		cmocka_unit_test(test_rules),	   cmocka_unit_test(test_fields),
		cmocka_unit_test(test_anchor),	   cmocka_unit_test(test_lost),
		cmocka_unit_test(test_sink_fails), cmocka_unit_test(test_freed_early),
		cmocka_unit_test(test_random_mix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
