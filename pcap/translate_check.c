// SPDX-License-Identifier: GPL-2.0-only
/* What a classic program may contain: what libpcap's bpf_validate() takes, but of its jumps only those that lead forwards. */
#include "pcap/translate_check.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

int translate_refuse(struct translate_problem *problem, int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(problem->text, sizeof(problem->text), format, args);
	va_end(args);
	return err;
}

static bool code_known(uint16_t code)
{
	static const uint16_t known[] = {
		BPF_LD | BPF_W | BPF_ABS, BPF_LD | BPF_H | BPF_ABS, BPF_LD | BPF_B | BPF_ABS, BPF_LD | BPF_W | BPF_IND, BPF_LD | BPF_H | BPF_IND,
		BPF_LD | BPF_B | BPF_IND, BPF_LD | BPF_W | BPF_LEN, BPF_LD | BPF_IMM, BPF_LD | BPF_MEM, BPF_LDX | BPF_W | BPF_LEN,
		BPF_LDX | BPF_B | BPF_MSH, BPF_LDX | BPF_IMM, BPF_LDX | BPF_MEM, BPF_ST, BPF_STX, BPF_ALU | BPF_ADD | BPF_K, BPF_ALU | BPF_SUB | BPF_K,
		BPF_ALU | BPF_MUL | BPF_K, BPF_ALU | BPF_DIV | BPF_K, BPF_ALU | BPF_MOD | BPF_K, BPF_ALU | BPF_AND | BPF_K, BPF_ALU | BPF_OR | BPF_K,
		BPF_ALU | BPF_XOR | BPF_K, BPF_ALU | BPF_LSH | BPF_K, BPF_ALU | BPF_RSH | BPF_K, BPF_ALU | BPF_ADD | BPF_X, BPF_ALU | BPF_SUB | BPF_X,
		BPF_ALU | BPF_MUL | BPF_X, BPF_ALU | BPF_DIV | BPF_X, BPF_ALU | BPF_MOD | BPF_X, BPF_ALU | BPF_AND | BPF_X, BPF_ALU | BPF_OR | BPF_X,
		BPF_ALU | BPF_XOR | BPF_X, BPF_ALU | BPF_LSH | BPF_X, BPF_ALU | BPF_RSH | BPF_X, BPF_ALU | BPF_NEG, BPF_JMP | BPF_JA,
		BPF_JMP | BPF_JEQ | BPF_K, BPF_JMP | BPF_JGT | BPF_K, BPF_JMP | BPF_JGE | BPF_K, BPF_JMP | BPF_JSET | BPF_K, BPF_JMP | BPF_JEQ | BPF_X,
		BPF_JMP | BPF_JGT | BPF_X, BPF_JMP | BPF_JGE | BPF_X, BPF_JMP | BPF_JSET | BPF_X, BPF_RET | BPF_K, BPF_RET | BPF_A, BPF_MISC | BPF_TAX,
		BPF_MISC | BPF_TXA,
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i] == code)
			return true;
	return false;
}

static bool uses_cell(const struct sock_filter *f)
{
	return f->code == BPF_ST || f->code == BPF_STX || f->code == (BPF_LD | BPF_MEM) || f->code == (BPF_LDX | BPF_MEM);
}

static bool divides_by_zero(const struct sock_filter *f)
{
	return (f->code == (BPF_ALU | BPF_DIV | BPF_K) || f->code == (BPF_ALU | BPF_MOD | BPF_K)) && !f->k;
}

static int jump_check(const struct sock_fprog *program, size_t at, struct translate_problem *problem)
{
	const struct sock_filter *f = &program->filter[at];
	uint32_t next = (uint32_t)at + 1, yes = next + f->jt, no = next + f->jf;

	if (f->code == (BPF_JMP | BPF_JA))
		yes = no = next + f->k; /* wraps: a negative k leads backwards */
	if (yes <= at)
		return translate_refuse(problem, -ELOOP, "`protochain` follows a chain of headers in a loop, which a filter in the kernel cannot do: "
					       "use `proto`, which looks at the first header of the chain");
	if (yes >= program->len || no >= program->len)
		return translate_refuse(problem, -EINVAL, "instruction %zu of the filter jumps out of it", at);
	return 0;
}

int translate_check(const struct sock_fprog *program, struct translate_problem *problem)
{
	if (program->len > TRANSLATE_CLASSIC_MAX)
		return translate_refuse(problem, -E2BIG, "the filter has %u instructions, and the kernel takes at most %d: make the expression shorter",
			      (unsigned int)program->len, TRANSLATE_CLASSIC_MAX);
	if (!program->len || BPF_CLASS(program->filter[program->len - 1].code) != BPF_RET)
		return translate_refuse(problem, -EINVAL, "the filter does not end with a return");
	for (size_t at = 0; at < program->len; at++) {
		const struct sock_filter *f = &program->filter[at];
		int err = 0;

		if (!code_known(f->code))
			return translate_refuse(problem, -EINVAL, "instruction %zu of the filter has an unknown code, 0x%x", at, (unsigned int)f->code);
		if (uses_cell(f) && f->k >= BPF_MEMWORDS)
			return translate_refuse(problem, -EINVAL, "instruction %zu of the filter uses memory %u of %d", at, f->k, BPF_MEMWORDS);
		if (divides_by_zero(f))
			return translate_refuse(problem, -EINVAL, "instruction %zu of the filter divides by zero", at);
		if (BPF_CLASS(f->code) == BPF_JMP)
			err = jump_check(program, at, problem);
		if (err)
			return err;
	}
	return 0;
}
