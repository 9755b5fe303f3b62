/* SPDX-License-Identifier: GPL-2.0-only */
/* Code made at run time, put into a BPF object file before libbpf opens it. */
#pragma once

#include <stddef.h>

#include <linux/bpf.h>

struct injection {
	const char *function;	     /* whose body `code` becomes: the last one of .text, so that nothing else moves */
	const char *callee;	     /* another function of .text, which the calls in `code` (BPF_PSEUDO_CALL) are for */
	const struct bpf_insn *code; /* no two-slot instructions: the line numbers of the old body stay */
	size_t count;
};

/*
 * A copy of the ELF object with the new body: 0 and *out of *out_size bytes, to free(). -EINVAL: not such an object, or `function` is not the last of its section;
 * -ENOENT: it lacks one of the functions; another negative errno.
 */
int inject_function(const void *object, size_t size, const struct injection *injection, void **out, size_t *out_size);
