/* SPDX-License-Identifier: GPL-2.0-only */
/* Makes frames for the filter tests: filter_packets.h. */
#include "tests/root/filter_packets.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "tests/root/root_lab.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define LENGTHS	     8

/* ---- lists */

static uint32_t random_below(struct frames *list, uint32_t limit)
{
	list->random = list->random * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((list->random >> 33) % limit);
}

void frames_add(struct frames *list, const uint8_t *bytes, size_t size)
{
	struct frame *f;

	if (size < FRAME_MIN_BYTES)
		return;
	if (list->count == list->room) {
		list->room = list->room ? list->room * 2 : 1024;
		list->frame = realloc(list->frame, list->room * sizeof(*list->frame));
		assert_non_null(list->frame);
	}
	f = &list->frame[list->count++];
	f->bytes = malloc(size);
	assert_non_null(f->bytes);
	f->size = (uint32_t)size;
	memcpy(f->bytes, bytes, size);
}

void frames_free(struct frames *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->frame[i].bytes);
	free(list->frame);
	*list = (struct frames){ 0 };
}

/* ---- a frame under construction: headers are appended, lengths in them are patched at the end */

struct draft {
	struct frames *list;
	size_t size;
	struct {
		size_t at, from; /* the 16 bits at `at` count the bytes from `from` on */
	} length[LENGTHS];
	size_t lengths;
	uint8_t bytes[FRAME_MAX_BYTES];
};

static void put(struct draft *d, const void *bytes, size_t size)
{
	assert_true(d->size + size <= sizeof(d->bytes));
	memcpy(d->bytes + d->size, bytes, size);
	d->size += size;
}

static void put8(struct draft *d, unsigned int value)
{
	uint8_t byte = (uint8_t)value;

	put(d, &byte, 1);
}

static void put16(struct draft *d, unsigned int value)
{
	put8(d, value >> 8);
	put8(d, value & 0xff);
}

static void put32(struct draft *d, uint32_t value)
{
	put16(d, value >> 16);
	put16(d, value & 0xffff);
}

static void put_hex(struct draft *d, const char *hex)
{
	unsigned int value;
	int used;

	while (sscanf(hex, " %2x%n", &value, &used) == 1) {
		put8(d, value);
		hex += used;
	}
}

static void put_length(struct draft *d, size_t from)
{
	assert_true(d->lengths < LENGTHS);
	d->length[d->lengths].at = d->size;
	d->length[d->lengths++].from = from;
	put16(d, 0);
}

/* Until the frame has so many bytes. */
static void put_pattern(struct draft *d, size_t until)
{
	while (d->size < until && d->size < sizeof(d->bytes))
		put8(d, FRAME_PATTERN(d->size));
}

static void put_random(struct draft *d, size_t until)
{
	while (d->size < until && d->size < sizeof(d->bytes))
		put8(d, random_below(d->list, 256));
}

static void draft_add(struct draft *d)
{
	for (size_t i = 0; i < d->lengths; i++) {
		size_t length = d->size - d->length[i].from;

		d->bytes[d->length[i].at] = (uint8_t)(length >> 8);
		d->bytes[d->length[i].at + 1] = (uint8_t)length;
	}
	frames_add(d->list, d->bytes, d->size);
}

static void draft_begin(struct draft *d)
{
	d->size = d->lengths = 0;
}

/* ---- addresses and ports: few, so that they meet */

static const char *pick(struct draft *d, const char *const *list, size_t count)
{
	return list[random_below(d->list, (uint32_t)count)];
}

static void put_mac(struct draft *d, bool to)
{
	static const char *const macs[] = { "020000000001", "020000000002", "001122334455", "ffffffffffff", "01005e000001", "333300000001" };

	put_hex(d, pick(d, macs, to ? COUNT(macs) : 3));
}

static void put_address(struct draft *d, bool v6, bool to)
{
	static const char *const v4s[] = { "192.0.2.1", "192.0.2.2", "10.0.0.1", "10.1.2.3", "172.16.5.4", "198.51.100.77", "224.0.0.1", "255.255.255.255",
					   "10.255.255.255", "10.0.0.0" };
	static const char *const v6s[] = { "fe80::1", "2001:db8::1", "2001:db8::2", "2001:db8:1::5", "fd00::abcd", "ff02::1", "ff02::1:ff00:1" };
	uint8_t address[16];

	assert_int_equal(inet_pton(v6 ? AF_INET6 : AF_INET, v6 ? pick(d, v6s, to ? COUNT(v6s) : 5) : pick(d, v4s, to ? COUNT(v4s) : 6), address), 1);
	put(d, address, v6 ? 16 : 4);
}

static void put_ports(struct draft *d)
{
	static const uint16_t ports[] = { 22, 25, 53, 80, 443, 1023, 1024, 5060, 8080, 33434, 65535 };

	put16(d, ports[random_below(d->list, COUNT(ports))]);
	put16(d, ports[random_below(d->list, COUNT(ports))]);
}

/* ---- transport: the protocol's number, and what stands behind the IP header */

struct transport {
	uint8_t proto;
	enum { HEX, PORTS, PORTS_LENGTH } how; /* PORTS_LENGTH: UDP */
	const char *hex;		       /* behind the ports */
};

static const struct transport transports[] = {
	{ 6, PORTS, "00000001 00000000 5002 2000 0000 0000" },				       /* SYN */
	{ 6, PORTS, "00000001 00000002 5012 2000 0000 0000" },				       /* SYN ACK */
	{ 6, PORTS, "00000005 00000009 5010 2000 0000 0000" },				       /* ACK */
	{ 6, PORTS, "00000005 00000009 5018 2000 0000 0000 474554202f20485454502f312e310d0a" }, /* GET, PSH ACK */
	{ 6, PORTS, "00000005 00000009 8011 2000 0000 0000 0101080a0000000100000002 474554202f0d0a" }, /* timestamps, FIN ACK */
	{ 6, PORTS, "00000000 00000000 5004 0000 0000 0000" },				       /* RST */
	{ 6, PORTS, "00000000 00000000 50e9 0000 0000 0007" },				       /* CWR ECE URG PSH FIN */
	{ 17, PORTS_LENGTH, "" },
	{ 17, PORTS_LENGTH, "1234 0100 0001 0000 0000 0000 0161 00 0001 0001" }, /* a question to DNS */
	{ 17, PORTS_LENGTH, "8180 4d56 11111111 22222222 00000000 80000000" },
	{ 132, PORTS, "00000001 deadbeef 0003 0010 00000001 00000000" }, /* SACK */
	{ 132, PORTS, "00000001 deadbeef 0100 0014 00000001 00010000 000a 000a 00000001" },
	{ 1, HEX, "0800 1234 0001 0001" },
	{ 1, HEX, "0000 1234 0001 0002" },
	{ 1, HEX, "0301 1234 00000000 4500001c00000000401100000a0000010a0102030035003500080000" },
	{ 1, HEX, "0b00 1234 00000000 4500" },
	{ 1, HEX, "0d00 1234 0001 0002 00000000" },
	{ 58, HEX, "8000 1234 0001 0001" },
	{ 58, HEX, "8100 1234 0001 0001" },
	{ 58, HEX, "8700 1234 00000000 fe800000000000000000000000000001" },
	{ 58, HEX, "8600 1234 40000708 00000000 00000000" },
	{ 58, HEX, "0104 1234 00000000 6000" },
	{ 2, HEX, "1600 1234 e0000001" },
	{ 51, HEX, "0604 0000 00000001 00000001 0102030405060708 090a0b0c" },
	{ 50, HEX, "00000001 00000001" },
	{ 103, HEX, "2000 1234" },
	{ 112, HEX, "2101 6401 0001 1234" },
	{ 9, HEX, "1100 0001" },
	{ 89, HEX, "0201 002c 0a000001" },
	{ 46, HEX, "1001 0000" },
	{ 59, HEX, "" },
	{ 255, HEX, "00" },
};

static void put_transport(struct draft *d, const struct transport *t)
{
	size_t start = d->size;

	if (t->how != HEX)
		put_ports(d);
	if (t->how == PORTS_LENGTH) {
		put_length(d, start);
		put16(d, 0x1234);
	}
	put_hex(d, t->hex);
}

/* ---- network layer */

enum network { V4, V4_OPTIONS, V4_FIRST, V4_LATER, V4_SHORT_TTL, V6, V6_HOPOPTS, V6_FRAGMENT, V6_LATER, V6_ROUTING, V6_CHAIN, NETWORKS };

static void put_v4(struct draft *d, enum network how, unsigned int proto)
{
	size_t start = d->size;
	unsigned int flags = how == V4_FIRST ? 0x2000 : 0x4000;

	put8(d, how == V4_OPTIONS ? 0x48 : 0x45);
	put8(d, how == V4_SHORT_TTL ? 0xb8 : 0);
	put_length(d, start);
	put16(d, random_below(d->list, 0x10000));
	put16(d, how == V4_LATER ? 0x00b9 : flags);
	put8(d, how == V4_SHORT_TTL ? 1 : 64);
	put8(d, proto);
	put16(d, 0x1234);
	put_address(d, false, false);
	put_address(d, false, true);
	if (how == V4_OPTIONS)
		put_hex(d, "940400000706040a00000100");
}

static void put_v6(struct draft *d, enum network how, unsigned int proto)
{
	static const struct {
		unsigned int first;
		const char *hex; /* NN: the transport's number */
	} extensions[NETWORKS] = {
		[V6_HOPOPTS] = { 0, "NN00 050200000100" },
		[V6_FRAGMENT] = { 44, "NN00 0001 00001234" },
		[V6_LATER] = { 44, "NN00 05a8 00001234" },
		[V6_ROUTING] = { 43, "NN02 0401 00000000 20010db8000000000000000000000001" },
		[V6_CHAIN] = { 0, "3c00 050200000100 2c00 010400000000 NN00 0001 00001234" },
	};
	const char *hex = extensions[how].hex ?: "";
	char text[128], number[3];
	char *nn;

	snprintf(text, sizeof(text), "%s", hex);
	snprintf(number, sizeof(number), "%02x", proto);
	nn = strstr(text, "NN");
	if (nn)
		memcpy(nn, number, 2);
	put32(d, 0x60000000 | random_below(d->list, 4) << 20 | random_below(d->list, 0x100000));
	put_length(d, d->size + 36);
	put8(d, nn ? extensions[how].first : proto);
	put8(d, random_below(d->list, 2) ? 64 : 255);
	put_address(d, true, false);
	put_address(d, true, true);
	put_hex(d, text);
}

static void put_network(struct draft *d, enum network how, unsigned int proto)
{
	if (how >= V6)
		put_v6(d, how, proto);
	else
		put_v4(d, how, proto);
}

/*
 * ---- what stands before the innermost network layer. T: its EtherType; P: its PPP protocol; L: a length of what follows; U, G, A after 4 or 6: an IP header
 * before UDP with its source port, before GRE, before the layer itself; N: UDP's length; E: Ethernet addresses.
 */

static const char *const stacks[] = {
	"T",
	"8100 0007 T",
	"8100 2005 T",
	"8100 0064 T",
	"88a8 000a 8100 0064 T",
	"8100 0064 8100 00c8 T",
	"8100 0001 8100 0002 8100 0003 T",
	"9100 0064 T",
	"8100 0fff 9100 0000 T",
	"8847 0003e140",
	"8847 0003e040 0007d140",
	"8847 0003e040 0007d040 000bb140",
	"8847 00064140",
	"8848 00064140",
	"8100 0007 8847 0003e140",
	"8864 1100 0001 L P",
	"8864 1100 4321 L P",
	"8100 0064 8864 1100 0001 L P",
	"L aa aa 03 000000 T",
	"8100 0007 L aa aa 03 000000 T",
	"L 06 06 03",
	"0800 4U 17c1 N 0000 0000 6558 00000a00 E T",
	"0800 4U 17c1 N 0000 0000 T 00000b00",
	"0800 4U 17c1 N 0000 0240 6558 00000b00 0102800100000001 E T",
	"86dd 6U 17c1 N 0000 0000 6558 00000a00 E T",
	"86dd 6U 17c1 N 0000 0000 T 0000ff00",
	"8100 0007 0800 4U 17c1 N 0000 0000 6558 00000a00 E T",
	"0800 4U 17c1 N 0000 0000 6558 00000a00 E 8100 0007 T",
	"0800 4U 12b5 N 0000 08000000 00002a00 E T",
	"0800 4G 0000 T",
	"0800 4A",
	"86dd 6A",
	"88e5 00000000 T",
};

static void put_outer(struct draft *d, enum network how, char next, bool inner_v6)
{
	unsigned int own = inner_v6 ? 41 : 4;

	if (next == 'U')
		own = 17;
	else if (next == 'G')
		own = 47;
	put_network(d, how, own);
	if (next == 'U')
		put16(d, 0xc350);
}

static void put_word(struct draft *d, const char *word, bool v6)
{
	if (!strcmp(word, "T"))
		put16(d, v6 ? 0x86dd : 0x0800);
	else if (!strcmp(word, "P"))
		put16(d, v6 ? 0x0057 : 0x0021);
	else if (!strcmp(word, "L"))
		put_length(d, d->size + 2);
	else if (!strcmp(word, "N"))
		put_length(d, d->size - 4);
	else if (!strcmp(word, "E"))
		put_hex(d, "020000000002 020000000001");
	else if (!strcmp(word + 1, "U") || !strcmp(word + 1, "G") || !strcmp(word + 1, "A"))
		put_outer(d, word[0] == '6' ? V6 : V4, word[1], v6);
	else
		put_hex(d, word);
}

/* Ethernet header and the layers of `stack`. */
static void put_stack(struct draft *d, const char *stack, bool v6)
{
	char word[16];
	int used;

	put_mac(d, true);
	put_mac(d, false);
	for (; sscanf(stack, " %15s%n", word, &used) == 1; stack += used)
		put_word(d, word, v6);
}

/* Payload of `size` bytes: 0 leaves it to chance. */
static void stack_add(struct draft *d, const char *stack, enum network network, const struct transport *transport, uint32_t size)
{
	static const uint16_t sizes[] = { 0, 0, 1, 4, 8, 18, 40, 64, 100, 222, 300, 400, 1400 };

	draft_begin(d);
	put_stack(d, stack, network >= V6);
	put_network(d, network, transport->proto);
	put_transport(d, transport);
	if (!size)
		size = (uint32_t)d->size + sizes[random_below(d->list, COUNT(sizes))];
	if (random_below(d->list, 2))
		put_pattern(d, size);
	else
		put_random(d, size);
	draft_add(d);
}

static const struct transport *transport_any(struct draft *d)
{
	return &transports[random_below(d->list, COUNT(transports))];
}

static void build_stacks(struct draft *d)
{
	for (size_t s = 0; s < COUNT(stacks); s++) {
		for (int n = 0; n < NETWORKS * 2; n++)
			stack_add(d, stacks[s], n % NETWORKS, transport_any(d), 0);
		for (size_t t = random_below(d->list, 2); t < COUNT(transports); t += 2)
			stack_add(d, stacks[s], random_below(d->list, NETWORKS), &transports[t], 0);
	}
	for (size_t t = 0; t < COUNT(transports); t++)
		for (int n = 0; n < NETWORKS; n++)
			stack_add(d, stacks[0], n, &transports[t], 0);
}

/* ---- what is not IP: behind the Ethernet addresses */

static const char *const others[] = {
	"0806 0001 0800 06 04 0001 020000000001 c0000201 000000000000 c0000202", /* ARP: who has */
	"0806 0001 0800 06 04 0002 020000000002 c0000202 020000000001 c0000201",
	"0806 0001 0800 06 04 0001 020000000001 0a000001 000000000000 0a010203",
	"8100 0007 0806 0001 0800 06 04 0001 020000000001 c0000201 000000000000 c0000202",
	"88a8 000a 8100 0064 0806 0001 0800 06 04 0002 020000000001 c0000201 000000000000 0a000001",
	"8035 0001 0800 06 04 0003 020000000001 00000000 020000000001 00000000", /* RARP */
	"8035 0001 0800 06 04 0004 020000000001 c0000202 020000000001 c0000201",
	"80f3 0001 809b 06 04 0001 020000000001 00000001 000000000000 00000002",
	"809b 0000 0001 0002 0101 0203",
	"L aa aa 03 080007 809b 0000 0001 0002",
	"L aa aa 03 000000 80f3 0001 809b",
	"L aa aa 03 00000c 2000 02b4",
	"8100 0007 809b 0000 0001 0002 0101 0203",
	"6003 0e00 02 0f28 0f2c 00 000000000000", /* DECnet */
	"6003 0e00 81 02 0f28 0f2c 00 000000000000",
	"6003 1600 26 0000 aa000400 0f28 0000 aa000400 0f2c 00 00 00 00",
	"6003 1600 81 26 0000 aa000400 0f28 0000 aa000400 0f2c 00 00 00 00",
	"6004 0000 0001 0203",
	"6001 0100 0001",
	"6002 0100 0001",
	"6007 0100 0001",
	"L 42 42 03 0000 00 00 00 8000020000000001 00000000", /* spanning tree */
	"L 42 42 03 0000 02 02 7c 8000020000000001 00000000",
	"8100 0001 L 42 42 03 0000 00 00 00",
	"L e0 e0 03 ffff 0022 0000", /* IPX in its four ways */
	"L ffff 0022 0000 0000",
	"8137 ffff 0022 0000",
	"L aa aa 03 000000 8137 ffff 0022",
	"L f0 f0 03 2c00 ffef",
	"L f0 f0 7f",
	"L fe fe 03 81 1f 01 3f 9c 00 00", /* ISO: CLNP, ESIS, ISIS */
	"L fe fe 03 82 0a 01 00 02 00 00",
	"L fe fe 03 83 1b 01 00 0f 01 00 00 01 00 00 00 00 00 00 00",
	"L fe fe 03 83 1b 01 00 10 01 00 00 02 00 00 00 00 00 00 00",
	"L fe fe 03 83 14 01 00 11 01 00 00 03 00 00 00 00 00 00 00",
	"L fe fe 03 83 1b 01 00 12 01 00 00 01 00 00 00 00 00 00 00",
	"L fe fe 03 83 1b 01 00 14 01 00 00 01 00 00 00 00 00 00 00",
	"L fe fe 03 83 21 01 00 18 01 00 00 01 00 00 00 00 00 00 00",
	"L fe fe 03 83 21 01 00 19 01 00 00 01 00 00 00 00 00 00 00",
	"L fe fe 03 83 11 01 00 1a 01 00 00 01 00 00 00 00 00 00 00",
	"L fe fe 03 83 11 01 00 1b 01 00 00 01 00 00 00 00 00 00 00",
	"L fe fe 03 cc 45000014",
	"8100 0007 L fe fe 03 83 1b 01 00 0f 01 00 00 01",
	"L 04 05 00 02 61", /* LLC: information, supervisory, unnumbered */
	"L 04 05 06 08",
	"L 04 05 01 02",
	"L 04 05 05 02",
	"L 04 05 09 02",
	"L 04 05 03",
	"L 04 05 43",
	"L 04 05 0f",
	"L 04 05 6f",
	"L 04 05 7f",
	"L 04 05 63",
	"L 04 05 73",
	"L 04 05 87 000000",
	"L 04 05 e3 0000",
	"L 04 05 f3 0000",
	"L 04 05 af 8101 00",
	"L 04 05 bf 8101 00",
	"0800 4U 17c1 N 0000 0000 6558 00000a00 E 0806 0001 0800 06 04 0001 020000000001 c0000201 000000000000 c0000202",
	"8863 1109 0000 L 0101 0000 0103 0004 01020304", /* PPPoE discovery */
	"8863 1107 0000 L 0101 0000 0102 0003 616263",
	"8863 1165 0001 L 0101 0000",
	"8864 1100 0001 L c021 0901 0008 01020304",
	"8864 1100 0002 L c021 0a01 0008 01020304",
	"88cc 0207 04 020000000001 0402 0565 0602 0078 0000",
	"8809 0101 0114 ffff 020000000001",
	"8902 0001 0446",
	"88f7 0002 002c 0000",
	"888e 0200 0000",
	"0842 ffffffffffff 020000000001 020000000001",
	"9000 0000 0100 0000",
	"0000 0000",
	"0600 0000",
	"05dc aa aa 03",
	"ffff ffff",
	"0800 00",
	"0800 4f 00 0014 0000 0000 40 06 0000 c0000201 c0000202", /* a header longer than the packet */
	"0800 40 00 0014 0000 0000 40 06 0000 c0000201 c0000202 0050 0050",
	"86dd 60",
	"8100",
	"8100 00",
	"8100 0007",
	"8100 0007 08",
	"88a8 0007 8100",
	"8847 0003e1",
	"8847 0003e140",
	"8864 1100",
	"8864 1100 0001 0002",
};

static void build_others(struct draft *d)
{
	for (size_t i = 0; i < COUNT(others); i++) {
		for (int padded = 0; padded < 2; padded++) {
			draft_begin(d);
			put_stack(d, others[i], false);
			if (padded)
				put_random(d, 60);
			draft_add(d);
		}
	}
}

/* Lengths where something changes: the window's end, a page's end and buffers' ends. */
static void build_sizes(struct draft *d, uint32_t large_bytes)
{
	static const uint16_t sizes[] = { 60,  122, 123, 124, 125, 126, 127, 128, 129,	130,  131,  132,  133,	134,  135,
					  136, 199, 200, 201, 202, 203, 204, 255, 256, 1499, 1500, 1501, 1502, 1503, 1504, 1505,
					  1506, 1507, 1508, 1509, 1514, 1518, 2000, 2001, 2002, 2003, 2004, 2005, 2006, 2007, 2008, 3000 };

	for (size_t i = 0; i < COUNT(sizes); i++)
		for (size_t s = 0; s < 5; s++)
			stack_add(d, stacks[s], i & 1 ? V6 : V4, &transports[(i + s) % COUNT(transports)], sizes[i]);
	for (size_t s = 0; s < 8; s++) {
		stack_add(d, stacks[s], V4, transport_any(d), large_bytes);
		stack_add(d, stacks[s], V6, transport_any(d), 5000 + (uint32_t)s);
		stack_add(d, stacks[s], s & 1 ? V6 : V4, transport_any(d), FRAME_MAX_BYTES - (uint32_t)s);
	}
}

void frames_build(struct frames *list, uint32_t large_bytes)
{
	struct draft *d = calloc(1, sizeof(*d));

	assert_non_null(d);
	d->list = list;
	build_stacks(d);
	build_others(d);
	build_sizes(d, large_bytes);
	free(d);
}

/* ---- of other frames */

void frames_truncate(struct frames *list, size_t built, size_t every, uint32_t most)
{
	for (size_t i = 0; i < built; i += every)
		for (uint32_t size = FRAME_MIN_BYTES; size <= most && size < list->frame[i].size; size++)
			frames_add(list, list->frame[i].bytes, size);
}

static void mutate_once(struct frames *list, uint8_t *bytes, uint32_t size)
{
	static const uint16_t types[] = { 0x0800, 0x86dd, 0x8100, 0x88a8, 0x9100, 0x8847, 0x8864, 0x0806, 0x0026 };
	uint32_t at = random_below(list, size < 90 ? size : 90), type = types[random_below(list, COUNT(types))];

	switch (random_below(list, 4)) {
	case 0:
		bytes[at] ^= (uint8_t)(1u << random_below(list, 8));
		break;
	case 1:
		bytes[at] = (uint8_t)random_below(list, 256);
		break;
	case 2:
		bytes[12] = (uint8_t)(type >> 8);
		bytes[13] = (uint8_t)type;
		break;
	default: /* an IP header's version and length, unless a tag is there */
		bytes[size > 14 ? 14 : 13] = (uint8_t)random_below(list, 256);
	}
}

void frames_mutate(struct frames *list, size_t count)
{
	size_t of = list->count;

	for (size_t i = 0; i < count; i++) {
		const struct frame *from = &list->frame[random_below(list, (uint32_t)of)];
		uint8_t copy[FRAME_MAX_BYTES];
		uint32_t size = from->size < sizeof(copy) ? from->size : sizeof(copy);

		memcpy(copy, from->bytes, size);
		for (uint32_t changes = 1 + random_below(list, 3); changes; changes--)
			mutate_once(list, copy, size);
		frames_add(list, copy, size);
	}
}
