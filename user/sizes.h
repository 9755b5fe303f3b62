/* SPDX-License-Identifier: GPL-2.0-only */
/* How large the table of open timelines and the rings are: a third of the memory for the one, two thirds for the others. */
#pragma once

#include <stdint.h>

#define SIZES_MEMORY_BYTES (192ull << 20) /* unless told otherwise */

struct sizes_request {
	uint64_t memory_bytes;	/* 0: SIZES_MEMORY_BYTES, and no ring over 32 MiB */
	uint32_t ring_bytes;	/* of one, a power of two; 0: what the memory allows */
	uint32_t snaplen_bytes;
	int cpus;
};

struct sizes {
	uint32_t sets;	     /* of SC_WAYS slots, a power of two */
	uint32_t slot_bytes; /* of one timeline */
	uint32_t ring_bytes; /* of each CPU */
};

/* 0, or -E2BIG: the memory is not enough for the least that works; *out then holds that. */
int sizes_choose(struct sizes *out, const struct sizes_request *request);

/* What they come to. */
uint64_t sizes_bytes(const struct sizes *s, int cpus);
