/* SPDX-License-Identifier: GPL-2.0-only */
/* Driving a join: what tests of it feed, let pass and look up. */
#pragma once

#include "lab.h"

#define DEADLINE_NS 1000000000ull
#define WINDOW	    1000

static inline struct join_config lab_config(struct lab *lab)
{
	return (struct join_config) {
		.rules = { .tcp_stages = ALL_STAGES, .dgram_stages = ALL_STAGES },
		.deadline_ns = DEADLINE_NS,
		.window = WINDOW,
		.interface = lab_interface,
		.device_name = lab_device_name,
		.packet = lab_packet,
		.context = lab,
	};
}

static inline struct lab *lab_start(const struct join_config *config)
{
	struct lab *lab = calloc(1, sizeof(*lab));
	struct join_config used;

	assert_non_null(lab);
	used = config ? *config : lab_config(lab);
	used.context = lab;
	assert_int_equal(join_new(&lab->join, &used, &lab->account), 0);
	return lab;
}

static inline void lab_feed(struct lab *lab, const struct record *r)
{
	lab->account.dir[r->p.dir - 1].seen++;
	assert_int_equal(join_record(lab->join, r, sizeof(*r)), 0);
}

static inline void lab_call(struct lab *lab, const struct sc_call *c)
{
	assert_int_equal(join_record(lab->join, c, sizeof(*c)), 0);
}

static inline void lab_tcp_call(struct lab *lab, uint32_t type, uint32_t from, uint32_t to,
				uint64_t at_ns)
{
	struct sc_call c = record_call(type, from, to, at_ns);

	lab_call(lab, &c);
}

static inline void lab_pass(struct lab *lab, uint64_t now_ns, uint64_t complete_ns)
{
	assert_int_equal(join_pass(lab->join, now_ns, now_ns, complete_ns), 0);
}

/* Two passes, so that everything that waits for nothing but the rings is out. */
static inline void lab_settle(struct lab *lab, uint64_t now_ns)
{
	lab_pass(lab, now_ns, FOREVER);
	lab_pass(lab, now_ns, FOREVER);
}

/* The packet with this id, which was handed on exactly once. */
static inline const struct packet *lab_get(const struct lab *lab, uint64_t id)
{
	const struct packet *found = NULL;

	for (size_t i = 0; i < lab->count; i++) {
		if (lab->out[i].id != id)
			continue;
		assert_null(found);
		found = &lab->out[i];
	}
	assert_non_null(found);
	return found;
}

/* Handed on with this end; stamps in order, the partial flag where the end is one. */
static inline const struct packet *lab_expect(const struct lab *lab, uint64_t id, const char *end)
{
	const struct packet *p = lab_get(lab, id);
	bool partial = false;
	uint64_t before_ns = 0;

	assert_string_equal(p->end, end);
	for (int i = 0; i < ACCOUNT_PARTIAL_COUNT; i++)
		partial |= !strcmp(end, account_partial_names[i]);
	assert_int_equal(!!(p->flags & PACKET_PARTIAL), partial);
	for (int stage = 0; stage < SC_STAGE_COUNT; stage++) {
		if (!(p->stages & SC_BIT(stage)))
			continue;
		assert_true(p->stamp_ns[stage] >= before_ns);
		before_ns = p->stamp_ns[stage];
	}
	return p;
}

/* As lab_expect() for a packet that the application read at at_ns. */
static inline void lab_expect_read(const struct lab *lab, uint64_t id, uint64_t at_ns)
{
	const struct packet *p = lab_expect(lab, id, "read");

	assert_true(p->stages & SC_BIT(SC_RX_READ));
	assert_int_equal(p->stamp_ns[SC_RX_READ], at_ns);
	assert_int_equal(p->pid, 812);
	assert_string_equal(p->comm, "app");
}

/* Ends the capture: what is left goes, in order, and the equation holds with every packet fed. */
static inline void lab_end(struct lab *lab)
{
	struct account_dir sum;

	assert_int_equal(join_finish(lab->join), 0);
	for (size_t i = 1; i < lab->count; i++)
		assert_true(lab->out[i].anchor_ns >= lab->out[i - 1].anchor_ns);
	account_total(&lab->account, &sum);
	assert_int_equal(account_check(&lab->account), 0);
	assert_int_equal(lab->count, sum.complete + account_partial_sum(&sum));
	join_free(lab->join);
	free(lab);
}
