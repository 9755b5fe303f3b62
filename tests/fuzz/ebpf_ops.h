/* SPDX-License-Identifier: GPL-2.0-only */
/* What the operations of code that passed ebpf_check() compute. */
#pragma once

#include "tests/fuzz/ebpf_machine.h"

static inline uint32_t ebpf_alu32_result(struct ebpf_run *run, unsigned int op, uint32_t a, uint32_t b)
{
	ebpf_trap(run, (op == BPF_LSH || op == BPF_RSH) && b > 31, "a shift by more than 31");
	ebpf_trap(run, (op == BPF_DIV || op == BPF_MOD) && !b, "a division by 0");
	if (run->trap)
		return 0;
	switch (op) {
	case BPF_ADD:
		return a + b;
	case BPF_SUB:
		return a - b;
	case BPF_MUL:
		return a * b;
	case BPF_DIV:
		return a / b;
	case BPF_MOD:
		return a % b;
	case BPF_OR:
		return a | b;
	case BPF_AND:
		return a & b;
	case BPF_XOR:
		return a ^ b;
	case BPF_LSH:
		return a << b;
	case BPF_RSH:
		return a >> b;
	case BPF_NEG:
		return 0 - a;
	default: /* BPF_MOV: ebpf_check() knows no other */
		return b;
	}
}

static inline bool ebpf_holds(unsigned int op, uint64_t a, uint64_t b)
{
	switch (op) {
	case BPF_JEQ:
		return a == b;
	case BPF_JNE:
		return a != b;
	case BPF_JGT:
		return a > b;
	case BPF_JGE:
		return a >= b;
	case BPF_JLT:
		return a < b;
	case BPF_JLE:
		return a <= b;
	case BPF_JSET:
		return a & b;
	case BPF_JSGT:
		return (int64_t)a > (int64_t)b;
	case BPF_JSGE:
		return (int64_t)a >= (int64_t)b;
	case BPF_JSLT:
		return (int64_t)a < (int64_t)b;
	default: /* BPF_JSLE: ebpf_check() knows no other */
		return (int64_t)a <= (int64_t)b;
	}
}
