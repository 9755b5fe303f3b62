/* SPDX-License-Identifier: GPL-2.0-only */
/* Asks the kernel for a translated filter's verdicts, by BPF_PROG_TEST_RUN of programs that do nothing else. Needs root. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct translation;
struct verdict;

enum verdict_hook {
	VERDICT_XDP,	 /* Ethernet; the outermost VLAN tag of the bytes counts as standing beside them */
	VERDICT_XDP_RAW, /* raw IP */
	VERDICT_TC,	 /* Ethernet, sent: a tag in the bytes stays there */
	VERDICT_TC_RAW,
	VERDICT_TC_TAG,	 /* as VERDICT_TC, with tag VERDICT_TAG beside the bytes */
	VERDICT_SKB,	 /* as VERDICT_TC, by the code of the tracing programs */
	VERDICT_HOOKS,
};
#define VERDICT_TAG 0x2005

/* Loads the programs with this code, once for all hooks. 0 or a negative errno; `log` gets what libbpf and the verifier said, cut to its size. */
int verdict_new(struct verdict **out, const struct translation *code, char *log, size_t log_size);
void verdict_free(struct verdict *v);

/* 1 accepted, 0 rejected, or a negative errno (-ENOTSUP: not on this kernel). The kernel takes no fewer than 14 bytes, and from TC no more than fit a page. */
int verdict_run(struct verdict *v, enum verdict_hook hook, const uint8_t *bytes, size_t size);
