/* SPDX-License-Identifier: GPL-2.0-only */
/* Kprobes without tracefs: attached as long as the returned file descriptor is open. */
#pragma once

/*
 * By perf_event_open(2): every kernel with kprobes. A file descriptor or a negative errno; -ENOENT: the kernel has no kprobes; -EADDRNOTAVAIL or another: not this symbol.
 */
int sc_kprobe_open(int prog_fd, const char *symbol);

/* By a kprobe.multi link (Linux 5.18 with CONFIG_FPROBE), for programs loaded for BPF_TRACE_KPROBE_MULTI: cheaper. A file descriptor or a negative errno. */
int sc_kprobe_multi_open(int prog_fd, const char *symbol);
