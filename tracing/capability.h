/* SPDX-License-Identifier: GPL-2.0-only */
/* What the running kernel lets us do, asked by trying on something harmless. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct btf;

/* Each: true, or false with a short reason in `why`. */
bool sc_can_fentry(char *why, size_t size);
bool sc_can_netfilter(char *why, size_t size);
/* Does the kernel have the tracepoint `name`, with types for a tp_btf program? */
bool sc_has_tracepoint(const struct btf *vmlinux, const char *name, char *why, size_t size);
/* Path of the root of the cgroup v2 hierarchy, from /proc/self/mountinfo: in the hybrid layout it lies below the v1 tree. */
bool sc_cgroup2_root(char *path, size_t path_size, char *why, size_t size);
