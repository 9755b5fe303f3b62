/* SPDX-License-Identifier: GPL-2.0-only */
/* Valid classic programs, by a seed: jumps forwards and within, a return at the end, no division by the constant 0. */
#pragma once

#include <linux/filter.h>

#include "tests/fuzz/random.h"

static inline struct sock_filter classic_make_load(uint64_t *seed)
{
	static const uint16_t sizes[] = { BPF_B, BPF_B, BPF_H, BPF_W };
	static const uint32_t ancillary[] = { SKF_AD_PKTTYPE, SKF_AD_IFINDEX, SKF_AD_VLAN_TAG, SKF_AD_VLAN_TAG_PRESENT };
	uint16_t size = RANDOM_ONE_OF(seed, sizes);

	switch (random_below(seed, 16)) {
	case 0:
	case 1:
		return (struct sock_filter)BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, random_offset(seed));
	case 2:
		return (struct sock_filter)BPF_STMT(random_one_in(seed, 2) ? BPF_LD | BPF_W | BPF_LEN : BPF_LDX | BPF_W | BPF_LEN, 0);
	case 3:
		return (struct sock_filter)BPF_STMT(BPF_LD | BPF_IMM, random_value(seed));
	case 4:
		return (struct sock_filter)BPF_STMT(BPF_LDX | BPF_IMM, random_one_in(seed, 4) ? random_value(seed) : random_offset(seed));
	case 5:
		return (struct sock_filter)BPF_STMT(random_one_in(seed, 2) ? BPF_LD | BPF_MEM : BPF_LDX | BPF_MEM, random_below(seed, BPF_MEMWORDS));
	case 6:
	case 7:
	case 8:
		return (struct sock_filter)BPF_STMT(BPF_LD | size | BPF_IND, random_offset(seed));
	case 9:
		return (struct sock_filter)BPF_STMT(BPF_LD | size | BPF_ABS, (uint32_t)SKF_AD_OFF + RANDOM_ONE_OF(seed, ancillary));
	default:
		return (struct sock_filter)BPF_STMT(BPF_LD | size | BPF_ABS, random_offset(seed));
	}
}

static inline struct sock_filter classic_make_alu(uint64_t *seed)
{
	static const uint16_t ops[] = { BPF_ADD, BPF_SUB, BPF_MUL, BPF_DIV, BPF_MOD, BPF_AND, BPF_AND, BPF_AND, BPF_OR, BPF_XOR, BPF_LSH, BPF_RSH, BPF_NEG };
	uint16_t op = RANDOM_ONE_OF(seed, ops);
	uint32_t k = random_value(seed);

	if (op == BPF_NEG)
		return (struct sock_filter)BPF_STMT(BPF_ALU | BPF_NEG, 0);
	if (random_one_in(seed, 3))
		return (struct sock_filter)BPF_STMT(BPF_ALU | op | BPF_X, 0);
	if ((op == BPF_LSH || op == BPF_RSH) && !random_one_in(seed, 50))
		k %= 32;
	if (op == BPF_AND && random_one_in(seed, 2))
		k = 0x7f;
	if ((op == BPF_DIV || op == BPF_MOD) && !k)
		k = 1;
	return (struct sock_filter)BPF_STMT(BPF_ALU | op | BPF_K, k);
}

static inline uint8_t classic_make_distance(uint64_t *seed, size_t reach)
{
	size_t bound = random_one_in(seed, 8) ? 256 : 4;

	return (uint8_t)random_below(seed, bound < reach + 1 ? bound : reach + 1);
}

/* `reach`: instructions that a jump can lead over. */
static inline struct sock_filter classic_make_jump(uint64_t *seed, size_t reach)
{
	static const uint16_t ops[] = { BPF_JEQ, BPF_JGT, BPF_JGE, BPF_JSET };
	uint16_t source = random_one_in(seed, 4) ? BPF_X : BPF_K;

	if (random_one_in(seed, 12))
		return (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, random_below(seed, random_one_in(seed, 8) ? reach + 1 : reach % 4 + 1));
	return (struct sock_filter)BPF_JUMP(BPF_JMP | RANDOM_ONE_OF(seed, ops) | source, source == BPF_X ? 0 : random_value(seed),
					    classic_make_distance(seed, reach), classic_make_distance(seed, reach));
}

static inline struct sock_filter classic_make_return(uint64_t *seed)
{
	static const uint32_t verdicts[] = { 0, 1, 262144, 0xffffffff, 60 };

	if (random_one_in(seed, 3))
		return (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, RANDOM_ONE_OF(seed, verdicts));
	return (struct sock_filter)BPF_STMT(BPF_RET | BPF_A, 0);
}

static inline struct sock_filter classic_make_one(uint64_t *seed, size_t reach)
{
	uint32_t kind = random_below(seed, 100);

	if (kind < 44)
		return classic_make_load(seed);
	if (kind < 62)
		return classic_make_alu(seed);
	if (kind < 82)
		return classic_make_jump(seed, reach);
	if (kind < 90)
		return (struct sock_filter)BPF_STMT(kind % 2 ? BPF_ST : BPF_STX, random_below(seed, BPF_MEMWORDS));
	if (kind < 99)
		return (struct sock_filter)BPF_STMT(BPF_MISC | (kind % 3 ? BPF_TAX : BPF_TXA), 0);
	return classic_make_return(seed);
}

static inline void classic_make(struct sock_filter *code, size_t len, uint64_t *seed)
{
	for (size_t at = 0; at + 1 < len; at++)
		code[at] = classic_make_one(seed, len - at - 2);
	code[len - 1] = classic_make_return(seed);
	if (len > 2 && random_one_in(seed, 2)) { /* one bit of A: what answers only yes or no tells as much as it can */
		code[len - 2] = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 1u << random_below(seed, 32));
		code[len - 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_A, 0);
	}
}

/* Changes one instruction of a valid program so that it stays valid. */
static inline void classic_mutate(struct sock_filter *code, size_t len, uint64_t *seed)
{
	static const uint16_t sizes[] = { BPF_B, BPF_H, BPF_W };
	size_t at = random_below(seed, len);
	struct sock_filter *f = &code[at];
	bool loads = f->code == (BPF_LD | BPF_B | BPF_ABS) || f->code == (BPF_LD | BPF_H | BPF_ABS) || f->code == (BPF_LD | BPF_W | BPF_ABS);

	if (at + 1 == len)
		*f = classic_make_return(seed);
	else if (BPF_CLASS(f->code) == BPF_JMP)
		*f = classic_make_jump(seed, len - at - 2);
	else if (loads && random_one_in(seed, 2))
		f->code = BPF_LD | BPF_ABS | RANDOM_ONE_OF(seed, sizes);
	else if (loads)
		f->k = random_one_in(seed, 2) ? f->k + random_below(seed, 9) - 4 : random_offset(seed);
	else
		*f = classic_make_one(seed, len - at - 2);
}
