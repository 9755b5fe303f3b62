/* SPDX-License-Identifier: GPL-2.0-only */
/* The ways of grouping packets in a report: one row and, where packets are told apart, one function each. */
#include <stdio.h>
#include <string.h>

#include "user/report.h"
#include "user/text.h"

#define FIELD_BYTES sizeof(((struct report_key *)NULL)->value[0])

static void flow_fill(struct report_key *key, const struct packet *p, const struct dissect *d)
{
	(void)p;
	dissect_proto(d, key->value[0], FIELD_BYTES);
	dissect_endpoint(d, true, key->value[1], FIELD_BYTES);
	dissect_endpoint(d, false, key->value[2], FIELD_BYTES);
}

static void cpu_fill(struct report_key *key, const struct packet *p, const struct dissect *d)
{
	(void)d;
	snprintf(key->value[0], FIELD_BYTES, "%u", p->cpu);
}

static void queue_fill(struct report_key *key, const struct packet *p, const struct dissect *d)
{
	(void)d;
	snprintf(key->value[0], FIELD_BYTES, "%u", p->queue);
}

static void process_fill(struct report_key *key, const struct packet *p, const struct dissect *d)
{
	struct text t;

	(void)d;
	if (p->pid)
		snprintf(key->value[0], FIELD_BYTES, "%u", p->pid);
	text_init(&t, key->value[1], FIELD_BYTES);
	text_escape(&t, p->comm, "");
}

static void irq_fill(struct report_key *key, const struct packet *p, const struct dissect *d)
{
	(void)d;
	if (p->irq >= 0)
		snprintf(key->value[0], FIELD_BYTES, "%d", p->irq);
}

/* Ends with a row without a name. */
const struct report_by report_bys[] = {
	{ .name = "stage" },
	{ .name = "layer", .by_layer = true },
	{ .name = "flow",
	  .fields = { "proto", "src", "dst" },
	  .busiest_first = true,
	  .fill = flow_fill },
	{ .name = "cpu", .fields = { "cpu" }, .numeric = 1, .fill = cpu_fill },
	{ .name = "queue", .fields = { "queue" }, .numeric = 1, .fill = queue_fill },
	{ .name = "process",
	  .fields = { "pid", "comm" },
	  .numeric = 1,
	  .busiest_first = true,
	  .fill = process_fill },
	{ .name = "irq", .fields = { "irq" }, .numeric = 1, .fill = irq_fill },
	{ 0 },
};

const struct report_by *report_by_find(const char *name)
{
	const struct report_by *by = report_bys;

	while (by->name && strcmp(by->name, name))
		by++;
	return by->name ? by : NULL;
}

const char *report_by_names(char *buf, size_t size)
{
	const struct report_by *by;
	struct text t;

	text_init(&t, buf, size);
	for (by = report_bys; by->name; by++)
		text_add(&t, "%s%s", by == report_bys ? "" : ", ", by->name);
	return buf;
}
