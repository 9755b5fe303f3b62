/* SPDX-License-Identifier: GPL-2.0-only */
/* Packets that go on as part of another one: GRO, software segmentation. */
#include "join_lab.h"

#define LEN 1000

/* The packet that others were merged into: its own bytes are [0, LEN), its later stages those of
 * all. */
static struct record parent_record(uint64_t id, uint8_t end, uint64_t at_ns)
{
	struct record r = record_tcp_rx(id, 0, LEN, end, at_ns);

	r.p.flags = SC_FLAG_GRO;
	return r;
}

/* The n-th packet merged into it. */
static struct record child_record(uint64_t id, uint64_t parent, uint32_t n, uint64_t at_ns)
{
	struct record r = record_tcp_rx(id, n * LEN, LEN, SC_END_MERGED, at_ns);

	r.p.parent_id = parent;
	r.p.sock = 0;
	r.p.flags = SC_FLAG_GRO;
	return r;
}

static void feed_parent(struct lab *lab, uint8_t end)
{
	struct record r = parent_record(1, end, BASE_NS);

	if (end == SC_END_DROP)
		r.p.drop_reason = 12345;
	/* Merged for a while: what comes after GRO is later than every child. */
	for (int stage = SC_RX_NETIF; stage < SC_STAGE_COUNT; stage++)
		if (r.p.stages & SC_BIT(stage))
			r.p.stamp_ns[stage] += 10000;
	lab_feed(lab, &r);
}

static void feed_children(struct lab *lab, unsigned int count)
{
	for (unsigned int n = 1; n <= count; n++) {
		struct record r = child_record(n + 1, 1, n, BASE_NS + n * 10);

		lab_feed(lab, &r);
	}
}

static void expect_child(const struct lab *lab, uint64_t id, uint8_t last)
{
	const struct packet *p = lab_get(lab, id), *parent = lab_get(lab, 1);

	assert_int_equal(p->parent_id, 1);
	assert_true(p->flags & PACKET_GRO);
	assert_int_equal(p->anchor_ns, BASE_NS + (id - 1) * 10);
	assert_int_equal(p->stamp_ns[SC_RX_DRIVER], BASE_NS + (id - 1) * 10);
	assert_int_equal(p->stages & (SC_BIT(last + 1) - 1), record_rx_stages(last));
	for (int stage = SC_RX_NETIF; stage <= last; stage++)
		if (p->stages & SC_BIT(stage))
			assert_int_equal(p->stamp_ns[stage], parent->stamp_ns[stage]);
}

/* Whichever comes first, parent or children, in one pass or in two. */
static void test_gro_read(void **state)
{
	(void)state;
	for (int order = 0; order < 4; order++) {
		struct lab *lab = lab_start(NULL);

		if (order & 1)
			feed_parent(lab, SC_END_SOCKET);
		else
			feed_children(lab, 3);
		if (order & 2)
			lab_pass(lab, BASE_NS + 20000, FOREVER);
		if (order & 1)
			feed_children(lab, 3);
		else
			feed_parent(lab, SC_END_SOCKET);
		lab_tcp_call(lab, SC_REC_READ, 0, 1500,
			     BASE_NS + 30000); /* the parent and half of the first child */
		lab_tcp_call(lab, SC_REC_READ, 1500, 3000, BASE_NS + 40000);
		lab_settle(lab, BASE_NS + 50000);
		assert_int_equal(lab->count, 3);
		lab_expect_read(lab, 1, BASE_NS + 30000);
		lab_expect_read(lab, 2, BASE_NS + 40000);
		lab_expect_read(lab, 3, BASE_NS + 40000);
		lab_tcp_call(lab, SC_REC_READ, 3000, 4000, BASE_NS + 60000);
		lab_settle(lab, BASE_NS + 70000);
		lab_expect_read(lab, 4, BASE_NS + 60000);
		for (uint64_t id = 2; id <= 4; id++)
			expect_child(lab, id, SC_RX_SOCKET);
		for (uint64_t id = 1; id <= 4; id++) {
			assert_int_equal(lab_get(lab, id)->gro_index, id);
			assert_int_equal(lab_get(lab, id)->gro_count, 4);
		}
		assert_int_equal(lab->account.dir[0].complete, 4);
		lab_end(lab);
	}
}

/* The parent is told by sequence later; so is each child. */
static void test_gro_transport(void **state)
{
	struct lab *lab = lab_start(NULL);

	(void)state;
	feed_parent(lab, SC_END_TRANSPORT);
	feed_children(lab, 2);
	lab_pass(lab, BASE_NS + 20000, FOREVER);
	lab_tcp_call(lab, SC_REC_SOCKET, 0, 2 * LEN, BASE_NS + 30000);
	lab_tcp_call(lab, SC_REC_SOCKET, 0, 3 * LEN, BASE_NS + 31000);
	lab_tcp_call(lab, SC_REC_READ, 0, 3 * LEN, BASE_NS + 40000);
	lab_settle(lab, BASE_NS + 50000);
	for (uint64_t id = 1; id <= 3; id++) {
		lab_expect_read(lab, id, BASE_NS + 40000);
		assert_int_equal(lab_get(lab, id)->stamp_ns[SC_RX_SOCKET],
				 BASE_NS + (id < 3 ? 30000 : 31000));
	}
	lab_end(lab);
}

static void test_gro_parent_ends(void **state)
{
	static const struct {
		uint8_t end;
		const char *name;
		int partial; /* enum account_partial, or -1 */
	} rows[] = {
		{ SC_END_L4, "l4", -1 },
		{ SC_END_DROP, "drop:12345", -1 },
		{ SC_END_CONSUMED, "consumed", ACCOUNT_PARTIAL_CONSUMED },
		{ SC_END_RECYCLED, "recycled", ACCOUNT_PARTIAL_RECYCLED },
		{ SC_END_OPEN, "timeout", ACCOUNT_PARTIAL_TIMEOUT },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct lab *lab = lab_start(NULL);

		feed_children(lab, 2);
		feed_parent(lab, rows[i].end);
		lab_settle(lab, BASE_NS + 30000);
		assert_int_equal(lab->count, 3);
		for (uint64_t id = 1; id <= 3; id++) {
			const struct packet *p = lab_expect(lab, id, rows[i].name);

			assert_string_equal(p->at, rows[i].end == SC_END_L4 ? "" : "l4");
			assert_true(p->stages & SC_BIT(SC_RX_L4));
		}
		assert_int_equal(lab->account.dir[0].complete, rows[i].partial < 0 ? 3 : 0);
		if (rows[i].partial >= 0)
			assert_int_equal(lab->account.dir[0].partial[rows[i].partial], 3);
		lab_end(lab);
	}
}

/* Read by nobody: each gives up on its own. */
static void test_gro_unread(void **state)
{
	struct lab *lab = lab_start(NULL);

	(void)state;
	feed_parent(lab, SC_END_SOCKET);
	feed_children(lab, 2);
	lab_settle(lab, BASE_NS + DEADLINE_NS + 15); /* parent and first child are beyond it */
	assert_int_equal(lab->count, 2);
	lab_expect(lab, 1, "timeout");
	assert_string_equal(lab_expect(lab, 2, "timeout")->at, "socket");
	lab_end(lab);
}

static void test_gro_forwarded(void **state)
{
	struct record r = record_new(SC_DIR_RX, 1, IPPROTO_TCP, SC_END_FORWARD);
	struct lab *lab = lab_start(NULL);

	(void)state;
	r.p.out_ifindex = 9;
	record_stamps(&r, SC_BIT(SC_RX_DRIVER), BASE_NS);
	record_stamps(&r,
		      SC_BIT(SC_RX_NETIF) | SC_BIT(SC_RX_IP) | SC_BIT(SC_TX_OUT) |
			      SC_BIT(SC_TX_DRIVER),
		      BASE_NS + 10000);
	feed_children(lab, 1);
	lab_feed(lab, &r);
	lab_settle(lab, BASE_NS + 30000);
	for (uint64_t id = 1; id <= 2; id++) {
		const struct packet *p = lab_expect(lab, id, "forward");

		assert_string_equal(p->via, "eth9");
		assert_int_equal(p->stages, r.p.stages);
		assert_int_equal(p->stamp_ns[SC_TX_DRIVER], r.p.stamp_ns[SC_TX_DRIVER]);
	}
	lab_end(lab);
}

/* Read before its children came: they wait for the reads of their own bytes all the same. */
static void test_gro_parent_read(void **state)
{
	struct lab *lab = lab_start(NULL);

	(void)state;
	feed_parent(lab, SC_END_SOCKET);
	lab_tcp_call(lab, SC_REC_READ, 0, LEN, BASE_NS + 30000);
	lab_pass(lab, BASE_NS + 35000, FOREVER);
	feed_children(lab, 1);
	lab_pass(lab, BASE_NS + 36000, FOREVER);
	assert_int_equal(join_waiting(lab->join), 1);
	lab_tcp_call(lab, SC_REC_READ, LEN, 2 * LEN, BASE_NS + 40000);
	lab_settle(lab, BASE_NS + 50000);
	lab_expect_read(lab, 1, BASE_NS + 30000);
	lab_expect_read(lab, 2, BASE_NS + 40000);
	lab_end(lab);
}

/* What the parent's bytes were read by is not what the child's were. */
static void test_gro_child_unread(void **state)
{
	struct lab *lab = lab_start(NULL);

	(void)state;
	feed_parent(lab, SC_END_SOCKET);
	lab_tcp_call(lab, SC_REC_READ, 0, LEN, BASE_NS + 30000);
	lab_pass(lab, BASE_NS + 35000, FOREVER);
	feed_children(lab, 1);
	lab_settle(lab, BASE_NS + 36000);
	lab_expect_read(lab, 1, BASE_NS + 30000);
	assert_int_equal(join_finish(lab->join), 0);
	assert_false(lab_expect(lab, 2, "unread")->stages & SC_BIT(SC_RX_READ));
	assert_int_equal(lab_get(lab, 2)->pid, 0);
	lab_end(lab);
}

/* A parent's stamp from before the child came is not the child's. */
static void test_gro_older_stamps(void **state)
{
	struct record parent = parent_record(1, SC_END_L4, BASE_NS),
		      child = child_record(2, 1, 1, BASE_NS + 150);
	const struct packet *p;
	struct lab *lab = lab_start(NULL);

	(void)state;
	lab_feed(lab, &parent);
	lab_feed(lab, &child);
	lab_settle(lab, BASE_NS + 30000);
	p = lab_expect(lab, 2, "l4");
	assert_false(p->stages & SC_BIT(SC_RX_NETIF)); /* BASE_NS + 100 */
	assert_true(p->stages & SC_BIT(SC_RX_TC));
	lab_end(lab);
}

static void test_gro_parent_lost(void **state)
{
	struct lab *lab = lab_start(NULL);

	(void)state;
	feed_children(lab, 2);
	lab_settle(lab, BASE_NS + 20000);
	assert_int_equal(lab->count, 0);
	assert_int_equal(join_waiting(lab->join), 2);
	lab_settle(lab, BASE_NS + 10 + DEADLINE_NS + 1);
	assert_int_equal(lab->count, 1);
	assert_int_equal(join_finish(lab->join), 0);
	for (uint64_t id = 2; id <= 3; id++)
		assert_string_equal(lab_expect(lab, id, "parent")->at, "driver");
	assert_int_equal(lab->account.dir[0].partial[ACCOUNT_PARTIAL_PARENT], 2);
	lab_end(lab);
}

static void test_gro_datagrams(void **state)
{
	struct record parent = record_rx(1, IPPROTO_UDP, SC_END_SOCKET, BASE_NS),
		      child = record_rx(2, IPPROTO_UDP, SC_END_MERGED, BASE_NS + 10);
	struct sc_call read = record_call(SC_REC_READ, 0, 0, BASE_NS + 5000);
	struct lab *lab = lab_start(NULL);

	(void)state;
	parent.p.flags = SC_FLAG_GRO | SC_FLAG_FIRST;
	child.p.flags = SC_FLAG_GRO;
	parent.p.sock_index = 1;
	parent.p.payload_len_bytes = child.p.payload_len_bytes = LEN;
	child.p.sock = 0;
	child.p.parent_id = 1;
	read.index = 1;
	read.next = SC_NEXT_NONE;
	read.len_bytes = 2 * LEN; /* UDP_GRO: one read takes all */
	lab_feed(lab, &child);
	lab_feed(lab, &parent);
	lab_call(lab, &read);
	lab_settle(lab, BASE_NS + 6000);
	lab_expect_read(lab, 1, BASE_NS + 5000);
	lab_expect_read(lab, 2, BASE_NS + 5000);
	assert_int_equal(lab->account.dir[0].rejected[ACCOUNT_REJECTED_MATCH], 0);
	lab_end(lab);
}

/* Software segmentation: each segment tells its own story, with the send call of its own bytes. */
static void test_segments(void **state)
{
	struct lab *lab = lab_start(NULL);

	(void)state;
	lab_tcp_call(lab, SC_REC_WRITE, 0, 1500, BASE_NS);
	lab_tcp_call(lab, SC_REC_WRITE, 1500, 3000, BASE_NS + 100);
	for (uint64_t n = 0; n < 3; n++) {
		struct record r = record_tcp_tx(n + 1, n * LEN, LEN, BASE_NS + 1000 + n);

		r.p.parent_id = 99; /* was split: has no record */
		r.p.flags = SC_FLAG_SEGMENT;
		lab_feed(lab, &r);
	}
	lab_settle(lab, BASE_NS + 10000);
	for (uint64_t n = 0; n < 3; n++) {
		const struct packet *p = lab_expect(lab, n + 1, "driver");

		assert_int_equal(p->parent_id, 99);
		assert_int_equal(p->flags, PACKET_SEGMENT);
		assert_int_equal(p->stamp_ns[SC_TX_WRITE], BASE_NS + (n ? 100 : 0));
	}
	assert_int_equal(lab->account.dir[1].complete, 3);
	lab_end(lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gro_read),	cmocka_unit_test(test_gro_transport),
		cmocka_unit_test(test_gro_parent_ends), cmocka_unit_test(test_gro_unread),
		cmocka_unit_test(test_gro_forwarded),	cmocka_unit_test(test_gro_older_stamps),
		cmocka_unit_test(test_gro_parent_read), cmocka_unit_test(test_gro_child_unread),
		cmocka_unit_test(test_gro_parent_lost), cmocka_unit_test(test_gro_datagrams),

		cmocka_unit_test(test_segments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
