/* SPDX-License-Identifier: GPL-2.0-only */
/* Runs classic BPF instruction by instruction: what the verdict has to be. */
#pragma once

#include "tests/fuzz/classic_machine.h"

static inline uint32_t classic_alu(struct classic_run *run, const struct sock_filter *f, uint32_t b)
{
	bool shifts = BPF_OP(f->code) == BPF_LSH || BPF_OP(f->code) == BPF_RSH, divides = BPF_OP(f->code) == BPF_DIV || BPF_OP(f->code) == BPF_MOD;

	if (divides && !b)
		return classic_reject(run);
	if (shifts && b > 31) {
		run->notes |= BPF_SRC(f->code) == BPF_X ? CLASSIC_SHIFT_X : CLASSIC_SHIFT_K;
		return 0;
	}
	switch (BPF_OP(f->code)) {
	case BPF_ADD:
		return run->a + b;
	case BPF_SUB:
		return run->a - b;
	case BPF_MUL:
		return run->a * b;
	case BPF_DIV:
		return run->a / b;
	case BPF_MOD:
		return run->a % b;
	case BPF_AND:
		return run->a & b;
	case BPF_OR:
		return run->a | b;
	case BPF_XOR:
		return run->a ^ b;
	case BPF_LSH:
		return run->a << b;
	case BPF_RSH:
		return run->a >> b;
	default: /* BPF_NEG */
		return -run->a;
	}
}

static inline uint32_t classic_distance(const struct classic_run *run, const struct sock_filter *f, uint32_t b)
{
	switch (BPF_OP(f->code)) {
	case BPF_JEQ:
		return run->a == b ? f->jt : f->jf;
	case BPF_JGT:
		return run->a > b ? f->jt : f->jf;
	case BPF_JGE:
		return run->a >= b ? f->jt : f->jf;
	case BPF_JSET:
		return run->a & b ? f->jt : f->jf;
	default: /* BPF_JA */
		return f->k;
	}
}

static inline void classic_store(struct classic_run *run, const struct sock_filter *f)
{
	run->cells[f->k] = f->code == BPF_ST ? run->a : run->x;
	run->written |= 1u << f->k;
}

static inline void classic_return(struct classic_run *run, const struct sock_filter *f)
{
	run->done = true;
	run->verdict = BPF_RVAL(f->code) == BPF_A ? run->a : f->k;
}

/* How many instructions it jumps over. */
static inline uint32_t classic_step(struct classic_run *run, const struct sock_filter *f)
{
	uint32_t b = BPF_SRC(f->code) == BPF_X ? run->x : f->k;

	switch (BPF_CLASS(f->code)) {
	case BPF_LD:
		run->a = classic_load(run, f);
		return 0;
	case BPF_LDX:
		run->x = classic_load(run, f);
		return 0;
	case BPF_ST:
	case BPF_STX:
		classic_store(run, f);
		return 0;
	case BPF_ALU:
		run->a = classic_alu(run, f, b);
		return 0;
	case BPF_JMP:
		return classic_distance(run, f, b);
	case BPF_RET:
		classic_return(run, f);
		return 0;
	default:
		*(BPF_MISCOP(f->code) == BPF_TAX ? &run->x : &run->a) = BPF_MISCOP(f->code) == BPF_TAX ? run->a : run->x;
		return 0;
	}
}

static inline uint32_t classic_execute(struct classic_run *run, const struct sock_fprog *program, const struct lab_packet *packet)
{
	*run = (struct classic_run){ .packet = packet };
	for (size_t at = 0; !run->done; at++)
		at += classic_step(run, &program->filter[at]);
	return run->verdict;
}
