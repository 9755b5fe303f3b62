/* SPDX-License-Identifier: GPL-2.0-only */
/* What surrounds a join in tests: devices, and a sink that remembers. */
#pragma once

#include "records.h"

#include "user/join.h"

#define LAB_MAX 4096

struct lab {
	struct join *join;
	struct account account;
	struct packet out[LAB_MAX]; /* in the order they were handed on */
	size_t count;
	int fail; /* what the sink returns */
};

static inline int lab_interface(void *context, uint32_t ifindex)
{
	(void)context;
	return ifindex >= IFINDEX && ifindex < IFINDEX + 2 ? (int)ifindex - IFINDEX : -ENODEV;
}

static inline const char *lab_device_name(void *context, uint32_t ifindex)
{
	(void)context;
	return ifindex == 9 ? "eth9" : NULL;
}

static inline int lab_packet(void *context, struct packet *p)
{
	struct lab *lab = context;

	assert_true(lab->count < LAB_MAX);
	assert_int_equal(p->cap_len_bytes, RECORD_BYTES);
	assert_int_equal(p->bytes[L3_OFF], 0x45);
	lab->out[lab->count] = *p;
	lab->out[lab->count++].bytes = NULL;
	return lab->fail;
}
