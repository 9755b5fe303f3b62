/* SPDX-License-Identifier: GPL-2.0-only */
/* Runs code that passed ebpf_check(). */
#pragma once

#include <endian.h>

#include "tests/fuzz/ebpf_check.h"
#include "tests/fuzz/ebpf_machine.h"
#include "tests/fuzz/ebpf_ops.h"

static inline void ebpf_alu64(struct ebpf_run *run, const struct bpf_insn *insn)
{
	struct ebpf_register to = run->r[insn->dst_reg], from = { EBPF_NUMBER, (uint64_t)(int64_t)insn->imm };

	if (BPF_SRC(insn->code) == BPF_X)
		from = run->r[insn->src_reg];
	if (BPF_OP(insn->code) == BPF_MOV) {
		ebpf_set(run, insn->dst_reg, from);
		return;
	}
	if (from.kind == EBPF_VIEW && to.kind == EBPF_NUMBER) {
		struct ebpf_register swapped = to;

		to = from;
		from = swapped;
	}
	ebpf_trap(run, from.kind != EBPF_NUMBER || (to.kind != EBPF_NUMBER && to.kind != EBPF_VIEW), "a sum with a pointer");
	to.value += from.value;
	ebpf_set(run, insn->dst_reg, to);
}

static inline void ebpf_alu32(struct ebpf_run *run, const struct bpf_insn *insn)
{
	uint32_t a = 0, b = BPF_SRC(insn->code) == BPF_X ? (uint32_t)ebpf_number(run, insn->src_reg) : (uint32_t)insn->imm;

	if (BPF_OP(insn->code) != BPF_MOV)
		a = (uint32_t)ebpf_number(run, insn->dst_reg);
	ebpf_set(run, insn->dst_reg, (struct ebpf_register){ EBPF_NUMBER, ebpf_alu32_result(run, BPF_OP(insn->code), a, b) });
}

static inline void ebpf_big_endian(struct ebpf_run *run, const struct bpf_insn *insn)
{
	uint64_t value = ebpf_number(run, insn->dst_reg);

	if (insn->imm == 64)
		value = htobe64(value);
	else
		value = insn->imm == 32 ? htobe32((uint32_t)value) : htobe16((uint16_t)value);
	ebpf_set(run, insn->dst_reg, (struct ebpf_register){ EBPF_NUMBER, value });
}

static inline void ebpf_condition(struct ebpf_run *run, const struct bpf_insn *insn)
{
	uint64_t a = ebpf_number(run, insn->dst_reg), b = BPF_SRC(insn->code) == BPF_X ? ebpf_number(run, insn->src_reg) : (uint64_t)(int64_t)insn->imm;

	if (BPF_CLASS(insn->code) == BPF_JMP32) {
		a = (uint32_t)a;
		b = (uint32_t)b;
	}
	if (ebpf_holds(BPF_OP(insn->code), a, b))
		run->at += (size_t)insn->off;
}

static inline void ebpf_step(struct ebpf_run *run, const struct bpf_insn *insn)
{
	if (insn->code == (BPF_JMP | BPF_CALL))
		ebpf_call(run);
	else if (insn->code == (BPF_JMP | BPF_JA))
		run->at += (size_t)insn->off;
	else if (ebpf_is_condition(insn))
		ebpf_condition(run, insn);
	else if (insn->code == (BPF_ALU | BPF_END | BPF_TO_BE))
		ebpf_big_endian(run, insn);
	else if (BPF_CLASS(insn->code) == BPF_ALU)
		ebpf_alu32(run, insn);
	else if (BPF_CLASS(insn->code) == BPF_ALU64)
		ebpf_alu64(run, insn);
	else if (BPF_CLASS(insn->code) == BPF_LDX)
		ebpf_load(run, insn);
	else
		ebpf_store(run, insn);
	run->at += !run->trap;
}

/* The verdict; on a trap, `run` says why and where. */
static inline uint32_t ebpf_execute(struct ebpf_run *run)
{
	run->r[1] = (struct ebpf_register){ EBPF_PACKET, 0 };
	run->r[2] = (struct ebpf_register){ EBPF_VIEW, 0 };
	run->r[3] = (struct ebpf_register){ EBPF_NUMBER, run->how };
	run->r[10] = (struct ebpf_register){ EBPF_STACK, sizeof(run->stack) };
	while (!run->trap && run->code[run->at].code != (BPF_JMP | BPF_EXIT))
		ebpf_step(run, &run->code[run->at]);
	return run->trap ? 0 : (uint32_t)ebpf_number(run, 0);
}
