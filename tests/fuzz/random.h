/* SPDX-License-Identifier: GPL-2.0-only */
/* Numbers by a seed: any, evenly below a bound, and those where mistakes are. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define RANDOM_ONE_OF(seed, array) ((array)[random_below(seed, COUNT(array))])

/* splitmix64 */
static inline uint64_t random_next(uint64_t *seed)
{
	uint64_t z = *seed += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

static inline uint32_t random_below(uint64_t *seed, size_t bound)
{
	return (uint32_t)(random_next(seed) % bound);
}

static inline bool random_one_in(uint64_t *seed, unsigned int n)
{
	return random_below(seed, n) == 0;
}

/* An operand: small, a field's usual value, a power of two or its neighbour, an end of a range, or anything. */
static inline uint32_t random_value(uint64_t *seed)
{
	static const uint32_t usual[] = { 0x800, 0x86dd, 0x806, 0x8100, 6, 17, 1, 58, 80, 443, 53, 0x1fff, 0xf0, 0xff, 0xffff, 0x45, 0xc0a80111, 0x0a000001 };
	static const uint32_t ends[] = { 0, 0x7fffffff, 0x80000000, 0x80000001, 0xfffffffe, 0xffffffff };

	switch (random_below(seed, 6)) {
	case 0:
	case 1:
		return random_below(seed, 70);
	case 2:
		return RANDOM_ONE_OF(seed, usual);
	case 3:
		return (1u << random_below(seed, 32)) - random_below(seed, 2);
	case 4:
		return RANDOM_ONE_OF(seed, ends);
	default:
		return (uint32_t)random_next(seed);
	}
}

/* A place in a packet: mostly in its headers, often around the end of the window, now and then beyond every packet. */
static inline uint32_t random_offset(uint64_t *seed)
{
	static const uint32_t fields[] = { 12, 13, 14, 16, 18, 20, 23, 26, 30, 34, 36, 38, 46, 47, 48, 54, 56 };
	static const uint32_t ends[] = { 9000, 65535, 65536, 0x7ffffffe, 0x7fffffff, 0x80000000, 0xffe00000, 0xfff00000, 0xffffefff, 0xffffffff };
	uint32_t kind = random_below(seed, 64);

	if (kind < 20)
		return random_below(seed, 60);
	if (kind < 36)
		return RANDOM_ONE_OF(seed, fields);
	if (kind < 52)
		return 118 + random_below(seed, 16);
	if (kind < 60)
		return random_below(seed, 1500);
	return kind < 63 ? random_below(seed, 9100) : RANDOM_ONE_OF(seed, ends);
}
