/* SPDX-License-Identifier: GPL-2.0-only */
/* What can be said of translated code without running it: only the instructions that translate() may use, no field set that has no meaning, all reachable. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <linux/bpf.h>

static inline bool ebpf_is_condition(const struct bpf_insn *insn)
{
	unsigned int class = BPF_CLASS(insn->code), op = BPF_OP(insn->code);

	return (class == BPF_JMP || class == BPF_JMP32) && op != BPF_JA && op != BPF_CALL && op != BPF_EXIT;
}

static inline bool ebpf_ends(const struct bpf_insn *insn)
{
	return insn->code == (BPF_JMP | BPF_EXIT) || insn->code == (BPF_JMP | BPF_JA);
}

static inline const char *ebpf_check_alu(const struct bpf_insn *insn)
{
	unsigned int op = BPF_OP(insn->code);

	if (insn->off)
		return "arithmetic with an offset";
	if (op == BPF_END)
		return insn->code == (BPF_ALU | BPF_END | BPF_TO_BE) && !insn->src_reg && (insn->imm == 16 || insn->imm == 32 || insn->imm == 64) ? NULL : "byte order";
	if (BPF_SRC(insn->code) == BPF_X ? insn->imm != 0 : insn->src_reg != 0)
		return "arithmetic with both a register and a constant";
	if (op > BPF_MOV)
		return "unknown arithmetic";
	if (BPF_CLASS(insn->code) == BPF_ALU64 && op != BPF_MOV && op != BPF_ADD)
		return "arithmetic of 64 bits";
	if (op == BPF_NEG)
		return insn->code == (BPF_ALU | BPF_NEG) && !insn->imm ? NULL : "negation";
	if (BPF_SRC(insn->code) == BPF_K && (op == BPF_LSH || op == BPF_RSH) && (uint32_t)insn->imm > 31)
		return "a constant shift by more than 31";
	if (BPF_SRC(insn->code) == BPF_K && (op == BPF_DIV || op == BPF_MOD) && !insn->imm)
		return "a division by the constant 0";
	return NULL;
}

static inline const char *ebpf_check_jump(const struct bpf_insn *insn)
{
	if (insn->code == (BPF_JMP | BPF_EXIT))
		return insn->dst_reg || insn->src_reg || insn->off || insn->imm ? "an exit with fields" : NULL;
	if (insn->code == (BPF_JMP | BPF_CALL))
		return insn->dst_reg || insn->src_reg != BPF_PSEUDO_CALL || insn->off || insn->imm ? "a call of something else" : NULL;
	if (insn->code == (BPF_JMP | BPF_JA))
		return insn->dst_reg || insn->src_reg || insn->imm ? "a goto with fields" : NULL;
	if (!ebpf_is_condition(insn) || BPF_OP(insn->code) > BPF_JSLE)
		return "an unknown jump";
	if (BPF_CLASS(insn->code) == BPF_JMP32 && BPF_OP(insn->code) >= BPF_JSGT && BPF_OP(insn->code) != BPF_JLT && BPF_OP(insn->code) != BPF_JLE)
		return "a signed comparison of 32 bits";
	return (BPF_SRC(insn->code) == BPF_X ? insn->imm != 0 : insn->src_reg != 0) ? "a jump that compares with two things" : NULL;
}

static inline const char *ebpf_check_one(const struct bpf_insn *insn)
{
	switch (BPF_CLASS(insn->code)) {
	case BPF_ALU:
	case BPF_ALU64:
		return ebpf_check_alu(insn);
	case BPF_JMP:
	case BPF_JMP32:
		return ebpf_check_jump(insn);
	case BPF_LDX:
	case BPF_STX:
		return BPF_MODE(insn->code) != BPF_MEM || insn->imm ? "an unknown load or store" : NULL;
	default:
		return "an unknown class";
	}
}

/* NULL, or what is wrong with the instruction `*at`. */
static inline const char *ebpf_check(const struct bpf_insn *code, size_t count, size_t *at)
{
	bool *reached = calloc(count + 1, sizeof(*reached));
	const char *wrong = count ? NULL : "no instruction";

	if (!reached)
		abort();
	reached[0] = true;
	for (*at = 0; !wrong && *at < count; ++*at) {
		const struct bpf_insn *insn = &code[*at];
		bool jumps = ebpf_is_condition(insn) || insn->code == (BPF_JMP | BPF_JA);

		wrong = reached[*at] ? ebpf_check_one(insn) : "cannot be reached";
		if (jumps && (insn->off < 0 || *at + 1 + (size_t)insn->off >= count))
			wrong = "a jump backwards or out of the program";
		else if (jumps)
			reached[*at + 1 + (size_t)insn->off] = true;
		if (!ebpf_ends(insn))
			reached[*at + 1] = true;
	}
	if (!wrong && reached[count])
		wrong = "the end is not an exit";
	free(reached);
	return wrong;
}
