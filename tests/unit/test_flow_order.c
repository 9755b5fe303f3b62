/* SPDX-License-Identifier: GPL-2.0-only */
/* Retransmissions and holes of TCP flows: flow_order.h. */
#include "fixture.h"

#include <netinet/in.h>

#include "user/flow_order.h"

#define FIN    1
#define SYN    2
#define L3_OFF 14
#define BYTES  96

struct segment {
	struct pending n;
	uint8_t bytes[BYTES];
};

/* What the tests of a flow have in common; each segment is made anew. */
struct wire {
	struct flow_order *order;
	uint32_t start; /* sequence number that the tests call 0 */
	uint32_t interface;
	uint8_t dir, ip_version;
	const char *end;  /* of the packet's story */
	uint8_t tweak_at; /* byte of the packet that differs, 0 none */
	uint64_t id;	  /* of the next packet, if not 0 */
	uint64_t *first;  /* where to put first_id */
};

static struct wire wire_new(uint32_t start)
{
	struct wire w = { .start = start, .dir = SC_DIR_RX, .ip_version = 4 };

	assert_int_equal(flow_order_new(&w.order, false), 0);
	return w;
}

static uint32_t mark(const struct wire *w, uint32_t from, uint32_t len, uint8_t tcp_flags)
{
	struct segment *s = calloc(1, sizeof(*s));
	uint32_t flags;

	assert_non_null(s);
	s->n.p.dir = w->dir;
	s->n.p.id = w->id;
	s->n.p.interface = w->interface;
	s->n.p.cap_len_bytes = BYTES;
	s->n.ip_version = w->ip_version;
	s->n.l3_off = L3_OFF;
	s->n.l4_off = L3_OFF + (w->ip_version == 4 ? 20 : 40);
	s->n.l4_proto = IPPROTO_TCP;
	s->n.tcp_flags = tcp_flags;
	s->n.seq = w->start + from;
	s->n.payload_bytes = len;
	s->n.end_seq = s->n.seq + len;
	memset(s->n.bytes, 0xab, BYTES);
	if (w->end)
		strcpy(s->n.p.end, w->end);
	if (w->tweak_at)
		s->n.bytes[w->tweak_at] ^= 1;
	assert_int_equal(flow_order_mark(w->order, &s->n), 0);
	flags = s->n.p.flags;
	if (w->first)
		*w->first = s->n.p.first_id;
	free(s);
	return flags;
}

static const uint32_t starts[] = { 1, 0xffffffffu - 2500, 0xffffffffu, 0, 0x7fffffffu - 2500 };
#define START_COUNT (sizeof(starts) / sizeof(*starts))

static void test_in_order(void **state)
{
	(void)state;
	for (size_t i = 0; i < START_COUNT; i++) {
		struct wire w = wire_new(starts[i]);

		for (uint32_t n = 0; n < 100; n++)
			assert_int_equal(mark(&w, n * 100, 100, 0), 0);
		flow_order_free(w.order);
	}
	flow_order_free(NULL);
}

static void test_retransmission(void **state)
{
	(void)state;
	for (size_t i = 0; i < START_COUNT; i++) {
		struct wire w = wire_new(starts[i]);

		assert_int_equal(mark(&w, 0, 1000, 0), 0);
		assert_int_equal(mark(&w, 0, 1000, 0), PACKET_RETRANS);
		assert_int_equal(mark(&w, 0, 1, 0), PACKET_RETRANS);
		assert_int_equal(mark(&w, 999, 1, 0), PACKET_RETRANS);
		assert_int_equal(mark(&w, 500, 600, 0), 0); /* 100 new bytes */
		assert_int_equal(mark(&w, 1000, 100, 0), PACKET_RETRANS);
		assert_int_equal(mark(&w, 0, 0, 0), 0); /* an ACK repeats nothing */
		assert_int_equal(mark(&w, 1100, 1, 0), 0);
		flow_order_free(w.order);
	}
}

static void test_hole(void **state)
{
	(void)state;
	for (size_t i = 0; i < START_COUNT; i++) {
		struct wire w = wire_new(starts[i]);

		assert_int_equal(mark(&w, 0, 1000, 0), 0);
		assert_int_equal(mark(&w, 2000, 1000, 0), PACKET_HOL);
		assert_int_equal(mark(&w, 3000, 1000, 0), PACKET_HOL);
		assert_int_equal(mark(&w, 2500, 1000, 0),
				 PACKET_RETRANS); /* seen beyond the hole */
		assert_int_equal(mark(&w, 5000, 1000, 0), PACKET_HOL);
		assert_int_equal(mark(&w, 1000, 500, 0), 0); /* half of the hole */
		assert_int_equal(mark(&w, 4000, 500, 0), PACKET_HOL);
		assert_int_equal(mark(&w, 1500, 500, 0), 0); /* up to 4500 now */
		assert_int_equal(mark(&w, 3000, 1000, 0), PACKET_RETRANS);
		assert_int_equal(mark(&w, 4500, 500, 0), 0); /* up to 6000 */
		assert_int_equal(mark(&w, 6000, 1000, 0), 0);
		assert_int_equal(mark(&w, 5000, 1000, 0), PACKET_RETRANS);
		flow_order_free(w.order);
	}
}

/* Segments beyond the hole in any order, glued and overlapping; once it is filled nothing waits any
 * more. */
static void test_hole_shuffled(void **state)
{
	uint64_t seed = 3;

	(void)state;
	for (int round = 0; round < 200; round++) {
		struct wire w = wire_new((uint32_t)fixture_random(&seed));
		uint32_t order[8];

		assert_int_equal(mark(&w, 0, 100, 0), 0);
		for (uint32_t i = 0; i < 8; i++)
			order[i] = i;
		for (uint32_t i = 0; i < 8; i++) {
			uint32_t with = i + fixture_random(&seed) % (8 - i), n = order[with];

			order[with] = order[i];
			assert_int_equal(mark(&w, 200 + n * 100, 150, 0), PACKET_HOL);
		}
		assert_int_equal(mark(&w, 100, 100, 0), 0);
		assert_int_equal(mark(&w, 1050, 100, 0), 0);
		for (uint32_t n = 0; n < 8; n++)
			assert_int_equal(mark(&w, 200 + n * 100, 150, 0), PACKET_RETRANS);
		flow_order_free(w.order);
	}
}

/* Sent packets never wait for one another. */
static void test_sent(void **state)
{
	struct wire w = wire_new(0);

	(void)state;
	w.dir = SC_DIR_TX;
	assert_int_equal(mark(&w, 0, 100, 0), 0);
	assert_int_equal(mark(&w, 200, 100, 0), 0);
	assert_int_equal(mark(&w, 200, 100, 0), PACKET_RETRANS);
	assert_int_equal(mark(&w, 100, 100, 0), 0);
	assert_int_equal(mark(&w, 300, 100, 0), 0);
	flow_order_free(w.order);
}

/* More holes than are remembered: every packet is marked as waiting, and all but the lowest are known again. */
static void test_many_holes(void **state)
{
	const uint32_t known = 4096 * 3 / 4, all = 4096 + 100; /* a quarter goes at once */
	struct wire w = wire_new(0xfffffff0u);

	(void)state;
	assert_int_equal(mark(&w, 0, 100, 0), 0);
	for (uint32_t n = 0; n < all; n++)
		assert_int_equal(mark(&w, 200 + n * 200, 100, 0), PACKET_HOL);
	for (uint32_t n = all - known; n < all; n++)
		assert_int_equal(mark(&w, 200 + n * 200, 100, 0), PACKET_RETRANS);
	for (uint32_t n = 0; n < all - known; n++)
		assert_int_equal(mark(&w, 100 + n * 200, 200, 0), 0);
	for (uint32_t n = all - known; n < all; n++)
		assert_int_equal(mark(&w, 100 + n * 200, 100, 0), 0);
	assert_int_equal(mark(&w, 200 + all * 200, 100, 0), PACKET_HOL);
	assert_int_equal(mark(&w, 100 + all * 200, 100, 0), 0);
	flow_order_free(w.order);
}

/* Against a map of every byte: segments of any size, anywhere near the front, again and again. */
static void test_against_map(void **state)
{
	enum { SPAN = 4000 };
	uint64_t seed = 11;

	(void)state;
	for (int round = 0; round < 60; round++) {
		struct wire w = wire_new((uint32_t)fixture_random(&seed));
		bool seen[SPAN] = { true };

		w.dir = SC_DIR_TX;
		assert_int_equal(mark(&w, 0, 1, 0), 0);
		for (int n = 0; n < 300; n++) {
			uint32_t from = 1 + fixture_random(&seed) % (SPAN - 1), len = 1 + fixture_random(&seed) % 40;
			bool all = true;

			if (from + len > SPAN)
				len = SPAN - from;
			for (uint32_t i = from; i < from + len; i++)
				all = all && seen[i];
			assert_int_equal(mark(&w, from, len, 0), all ? PACKET_RETRANS : 0);
			memset(seen + from, true, len);
		}
		flow_order_free(w.order);
	}
}

/* Numbers come again after 4 GiB: a hole that was never filled, and what a filter left out, are left behind. */
static void test_gibibytes(void **state)
{
	(void)state;
	for (int filtered = 0; filtered < 2; filtered++) {
		struct wire w = { .start = 5, .dir = SC_DIR_TX, .ip_version = 4 };
		uint32_t at = 0;

		assert_int_equal(flow_order_new(&w.order, filtered), 0);
		assert_int_equal(mark(&w, at, 1000, 0), 0);
		if (filtered) { /* of so much nobody wanted anything */
			at += 1500000000u;
			assert_int_equal(mark(&w, at, 1000, 0), 0);
			assert_int_equal(mark(&w, at, 1000, 0), PACKET_RETRANS);
		}
		at += 2000;
		for (int n = 0; n < 10000; n++, at += 1 << 20) {
			assert_int_equal(mark(&w, at, 1 << 20, 0), 0);
			if (n % 100 == 99)
				assert_int_equal(mark(&w, at, 1 << 20, 0), PACKET_RETRANS);
		}
		flow_order_free(w.order);
	}
}

static void test_syn(void **state)
{
	(void)state;
	for (size_t i = 0; i < START_COUNT; i++) {
		struct wire w = wire_new(starts[i]);

		assert_int_equal(mark(&w, 0, 0, SYN), 0);
		assert_int_equal(mark(&w, 0, 0, SYN), PACKET_RETRANS);
		assert_int_equal(mark(&w, 1, 100, 0), 0); /* the SYN takes a number */
		assert_int_equal(mark(&w, 301, 100, 0), PACKET_HOL);
		/* The ports again, with numbers behind and then ahead of the old ones. */
		w.start = starts[i] - 1000000;
		assert_int_equal(mark(&w, 0, 0, SYN), 0);
		assert_int_equal(mark(&w, 1, 100, 0), 0);
		w.start = starts[i] + 1000000;
		assert_int_equal(mark(&w, 0, 0, SYN), 0);
		assert_int_equal(mark(&w, 1, 100, 0), 0);
		/* Ranges of the old flow are not taken for this one's. */
		assert_int_equal(mark(&w, 301, 100, 0), PACKET_HOL);
		w.start += 200;
		assert_int_equal(mark(&w, 0, 0, SYN), 0);
		assert_int_equal(mark(&w, 1, 100, 0), 0);
		assert_int_equal(mark(&w, 101, 100, 0), 0);
		flow_order_free(w.order);
	}
}

/* A FIN takes a number after the data; it is sent again as well, alone or with what was sent without it before, and waits for what is missing. */
static void test_fin(void **state)
{
	(void)state;
	for (size_t i = 0; i < START_COUNT; i++) {
		struct wire w = wire_new(starts[i]);

		assert_int_equal(mark(&w, 0, 100, 0), 0);
		assert_int_equal(mark(&w, 100, 0, FIN), 0);
		assert_int_equal(mark(&w, 100, 0, FIN), PACKET_RETRANS);
		assert_int_equal(mark(&w, 0, 100, FIN), PACKET_RETRANS);
		w.interface = 1;
		assert_int_equal(mark(&w, 0, 100, 0), 0);
		assert_int_equal(mark(&w, 0, 100, FIN), PACKET_RETRANS); /* the FIN is new, the bytes are not */
		assert_int_equal(mark(&w, 100, 0, FIN), PACKET_RETRANS);
		w.interface = 2;
		assert_int_equal(mark(&w, 0, 100, 0), 0);
		assert_int_equal(mark(&w, 200, 0, FIN), PACKET_HOL);
		assert_int_equal(mark(&w, 100, 100, 0), 0);
		assert_int_equal(mark(&w, 200, 0, FIN), PACKET_RETRANS);
		w.interface = 3; /* the recording began in the middle */
		assert_int_equal(mark(&w, 0, 0, FIN), 0);
		flow_order_free(w.order);
	}
}

/* What was dropped on the way to TCP is missing there: the rest waits for it, until it comes again.
 */
static void test_dropped(void **state)
{
	(void)state;
	for (size_t i = 0; i < START_COUNT; i++) {
		struct wire w = wire_new(starts[i]);

		assert_int_equal(mark(&w, 0, 100, 0), 0);
		w.end = "drop:NO_BUFFER";
		assert_int_equal(mark(&w, 100, 100, 0), 0);
		w.end = NULL;
		assert_int_equal(mark(&w, 200, 100, 0), PACKET_HOL);
		assert_int_equal(mark(&w, 100, 100, 0), PACKET_RETRANS);
		assert_int_equal(mark(&w, 300, 100, 0), 0);
		flow_order_free(w.order);
	}
}

/* Marks a packet with that id and returns the id it is a repetition of. */
static uint64_t first_of(struct wire *w, uint64_t id, uint32_t from, uint32_t len, uint8_t tcp_flags)
{
	uint64_t first = 0;

	w->id = id;
	w->first = &first;
	mark(w, from, len, tcp_flags);
	return first;
}

static void test_first(void **state)
{
	(void)state;
	for (size_t i = 0; i < START_COUNT; i++) {
		struct wire w = wire_new(starts[i]);

		assert_int_equal(first_of(&w, 1, 0, 0, SYN), 0);
		assert_int_equal(first_of(&w, 2, 0, 0, SYN), 1);
		assert_int_equal(first_of(&w, 3, 1, 1000, 0), 0);
		assert_int_equal(first_of(&w, 4, 1001, 1000, 0), 0);
		assert_int_equal(first_of(&w, 5, 3001, 1000, 0), 0); /* behind a hole */
		assert_int_equal(first_of(&w, 6, 1, 1000, 0), 3);
		assert_int_equal(first_of(&w, 7, 1, 1000, 0), 3); /* not the one before, the first */
		assert_int_equal(first_of(&w, 8, 1000, 1001, 0), 3); /* by its first byte */
		assert_int_equal(first_of(&w, 9, 1001, 1, 0), 4);
		assert_int_equal(first_of(&w, 10, 4000, 1, 0), 5);
		assert_int_equal(first_of(&w, 11, 2001, 1000, 0), 0);
		assert_int_equal(first_of(&w, 12, 2001, 2000, 0), 11);
		w.interface = 1; /* another flow */
		assert_int_equal(first_of(&w, 13, 1, 1000, 0), 0);
		assert_int_equal(first_of(&w, 14, 1, 1000, 0), 13);
		w.interface = 0;
		assert_int_equal(first_of(&w, 15, 500000, 0, SYN), 0); /* the ports are in use again */
		assert_int_equal(first_of(&w, 16, 1, 1000, 0), 0);
		flow_order_free(w.order);
	}
}

/* What is too far back is not named, and nothing else in its place. */
static void test_first_forgotten(void **state)
{
	struct wire w = wire_new(0);

	(void)state;
	for (uint32_t n = 0; n < 131072 + 10; n++)
		assert_int_equal(first_of(&w, n + 1, n, 1, 0), 0);
	for (uint32_t n = 0; n < 10; n++)
		assert_int_equal(first_of(&w, 1, n, 1, 0), 0);
	for (uint32_t n = 10 + 1; n < 20; n++)
		assert_int_equal(first_of(&w, 1, n, 1, 0), n + 1);
	flow_order_free(w.order);
}

/* TCP fast open: data rides on the SYN. */
static void test_syn_with_data(void **state)
{
	struct wire w = wire_new(0xfffffffeu);

	(void)state;
	assert_int_equal(mark(&w, 0, 10, SYN), 0);
	assert_int_equal(mark(&w, 0, 10, SYN), PACKET_RETRANS);
	assert_int_equal(mark(&w, 11, 10, 0), 0);
	flow_order_free(w.order);
}

/* Flows differ in interface, direction, each address and each port. */
static void test_apart(void **state)
{
	struct wire w = wire_new(0);

	(void)state;
	for (w.ip_version = 4; w.ip_version <= 6; w.ip_version += 2) {
		uint8_t addresses = w.ip_version == 4 ? L3_OFF + 12 : L3_OFF + 8,
			l4 = w.ip_version == 4 ? L3_OFF + 20 : L3_OFF + 40;

		assert_int_equal(mark(&w, 0, 100, 0), 0);
		assert_int_equal(mark(&w, 0, 100, 0), PACKET_RETRANS);
		w.interface = 1;
		assert_int_equal(mark(&w, 0, 100, 0), 0);
		assert_int_equal(mark(&w, 200, 100, 0), PACKET_HOL);
		w.interface = 0;
		assert_int_equal(mark(&w, 100, 100, 0), 0);
		assert_int_equal(mark(&w, 200, 100, 0), 0);
		w.dir = SC_DIR_TX;
		assert_int_equal(mark(&w, 0, 100, 0), 0);
		w.dir = SC_DIR_RX;
		for (w.tweak_at = addresses; w.tweak_at < l4 + 4; w.tweak_at++)
			assert_int_equal(mark(&w, 0, 100, 0), 0);
		assert_int_equal(mark(&w, 0, 100, 0),
				 PACKET_RETRANS); /* beyond the ports: the same flow */
		w.tweak_at = 0;
		assert_int_equal(mark(&w, 0, 100, 0), PACKET_RETRANS);
	}
	flow_order_free(w.order);
}

/* No TCP, or too few bytes captured to tell the flow: nothing is claimed. */
static void test_not_tcp(void **state)
{
	static const struct {
		uint8_t proto, version;
		uint32_t cap_len;
	} rows[] = {
		{ IPPROTO_UDP, 4, BYTES },	 { IPPROTO_TCP, 0, BYTES },
		{ IPPROTO_TCP, 4, L3_OFF + 23 }, { IPPROTO_TCP, 4, 0 },
		{ IPPROTO_TCP, 6, L3_OFF + 39 },
	};
	struct flow_order *order;

	(void)state;
	assert_int_equal(flow_order_new(&order, false), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		for (int twice = 0; twice < 2; twice++) {
			/* Exactly the captured bytes, so that a read beyond them is noticed. */
			struct pending *n = calloc(1, sizeof(*n) + rows[i].cap_len);

			assert_non_null(n);
			n->p.dir = SC_DIR_RX;
			n->p.cap_len_bytes = rows[i].cap_len;
			n->l4_proto = rows[i].proto;
			n->ip_version = rows[i].version;
			n->l3_off = L3_OFF;
			n->l4_off = L3_OFF + 20;
			n->payload_bytes = n->end_seq = 100;
			assert_int_equal(flow_order_mark(order, n), 0);
			assert_int_equal(n->p.flags, 0);
			free(n);
		}
	}
	flow_order_free(order);
}

/* More flows than are remembered: the oldest starts anew, the newest is still known. */
static void test_many_flows(void **state)
{
	struct wire w = wire_new(0);
	const uint32_t flows = 65536;

	(void)state;
	for (w.interface = 0; w.interface <= flows; w.interface++)
		assert_int_equal(mark(&w, 0, 100, 0), 0);
	w.interface = flows;
	assert_int_equal(mark(&w, 0, 100, 0), PACKET_RETRANS);
	w.interface = 1;
	assert_int_equal(mark(&w, 0, 100, 0), PACKET_RETRANS);
	w.interface = 0;
	assert_int_equal(mark(&w, 0, 100, 0), 0);
	flow_order_free(w.order);
}

/* The recording began amid the connection: what was late then is no retransmission, and nobody waits for what went before. */
static void test_begins_amid(void **state)
{
	(void)state;
	for (size_t i = 0; i < START_COUNT; i++) {
		struct wire w = wire_new(starts[i]);

		assert_int_equal(mark(&w, 5000, 1000, 0), 0);
		assert_int_equal(mark(&w, 3000, 1000, 0), 0);
		assert_int_equal(mark(&w, 6000, 1000, 0), 0);
		assert_int_equal(mark(&w, 3000, 1000, 0), PACKET_RETRANS);
		assert_int_equal(mark(&w, 5000, 1000, 0), PACKET_RETRANS);
		for (uint32_t at = 7000; at < 2000000000u; at += 1000000)
			assert_int_equal(mark(&w, at, 1000000, 0), 0);
		assert_int_equal(mark(&w, 1999007000u - 1000000, 1000000, 0), PACKET_RETRANS);
		flow_order_free(w.order);
	}
}

/* A segment that no window reaches, forged or of another connection, changes nothing; two that follow each other begin anew. */
static void test_far_off(void **state)
{
	static const uint32_t distances[] = { 1100000000u, 1600000000u, 2147483647u, -1100000000u, -1600000000u, -2147480000u };

	(void)state;
	for (size_t i = 0; i < sizeof(distances) / sizeof(*distances); i++) {
		struct wire w = wire_new(starts[i % START_COUNT]);
		uint32_t far = distances[i];

		assert_int_equal(mark(&w, 0, 1000, 0), 0);
		assert_int_equal(mark(&w, 2000, 1000, 0), PACKET_HOL);
		assert_int_equal(mark(&w, far, 100, 0), 0);
		assert_int_equal(mark(&w, 1000, 1000, 0), 0);
		assert_int_equal(mark(&w, 2000, 1000, 0), PACKET_RETRANS);
		assert_int_equal(mark(&w, 3000, 1000, 0), 0);
		assert_int_equal(mark(&w, 5000, 1000, 0), PACKET_HOL);
		assert_int_equal(mark(&w, far + 100, 100, 0), 0);
		assert_int_equal(mark(&w, far + 300, 100, 0), PACKET_HOL);
		assert_int_equal(mark(&w, far + 200, 100, 0), 0);
		assert_int_equal(mark(&w, far + 100, 100, 0), PACKET_RETRANS);
		flow_order_free(w.order);
	}
}

/* Holes of many flows: there is room for a million ranges, then each flow makes do with what it has. */
static void test_many_flows_with_holes(void **state)
{
	struct wire w = wire_new(0);

	(void)state;
	for (w.interface = 0; w.interface < 400; w.interface++) {
		assert_int_equal(mark(&w, 0, 100, 0), 0);
		for (uint32_t n = 0; n < 4000; n++)
			assert_int_equal(mark(&w, 200 + n * 200, 100, 0) & PACKET_RETRANS, 0);
		assert_int_equal(mark(&w, 200 + 3999 * 200, 100, 0), PACKET_RETRANS);
	}
	flow_order_free(w.order);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_order), cmocka_unit_test(test_retransmission),
		cmocka_unit_test(test_hole),	 cmocka_unit_test(test_hole_shuffled),
		cmocka_unit_test(test_sent),	 cmocka_unit_test(test_many_holes),
		cmocka_unit_test(test_syn),	 cmocka_unit_test(test_syn_with_data),
		cmocka_unit_test(test_dropped),	 cmocka_unit_test(test_apart),
		cmocka_unit_test(test_not_tcp),	 cmocka_unit_test(test_many_flows),
		cmocka_unit_test(test_first),	 cmocka_unit_test(test_first_forgotten),
		cmocka_unit_test(test_fin),	 cmocka_unit_test(test_against_map),
		cmocka_unit_test(test_gibibytes),	 cmocka_unit_test(test_far_off),
		cmocka_unit_test(test_many_flows_with_holes), cmocka_unit_test(test_begins_amid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
