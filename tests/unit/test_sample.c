/* SPDX-License-Identifier: GPL-2.0-only */
/* Sampling by flow: one verdict for both directions of a flow and for all packets of it, and the share that was asked for; sizes of tables and rings. */
#include "fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "pcap/filter.h"
#include "tracing/stamp.h"
#include "user/cleanup.h"
#include "user/sample.h"
#include "user/sizes.h"

#define ETHERNET 1
#define FLOWS 4000u

struct frame {
	uint8_t bytes[128];
	size_t len;
};

struct flow {
	int version;
	uint8_t proto;
	uint32_t client, server; /* last words of the addresses */
	uint16_t client_port, server_port;
};

static void put16(uint8_t *at, uint16_t value)
{
	at[0] = value >> 8;
	at[1] = value & 0xff;
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value & 0xffff);
}

/* `frag`: the IPv4 field of flags and offset; `payload` changes what the hash must not look at. */
static struct frame frame_of(const struct flow *f, bool answer, uint16_t frag, uint8_t payload)
{
	uint32_t from = answer ? f->server : f->client, to = answer ? f->client : f->server;
	struct frame frame = { .len = 100 };
	uint8_t *ip = frame.bytes + 14, *l4 = ip + (f->version == 4 ? 20 : 40);

	memset(frame.bytes, payload, sizeof(frame.bytes));
	put16(frame.bytes + 12, f->version == 4 ? 0x0800 : 0x86dd);
	if (f->version == 4) {
		ip[0] = 0x45;
		put16(ip + 6, frag);
		ip[9] = f->proto;
		put32(ip + 12, from);
		put32(ip + 16, to);
	} else {
		ip[0] = 0x60;
		ip[6] = f->proto;
		memset(ip + 8, 0x20, 32);
		put32(ip + 20, from);
		put32(ip + 36, to);
	}
	put16(l4, answer ? f->server_port : f->client_port);
	put16(l4 + 2, answer ? f->client_port : f->server_port);
	return frame;
}

static struct filter *compile(uint32_t n, const char *expression)
{
	_cleanup_free_ char *text = NULL;
	struct filter_request request = { .link_type = ETHERNET };
	struct filter_problem problem;
	struct filter *f = NULL;

	assert_int_equal(sample_expression(&text, n, expression), 0);
	request.expression = text;
	if (filter_new(&f, &request, &problem))
		fail_msg("%s: %s", text, problem.text);
	return f;
}

static bool match(const struct filter *f, const struct frame *frame)
{
	return filter_match(f, frame->bytes, frame->len, frame->len, false);
}

static void expect_share(uint32_t n, int version, uint8_t proto)
{
	struct filter *filter = compile(n, NULL);
	unsigned int taken = 0;

	for (unsigned int i = 0; i < FLOWS; i++) {
		struct flow flow = { version, proto, 0x0a000002 + i % 7, 0x0a000001, 32768 + i / 7, 443 };
		bool ports = proto == 6 || proto == 17;
		struct frame ask = frame_of(&flow, false, 0x4000, 1), answer = frame_of(&flow, true, 0, ports ? 77 : 1);
		bool verdict = match(filter, &ask);

		assert_int_equal(match(filter, &answer), verdict);
		taken += verdict;
	}
	if (proto == 6 || proto == 17) /* 7 pairs of addresses alone are no share to speak of */
		assert_in_range(taken, FLOWS / n * 8 / 10, FLOWS / n * 12 / 10);
	filter_free(filter);
}

static void test_share(void **state)
{
	(void)state;
	for (uint32_t n = 2; n <= 16; n *= 2)
		for (int version = 4; version <= 6; version += 2) {
			expect_share(n, version, 6);
			expect_share(n, version, 17);
			expect_share(n, version, 1);
		}
	expect_share(3, 4, 6);
	expect_share(10, 6, 17);
}

/* Fragments have no ports but the first: they all go by their addresses. */
static void test_fragments(void **state)
{
	struct filter *filter = compile(4, NULL);
	unsigned int taken = 0;

	(void)state;
	for (uint32_t i = 0; i < 1000; i++) {
		struct flow flow = { 4, 17, 0x0a000002 + i, 0x0a000001, 5000 + i, 53 };
		struct frame first = frame_of(&flow, false, 0x2000, 1), second = frame_of(&flow, false, 0x2005, 9), last = frame_of(&flow, true, 0x000a, 33);

		assert_int_equal(match(filter, &first), match(filter, &second));
		assert_int_equal(match(filter, &first), match(filter, &last));
		taken += match(filter, &first);
	}
	assert_in_range(taken, 200, 300);
	filter_free(filter);
}

/* `vlan` moves on what is looked at by the rest of an expression, even under `not`. */
static void test_vlan(void **state)
{
	struct filter *untagged = compile(2, "not vlan"), *sample = compile(2, NULL);
	unsigned int taken = 0;

	(void)state;
	for (uint32_t i = 0; i < 200; i++) {
		struct flow flow = { 4, 6, 0x0a000002, 0x0a000001, 1000 + i, 443 };
		struct frame frame = frame_of(&flow, false, 0, 1);

		assert_int_equal(match(untagged, &frame), match(sample, &frame));
		taken += match(sample, &frame);
	}
	assert_in_range(taken, 70, 130);
	filter_free(untagged);
	filter_free(sample);
}

/* Addresses that differ in any octet alone are flows apart. */
static void test_octets(void **state)
{
	struct filter *sample = compile(4, NULL);

	(void)state;
	for (int shift = 0; shift < 32; shift += 8) {
		unsigned int taken = 0;

		for (uint32_t i = 0; i < 200; i++) {
			struct flow flow = { 4, 6, i << shift, 0x0a000001, 5000, 443 };
			struct frame frame = frame_of(&flow, false, 0, 1);

			taken += match(sample, &frame);
		}
		assert_in_range(taken, 30, 70);
	}
	filter_free(sample);
}

static void test_with_expression(void **state)
{
	struct filter *both = compile(2, "udp or icmp"), *sample = compile(2, NULL);
	struct frame arp = { .len = 60, .bytes = { [12] = 0x08, [13] = 0x06 } };

	(void)state;
	for (uint32_t i = 0; i < 200; i++) {
		struct flow udp = { 4, 17, 0x0a000002, 0x0a000001, 1000 + i, 53 }, tcp = { 4, 6, 0x0a000002, 0x0a000001, 1000 + i, 53 };
		struct frame u = frame_of(&udp, false, 0, 1), t = frame_of(&tcp, false, 0, 1);

		assert_int_equal(match(both, &u), match(sample, &u));
		assert_false(match(both, &t));
	}
	assert_false(match(sample, &arp));
	filter_free(both);
	filter_free(sample);
}

/* ---- sizes */

static void test_sizes(void **state)
{
	struct sizes_request request = { .snaplen_bytes = 256, .cpus = 2 };
	struct sizes s;

	(void)state;
	assert_int_equal(sizes_choose(&s, &request), 0);
	assert_int_equal(s.ring_bytes, 32 << 20);
	assert_int_equal(s.sets, 2048);
	request.cpus = 1024; /* nobody asked for less: each has its megabyte */
	assert_int_equal(sizes_choose(&s, &request), 0);
	assert_int_equal(s.ring_bytes, 1 << 20);
	for (request.cpus = 1; request.cpus <= 64; request.cpus *= 4)
		for (uint64_t mib = 8; mib <= 4096; mib *= 2) {
			request.memory_bytes = mib << 20;
			assert_int_equal(sizes_choose(&s, &request), 0);
			assert_true(sizes_bytes(&s, request.cpus) <= request.memory_bytes);
			assert_false(s.ring_bytes & (s.ring_bytes - 1));
			assert_false(s.sets & (s.sets - 1));
		}
	request.memory_bytes = 1 << 20;
	request.cpus = 64;
	assert_int_equal(sizes_choose(&s, &request), -E2BIG);
	request.memory_bytes = sizes_bytes(&s, request.cpus);
	assert_int_equal(sizes_choose(&s, &request), 0);
	request.ring_bytes = 1 << 22;
	assert_int_equal(sizes_choose(&s, &request), -E2BIG);
	request.memory_bytes = sizes_bytes(&s, request.cpus);
	assert_true(request.memory_bytes > 64ull << 22);
	assert_int_equal(sizes_choose(&s, &request), 0); /* the table takes what the rings leave */
	assert_true(sizes_bytes(&s, request.cpus) <= request.memory_bytes);
	request.memory_bytes = 0;
	assert_int_equal(sizes_choose(&s, &request), 0);
	assert_int_equal(s.ring_bytes, 1 << 22);
	request.snaplen_bytes = SC_MAX_SNAPLEN;
	assert_int_equal(sizes_choose(&s, &request), 0);
	assert_true((uint64_t)s.sets * SC_WAYS * s.slot_bytes <= SIZES_MEMORY_BYTES / 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_share),
		cmocka_unit_test(test_fragments),
		cmocka_unit_test(test_with_expression),
		cmocka_unit_test(test_vlan),
		cmocka_unit_test(test_octets),
		cmocka_unit_test(test_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
