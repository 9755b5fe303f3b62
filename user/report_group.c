/* SPDX-License-Identifier: GPL-2.0-only */
/* Groups of a report: finding a packet's group, what of its timeline counts there, and the order of output. */
#include "user/report_group.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TABLE_SLOTS 16384 /* power of two */

int report_groups_init(struct report *r)
{
	r->table = calloc(TABLE_SLOTS, sizeof(struct report_group *));
	return r->table ? 0 : -ENOMEM;
}

void report_groups_clear(struct report *r)
{
	size_t i, k;

	for (i = 0; i < r->group_count; i++) {
		struct report_group *g = r->groups[i];

		hist_clear(&g->total);
		for (k = 0; k < SIDE_COUNT; k++)
			hist_clear(&g->sides[k]);
		for (k = 0; k < g->row_count; k++)
			hist_clear(&g->rows[k].hist);
		free(g->rows);
		free(g);
	}
	free(r->groups);
	free(r->table);
}

/* FNV-1a, 64 bits: it is over short strings, and nobody gains by collisions in a report of his own file. */
static size_t key_slot(const struct report_key *key, uint8_t dir)
{
	uint64_t hash = 0xcbf29ce484222325ull ^ dir;
	size_t field;
	const char *c;

	for (field = 0; field < REPORT_KEY_FIELDS; field++) {
		for (c = key->value[field]; *c; c++)
			hash = (hash ^ (uint8_t)*c) * 0x100000001b3ull;
		hash *= 0x100000001b3ull;
	}
	return (hash ^ hash >> 32) & (TABLE_SLOTS - 1);
}

static struct report_group *group_new(struct report *r, const struct report_key *key, uint8_t dir)
{
	struct report_group *g;

	if (!(r->group_count & (r->group_count - 1))) {
		size_t capacity = r->group_count ? r->group_count * 2 : 1;
		struct report_group **grown;

		grown = reallocarray(r->groups, capacity, sizeof(struct report_group *));
		if (!grown)
			return NULL;
		r->groups = grown;
	}
	g = calloc(1, sizeof(*g));
	if (!g)
		return NULL;
	g->key = *key;
	g->dir = dir;
	r->groups[r->group_count++] = g;
	return g;
}

static struct report_group *group_get(struct report *r, struct report_key *key, uint8_t dir)
{
	size_t slot = key_slot(key, dir);
	struct report_group *g = r->table[slot];

	while (g && (g->dir != dir || memcmp(&g->key, key, sizeof(*key))))
		g = g->next;
	/* two slots are kept for the rest of either direction */
	if (!g && r->group_count >= REPORT_GROUPS_MAX - 2 && strcmp(key->value[0], "other")) {
		memset(key, 0, sizeof(*key));
		strcpy(key->value[0], "other");
		r->overflow = true;
		return group_get(r, key, dir);
	}
	if (!g) {
		g = group_new(r, key, dir);
		if (g) {
			g->next = r->table[slot];
			r->table[slot] = g;
		}
	}
	return g;
}

/* Found out once for every two stages: each packet has a dozen. */
static const char *layer_of(struct report *r, const struct interval *i)
{
	char *layer = r->layers[i->from][i->to];

	return *layer ? layer : interval_layer(i->from, i->to, layer, REPORT_LAYER_MAX);
}

static bool row_matches(struct report *r, const struct report_row *row, const struct interval *i)
{
	if (r->by->by_layer)
		return !strcmp(row->layer, layer_of(r, i));
	return row->from == i->from && row->to == i->to;
}

/* The later of two stages, but rather one of direction `dir` than one of a forwarded packet's other half. */
static uint8_t further_stage(uint8_t a, uint8_t b, uint8_t dir)
{
	bool a_own = stage_info[a].dir == dir, b_own = stage_info[b].dir == dir;

	if (a_own != b_own)
		return a_own ? a : b;
	return a > b ? a : b;
}

/* The row that interval `i` counts in; its index rather than its address, for rows move. -ENOMEM. */
static int row_get(struct report *r, struct report_group *g, const struct interval *i, size_t *index)
{
	struct report_row *row, *grown;
	size_t k = 0;

	while (k < g->row_count && !row_matches(r, &g->rows[k], i))
		k++;
	if (k == g->row_count) {
		grown = reallocarray(g->rows, k + 1, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		g->rows = grown;
		g->rows[k] = (struct report_row){ .from = i->from, .to = i->to };
		snprintf(g->rows[k].layer, sizeof(g->rows[k].layer), "%s", layer_of(r, i));
		g->row_count++;
	}
	row = &g->rows[k];
	row->from = i->from < row->from ? i->from : row->from;
	row->to = further_stage(row->to, i->to, g->dir);
	*index = k;
	return 0;
}

/* Waiting for an earlier segment is not latency of this machine: it shows between the transport and the reader. */
static bool is_hol_wait(const struct packet *p, const struct interval *i)
{
	return p->flags & PACKET_HOL && p->dir == SC_DIR_RX && i->to >= SC_RX_SOCKET &&
	       i->to <= SC_RX_READ;
}

/* The side in which a partial story broke off, whose sum is therefore short: that of the next stage it should have come to. */
static enum side side_cut(const struct packet *p)
{
	unsigned int stage;
	uint8_t dir;

	if (!(p->flags & PACKET_PARTIAL) || !p->stages)
		return SIDE_NONE;
	stage = 31u - (unsigned int)__builtin_clz(p->stages);
	dir = stage_info[stage].dir;
	for (stage++; stage < SC_STAGE_COUNT && stage_info[stage].dir == dir; stage++)
		if (stage_info[stage].always)
			return stage_info[stage].side;
	return SIDE_NONE;
}

/* With by_layer a packet gives one sample per layer, so its intervals are added up per row first. */
static int rows_add(struct report *r, struct report_group *g, const struct interval *intervals, size_t count)
{
	uint64_t sums_ns[SC_STAGE_COUNT];
	size_t rows[SC_STAGE_COUNT], used = 0, i, k;
	int err = 0;

	for (i = 0; i < count && !err; i++) {
		size_t row;

		err = row_get(r, g, &intervals[i], &row);
		if (err)
			break;
		for (k = 0; k < used && rows[k] != row; k++)
			;
		if (k == used) {
			rows[used] = row;
			sums_ns[used++] = 0;
		}
		sums_ns[k] += intervals[i].ns;
	}
	for (k = 0; k < used && !err; k++)
		err = hist_add(&g->rows[rows[k]].hist, sums_ns[k]);
	return err;
}

static int sides_add(struct report_group *g, const uint64_t *sums_ns, unsigned int sides)
{
	unsigned int side;
	int err = 0;

	for (side = SIDE_DRIVER; side < SIDE_COUNT && !err; side++)
		if (sides & 1u << side)
			err = hist_add(&g->sides[side], sums_ns[side]);
	return err;
}

int report_group_add(struct report *r, const struct packet *p, const struct dissect *d)
{
	struct interval intervals[SC_STAGE_COUNT];
	size_t count = packet_intervals(p, intervals), kept = 0, i;
	uint64_t sums_ns[SIDE_COUNT] = { 0 };
	unsigned int fed = 0, broken = 1u << side_cut(p);
	struct report_key key = { 0 };
	struct report_group *g;
	int err;

	if (r->by->fill)
		r->by->fill(&key, p, d);
	g = group_get(r, &key, p->dir);
	if (!g)
		return -ENOMEM;
	g->packets++;
	g->bytes += p->wire_len_bytes;
	for (i = 0; i < count; i++) {
		if (is_hol_wait(p, &intervals[i])) {
			broken |= 1u << intervals[i].side;
			continue;
		}
		fed |= 1u << intervals[i].side;
		sums_ns[intervals[i].side] += intervals[i].ns;
		intervals[kept++] = intervals[i];
	}
	err = rows_add(r, g, intervals, kept);
	if (!err)
		err = sides_add(g, sums_ns, fed & ~broken);
	if (!err && count && !(p->flags & PACKET_PARTIAL))
		err = hist_add(&g->total, packet_total_ns(p));
	return err;
}

struct report_group *report_group_of(struct report *r, uint8_t dir)
{
	return group_get(r, &(struct report_key){ 0 }, dir);
}

struct hist *report_group_interval(struct report *r, struct report_group *g, uint8_t from, uint8_t to)
{
	const struct interval i = { .from = from, .to = to };
	size_t index;

	return row_get(r, g, &i, &index) ? NULL : &g->rows[index].hist;
}

static int compare_u64(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int key_compare(const struct report_by *by, const struct report_key *a,
		       const struct report_key *b)
{
	size_t i;
	int order = 0;

	for (i = 0; i < REPORT_KEY_FIELDS && !order; i++) {
		if (by->numeric & 1u << i)
			order = compare_u64(strtoull(a->value[i], NULL, 10),
					    strtoull(b->value[i], NULL, 10));
		if (!order)
			order = strcmp(a->value[i], b->value[i]);
	}
	return order;
}

static int group_compare(const void *a, const void *b, void *context)
{
	const struct report_group *x = *(struct report_group *const *)a;
	const struct report_group *y = *(struct report_group *const *)b;
	const struct report_by *by = context;
	int order = 0;

	if (by->busiest_first)
		order = compare_u64(y->packets, x->packets);
	if (!order && by->busiest_first)
		order = compare_u64(y->bytes, x->bytes);
	if (!order)
		order = key_compare(by, &x->key, &y->key);
	return order ? order : x->dir - y->dir;
}

static int row_compare(const void *a, const void *b)
{
	const struct report_row *x = a, *y = b;

	return x->from != y->from ? x->from - y->from : x->to - y->to;
}

void report_groups_sort(struct report *r)
{
	size_t i;

	if (!r->group_count)
		return;
	qsort_r(r->groups, r->group_count, sizeof(struct report_group *), group_compare, (void *)r->by);
	for (i = 0; i < r->group_count; i++) {
		struct report_group *g = r->groups[i];

		if (g->row_count)
			qsort(g->rows, g->row_count, sizeof(*g->rows), row_compare);
	}
}
