/* SPDX-License-Identifier: GPL-2.0-only */
/* Building and splitting the `name=value` lines of comments: text.h. */
#include "user/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void text_init(struct text *t, char *buf, size_t size)
{
	*t = (struct text){ .buf = buf, .size = size, .full = size == 0 };
	if (size)
		buf[0] = '\0';
}

void text_add(struct text *t, const char *fmt, ...)
{
	va_list args;
	int len;

	if (t->full)
		return;
	va_start(args, fmt);
	len = vsnprintf(t->buf + t->len, t->size - t->len, fmt, args);
	va_end(args);
	if (len < 0 || (size_t)len >= t->size - t->len) {
		t->buf[t->len] = '\0';
		t->full = true;
		return;
	}
	t->len += (size_t)len;
}

void text_bytes(struct text *t, const char *bytes, size_t len)
{
	if (t->full || len >= t->size - t->len) {
		t->full = true;
		return;
	}
	memcpy(t->buf + t->len, bytes, len);
	t->len += len;
	t->buf[t->len] = '\0';
}

#define DIGITS_MAX 20 /* of a uint64_t */

/* Puts the digits before `end`; returns how many. */
static size_t digits_put(char *end, uint64_t value)
{
	char *at = end;

	do {
		*--at = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	return (size_t)(end - at);
}

void text_number(struct text *t, uint64_t value)
{
	char digits[DIGITS_MAX], *end = digits + sizeof(digits);
	size_t len = digits_put(end, value);

	text_bytes(t, end - len, len);
}

void text_us(struct text *t, uint64_t ns)
{
	unsigned int rest = ns % 1000;
	char digits[DIGITS_MAX + TEXT_US_REST], *end = digits + DIGITS_MAX;
	size_t len = digits_put(end, ns / 1000);

	end[0] = '.';
	end[1] = (char)('0' + rest / 100);
	end[2] = (char)('0' + rest / 10 % 10);
	end[3] = (char)('0' + rest % 10);
	end[4] = 'u';
	end[5] = 's';
	text_bytes(t, end - len, len + TEXT_US_REST);
}

static bool text_is_plain(char c, const char *also)
{
	return c > ' ' && c < 0x7f && c != '=' && c != '|' && c != ',' && c != '\\' && (!*also || !strchr(also, c));
}

void text_escape(struct text *t, const char *string, const char *also)
{
	const char *c = string;

	while (*c) {
		size_t plain = 0;

		while (text_is_plain(c[plain], also))
			plain++;
		text_bytes(t, c, plain);
		c += plain;
		if (*c)
			text_add(t, "\\x%02x", (unsigned char)*c++);
	}
}

int text_result(const struct text *t)
{
	return t->full ? -ENOSPC : (int)t->len;
}

bool span_equal(struct span s, const char *string)
{
	/* Most names differ in their first letter. */
	if (s.len && *s.ptr != *string)
		return false;
	return s.len == strlen(string) && !memcmp(s.ptr, string, s.len);
}

bool span_starts(struct span s, const char *prefix)
{
	size_t len = strlen(prefix);

	return s.len >= len && !memcmp(s.ptr, prefix, len);
}

bool span_cut(struct span *rest, char separator, struct span *token)
{
	const char *end;

	if (!rest->ptr)
		return false;
	end = rest->len ? memchr(rest->ptr, separator, rest->len) : NULL;
	if (!end) {
		*token = *rest;
		*rest = (struct span){ 0 };
		return true;
	}
	token->ptr = rest->ptr;
	token->len = (size_t)(end - rest->ptr);
	rest->ptr = end + 1;
	rest->len -= token->len + 1;
	return true;
}

bool span_split(struct span s, struct span *name, struct span *value)
{
	const char *equals = s.len ? memchr(s.ptr, '=', s.len) : NULL;

	if (!equals)
		return false;
	name->ptr = s.ptr;
	name->len = (size_t)(equals - s.ptr);
	value->ptr = equals + 1;
	value->len = s.len - name->len - 1;
	return true;
}

int span_number(struct span s, uint64_t max, uint64_t *value)
{
	uint64_t sum = 0;
	size_t i;

	if (!s.len || (s.len > 1 && s.ptr[0] == '0'))
		return -EINVAL;
	for (i = 0; i < s.len; i++) {
		unsigned int digit = (unsigned char)s.ptr[i] - '0';

		if (digit > 9)
			return -EINVAL;
		if (__builtin_mul_overflow(sum, 10, &sum) || __builtin_add_overflow(sum, digit, &sum))
			return -ERANGE;
	}
	if (sum > max)
		return -ERANGE;
	*value = sum;
	return 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -EINVAL;
}

/* The byte of "\xHH" at the start of s, or -EINVAL. */
static int span_escape_byte(struct span s)
{
	int high, low;

	if (s.len < 4 || s.ptr[1] != 'x')
		return -EINVAL;
	high = hex_digit(s.ptr[2]);
	low = hex_digit(s.ptr[3]);
	if (high < 0 || low < 0)
		return -EINVAL;
	return high << 4 | low;
}

int span_unescape(struct span s, char *buf, size_t size)
{
	size_t len = 0, i = 0;

	if (!size)
		return -ENOSPC;
	while (i < s.len) {
		int byte = (unsigned char)s.ptr[i];
		size_t used = 1;

		if (byte == '\\') {
			byte = span_escape_byte((struct span){ s.ptr + i, s.len - i });
			used = 4;
		}
		if (byte <= 0) /* a NUL would cut the string */
			return -EINVAL;
		if (len + 1 >= size)
			return -ENOSPC;
		buf[len++] = (char)byte;
		i += used;
	}
	buf[len] = '\0';
	return 0;
}
