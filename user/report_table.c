/* SPDX-License-Identifier: GPL-2.0-only */
/* A report for people: the capture and its accounting, then per group one table of sides and intervals, in microseconds. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "user/report.h"
#include "user/text.h"

#define NS_PER_S 1000000000ull
#define LABEL_COLUMNS 34
#define NUMBER_COLUMNS 13

static void capture_print(const struct report *r, FILE *out)
{
	time_t seconds = (time_t)(r->start_ns / NS_PER_S);
	uint64_t duration_ns = r->end_ns - r->start_ns;
	struct tm utc = { 0 };
	char when[64] = "";

	if (gmtime_r(&seconds, &utc))
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S UTC", &utc);
	fprintf(out, "capture of %s from %s, %llu.%03llu s", r->name[0] ? r->name : "?", when,
		(unsigned long long)(duration_ns / NS_PER_S),
		(unsigned long long)(duration_ns % NS_PER_S / 1000000));
	if (r->filter)
		fprintf(out, ", filter \"%s\"", r->filter);
	if (r->capture.sample)
		fprintf(out, ", one flow in %llu", (unsigned long long)r->capture.sample);
	fputc('\n', out);
	if (r->only)
		fprintf(out, "only packets that match \"%s\": %llu of %llu\n", r->only, (unsigned long long)r->matched,
			(unsigned long long)r->packets);
}

/* " (timeout 1, open 2)" of the counters that are not zero. */
static void counters_print(const uint64_t *counters, const char *const *names, size_t count, FILE *out)
{
	const char *separator = " (";
	size_t i;

	for (i = 0; i < count; i++) {
		if (!counters[i])
			continue;
		fprintf(out, "%s%s %llu", separator, names[i], (unsigned long long)counters[i]);
		separator = ", ";
	}
	if (separator[0] == ',')
		fputc(')', out);
}

static void accounting_print(const struct report *r, FILE *out)
{
	struct account_dir total;

	if (!r->accounts || r->accounts < r->sections) {
		fprintf(out, "accounting unknown (capture cut short); %llu packets in the file: %llu complete, %llu partial\n",
			(unsigned long long)r->packets, (unsigned long long)r->complete,
			(unsigned long long)r->partial);
		return;
	}
	account_total(&r->account, &total);
	fprintf(out, "seen %llu = complete %llu + partial %llu", (unsigned long long)total.seen,
		(unsigned long long)total.complete, (unsigned long long)account_partial_sum(&total));
	counters_print(total.partial, account_partial_names, ACCOUNT_PARTIAL_COUNT, out);
	fprintf(out, " + lost %llu", (unsigned long long)account_lost_sum(&total));
	counters_print(total.lost, account_lost_names, ACCOUNT_LOST_COUNT, out);
	fputs("; rejected", out);
	counters_print(total.rejected, account_rejected_names, ACCOUNT_REJECTED_COUNT, out);
	fputs(memcmp(total.rejected, (uint64_t[ACCOUNT_REJECTED_COUNT]){}, sizeof(total.rejected)) ? "" : " 0", out);
	if (account_unwritten_sum(&total)) {
		fputs("; unwritten", out);
		counters_print(total.unwritten, account_unwritten_names, ACCOUNT_UNWRITTEN_COUNT, out);
	}
	fputc('\n', out);
}

static void time_print(uint64_t ns, FILE *out)
{
	char buf[32];

	snprintf(buf, sizeof(buf), "%llu.%03u", (unsigned long long)(ns / 1000),
		 (unsigned int)(ns % 1000));
	fprintf(out, "%*s", NUMBER_COLUMNS, buf);
}

static void line_print(const char *label, const struct hist *h, FILE *out)
{
	struct report_stats stats = report_stats(h);
	const uint64_t columns_ns[] = { stats.mean_ns, stats.p50_ns, stats.p90_ns, stats.p99_ns,
					stats.max_ns };
	size_t i;

	fprintf(out, "  %-*s%10llu", LABEL_COLUMNS, label, (unsigned long long)stats.count);
	for (i = 0; i < sizeof(columns_ns) / sizeof(columns_ns[0]); i++) {
		if (stats.count)
			time_print(columns_ns[i], out);
		else
			fprintf(out, "%*s", NUMBER_COLUMNS, "-");
	}
	fputc('\n', out);
}

static void heading_print(const struct report *r, const struct report_group *g, FILE *out)
{
	static const char *const columns[] = { "mean", "p50", "p90", "p99", "max" };
	size_t i;

	fputc('\n', out);
	for (i = 0; i < REPORT_KEY_FIELDS && r->by->fields[i]; i++)
		fprintf(out, "%s=%s ", r->by->fields[i], g->key.value[i][0] ? g->key.value[i] : "none");
	fprintf(out, "%s: %llu packets, %llu bytes\n", g->dir == SC_DIR_TX ? "tx" : "rx",
		(unsigned long long)g->packets, (unsigned long long)g->bytes);
	fprintf(out, "  %-*s%10s", LABEL_COLUMNS, "time in us", "count");
	for (i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
		fprintf(out, "%*s", NUMBER_COLUMNS, columns[i]);
	fputc('\n', out);
}

static void row_print(const struct report *r, const struct report_group *g,
		      const struct report_row *row, FILE *out)
{
	char from[32], to[32], label[128];
	struct text t;

	report_stage_name(row->from, g->dir, from, sizeof(from));
	report_stage_name(row->to, g->dir, to, sizeof(to));
	text_init(&t, label, sizeof(label));
	if (r->by->by_layer)
		text_add(&t, "%-12s %s -> %s", row->layer, from, to);
	else
		text_add(&t, "%s -> %-*s %s", from, (int)(18 - strlen(from)), to, row->layer);
	line_print(label, &row->hist, out);
}

static void group_print(const struct report *r, const struct report_group *g, FILE *out)
{
	unsigned int side;
	size_t i;

	heading_print(r, g, out);
	line_print("total", &g->total, out);
	for (side = SIDE_DRIVER; side < SIDE_COUNT; side++) {
		char label[32];

		snprintf(label, sizeof(label), "%s side", side_names[side]);
		line_print(label, &g->sides[side], out);
	}
	for (i = 0; i < g->row_count; i++)
		row_print(r, g, &g->rows[i], out);
}

int report_table_print(const struct report *r, FILE *out)
{
	size_t i;

	errno = 0;
	capture_print(r, out);
	accounting_print(r, out);
	for (i = 0; i < r->group_count; i++)
		group_print(r, r->groups[i], out);
	if (!ferror(out))
		return 0;
	return errno ? -errno : -EIO;
}
