/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One body for two kinds of programs. In those with types (tp_btf, fentry) the verifier knows what an argument points to, and a member is one load; kprobes get
 * numbers, and a member is a checked read. `typed` is a constant in every call, so only one of the two is ever compiled.
 */
#pragma once

#include "kernel_sock.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <linux/ptrace.h>
#include <bpf/bpf_tracing.h>

enum { UNTYPED, TYPED };

/* p->member */
#define FIELD(typed, p, member) ({                                            \
	typeof(1 ? (p)->member : (p)->member) field__; /* without const */    \
	field__ = 0; /* a narrow member, promoted */                          \
	if (typed)                                                            \
		field__ = (p)->member;                                        \
	else                                                                  \
		bpf_core_read(&field__, sizeof((p)->member), &(p)->member);       \
	field__;                                                              \
})

#define ARGUMENTS(...) __VA_ARGS__

/*
 * The two programs of a kernel function: `program` and `program`__kp, as rows of kind FUNC in stages.def expect them. `parameters` in parentheses; `body` is a
 * statement that may use them, and `typed`.
 */
#define SC_FUNCTION(program, function, parameters, body)                 \
	SEC("fentry/" function)                                          \
	int BPF_PROG(program, ARGUMENTS parameters)                      \
	{                                                                \
		const bool typed = TYPED;                                \
		body;                                                    \
		return 0;                                                \
	}                                                                \
	SEC("kprobe/" function)                                          \
	int BPF_KPROBE(program##__kp, ARGUMENTS parameters)              \
	{                                                                \
		const bool typed = UNTYPED;                              \
		body;                                                    \
		return 0;                                                \
	}
