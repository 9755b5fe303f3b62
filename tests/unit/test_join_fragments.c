/* SPDX-License-Identifier: GPL-2.0-only */
/* IP fragments in the join: one of them carries on for all. */
#include "join_lab.h"

#define LEN 1000

/* A fragment with this identification; the one that reassembly carried on has the later stages. */
static struct record fragment_record(uint64_t id, uint16_t identification, uint8_t end,
				     uint64_t at_ns)
{
	struct record r = record_new(SC_DIR_RX, id, IPPROTO_UDP, end);

	r.p.flags = SC_FLAG_FRAG | (end == SC_END_SOCKET ? SC_FLAG_FIRST : 0);
	r.p.payload_len_bytes = LEN;
	memcpy(r.bytes + L3_OFF + 4, &identification, sizeof(identification));
	record_stamps(&r, record_rx_stages(end == SC_END_SOCKET ? SC_RX_SOCKET : SC_RX_IP), at_ns);
	r.p.sock_index = end == SC_END_SOCKET ? 1 : 0;
	r.p.sock = end == SC_END_SOCKET ? SOCK : 0;
	return r;
}

/* The table in the kernel still holds what this record would be: see join_owns_fragment(). */
static bool owns(const struct lab *lab, const struct record *r)
{
	return join_owns_fragment(lab->join, &r->p);
}

static void test_fragments(void **state)
{
	struct record whole = fragment_record(3, 7, SC_END_SOCKET, BASE_NS + 2000),
		      first = fragment_record(1, 7, SC_END_OPEN, BASE_NS),
		      second = fragment_record(2, 7, SC_END_CONSUMED, BASE_NS + 1000),
		      other = fragment_record(4, 8, SC_END_OPEN, BASE_NS + 3000);
	struct sc_call read = record_call(SC_REC_READ, 0, 0, BASE_NS + 9000);
	struct lab *lab = lab_start(NULL);

	(void)state;
	assert_false(join_reassembled(lab->join));
	assert_false(owns(lab, &first));
	lab_feed(lab, &whole);
	assert_true(join_reassembled(lab->join));
	assert_true(owns(lab, &first));
	assert_true(owns(lab, &second));
	assert_false(owns(lab, &other)); /* another datagram */
	assert_false(owns(lab, &whole)); /* itself */
	lab_feed(lab, &first);
	lab_feed(lab, &second);
	read.index = 1;
	read.next = SC_NEXT_NONE;
	read.len_bytes = 3 * LEN;
	lab_call(lab, &read);
	lab_settle(lab, BASE_NS + 10000);
	assert_false(join_reassembled(lab->join));
	for (uint64_t id = 1; id <= 3; id++) {
		lab_expect_read(lab, id, BASE_NS + 9000);
		assert_true(lab_get(lab, id)->flags & PACKET_FRAG);
		assert_int_equal(lab_get(lab, id)->parent_id, id < 3 ? 3 : 0);
		assert_int_equal(lab_get(lab, id)->stamp_ns[SC_RX_LOCAL],
				 whole.p.stamp_ns[SC_RX_LOCAL]);
		assert_int_equal(lab_get(lab, id)->stamp_ns[SC_RX_SOCKET],
				 whole.p.stamp_ns[SC_RX_SOCKET]);
	}
	assert_string_equal(lab_get(lab, 1)->at, "");
	assert_int_equal(lab_get(lab, 1)->stamp_ns[SC_RX_IP],
			 first.p.stamp_ns[SC_RX_IP]); /* its own */
	assert_int_equal(lab->account.dir[0].complete, 3);
	lab_feed(lab, &other); /* never reassembled */
	lab_settle(lab, BASE_NS + 11000);
	lab_expect(lab, 4, "timeout");
	lab_end(lab);
}

/* Fragments whose skb was freed or used again before their datagram got through: they wait for it. */
static void test_fragments_freed_first(void **state)
{
	static const uint8_t ends[] = { SC_END_CONSUMED, SC_END_RECYCLED };
	struct record whole = fragment_record(9, 7, SC_END_SOCKET, BASE_NS + 2000);
	struct sc_call read = record_call(SC_REC_READ, 0, 0, BASE_NS + 9000);
	struct lab *lab = lab_start(NULL);

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct record r =
			fragment_record(i + 1, i < 2 ? 7 : 8, ends[i % 2], BASE_NS + i * 100);

		lab_feed(lab, &r);
	}
	lab_settle(lab, BASE_NS + 1500);
	assert_int_equal(lab->count, 0);
	lab_feed(lab, &whole);
	read.index = 1;
	read.next = SC_NEXT_NONE;
	lab_call(lab, &read);
	lab_settle(lab, BASE_NS + 10000);
	assert_int_equal(lab->count, 2);
	for (uint64_t id = 1; id <= 2; id++) {
		lab_expect_read(lab, id, BASE_NS + 9000);
		assert_int_equal(lab_get(lab, id)->parent_id, 9);
	}
	lab_settle(lab, BASE_NS + 300 + DEADLINE_NS + 1);
	lab_expect(lab, 3, "parent"); /* of a datagram that never got through */
	lab_expect(lab, 4, "parent");
	lab_expect_read(lab, 9, BASE_NS + 9000);
	lab_end(lab);
}

/* The same identification again: the newest datagram is the one. */
static void test_identification_again(void **state)
{
	struct lab *lab = lab_start(NULL);

	(void)state;
	for (uint64_t n = 0; n < 3; n++) {
		struct record whole = fragment_record(2 * n + 1, 7, SC_END_SOCKET,
						      BASE_NS + n * 10000),
			      part = fragment_record(2 * n + 2, 7, SC_END_OPEN,
						     BASE_NS + n * 10000);
		struct sc_call read = record_call(SC_REC_READ, 0, 0, BASE_NS + n * 10000 + 5000);

		whole.p.sock_index = read.index = n + 1;
		read.next = SC_NEXT_NONE;
		lab_feed(lab, &whole);
		lab_feed(lab, &part);
		lab_call(lab, &read);
		lab_settle(lab, BASE_NS + n * 10000 + 6000);
		lab_expect_read(lab, 2 * n + 2, BASE_NS + n * 10000 + 5000);
		assert_int_equal(lab_get(lab, 2 * n + 2)->parent_id, 2 * n + 1);
	}
	lab_end(lab);
}

/* What makes two fragments parts of one datagram, and what must not be mistaken for one. */
static void test_fragment_keys(void **state)
{
	struct record whole = fragment_record(1, 7, SC_END_SOCKET, BASE_NS),
		      part = fragment_record(2, 7, SC_END_OPEN, BASE_NS), changed;
	struct lab *lab = lab_start(NULL);

	(void)state;
	lab_feed(lab, &whole);
	assert_true(owns(lab, &part));
	for (size_t at = L3_OFF + 12; at < L3_OFF + 20; at++) {
		changed = part;
		changed.bytes[at] ^= 1;
		assert_false(owns(lab, &changed));
	}
	changed = part;
	changed.p.l4_proto = IPPROTO_ICMP;
	assert_false(owns(lab, &changed));
	changed = part;
	changed.p.flags = 0;
	assert_false(owns(lab, &changed));
	changed = part;
	changed.p.last_stage = SC_RX_DRIVER; /* not yet in the stack */
	assert_false(owns(lab, &changed));
	changed = part;
	changed.p.last_stage = SC_RX_L4; /* tells its own story */
	assert_false(owns(lab, &changed));
	changed = part;
	changed.p.cap_len_bytes = L3_OFF + 19; /* addresses cut off */
	assert_false(owns(lab, &changed));
	lab_end(lab);
}

static void test_fragments_v6(void **state)
{
	struct record whole = fragment_record(1, 0, SC_END_SOCKET, BASE_NS),
		      part = fragment_record(2, 0, SC_END_OPEN, BASE_NS + 100);
	struct lab *lab = lab_start(NULL);

	(void)state;
	whole.p.ip_version = part.p.ip_version = 6;
	whole.p.l4_off = part.p.l4_off = L3_OFF + 40 + 8;
	memset(whole.bytes + L3_OFF + 8, 0x26, 32);
	memset(part.bytes + L3_OFF + 8, 0x26, 32);
	memcpy(whole.bytes + L3_OFF + 44, "frag", 4);
	memcpy(part.bytes + L3_OFF + 44, "frag", 4);
	lab_feed(lab, &whole);
	assert_true(owns(lab, &part));
	part.bytes[L3_OFF + 47] ^= 1;
	assert_false(owns(lab, &part));
	part.bytes[L3_OFF + 47] ^= 1;
	part.bytes[L3_OFF + 39] ^= 1; /* last byte of the destination */
	assert_false(owns(lab, &part));
	part.bytes[L3_OFF + 39] ^= 1;
	part.p.l4_off = RECORD_BYTES + 1; /* header beyond the captured bytes */
	assert_false(owns(lab, &part));
	lab_end(lab);
}

/* Far more datagrams than are remembered: the newest one is always known. */
static void test_many_datagrams(void **state)
{
	struct lab *lab = lab_start(NULL);

	(void)state;
	for (uint64_t id = 1; id < 500; id++) {
		struct record whole = fragment_record(id, id, SC_END_SOCKET, BASE_NS + id),
			      part = fragment_record(id + 1000, id, SC_END_OPEN, BASE_NS + id);

		lab_feed(lab, &whole);
		assert_true(owns(lab, &part));
	}
	lab_end(lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fragments),
		cmocka_unit_test(test_fragments_freed_first),
		cmocka_unit_test(test_identification_again),
		cmocka_unit_test(test_fragment_keys),
		cmocka_unit_test(test_fragments_v6),
		cmocka_unit_test(test_many_datagrams),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
