/* SPDX-License-Identifier: GPL-2.0-only */
/* Packets by a seed: headers of real protocols with bytes changed, of any length. */
#pragma once

#include <string.h>

#include "tests/fuzz/random.h"

#define PACKET_MAX 9000

struct packet_maker {
	uint8_t *bytes; /* PACKET_MAX of them */
	size_t at;
	uint64_t *seed;
};

static inline void packet_put(struct packet_maker *m, uint32_t value, unsigned int size)
{
	while (size--)
		m->bytes[m->at++] = (uint8_t)(value >> 8 * size);
}

static inline void packet_transport(struct packet_maker *m, uint32_t proto)
{
	static const uint16_t ports[] = { 22, 53, 80, 443, 1024, 2048, 5060, 6081, 40000 };

	packet_put(m, RANDOM_ONE_OF(m->seed, ports), 2);
	packet_put(m, RANDOM_ONE_OF(m->seed, ports), 2);
	if (proto != 6)
		return;
	packet_put(m, 1, 4);
	packet_put(m, 1, 4);
	packet_put(m, (5 + random_below(m->seed, 11)) << 4, 1);
	packet_put(m, random_below(m->seed, 64), 1);
}

static inline void packet_ip4(struct packet_maker *m)
{
	static const uint8_t protos[] = { 6, 6, 17, 17, 1, 47, 50, 51, 132 };
	static const uint32_t addresses[] = { 0xc0a80111, 0xc0a80101, 0x0a000001, 0x0a000002, 0xffffffff, 0xe0000001 };
	uint32_t words = random_one_in(m->seed, 4) ? random_below(m->seed, 16) : 5, proto = RANDOM_ONE_OF(m->seed, protos);
	size_t begin = m->at;

	packet_put(m, 0x40 | words, 1);
	packet_put(m, random_below(m->seed, 256), 1);
	packet_put(m, random_below(m->seed, 1500), 2);
	packet_put(m, 1, 2);
	packet_put(m, random_one_in(m->seed, 5) ? random_below(m->seed, 65536) : 0x4000, 2);
	packet_put(m, random_below(m->seed, 256), 1);
	packet_put(m, proto, 1);
	packet_put(m, 0, 2);
	packet_put(m, RANDOM_ONE_OF(m->seed, addresses), 4);
	packet_put(m, RANDOM_ONE_OF(m->seed, addresses), 4);
	m->at = begin + (size_t)words * 4;
	packet_transport(m, proto);
}

static inline void packet_ip6(struct packet_maker *m)
{
	static const uint8_t protos[] = { 6, 6, 17, 17, 58, 0, 44, 43, 60, 132 };
	uint32_t proto = RANDOM_ONE_OF(m->seed, protos);

	packet_put(m, 0x60000000, 4);
	packet_put(m, random_below(m->seed, 1500), 2);
	packet_put(m, proto, 1);
	packet_put(m, 64, 1);
	for (unsigned int i = 0; i < 2; i++) {
		packet_put(m, random_one_in(m->seed, 2) ? 0xfe800000 : 0x20010db8, 4);
		packet_put(m, 0, 4);
		packet_put(m, 0, 4);
		packet_put(m, random_below(m->seed, 3), 4);
	}
	packet_transport(m, proto);
}

static inline void packet_ether(struct packet_maker *m)
{
	static const uint32_t tags[] = { 0x8100, 0x88a8, 0x9100 };
	static const uint32_t others[] = { 0x806, 0x8847, 0x8864, 0x88cc, 0x100, 0x4242 };

	packet_put(m, random_one_in(m->seed, 3) ? 0xffff : 0x0200, 2);
	packet_put(m, random_one_in(m->seed, 3) ? 0xffffffff : 1, 4);
	packet_put(m, 0x0200, 2);
	packet_put(m, 2, 4);
	while (random_one_in(m->seed, 4) && m->at < 24) {
		packet_put(m, RANDOM_ONE_OF(m->seed, tags), 2);
		packet_put(m, 5 + random_below(m->seed, 4), 2);
	}
	switch (random_below(m->seed, 8)) {
	case 0:
		packet_put(m, RANDOM_ONE_OF(m->seed, others), 2);
		break;
	case 1:
	case 2:
		packet_put(m, 0x86dd, 2);
		packet_ip6(m);
		break;
	default:
		packet_put(m, 0x800, 2);
		packet_ip4(m);
	}
}

static inline size_t packet_length(uint64_t *seed)
{
	switch (random_below(seed, 8)) {
	case 0:
		return random_below(seed, 64);
	case 1:
	case 2:
		return 118 + random_below(seed, 20);
	case 3:
		return random_below(seed, PACKET_MAX + 1);
	default:
		return 40 + random_below(seed, 1500);
	}
}

/* Its length. */
static inline size_t packet_make(uint8_t *bytes, bool ether, uint64_t *seed)
{
	struct packet_maker maker = { .bytes = bytes, .seed = seed };
	size_t len = packet_length(seed);

	if (random_one_in(seed, 4))
		memset(bytes, 0, PACKET_MAX);
	else
		for (size_t i = 0; i < PACKET_MAX; i += 8)
			memcpy(bytes + i, &(uint64_t){ random_next(seed) }, 8);
	if (ether)
		packet_ether(&maker);
	else if (random_one_in(seed, 3))
		packet_ip6(&maker);
	else
		packet_ip4(&maker);
	for (unsigned int changes = random_one_in(seed, 2) ? 0 : random_below(seed, 8); changes; changes--)
		bytes[random_below(seed, len < 80 ? 80 : len)] = (uint8_t)random_value(seed);
	return len;
}
