/* SPDX-License-Identifier: GPL-2.0-only */
/* What the running kernel lets programs do, beyond single probes. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct probes;

/* Constants of the programs: see conf.bpf.h. */
struct kernel_limits {
	bool atomics, sk_storage, cookies, dynptr;
	uint64_t vmemmap_at, page_offset_at;
};

/* Logs that programs may not be loaded at all, and what to try: -EPERM. */
int kernel_not_permitted(void);

/*
 * Asks, and strikes out probes that cannot work without what is missing; call after probes_choose(). 0, or a negative errno after logging what nothing can replace.
 */
int kernel_ask(struct kernel_limits *limits, struct probes *probes);
