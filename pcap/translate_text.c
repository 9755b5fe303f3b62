// SPDX-License-Identifier: GPL-2.0-only
/* What translate() makes, as the kernel's print_bpf_insn() writes it (kernel/bpf/disasm.c); far() has its name instead of a place. */
#include "pcap/translate.h"

#include <stdbool.h>
#include <stdio.h>

#define TEXT_MAX 64

static const char *size_text(const struct bpf_insn *insn)
{
	static const char *const text[] = { "u32", "u16", "u8", "u64" };

	return text[BPF_SIZE(insn->code) >> 3];
}

static const char *alu_text(const struct bpf_insn *insn)
{
	static const char *const text[] = { "+=", "-=", "*=", "/=", "|=", "&=", "<<=", ">>=", NULL, "%=", "^=", "=" };
	size_t op = BPF_OP(insn->code) >> 4;

	return op < sizeof(text) / sizeof(text[0]) ? text[op] : NULL;
}

static const char *jump_text(const struct bpf_insn *insn)
{
	static const char *const text[] = { NULL, "==", ">", ">=", "&", "!=", "s>", "s>=", NULL, NULL, "<", "<=", "s<", "s<=" };
	size_t op = BPF_OP(insn->code) >> 4;

	return op < sizeof(text) / sizeof(text[0]) ? text[op] : NULL;
}

static bool alu_write(const struct bpf_insn *insn, char *text)
{
	char name = BPF_CLASS(insn->code) == BPF_ALU64 ? 'r' : 'w';

	if (insn->code == (BPF_ALU | BPF_NEG))
		snprintf(text, TEXT_MAX, "w%d = -w%d", insn->dst_reg, insn->dst_reg);
	else if (insn->code == (BPF_ALU | BPF_END | BPF_TO_BE))
		snprintf(text, TEXT_MAX, "r%d = be%d r%d", insn->dst_reg, insn->imm, insn->dst_reg);
	else if (!alu_text(insn))
		return false;
	else if (BPF_SRC(insn->code) == BPF_X)
		snprintf(text, TEXT_MAX, "%c%d %s %c%d", name, insn->dst_reg, alu_text(insn), name, insn->src_reg);
	else
		snprintf(text, TEXT_MAX, "%c%d %s %d", name, insn->dst_reg, alu_text(insn), insn->imm);
	return true;
}

static bool jump_write(const struct bpf_insn *insn, char *text)
{
	char name = BPF_CLASS(insn->code) == BPF_JMP ? 'r' : 'w';

	if (insn->code == (BPF_JMP | BPF_CALL))
		snprintf(text, TEXT_MAX, "call far");
	else if (insn->code == (BPF_JMP | BPF_EXIT))
		snprintf(text, TEXT_MAX, "exit");
	else if (insn->code == (BPF_JMP | BPF_JA))
		snprintf(text, TEXT_MAX, "goto pc%+d", insn->off);
	else if (!jump_text(insn))
		return false;
	else if (BPF_SRC(insn->code) == BPF_X)
		snprintf(text, TEXT_MAX, "if %c%d %s %c%d goto pc%+d", name, insn->dst_reg, jump_text(insn), name, insn->src_reg, insn->off);
	else
		snprintf(text, TEXT_MAX, "if %c%d %s 0x%x goto pc%+d", name, insn->dst_reg, jump_text(insn), (unsigned int)insn->imm, insn->off);
	return true;
}

static bool memory_write(const struct bpf_insn *insn, char *text)
{
	if (BPF_MODE(insn->code) != BPF_MEM)
		return false;
	if (BPF_CLASS(insn->code) == BPF_LDX)
		snprintf(text, TEXT_MAX, "r%d = *(%s *)(r%d %+d)", insn->dst_reg, size_text(insn), insn->src_reg, insn->off);
	else
		snprintf(text, TEXT_MAX, "*(%s *)(r%d %+d) = r%d", size_text(insn), insn->dst_reg, insn->off, insn->src_reg);
	return true;
}

const char *translate_text(const struct bpf_insn *insn, size_t at, char *buf, size_t size)
{
	char text[TEXT_MAX];
	bool known = false;

	switch (BPF_CLASS(insn->code)) {
	case BPF_ALU:
	case BPF_ALU64:
		known = alu_write(insn, text);
		break;
	case BPF_JMP:
	case BPF_JMP32:
		known = jump_write(insn, text);
		break;
	case BPF_LDX:
	case BPF_STX:
		known = memory_write(insn, text);
		break;
	}
	snprintf(buf, size, "%zu: (%02x) %s", at, insn->code, known ? text : "unknown");
	return buf;
}
