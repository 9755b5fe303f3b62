/* SPDX-License-Identifier: GPL-2.0-only */
/* What a timeline means: intervals, the layers and sides they belong to, sums. */
#include "user/packet.h"

#include <stdio.h>
#include <string.h>

#define STEP_ALWAYS true
#define STEP_SOMETIMES false

const struct stage_info stage_info[SC_STAGE_COUNT] = {
#define STAGE(dir_, id, name_, layer_, side_, step)                       \
	[SC_##dir_##_##id] = { .name = name_,                             \
			       .layer = layer_,                           \
			       .dir = SC_DIR_##dir_,                      \
			       .side = SIDE_##side_,                      \
			       .always = STEP_##step },
#include "tracing/stages.def"
};

const char *const side_names[SIDE_COUNT] = {
	[SIDE_NONE] = "",
	[SIDE_DRIVER] = "driver",
	[SIDE_STACK] = "stack",
	[SIDE_APP] = "app",
};

/* Index: number of the bit. */
const char *const packet_flag_names[PACKET_FLAG_COUNT] = {
	"polled", "gro", "gso", "segment", "frag", "vlan", "retrans", "hol", "partial",
};
_Static_assert(PACKET_PARTIAL == 1 << (PACKET_FLAG_COUNT - 1), "a flag without a name");

unsigned int stage_by_name(const char *name, uint8_t dir)
{
	unsigned int stage;

	for (stage = 0; stage < SC_STAGE_COUNT; stage++)
		if (stage_info[stage].dir == dir && !strcmp(stage_info[stage].name, name))
			break;
	return stage;
}

/* First stage after `from` whose absence an interval to `to` has to answer for; `to` where there is none. */
static unsigned int next_covered(unsigned int from, unsigned int to)
{
	unsigned int stage;

	/* A forwarded packet has passed neither the rest of the RX stages nor those TX stages that only local packets see. */
	if (stage_info[from].dir != stage_info[to].dir)
		return to;
	for (stage = from + 1; stage < to; stage++)
		if (stage_info[stage].always)
			break;
	return stage;
}

uint8_t interval_side(uint8_t from, uint8_t to)
{
	uint8_t side = stage_info[to].side;
	unsigned int stage;

	for (stage = next_covered(from, to); stage < to; stage = next_covered(stage, to))
		if (stage_info[stage].side != side)
			side = SIDE_NONE;
	return side;
}

size_t packet_intervals(const struct packet *p, struct interval *out)
{
	unsigned int previous = SC_STAGE_NONE, stage;
	size_t count = 0;

	for (stage = 0; stage < SC_STAGE_COUNT; stage++) {
		if (!(p->stages & SC_BIT(stage)))
			continue;
		if (previous != SC_STAGE_NONE) {
			uint64_t from_ns = p->stamp_ns[previous], to_ns = p->stamp_ns[stage];

			out[count++] = (struct interval){
				.from = (uint8_t)previous,
				.to = (uint8_t)stage,
				.side = interval_side((uint8_t)previous, (uint8_t)stage),
				.ns = to_ns > from_ns ? to_ns - from_ns : 0,
			};
		}
		previous = stage;
	}
	return count;
}

const char *interval_layer(uint8_t from, uint8_t to, char *buf, size_t size)
{
	const char *last = NULL;
	unsigned int stage = from;
	size_t len = 0;

	if (size)
		buf[0] = '\0';
	while (stage != to) {
		const char *layer;
		int added;

		stage = next_covered(stage, to);
		layer = stage_info[stage].layer;
		if (last && !strcmp(last, layer))
			continue;
		added = snprintf(buf + len, size - len, "%s%s", last ? "+" : "", layer);
		if (added < 0 || (size_t)added >= size - len)
			return buf;
		len += (size_t)added;
		last = layer;
	}
	return buf;
}

void packet_sides(const struct packet *p, uint64_t ns[SIDE_COUNT])
{
	struct interval intervals[SC_STAGE_COUNT];
	size_t count = packet_intervals(p, intervals), i;

	memset(ns, 0, SIDE_COUNT * sizeof(*ns));
	for (i = 0; i < count; i++)
		ns[intervals[i].side] += intervals[i].ns;
}

uint64_t packet_total_ns(const struct packet *p)
{
	unsigned int first, last;
	uint64_t from_ns, to_ns;

	if (!p->stages)
		return 0;
	first = (unsigned int)__builtin_ctz(p->stages);
	last = 31u - (unsigned int)__builtin_clz(p->stages);
	from_ns = p->stamp_ns[first];
	to_ns = p->stamp_ns[last];
	return to_ns > from_ns ? to_ns - from_ns : 0;
}
