/* SPDX-License-Identifier: GPL-2.0-only */
/* A report as JSON; its shape is section 8 of the contract. Without accounting in the file, "accounting" is null. */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "user/report.h"

/*
 * Every json_t below may be NULL for want of memory. json_object_set_new() and json_array_append_new() refuse NULL, so each function passes
 * the failure up by dropping what it built.
 */
static int set(json_t *object, const char *name, json_t *value)
{
	return json_object_set_new(object, name, value);
}

static json_t *integer(uint64_t value)
{
	return json_integer((json_int_t)value);
}

static json_t *checked(json_t *object, int failed)
{
	if (!failed)
		return object;
	json_decref(object);
	return NULL;
}

/* Strings of a file may be any bytes. */
static json_t *string(const char *s)
{
	json_t *value = json_string(s);

	return value ? value : json_string("(not UTF-8)");
}

static json_t *stats_json(const struct hist *h)
{
	struct report_stats stats = report_stats(h);
	json_t *object = json_object();
	int failed = 0;

#define X(member) failed |= set(object, #member, integer(stats.member));
	REPORT_STATS(X)
#undef X
	return checked(object, failed);
}

/* RX stages by name; TX stages too, with "tx_" in front where RX has one of that name. */
static json_t *probes_json(const struct capture_comment *c)
{
	json_t *object = json_object();
	unsigned int stage;
	int failed = 0;

	for (stage = 0; stage < SC_STAGE_COUNT; stage++) {
		const struct stage_info *info = &stage_info[stage];
		char name[32];

		if (!c->probes[stage])
			continue;
		snprintf(name, sizeof(name), "%s%s",
			 info->dir == SC_DIR_TX && stage_by_name(info->name, SC_DIR_RX) < SC_STAGE_COUNT ?
				 "tx_" :
				 "",
			 info->name);
		failed |= set(object, name, string(c->probes[stage]));
	}
	return checked(object, failed);
}

static json_t *capture_json(const struct report *r)
{
	json_t *object = json_object();
	int failed = 0;

	failed |= set(object, "interface", string(r->name));
	failed |= set(object, "start_ns", integer(r->start_ns));
	failed |= set(object, "duration_ns", integer(r->end_ns - r->start_ns));
	failed |= set(object, "filter", string(r->filter ? r->filter : ""));
	if (r->only)
		failed |= set(object, "report_filter", string(r->only));
	if (r->capture.sample)
		failed |= set(object, "sample", integer(r->capture.sample));
	failed |= set(object, "probes", probes_json(&r->capture));
	return checked(object, failed);
}

static json_t *counters_json(const uint64_t *counters, const char *const *names, size_t count)
{
	json_t *object = json_object();
	int failed = 0;
	size_t i;

	for (i = 0; i < count; i++)
		failed |= set(object, names[i], integer(counters[i]));
	return checked(object, failed);
}

static json_t *accounting_json(const struct report *r)
{
	struct account_dir total;
	json_t *object;
	int failed = 0;

	if (!r->accounts || r->accounts < r->sections)
		return json_null();
	account_total(&r->account, &total);
	object = json_object();
	failed |= set(object, "seen", integer(total.seen));
	failed |= set(object, "complete", integer(total.complete));
	failed |= set(object, "partial", counters_json(total.partial, account_partial_names, ACCOUNT_PARTIAL_COUNT));
	failed |= set(object, "lost", counters_json(total.lost, account_lost_names, ACCOUNT_LOST_COUNT));
	failed |= set(object, "rejected",
		      counters_json(total.rejected, account_rejected_names, ACCOUNT_REJECTED_COUNT));
	failed |= set(object, "unwritten", counters_json(total.unwritten, account_unwritten_names, ACCOUNT_UNWRITTEN_COUNT));
	return checked(object, failed);
}

static json_t *key_json(const struct report_by *by, const struct report_key *key)
{
	json_t *object = json_object();
	int failed = 0;
	size_t i;

	for (i = 0; i < REPORT_KEY_FIELDS && by->fields[i]; i++) {
		const char *value = key->value[i];
		json_t *json;
		char *end;

		if (!(by->numeric & 1u << i)) {
			json = string(value);
		} else if (!value[0]) {
			json = json_null();
		} else {
			json = integer(strtoull(value, &end, 10));
			if (*end) { /* "other" */
				json_decref(json);
				json = string(value);
			}
		}
		failed |= set(object, by->fields[i], json);
	}
	return checked(object, failed);
}

static json_t *row_json(const struct report_row *row, uint8_t dir)
{
	json_t *object = json_object(), *stats = stats_json(&row->hist);
	char name[32];
	int failed = 0;

	failed |= set(object, "from", json_string(report_stage_name(row->from, dir, name, sizeof(name))));
	failed |= set(object, "to", json_string(report_stage_name(row->to, dir, name, sizeof(name))));
	failed |= set(object, "layer", json_string(row->layer));
	failed |= json_object_update(object, stats);
	json_decref(stats);
	return checked(object, failed);
}

static json_t *rows_json(const struct report_group *g)
{
	json_t *array = json_array();
	int failed = 0;
	size_t i;

	for (i = 0; i < g->row_count; i++)
		failed |= json_array_append_new(array, row_json(&g->rows[i], g->dir));
	return checked(array, failed);
}

static json_t *sides_json(const struct report_group *g)
{
	json_t *object = json_object();
	unsigned int side;
	int failed = 0;

	for (side = SIDE_DRIVER; side < SIDE_COUNT; side++)
		failed |= set(object, side_names[side], stats_json(&g->sides[side]));
	return checked(object, failed);
}

static json_t *group_json(const struct report *r, const struct report_group *g)
{
	json_t *object = json_object();
	int failed = 0;

	failed |= set(object, "by", json_string(r->by->name));
	failed |= set(object, "key", key_json(r->by, &g->key));
	failed |= set(object, "direction", json_string(g->dir == SC_DIR_TX ? "tx" : "rx"));
	failed |= set(object, "packets", integer(g->packets));
	failed |= set(object, "bytes", integer(g->bytes));
	failed |= set(object, "total", stats_json(&g->total));
	failed |= set(object, "sides", sides_json(g));
	failed |= set(object, "intervals", rows_json(g));
	return checked(object, failed);
}

static json_t *report_json(const struct report *r)
{
	json_t *object = json_object(), *groups = json_array();
	const char *version = r->capture.version ? r->capture.version : "";
	int failed = 0;
	size_t i;

	failed |= set(object, "stampcap", json_pack("{s:o,s:i}", "version", string(version), "format",
						    CAPTURE_COMMENT_FORMAT));
	failed |= set(object, "capture", capture_json(r));
	failed |= set(object, "accounting", accounting_json(r));
	for (i = 0; i < r->group_count; i++)
		failed |= json_array_append_new(groups, group_json(r, r->groups[i]));
	failed |= set(object, "groups", groups);
	return checked(object, failed);
}

static int print(const struct report *r, FILE *out, size_t flags)
{
	json_t *root = report_json(r);
	int err = 0;

	if (!root)
		return -ENOMEM;
	errno = 0;
	if (json_dumpf(root, out, flags) || fputc('\n', out) == EOF)
		err = errno ? -errno : -EIO;
	json_decref(root);
	return err;
}

int report_json_print(const struct report *r, FILE *out)
{
	return print(r, out, JSON_INDENT(2));
}

int report_json_print_line(const struct report *r, FILE *out)
{
	return print(r, out, JSON_COMPACT);
}
