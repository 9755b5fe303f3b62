/* SPDX-License-Identifier: GPL-2.0-only */
/* Dissecting packets: what is found, and that no length makes it read beyond the bytes. */
#include "fixture.h"

#include <netinet/in.h>

#include "user/dissect.h"

#define ETHER 1
#define RAW 101
#define MACS 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1
#define TCP_SYNACK 0, 80, 0x30, 0x39, 0, 0, 1, 0, 0, 0, 0, 5, 0x50, 0x12, 0x04, 0, 0, 0, 0, 0
#define IPV4(total, fragment, proto) \
	0x45, 0, 0, total, 0, 1, (fragment) >> 8, (fragment) & 255, 64, proto, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2
#define IPV6(payload, next)                                                                     \
	0x60, 0, 0, 0, 0, payload, next, 64, 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, \
		0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2

struct sample {
	const char *summary, *proto, *src, *dst;
	uint16_t link_type;
	size_t len;
	uint8_t bytes[128];
};

static const struct sample samples[] = {
	{ "IP 10.0.0.1.80 > 10.0.0.2.12345: tcp Flags [S.], seq 256, ack 5, win 1024, length 3", "tcp",
	  "10.0.0.1:80", "10.0.0.2:12345", ETHER, 60,
	  { MACS, 8, 0, IPV4(43, 0x4000, 6), TCP_SYNACK, 'a', 'b', 'c' } },
	{ "vlan 5 vlan 9 IP 10.0.0.1.53 > 10.0.0.2.54: udp length 4", "udp", "10.0.0.1:53", "10.0.0.2:54",
	  ETHER, 64,
	  { MACS, 0x88, 0xa8, 0, 5, 0x81, 0, 0x20, 9, 8, 0, IPV4(32, 0, 17), 0, 53, 0, 54, 0, 12, 0, 0 } },
	{ "IP 10.0.0.1.53 > 10.0.0.2.54: udp length 0", "udp", "10.0.0.1:53", "10.0.0.2:54", RAW, 32,
	  { 0x46, 0, 0, 32, 0, 1, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 1, 1, 1, 0, 0, 53, 0, 54,
	    0, 8, 0, 0 } },
	{ "IP 10.0.0.1.53 > 10.0.0.2.54: udp frag, length 4", "udp", "10.0.0.1:53", "10.0.0.2:54", RAW, 32,
	  { IPV4(32, 0x2000, 17), 0, 53, 0, 54, 0, 100, 0, 0, 1, 2, 3, 4 } },
	{ "IP 10.0.0.1 > 10.0.0.2: udp frag, later fragment", "udp", "10.0.0.1", "10.0.0.2", RAW, 32,
	  { IPV4(32, 0x0010, 17), 0, 53, 0, 54, 0, 8, 0, 0, 1, 2, 3, 4 } },
	{ "IP 10.0.0.1 > 10.0.0.2: icmp type 8, code 0, length 2", "icmp", "10.0.0.1", "10.0.0.2", RAW, 30,
	  { IPV4(30, 0, 1), 8, 0, 0, 0, 0, 1, 0, 1, 'x', 'y' } },
	{ "IP 10.0.0.1 > 10.0.0.2: ip-47 [no header]", "ip-47", "10.0.0.1", "10.0.0.2", RAW, 24,
	  { IPV4(24, 0, 47), 0, 0, 8, 0 } },
	{ "IP6 fe80::1.80 > fe80::2.12345: tcp Flags [S.], seq 256, ack 5, win 1024, length 0", "tcp",
	  "[fe80::1]:80", "[fe80::2]:12345", RAW, 60, { IPV6(20, 6), TCP_SYNACK } },
	{ "IP6 fe80::1.80 > fe80::2.12345: tcp Flags [S.], seq 256, ack 5, win 1024, length 0", "tcp",
	  "[fe80::1]:80", "[fe80::2]:12345", RAW, 84,
	  { IPV6(44, 0), 60, 1, 1, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 6, 0, 1, 4, 0, 0, 0, 0,
	    TCP_SYNACK } },
	{ "IP6 fe80::1 > fe80::2: udp frag, later fragment", "udp", "fe80::1", "fe80::2", RAW, 56,
	  { IPV6(16, 44), 17, 0, 0, 8, 0, 0, 0, 1, 0, 53, 0, 54, 0, 8, 0, 0 } },
	{ "IP6 fe80::1.53 > fe80::2.54: udp frag, length 0", "udp", "[fe80::1]:53", "[fe80::2]:54", RAW, 56,
	  { IPV6(16, 44), 17, 0, 0, 1, 0, 0, 0, 1, 0, 53, 0, 54, 0, 8, 0, 0 } },
	{ "IP6 fe80::1 > fe80::2: icmp6 type 135, code 0, length 0", "icmp6", "fe80::1", "fe80::2", RAW, 48,
	  { IPV6(8, 58), 135, 0, 0, 0, 0, 0, 0, 0 } },
	{ "02:00:00:00:00:01 > 02:00:00:00:00:02: arp length 99", "arp", "02:00:00:00:00:01",
	  "02:00:00:00:00:02", ETHER, 42, { MACS, 8, 6, 0, 1 } },
	{ "02:00:00:00:00:01 > 02:00:00:00:00:02: 0x88cc length 99", "0x88cc", "02:00:00:00:00:01",
	  "02:00:00:00:00:02", ETHER, 14, { MACS, 0x88, 0xcc } },
	{ "02:00:00:00:00:01 > 02:00:00:00:00:02: 802.3 length 99", "802.3", "02:00:00:00:00:01",
	  "02:00:00:00:00:02", ETHER, 60, { MACS, 0, 38, 0x42, 0x42, 3 } },
	{ "02:00:00:00:00:01 > 02:00:00:00:00:02: ip-truncated length 99", "ip-truncated",
	  "02:00:00:00:00:01", "02:00:00:00:00:02", ETHER, 30, { MACS, 8, 0, 0x45 } },
	{ " > : unknown length 99", "unknown", "", "", RAW, 1, { 0x15 } },
	{ " > : unknown length 99", "unknown", "", "", 147, 60, { MACS, 8, 0, 0x45 } },
};
#define SAMPLES (sizeof(samples) / sizeof(samples[0]))

static void test_samples(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < SAMPLES; i++) {
		const struct sample *s = &samples[i];
		char buf[DISSECT_SUMMARY_MAX];
		struct dissect d;

		dissect(&d, s->bytes, s->len, s->link_type);
		assert_string_equal(dissect_summary(&d, 99, buf, sizeof(buf)), s->summary);
		assert_string_equal(dissect_proto(&d, buf, sizeof(buf)), s->proto);
		assert_string_equal(dissect_endpoint(&d, true, buf, sizeof(buf)), s->src);
		assert_string_equal(dissect_endpoint(&d, false, buf, sizeof(buf)), s->dst);
	}
}

static void test_fields(void **state)
{
	struct dissect d;

	(void)state;
	dissect(&d, samples[0].bytes, samples[0].len, ETHER);
	assert_true(d.has_l4);
	assert_int_equal(d.l4_off, 34);
	assert_int_equal(d.tcp_seq, 256);
	assert_int_equal(d.tcp_flags, 0x12);
	assert_int_equal(d.payload_len_bytes, 3);
	/* payload by the IP header, though its bytes were not captured */
	dissect(&d, samples[0].bytes, 54, ETHER);
	assert_int_equal(d.payload_len_bytes, 3);
	dissect(&d, samples[0].bytes, 53, ETHER);
	assert_false(d.has_l4);
	assert_true(d.has_ports);
	assert_int_equal(d.ip_version, 4);
	dissect(&d, samples[0].bytes, 37, ETHER);
	assert_false(d.has_ports);
	dissect(&d, samples[0].bytes, 33, ETHER);
	assert_int_equal(d.ip_version, 0);
	dissect(&d, NULL, 0, ETHER);
	assert_false(d.has_link);
}

/* Dissects a copy whose end is the end of its allocation, so that the sanitizer sees every byte too far. */
static void dissect_exact(const uint8_t *bytes, size_t len, uint16_t link_type)
{
	uint8_t *copy = malloc(len ? len : 1);
	char buf[DISSECT_SUMMARY_MAX];
	struct dissect d;

	assert_non_null(copy);
	memcpy(copy, bytes, len);
	dissect(&d, copy, len, link_type);
	dissect_summary(&d, 1, buf, sizeof(buf));
	assert_true(strlen(buf) < sizeof(buf));
	free(copy);
}

static void test_truncated(void **state)
{
	size_t i, len;

	(void)state;
	for (i = 0; i < SAMPLES; i++)
		for (len = 0; len <= samples[i].len; len++)
			dissect_exact(samples[i].bytes, len, samples[i].link_type);
}

static void test_mutated(void **state)
{
	uint64_t seed = 7, i, k;

	(void)state;
	for (i = 0; i < 20000; i++) {
		const struct sample *s = &samples[fixture_random(&seed) % SAMPLES];
		uint8_t bytes[sizeof(s->bytes)];

		memcpy(bytes, s->bytes, sizeof(bytes));
		for (k = 0; k < 4; k++)
			bytes[fixture_random(&seed) % sizeof(bytes)] = (uint8_t)fixture_random(&seed);
		dissect_exact(bytes, fixture_random(&seed) % (s->len + 1), s->link_type);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_samples),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_mutated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
