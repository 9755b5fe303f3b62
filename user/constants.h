/* SPDX-License-Identifier: GPL-2.0-only */
/* Constants of the programs (tracing/conf.bpf.h): the one place that sets them. */
#pragma once

#include "user/kernel.h"
#include "user/loader.h"
#include "user/sizes.h"

struct stampcap_bpf;

/* What they follow from. */
struct constants_from {
	const struct loader_config *config;
	const struct probes *probes;
	const struct kernel_limits *kernel;
	const struct sizes *sizes;
};

/* Of an open skeleton that is not loaded yet. 0, or a negative errno after logging why. */
int constants_set(struct stampcap_bpf *skel, const struct constants_from *from);
