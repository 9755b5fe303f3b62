/* SPDX-License-Identifier: GPL-2.0-only */
/* What the running kernel lets us do, asked by trying on something harmless. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct btf;

/* Each: true, or false with a short reason in `why`. */
bool sc_can_fentry(char *why, size_t size);
bool sc_can_kprobe(char *why, size_t size);
bool sc_can_netfilter(char *why, size_t size);
bool sc_can_kprobe_multi(void);
/* May programs read kernel memory at all? 0; -EPERM without the privilege to load any; -EINVAL under lockdown=confidentiality. With a reason in `why`. */
int sc_can_read_kernel(char *why, size_t size);
/* Atomic operations that return a value (Linux 5.12). */
bool sc_can_atomics(void);

/* May tracing programs call bpf_dynptr_from_skb() (Linux 6.12)? */
bool sc_can_dynptr(const struct btf *vmlinux);

struct sc_variable {
	const char *name;
	uint64_t address; /* 0: the kernel has none, or does not tell */
};
void sc_find_variables(struct sc_variable *variables, size_t count);

struct sc_function {
	const char *name;
	char *symbol; /* room for SC_SYMBOL_MAX */
};
#define SC_SYMBOL_MAX 64

/*
 * What the running kernel calls each of these functions, into its `symbol`: its name, or that with a suffix by which compilers mark what they made of it (.isra.0,
 * .constprop.0); empty if it has none.
 */
void sc_find_functions(const struct sc_function *functions, size_t count);
/* Does `symbol` stand for the function `name`? Parts that were split off (.cold, .part.0) do not. */
bool sc_symbol_is(const char *symbol, const char *name);
/* Does the kernel have the tracepoint `name`, with types for a tp_btf program? */
bool sc_has_tracepoint(const struct btf *vmlinux, const char *name, char *why, size_t size);
/* Path of the root of the cgroup v2 hierarchy, from /proc/self/mountinfo: in the hybrid layout it lies below the v1 tree. */
bool sc_cgroup2_root(char *path, size_t path_size, char *why, size_t size);
