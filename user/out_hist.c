// SPDX-License-Identifier: GPL-2.0-only
/*
 * The output of `record --hist`: what the kernel has counted since the last look, once a second, and all of it at the end (tracing/histogram.h). Packets that come this way
 * are those whose stories were cut off; they are in the accounting only.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "tracing/histogram.h"
#include "user/cleanup.h"
#include "user/clock.h"
#include "user/loader.h"
#include "user/log.h"
#include "user/report_group.h"
#include "user/sink.h"

#define NS_PER_S 1000000000ull

struct sink_hist {
	struct sink sink;
	FILE *file;
	const struct capture_info *info;
	bool json;
	int cpus;
	struct sc_hist_row *rows, *seen; /* the kernel's, and what they were when they were read last */
	struct sc_hist_index *index;
	size_t rows_bytes, index_bytes;
	struct report *whole;
	uint64_t due_ns, from_ns; /* when to look next, monotonic; when we looked last, wall clock */
};

static uint64_t wall_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static int file_error(void)
{
	return errno ? -errno : -EIO;
}

/* What a report of a file finds in its blocks. */
static int report_begin(struct report **out, const struct sink_hist *s)
{
	struct report *r;
	int err = report_new(&r, report_by_find("stage"));

	if (err)
		return err;
	r->ours = true;
	for (size_t i = 0; i < s->info->interface_count; i++) {
		size_t len = strlen(r->name);

		snprintf(r->name + len, sizeof(r->name) - len, "%s%s", i ? "," : "", s->info->interfaces[i].name);
	}
	r->filter = s->info->filter ? strdup(s->info->filter) : NULL;
	err = capture_comment_parse(&r->capture, s->info->comment, strlen(s->info->comment));
	if (err || (s->info->filter && !r->filter)) {
		report_free(r);
		return err ?: -ENOMEM;
	}
	r->sections = 1;
	*out = r;
	return 0;
}

/* Where a row of the kernel counts in a report; NULL: no memory. */
static struct hist *hist_of(struct report *r, const struct sc_hist_index *index, unsigned int row)
{
	bool fixed = row < SC_HIST_FIXED;
	unsigned int number = fixed ? 0 : index->interval[row], dir = fixed ? row / SC_HIST_KINDS : number / (SC_HIST_STAGES * SC_HIST_STAGES);
	struct report_group *g = report_group_of(r, dir ? SC_DIR_TX : SC_DIR_RX);

	if (!g || !fixed)
		return g ? report_group_interval(r, g, number / SC_HIST_STAGES % SC_HIST_STAGES, number % SC_HIST_STAGES) : NULL;
	return row % SC_HIST_KINDS == SC_HIST_TOTAL ? &g->total : &g->sides[row % SC_HIST_KINDS];
}

/* Packets and bytes are a row, too. */
static int count_bytes(struct report *r, unsigned int row, uint64_t packets, uint64_t bytes)
{
	struct report_group *g = report_group_of(r, row / SC_HIST_KINDS ? SC_DIR_TX : SC_DIR_RX);

	if (!g)
		return -ENOMEM;
	g->packets += packets;
	g->bytes += bytes;
	r->packets += packets;
	return 0;
}

/* What a row has counted since it was read last goes into *r. The kernel goes on counting meanwhile: what is read is what is remembered. */
static int row_take(struct report *r, const struct sink_hist *s, unsigned int cpu, unsigned int row)
{
	const struct sc_hist_row *now = &s->rows[cpu * SC_HIST_ROWS + row];
	struct sc_hist_row *seen = &s->seen[cpu * SC_HIST_ROWS + row];
	uint64_t sum = *(const volatile __u64 *)&now->sum, grown = sum - seen->sum, packets = 0;
	bool bytes = row < SC_HIST_FIXED && row % SC_HIST_KINDS == SC_HIST_BYTES;
	struct hist *h = NULL;
	int err = 0;

	for (unsigned int i = 0; i < SC_HIST_BUCKETS && !err; i++) {
		uint32_t count = *(const volatile __u32 *)&now->bucket[i], more = count - seen->bucket[i];

		if (!more)
			continue;
		seen->bucket[i] = count;
		packets += more;
		if (bytes)
			continue;
		h = h ?: hist_of(r, s->index, row);
		err = h ? hist_add_bucket(h, i, more) : -ENOMEM;
	}
	if (!packets) /* a sum that has grown is of a value whose bucket comes next time */
		return err;
	seen->sum = sum;
	if (bytes)
		return count_bytes(r, row, packets, grown);
	if (h)
		h->sum_ns += grown;
	return err;
}

static int take(struct report *r, const struct sink_hist *s)
{
	int err = 0;

	for (int cpu = 0; cpu < s->cpus; cpu++)
		for (unsigned int row = 0; row < SC_HIST_ROWS && !err; row++)
			if (row < SC_HIST_FIXED || s->index->interval[row])
				err = row_take(r, s, cpu, row);
	return err;
}

static int add_up(struct report *whole, const struct report *r)
{
	int err = 0;

	for (size_t i = 0; i < r->group_count && !err; i++) {
		const struct report_group *from = r->groups[i];
		struct report_group *to = report_group_of(whole, from->dir);

		if (!to)
			return -ENOMEM;
		to->packets += from->packets;
		to->bytes += from->bytes;
		err = hist_merge(&to->total, &from->total);
		for (unsigned int side = SIDE_DRIVER; side < SIDE_COUNT && !err; side++)
			err = hist_merge(&to->sides[side], &from->sides[side]);
		for (size_t k = 0; k < from->row_count && !err; k++) {
			struct hist *h = report_group_interval(whole, to, from->rows[k].from, from->rows[k].to);

			err = h ? hist_merge(h, &from->rows[k].hist) : -ENOMEM;
		}
	}
	whole->packets += r->packets;
	return err;
}

static void quantiles_print(const char *name, const struct hist *h, FILE *out)
{
	if (h->count)
		fprintf(out, "  %s %.1f/%.1f", name, hist_quantile_ns(h, 500) / 1e3, hist_quantile_ns(h, 990) / 1e3);
	else
		fprintf(out, "  %s -", name);
}

/* "12:00:01 rx 1234 packets 100000 bytes; p50/p99 us: total 12.1/40.7  driver 3.0/9.9  stack 8.2/29.0  app -" */
static void lines_print(const struct report *r, FILE *out)
{
	time_t seconds = (time_t)(r->end_ns / NS_PER_S);
	struct tm local = { 0 };

	localtime_r(&seconds, &local);
	for (size_t i = 0; i < r->group_count; i++) {
		const struct report_group *g = r->groups[i];

		fprintf(out, "%02d:%02d:%02d %s %" PRIu64 " packets %" PRIu64 " bytes; p50/p99 us:", local.tm_hour, local.tm_min, local.tm_sec,
			g->dir == SC_DIR_TX ? "tx" : "rx", g->packets, g->bytes);
		quantiles_print("total", &g->total, out);
		for (unsigned int side = SIDE_DRIVER; side < SIDE_COUNT; side++)
			quantiles_print(side_names[side], &g->sides[side], out);
		fputc('\n', out);
	}
}

/* One look: what was counted since the one before is told, and added to the whole. */
static int look(struct sink_hist *s)
{
	struct report *r;
	int err = report_begin(&r, s);

	if (err)
		return err;
	r->first_ns = s->from_ns;
	r->last_ns = s->from_ns = wall_ns();
	err = take(r, s);
	err = err ?: add_up(s->whole, r);
	report_finish(r);
	errno = 0;
	if (!err && s->json)
		err = report_json_print_line(r, s->file);
	else if (!err)
		lines_print(r, s->file);
	report_free(r);
	return err ?: fflush(s->file) ? file_error() : 0;
}

static int sink_hist_packet(struct sink *sink, const struct packet *p)
{
	(void)sink, (void)p;
	return 0;
}

static int sink_hist_flush(struct sink *sink)
{
	struct sink_hist *s = (struct sink_hist *)sink;
	uint64_t now_ns = clock_monotonic_ns();

	if (!s->due_ns)
		s->due_ns = now_ns + NS_PER_S;
	if (now_ns < s->due_ns)
		return 0;
	s->due_ns += NS_PER_S;
	return look(s);
}

static int sink_hist_end(struct sink *sink, const struct capture_end *end)
{
	struct sink_hist *s = (struct sink_hist *)sink;
	int err = look(s);

	if (err)
		return err;
	if (s->index->used > SC_HIST_ROWS - SC_HIST_FIXED)
		log_warn("there were more kinds of intervals than --hist has room for (%d): some were not counted", SC_HIST_ROWS - SC_HIST_FIXED);
	s->whole->account = end->account;
	s->whole->accounts = 1;
	s->whole->start_ns = end->start_ns;
	s->whole->end_ns = end->end_ns;
	report_finish(s->whole);
	errno = 0;
	if (s->json)
		err = report_json_print_line(s->whole, s->file);
	else
		err = fputc('\n', s->file) == EOF ? file_error() : report_table_print(s->whole, s->file);
	return err ?: fflush(s->file) ? file_error() : 0;
}

static void sink_hist_free(struct sink *sink)
{
	struct sink_hist *s = (struct sink_hist *)sink;

	if (!s)
		return;
	report_free(s->whole);
	if (s->rows)
		munmap(s->rows, s->rows_bytes);
	if (s->index)
		munmap(s->index, s->index_bytes);
	free(s->seen);
	if (s->file)
		fclose(s->file);
	free(s);
}

static const struct sink_ops sink_hist_ops = {
	.packet = sink_hist_packet,
	.flush = sink_hist_flush,
	.end = sink_hist_end,
	.free = sink_hist_free,
};

static void sink_hist_clean(struct sink_hist *s)
{
	sink_hist_free(s ? &s->sink : NULL);
}

CLEANUP_DEFINE(cleanup_sink_hist, struct sink_hist, sink_hist_clean);

/* The first so many bytes of an array map, to read. */
static int map_array(void **out, size_t *bytes, int fd)
{
	size_t page = sysconf(_SC_PAGESIZE);
	void *at;

	*bytes = (*bytes + page - 1) / page * page;
	at = mmap(NULL, *bytes, PROT_READ, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		return -errno;
	*out = at;
	return 0;
}

int sink_hist_new(struct sink **out, int fd, const struct capture_info *info, const struct loader_maps *maps, bool json)
{
	_cleanup_(cleanup_sink_hist) struct sink_hist *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	s->sink.ops = &sink_hist_ops;
	s->info = info;
	s->json = json;
	s->cpus = maps->cpus;
	s->from_ns = wall_ns();
	s->rows_bytes = (size_t)maps->cpus * SC_HIST_ROWS * sizeof(*s->rows);
	s->index_bytes = sizeof(*s->index);
	s->seen = calloc(1, s->rows_bytes);
	err = s->seen ? report_begin(&s->whole, s) : -ENOMEM;
	err = err ?: map_array((void **)&s->rows, &s->rows_bytes, maps->hist_rows_fd);
	err = err ?: map_array((void **)&s->index, &s->index_bytes, maps->hist_index_fd);
	if (err)
		return err;
	s->file = fdopen(fd, "w");
	if (!s->file)
		return -errno;
	*out = &TAKE_PTR(s)->sink;
	return 0;
}
