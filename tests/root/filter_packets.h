/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Frames to try filters on: built, recorded from real traffic in a lab, mutated, truncated. What filter expressions ask for occurs in them, and its opposite.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct lab;

#define FRAME_MIN_BYTES 14   /* the kernel's test run takes nothing shorter */
#define FRAME_MAX_BYTES 9018 /* an Ethernet header and a tag before 9000 bytes */

/* Byte `at` of a frame whose payload is a pattern, unless a header is there. */
#define FRAME_PATTERN(at) ((uint8_t)((at) * 7 + ((at) >> 8)))

struct frame {
	uint8_t *bytes; /* allocated to fit: what reads further is found out */
	uint32_t size;
};

struct frames {
	struct frame *frame;
	size_t count, room;
	uint64_t random; /* state of the generator; its first value is the seed */
};

/* A copy is added; shorter than FRAME_MIN_BYTES: nothing is. Without memory the running test fails. */
void frames_add(struct frames *list, const uint8_t *bytes, size_t size);
void frames_free(struct frames *list);

/* Stacks of headers in many combinations, and what is not IP; a few are of `large_bytes`, a few of FRAME_MAX_BYTES. */
void frames_build(struct frames *list, uint32_t large_bytes);
/* Real traffic over the lab's devices: echo requests, fragments, TCP, UDP, ARP, neighbour discovery, tags. Returns how many. */
size_t frames_record(struct frames *list, const struct lab *lab);
/* Frames of the list, each cut to every length from FRAME_MIN_BYTES to `most` bytes. `every`: one frame of so many of the first `built`. */
void frames_truncate(struct frames *list, size_t built, size_t every, uint32_t most);
/* `count` frames of the list with some of their first bytes changed. */
void frames_mutate(struct frames *list, size_t count);
