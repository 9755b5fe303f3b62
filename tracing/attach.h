/* SPDX-License-Identifier: GPL-2.0-only */
/* Attaching the tracing programs: tracepoints, netfilter hooks and cgroups. Every attachment is a link that goes with its file descriptor. */
#pragma once

#include <stdbool.h>

struct bpf_program;

/* Prepares what libbpf cannot know of a program of ours; call between opening and loading. */
void sc_program_prepare(struct bpf_program *program);

/* A kprobe program that is to be attached as kprobe.multi; call between opening and loading. */
void sc_program_prepare_multi(struct bpf_program *program);

/* Each returns a link's file descriptor or a negative errno. */
/* Tracepoints and fentry. */
int sc_attach_tracepoint(const struct bpf_program *program);
/* `hook`: "PRE_ROUTING" ... as in stages.def; one call per protocol family (NFPROTO_*). Acts in the caller's network namespace. */
int sc_attach_netfilter(const struct bpf_program *program, const char *hook, unsigned int family);
/* `symbol`: what the kernel calls the function. `multi`: the program was prepared for kprobe.multi. */
int sc_attach_kprobe(const struct bpf_program *program, const char *symbol, bool multi);
int sc_attach_cgroup(const struct bpf_program *program, const char *cgroup_root);
