/* SPDX-License-Identifier: GPL-2.0-only */
/* What several unit tests share: temporary files, packets made by rule, a seeded generator. */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/packet.h"

#define FIXTURE_PATH_MAX 64

/* An empty temporary file: its descriptor, and its name in `path`. */
static inline int fixture_file(char path[FIXTURE_PATH_MAX])
{
	int fd;

	strcpy(path, "/tmp/stampcap-test-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	return fd;
}

/* The whole file, NUL-terminated; the caller frees it. */
static inline char *fixture_read(const char *path, size_t *len)
{
	FILE *file = fopen(path, "re");
	char *data;
	long size;

	assert_non_null(file);
	assert_int_equal(fseek(file, 0, SEEK_END), 0);
	size = ftell(file);
	assert_true(size >= 0);
	rewind(file);
	data = malloc((size_t)size + 1);
	assert_non_null(data);
	assert_int_equal(fread(data, 1, (size_t)size, file), size);
	data[size] = '\0';
	fclose(file);
	if (len)
		*len = (size_t)size;
	return data;
}

static inline void fixture_write(const char *path, const void *data, size_t len)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

/* splitmix64: the same numbers on every machine. */
static inline uint64_t fixture_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

/* A packet of direction `dir` stamped at `stages`, `step_ns` apart, its anchor where comment.h says. */
static inline struct packet fixture_packet(uint8_t dir, uint32_t stages, uint64_t step_ns)
{
	struct packet p = { .dir = dir, .stages = stages, .irq = -1, .id = 1 };
	uint64_t now_ns = 1700000000000000000ull;
	unsigned int stage;

	for (stage = 0; stage < SC_STAGE_COUNT; stage++) {
		if (!(stages & SC_BIT(stage)))
			continue;
		p.stamp_ns[stage] = now_ns;
		now_ns += step_ns;
	}
	return p;
}
