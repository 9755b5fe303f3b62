/* SPDX-License-Identifier: GPL-2.0-only */
/* Turns a record of the ring into something that can be trusted: every field is checked, whoever wrote it. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "tracing/stamp.h"

struct decoded {
	uint32_t type; /* enum sc_record_type; selects the pointer that is set */
	const struct sc_packet *packet;
	const uint8_t *bytes; /* packet->cap_len_bytes */
	const struct sc_call *call;
};

/* 0, or -EBADMSG: too short, lengths that contradict each other, an unknown type, direction, end or stage, stamps out of order. */
int decode(struct decoded *out, const void *data, size_t size);
