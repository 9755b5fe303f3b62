/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Network softirqs that passed without our programs. A hardened kernel may run no tracing programs in the context of a process that it protects, nor in what interrupts that,
 * and counts it nowhere; but it counts its softirqs (/proc/softirqs), and so do we.
 */
#pragma once

#include "user/source.h"

struct softirqs {
	uint64_t ran[2], seen[2]; /* by the kernel's count, by our program's; index 0: NET_RX, 1: NET_TX */
};

/* To be called once the programs are attached. 0, or a negative errno: the kernel does not tell. */
int softirqs_begin(struct softirqs *s, const struct source *source);
/* While they still are: how many have begun since without our program, at least. Nothing that runs meanwhile is taken for one. */
void softirqs_blind(const struct softirqs *s, const struct source *source, uint64_t blind[2]);
