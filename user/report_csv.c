/* SPDX-License-Identifier: GPL-2.0-only */
/* A report as CSV (RFC 4180): one line per histogram, its group in the first columns. */
#include <errno.h>
#include <string.h>

#include "user/report.h"

/* Names and keys are from a file: quoted where the format wants it. */
static void field_print(FILE *out, const char *value)
{
	const char *c;

	if (!strpbrk(value, ",\"\r\n")) {
		fprintf(out, "%s,", value);
		return;
	}
	fputc('"', out);
	for (c = value; *c; c++)
		fprintf(out, *c == '"' ? "\"\"" : "%c", *c);
	fputs("\",", out);
}

static void header_print(const struct report *r, FILE *out)
{
	size_t i;

	fputs("by,", out);
	for (i = 0; i < REPORT_KEY_FIELDS && r->by->fields[i]; i++)
		field_print(out, r->by->fields[i]);
	fputs("direction,packets,bytes,kind,name,from,to", out);
#define X(member) fputs("," #member, out);
	REPORT_STATS(X)
#undef X
	fputc('\n', out);
}

/* What a line's histogram is of: kind "total", "side" or "interval"; name of side or layer; stages of an interval. */
struct line {
	const char *kind, *name, *from, *to;
	const struct hist *hist;
};

static void line_print(const struct report *r, const struct report_group *g, const struct line *l,
		       FILE *out)
{
	struct report_stats stats = report_stats(l->hist);
	size_t i;

	field_print(out, r->by->name);
	for (i = 0; i < REPORT_KEY_FIELDS && r->by->fields[i]; i++)
		field_print(out, g->key.value[i]);
	fprintf(out, "%s,%llu,%llu,%s,%s,%s,%s", g->dir == SC_DIR_TX ? "tx" : "rx",
		(unsigned long long)g->packets, (unsigned long long)g->bytes, l->kind, l->name,
		l->from, l->to);
#define X(member) fprintf(out, ",%llu", (unsigned long long)stats.member);
	REPORT_STATS(X)
#undef X
	fputc('\n', out);
}

static void group_print(const struct report *r, const struct report_group *g, FILE *out)
{
	struct line total = { "total", "", "", "", &g->total };
	unsigned int side;
	size_t i;

	line_print(r, g, &total, out);
	for (side = SIDE_DRIVER; side < SIDE_COUNT; side++) {
		struct line line = { "side", side_names[side], "", "", &g->sides[side] };

		line_print(r, g, &line, out);
	}
	for (i = 0; i < g->row_count; i++) {
		const struct report_row *row = &g->rows[i];
		char from[32], to[32];
		struct line line = {
			.kind = "interval",
			.name = row->layer,
			.from = report_stage_name(row->from, g->dir, from, sizeof(from)),
			.to = report_stage_name(row->to, g->dir, to, sizeof(to)),
			.hist = &row->hist,
		};

		line_print(r, g, &line, out);
	}
}

int report_csv_print(const struct report *r, FILE *out)
{
	size_t i;

	errno = 0;
	header_print(r, out);
	for (i = 0; i < r->group_count; i++)
		group_print(r, r->groups[i], out);
	if (!ferror(out))
		return 0;
	return errno ? -errno : -EIO;
}
