/* SPDX-License-Identifier: GPL-2.0-only */
/* The comment of the section header: capture_comment.h. */
#include "user/capture_comment.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "user/packet.h"
#include "user/text.h"

#define ESCAPED_TOO ";+"

static void target_add(struct text *t, const char *target)
{
	const char *c = target;

	while (*c) {
		const char one[2] = { *c };

		if (c[0] == ',' && c[1] == ' ') {
			text_add(t, "+");
			c += 2;
		} else {
			text_escape(t, one, ESCAPED_TOO);
			c++;
		}
	}
}

int capture_comment_format(const struct capture_comment *c, char *buf, size_t size)
{
	const char *separator = " probes=";
	unsigned int stage;
	struct text t;

	text_init(&t, buf, size);
	text_add(&t, "stampcap format=%d version=", CAPTURE_COMMENT_FORMAT);
	text_escape(&t, c->version, ESCAPED_TOO);
	text_add(&t, " match=");
	text_escape(&t, c->match, ESCAPED_TOO);
	text_add(&t, " clock_error=%lluns", (unsigned long long)c->clock_error_ns);
	if (c->sample)
		text_add(&t, " sample=%llu", (unsigned long long)c->sample);
	for (stage = 0; stage < SC_STAGE_COUNT; stage++) {
		if (!c->probes[stage])
			continue;
		text_add(&t, "%s%s.%s:", separator,
			 stage_info[stage].dir == SC_DIR_TX ? "tx" : "rx", stage_info[stage].name);
		target_add(&t, c->probes[stage]);
		separator = ";";
	}
	return text_result(&t);
}

/* A string of the comment into *storage, which moves on; '+' becomes ", ". */
static int string_store(struct span value, struct text *storage, const char **out)
{
	const char *start = storage->buf + storage->len;
	struct span part;
	bool first = true;

	while (span_cut(&value, '+', &part)) {
		int err;

		text_add(storage, "%s", first ? "" : ", ");
		err = span_unescape(part, storage->buf + storage->len,
				    storage->size - storage->len);
		if (err)
			return err;
		storage->len += strlen(storage->buf + storage->len);
		first = false;
	}
	storage->len++; /* the terminator stays */
	*out = start;
	return 0;
}

static int probe_parse(struct capture_comment *c, struct span probe, struct text *storage)
{
	struct span dir, name, rest = probe;
	unsigned int stage;
	char buf[32];

	if (!span_cut(&rest, '.', &dir) || !span_cut(&rest, ':', &name) || !rest.ptr || !rest.len ||
	    name.len >= sizeof(buf) || (!span_equal(dir, "rx") && !span_equal(dir, "tx")))
		return -EINVAL;
	memcpy(buf, name.ptr, name.len);
	buf[name.len] = '\0';
	stage = stage_by_name(buf, span_equal(dir, "tx") ? SC_DIR_TX : SC_DIR_RX);
	if (stage >= SC_STAGE_COUNT || c->probes[stage])
		return -EINVAL;
	return string_store(rest, storage, &c->probes[stage]);
}

static int probes_parse(struct capture_comment *c, struct span probes, struct text *storage)
{
	struct span probe;
	int err = 0;

	while (!err && span_cut(&probes, ';', &probe))
		err = probe_parse(c, probe, storage);
	return err;
}

static bool value_next(struct span *rest, const char *expected, struct span *value)
{
	struct span token, name;

	return span_cut(rest, ' ', &token) && span_split(token, &name, value) &&
	       span_equal(name, expected);
}

/* A token that may be missing. */
static int number_parse(struct span *rest, const char *name, uint64_t *number)
{
	struct span ahead = *rest, value;

	if (!value_next(&ahead, name, &value))
		return 0;
	*rest = ahead;
	return span_number(value, UINT64_MAX, number);
}

/* The tokens after "stampcap ". */
static int fields_parse(struct capture_comment *c, struct span rest, struct text *storage)
{
	struct span value;
	uint64_t format;

	if (!value_next(&rest, "format", &value) || span_number(value, UINT32_MAX, &format))
		return -EINVAL;
	if (format != CAPTURE_COMMENT_FORMAT)
		return -EPROTO;
	if (!value_next(&rest, "version", &value) || string_store(value, storage, &c->version) ||
	    !value_next(&rest, "match", &value) || string_store(value, storage, &c->match) ||
	    !value_next(&rest, "clock_error", &value))
		return -EINVAL;
	if (value.len < 3 || memcmp(value.ptr + value.len - 2, "ns", 2))
		return -EINVAL;
	value.len -= 2;
	if (span_number(value, UINT64_MAX, &c->clock_error_ns))
		return -EINVAL;
	if (number_parse(&rest, "sample", &c->sample))
		return -EINVAL;
	if (!rest.ptr)
		return 0;
	if (!value_next(&rest, "probes", &value) || rest.ptr)
		return -EINVAL;
	return probes_parse(c, value, storage);
}

int capture_comment_parse(struct capture_comment *c, const char *text, size_t len)
{
	struct span rest = { text, len }, word;
	struct capture_comment parsed = { 0 };
	struct text storage;
	int err;

	if (!span_starts(rest, "stampcap "))
		return -ENOENT;
	span_cut(&rest, ' ', &word);
	/* '+' grows to two bytes, every string gains a terminator in place of its separator */
	parsed.storage = malloc(len * 2 + 1);
	if (!parsed.storage)
		return -ENOMEM;
	text_init(&storage, parsed.storage, len * 2 + 1);
	err = fields_parse(&parsed, rest, &storage);
	if (err) {
		free(parsed.storage);
		return err;
	}
	*c = parsed;
	return 0;
}

void capture_comment_clear(struct capture_comment *c)
{
	free(c->storage);
	*c = (struct capture_comment){ 0 };
}
