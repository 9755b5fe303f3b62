/* SPDX-License-Identifier: GPL-2.0-only */
/* The `name=value` lines that the file's comments are made of: bounded appending, and splitting without copying. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A line under construction in the caller's buffer; once something does not fit, `full` stays set. */
struct text {
	char *buf;
	size_t size, len;
	bool full;
};

/* Part of a line that is being parsed; not NUL-terminated. */
struct span {
	const char *ptr;
	size_t len;
};

void text_init(struct text *t, char *buf, size_t size);
void text_add(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The parts that every packet's line is made of, without printf's cost: bytes as they are, a number, microseconds with three decimals ("12.345us"). */
void text_bytes(struct text *t, const char *bytes, size_t len);
#define text_literal(t, literal) text_bytes(t, "" literal, sizeof(literal) - 1)
void text_number(struct text *t, uint64_t value);
void text_us(struct text *t, uint64_t ns);
#define TEXT_US_REST 6 /* ".345us", behind the whole microseconds */
/* Appends `string` in printable ASCII; other bytes, space, '=', '|', ',', '\' and those of `also` become \xHH. */
void text_escape(struct text *t, const char *string, const char *also);
/* Length of the line, or -ENOSPC; the buffer is NUL-terminated in either case. */
int text_result(const struct text *t);

bool span_equal(struct span s, const char *string);
bool span_starts(struct span s, const char *prefix);
/* Cuts *token off the front of *rest, up to the next `separator` or the end. False when nothing is left. "a  b" has an empty token. */
bool span_cut(struct span *rest, char separator, struct span *token);
/* "name=value" into its halves; false without '='. */
bool span_split(struct span s, struct span *name, struct span *value);
/* Plain decimal without sign and without leading zeros: 0, -EINVAL or -ERANGE (above `max`). */
int span_number(struct span s, uint64_t max, uint64_t *value);
/* Undoes text_escape() into buf, NUL-terminated: 0, -EINVAL (bad escape, NUL byte), -ENOSPC. */
int span_unescape(struct span s, char *buf, size_t size);
