/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Classic BPF to eBPF: makes of a filter program a function that the kernel's verifier accepts wherever it is put. Its verdicts are those of libpcap's
 * bpf_filter(): loads beyond the packet, division and modulo by zero return 0, a shift by 32 or more gives 0, A, X and memory begin as 0.
 *
 * The function: __u32 f(void *packet, struct VIEW *view, __u64 how). It reads `view` and, beyond the window, calls __s64 far(packet, view, __u64 offset,
 * __u64 size, how), which returns 1, 2 or 4 bytes as a number in host order, or a negative number where the packet has none. 0 rejects.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <linux/bpf.h>
#include <linux/filter.h>

#define TRANSLATE_CLASSIC_MAX BPF_MAXINSNS /* 4096: what the kernel takes as a classic program */
#define TRANSLATE_JUMP_MAX 32767	   /* an eBPF jump is 16 bits wide: the furthest one of a program has to fit */

/* Where in VIEW, in bytes, its members stand: all of 32 bits in host order, but the window. */
struct translate_layout {
	uint16_t len_bytes, data_bytes, window_bytes, vlan_present, vlan_tag, packet_type, ifindex, link_type, window;
	uint16_t window_size; /* bytes of the window member: loads within it are never called for */
};

/* What of the view a program's verdict depends on, beside the bytes. */
enum translate_uses {
	TRANSLATE_USES_LEN = 1 << 0,
	TRANSLATE_USES_VLAN = 1 << 1, /* vlan_present or vlan_tag */
};

struct translation {
	struct bpf_insn *code; /* owned. Calls of far() have src_reg BPF_PSEUDO_CALL and imm 0: whoever places the code sets it. No two-slot instructions. */
	size_t count;
	uint32_t uses; /* enum translate_uses */
};

/* Why a program was refused: one sentence. */
struct translate_problem {
	char text[256];
};

/*
 * One classic program per link type: program[i] serves packets whose view says link_type i; a NULL code accepts every packet. 0 and *out (translation_free()), or
 * -EINVAL: not a program that filters packets (unknown instruction, jump or memory out of range, a division by the constant 0, no return at the end);
 * -ELOOP: a jump backwards (`protochain`); -E2BIG: too large, `problem` says how large and what the limit is; -ENOMEM.
 */
int translate(struct translation *out, const struct sock_fprog *program, size_t programs, const struct translate_layout *layout,
	      struct translate_problem *problem);
void translation_free(struct translation *t);

/* One line of text for an instruction that translate() makes, as the kernel's verifier log writes it; `at` is its place. Returns buf. */
const char *translate_text(const struct bpf_insn *insn, size_t at, char *buf, size_t size);
