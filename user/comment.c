/* SPDX-License-Identifier: GPL-2.0-only */
/* The comment that carries a packet's timeline: its grammar is in comment.h. */
#include "user/comment.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "user/text.h"

unsigned int packet_anchor(const struct packet *p)
{
	static const uint8_t tx_order[] = { SC_TX_DRIVER, SC_TX_NETDEV, SC_TX_TC };
	uint32_t owned = p->stages & ~(SC_BIT(SC_RX_XDP) - 1);
	size_t i;

	if (!p->stages)
		return SC_STAGE_NONE;
	if (p->dir == SC_DIR_RX && owned)
		return (unsigned int)__builtin_ctz(owned);
	for (i = 0; p->dir == SC_DIR_TX && i < sizeof(tx_order); i++)
		if (p->stages & SC_BIT(tx_order[i]))
			return tx_order[i];
	return (unsigned int)__builtin_ctz(p->stages);
}

/* " driver=+" of every stage, and " tx_driver=+" for the other half of a forwarded packet: whole tokens, for a packet has a dozen. */
static const struct {
	const char *own, *other;
	uint8_t own_len, other_len;
} stage_tokens[SC_STAGE_COUNT] = {
#define STAGE(dir, id, name, layer, side, step) [SC_##dir##_##id] = { " " name "=+", " tx_" name "=+", sizeof(" " name "=+") - 1, sizeof(" tx_" name "=+") - 1 },
#include "tracing/stages.def"
};

/* `name` is a literal. */
#define time_add(t, name, value)                   \
	do {                                       \
		text_literal(t, " " name "=");     \
		text_us(t, value);                 \
	} while (0)
#define number_add(t, name, value)                 \
	do {                                       \
		text_literal(t, " " name "=");     \
		text_number(t, value);             \
	} while (0)
#define string_add(t, name, value)                 \
	do {                                       \
		if (!(value)[0])                   \
			break;                     \
		text_literal(t, " " name "=");     \
		text_escape(t, value, "");         \
	} while (0)

static void stages_format(const struct packet *p, struct text *t)
{
	uint64_t previous_ns = 0;
	unsigned int stage;
	bool first = true;

	for (stage = 0; stage < SC_STAGE_COUNT; stage++) {
		uint64_t ns = p->stamp_ns[stage];

		if (!(p->stages & SC_BIT(stage)))
			continue;
		if (stage_info[stage].dir == p->dir)
			text_bytes(t, stage_tokens[stage].own, stage_tokens[stage].own_len);
		else
			text_bytes(t, stage_tokens[stage].other, stage_tokens[stage].other_len);
		text_us(t, first || ns < previous_ns ? 0 : ns - previous_ns);
		previous_ns = ns;
		first = false;
	}
}

/* X(name, side): the sides group, in its order. */
#define SIDE_TOKENS(X) X("driver_side", SIDE_DRIVER) X("stack", SIDE_STACK) X("app", SIDE_APP) X("unsplit", SIDE_NONE)
static const char *const side_tokens[] = {
#define X(name, side) name,
	SIDE_TOKENS(X)
#undef X
};
#define SIDE_TOKEN_COUNT (sizeof(side_tokens) / sizeof(side_tokens[0]))

static void sides_format(const struct packet *p, struct text *t)
{
	struct interval intervals[SC_STAGE_COUNT];
	size_t count = packet_intervals(p, intervals), i;
	uint64_t sums_ns[SIDE_COUNT] = { 0 };
	bool fed[SIDE_COUNT] = { false };

	for (i = 0; i < count; i++) {
		sums_ns[intervals[i].side] += intervals[i].ns;
		fed[intervals[i].side] = true;
	}
	if (count)
		text_literal(t, " |");
#define X(name, side) if (fed[side]) time_add(t, name, sums_ns[side]);
	SIDE_TOKENS(X)
#undef X
}

static void flags_add(struct text *t, uint32_t flags)
{
	unsigned int i;
	bool first = true;

	for (i = 0; i < PACKET_FLAG_COUNT; i++) {
		if (!(flags & 1u << i))
			continue;
		if (first)
			text_literal(t, " flags=");
		else
			text_literal(t, "+");
		text_bytes(t, packet_flag_names[i], strlen(packet_flag_names[i]));
		first = false;
	}
}

static void facts_format(const struct packet *p, struct text *t)
{
	text_literal(t, " |");
	number_add(t, "cpu", p->cpu);
	if (p->irq >= 0)
		number_add(t, "irq", (uint64_t)p->irq);
	number_add(t, "queue", p->queue);
	if (p->pid)
		number_add(t, "pid", p->pid);
	string_add(t, "comm", p->comm);
	string_add(t, "end", p->end);
	flags_add(t, p->flags);
	number_add(t, "id", p->id);
	if (p->flags & PACKET_GRO && p->gro_count) {
		number_add(t, "gro", p->gro_index);
		text_literal(t, "/");
		text_number(t, p->gro_count);
	}
	if (p->parent_id && !(p->flags & PACKET_SEGMENT))
		number_add(t, "into", p->parent_id);
	if (p->flags & PACKET_RETRANS && p->first_id)
		number_add(t, "of", p->first_id);
	if ((p->flags & (PACKET_RETRANS | PACKET_SEGMENT)) == PACKET_SEGMENT && p->parent_id)
		number_add(t, "of", p->parent_id);
	if (p->flags & PACKET_GSO && p->segs)
		number_add(t, "segs", p->segs);
	if (p->ends)
		number_add(t, "ends", p->ends);
	string_add(t, "via", p->via);
	string_add(t, "at", p->at);
}

int comment_format(const struct packet *p, char *buf, size_t size)
{
	struct text t;

	text_init(&t, buf, size);
	if (p->dir == SC_DIR_TX)
		text_literal(&t, "stampcap tx");
	else
		text_literal(&t, "stampcap rx");
	time_add(&t, "total", packet_total_ns(p));
	stages_format(p, &t);
	sides_format(p, &t);
	facts_format(p, &t);
	return text_result(&t);
}

/* "12.345us": digits of the whole, and six bytes behind them. A packet has a dozen. */
static int time_parse(struct span s, uint64_t *ns)
{
	struct span whole = { s.ptr, s.len > TEXT_US_REST ? s.len - TEXT_US_REST : 0 };
	const char *rest = s.ptr + whole.len;
	unsigned int fraction = 0;
	uint64_t us;

	if (span_number(whole, UINT64_MAX / 1000, &us) || rest[0] != '.' || rest[4] != 'u' || rest[5] != 's')
		return -EINVAL;
	for (int i = 1; i <= 3; i++) {
		unsigned int digit = (unsigned char)rest[i] - '0';

		if (digit > 9)
			return -EINVAL;
		fraction = fraction * 10 + digit;
	}
	return __builtin_add_overflow(us * 1000, fraction, ns) ? -EINVAL : 0;
}

static bool token_starts(struct span token, const char *with, size_t len)
{
	return token.len > len && *token.ptr == *with && !memcmp(token.ptr, with, len);
}

/* The stage whose token this is, "driver=+...", from `from` on: they stand in their order. *value becomes what is behind the sign. */
static unsigned int stage_of_token(struct span token, uint8_t dir, unsigned int from, struct span *value)
{
	for (; from < SC_STAGE_COUNT; from++) {
		bool own = stage_info[from].dir == dir;
		size_t len = own ? stage_tokens[from].own_len : stage_tokens[from].other_len;

		if ((!own && dir == SC_DIR_TX) || !token_starts(token, (own ? stage_tokens[from].own : stage_tokens[from].other) + 1, len - 1))
			continue;
		*value = (struct span){ token.ptr + len - 1, token.len - (len - 1) };
		break;
	}
	return from;
}

/* stamp_ns becomes the time since the first stamp; the caller shifts it. */
static int stages_parse(struct packet *p, struct span group)
{
	unsigned int next = 0;
	uint64_t total_ns, sum_ns = 0;
	struct span token, name, value;

	if (!span_cut(&group, ' ', &token) || !span_split(token, &name, &value) ||
	    !span_equal(name, "total") || time_parse(value, &total_ns))
		return -EINVAL;
	while (span_cut(&group, ' ', &token)) {
		unsigned int stage;
		uint64_t step_ns;

		stage = stage_of_token(token, p->dir, next, &value);
		if (stage >= SC_STAGE_COUNT || time_parse(value, &step_ns) || (!p->stages && step_ns) ||
		    __builtin_add_overflow(sum_ns, step_ns, &sum_ns))
			return -EINVAL;
		p->stages |= SC_BIT(stage);
		p->stamp_ns[stage] = sum_ns;
		next = stage + 1;
	}
	return sum_ns == total_ns ? 0 : -EINVAL;
}

/* Shifts the stamps so that the anchor falls on the block's timestamp. */
static int stamps_anchor(struct packet *p)
{
	unsigned int anchor = packet_anchor(p), stage;
	uint64_t anchor_ns;

	p->anchor_ns = p->wall_ns;
	if (anchor == SC_STAGE_NONE)
		return 0;
	anchor_ns = p->stamp_ns[anchor];
	if (anchor_ns > p->wall_ns)
		return -EINVAL;
	for (stage = 0; stage < SC_STAGE_COUNT; stage++) {
		if (!(p->stages & SC_BIT(stage)))
			continue;
		if (__builtin_add_overflow(p->stamp_ns[stage], p->wall_ns - anchor_ns,
					   &p->stamp_ns[stage]))
			return -EINVAL;
	}
	return 0;
}

/* The sums follow from the stages, so only their form is checked: which layer feeds which side may change between versions. */
static int sides_parse(struct span group)
{
	struct span token, name, value;
	uint64_t ns;
	size_t k = 0;

	while (span_cut(&group, ' ', &token)) {
		if (!span_split(token, &name, &value) || time_parse(value, &ns))
			return -EINVAL;
		while (k < SIDE_TOKEN_COUNT && !span_equal(name, side_tokens[k]))
			k++;
		if (k++ == SIDE_TOKEN_COUNT)
			return -EINVAL;
	}
	return 0;
}

static int flags_parse(struct packet *p, struct span value)
{
	struct span flag;
	unsigned int i = 0;

	while (span_cut(&value, '+', &flag)) {
		while (i < PACKET_FLAG_COUNT && !span_equal(flag, packet_flag_names[i]))
			i++;
		if (i == PACKET_FLAG_COUNT)
			return -EINVAL;
		p->flags |= 1u << i++;
	}
	return 0;
}

enum fact {
	FACT_CPU, FACT_IRQ, FACT_QUEUE, FACT_PID, FACT_COMM, FACT_END, FACT_FLAGS, FACT_ID,
	FACT_GRO, FACT_INTO, FACT_OF, FACT_SEGS, FACT_ENDS, FACT_VIA, FACT_AT, FACT_COUNT,
};
#define FACTS_REQUIRED (1u << FACT_CPU | 1u << FACT_QUEUE | 1u << FACT_ID)

static const char *const fact_names[FACT_COUNT] = {
	"cpu", "irq", "queue", "pid", "comm", "end", "flags", "id", "gro", "into", "of", "segs", "ends", "via", "at",
};

static int number_parse(struct span value, uint64_t max, uint32_t *out)
{
	uint64_t number;
	int err = span_number(value, max, &number);

	if (!err)
		*out = (uint32_t)number;
	return err;
}

/* "K/N", K from 1 to N. */
static int gro_parse(struct packet *p, struct span value)
{
	struct span index;

	if (!(p->flags & PACKET_GRO) || !span_cut(&value, '/', &index) || number_parse(value, UINT32_MAX, &p->gro_count) ||
	    number_parse(index, p->gro_count, &p->gro_index))
		return -EINVAL;
	return p->gro_index ? 0 : -EINVAL;
}

static int fact_parse(struct packet *p, enum fact fact, struct span value)
{
	uint32_t irq;
	int err;

	switch (fact) {
	case FACT_CPU:
		return number_parse(value, UINT32_MAX, &p->cpu);
	case FACT_IRQ:
		err = number_parse(value, INT32_MAX, &irq);
		if (!err)
			p->irq = (int32_t)irq;
		return err;
	case FACT_QUEUE:
		return number_parse(value, UINT32_MAX, &p->queue);
	case FACT_PID:
		return number_parse(value, UINT32_MAX, &p->pid);
	case FACT_COMM:
		return span_unescape(value, p->comm, sizeof(p->comm));
	case FACT_END:
		return span_unescape(value, p->end, sizeof(p->end));
	case FACT_FLAGS:
		return flags_parse(p, value);
	case FACT_ID:
		return span_number(value, UINT64_MAX, &p->id);
	case FACT_GRO:
		return gro_parse(p, value);
	case FACT_SEGS:
		return p->flags & PACKET_GSO ? number_parse(value, UINT32_MAX, &p->segs) : -EINVAL;
	case FACT_ENDS:
		return number_parse(value, UINT32_MAX, &p->ends);
	case FACT_INTO:
		return p->flags & PACKET_SEGMENT ? -EINVAL : span_number(value, UINT64_MAX, &p->parent_id);
	case FACT_OF:
		if (!(p->flags & (PACKET_SEGMENT | PACKET_RETRANS)))
			return -EINVAL;
		return span_number(value, UINT64_MAX, p->flags & PACKET_RETRANS ? &p->first_id : &p->parent_id);
	case FACT_VIA:
		return span_unescape(value, p->via, sizeof(p->via));
	case FACT_AT:
		return span_unescape(value, p->at, sizeof(p->at));
	default:
		return -EINVAL;
	}
}

static int facts_parse(struct packet *p, struct span group)
{
	struct span token, name, value;
	unsigned int fact = 0, got = 0;

	while (span_cut(&group, ' ', &token)) {
		if (!span_split(token, &name, &value))
			return -EINVAL;
		while (fact < FACT_COUNT && !span_equal(name, fact_names[fact]))
			fact++;
		if (fact == FACT_COUNT || fact_parse(p, fact, value))
			return -EINVAL;
		got |= 1u << fact++;
	}
	return (got & FACTS_REQUIRED) == FACTS_REQUIRED ? 0 : -EINVAL;
}

/* Cuts the next group off *rest, without the spaces around its '|'. */
static bool group_cut(struct span *rest, struct span *group)
{
	const char *bar;

	if (!rest->ptr)
		return false;
	bar = rest->len ? memchr(rest->ptr, '|', rest->len) : NULL; /* values have none */
	*group = *rest;
	if (!bar) {
		*rest = (struct span){ 0 };
		return true;
	}
	if (bar == rest->ptr || bar + 1 == rest->ptr + rest->len || bar[-1] != ' ' || bar[1] != ' ')
		return false;
	group->len = (size_t)(bar - group->ptr) - 1;
	rest->ptr = bar + 2;
	rest->len -= group->len + 3;
	return true;
}

int comment_parse(struct packet *p, const char *text, size_t len)
{
	struct span rest = { text, len }, stages, sides = { 0 }, facts, word;

	if (!span_starts(rest, "stampcap "))
		return -ENOENT;
	p->id = p->parent_id = p->first_id = p->anchor_ns = 0;
	p->stages = p->flags = p->pid = p->queue = p->cpu = 0;
	p->gro_index = p->gro_count = p->segs = p->ends = 0;
	p->irq = -1;
	p->comm[0] = p->end[0] = p->via[0] = p->at[0] = '\0';
	memset(p->stamp_ns, 0, sizeof(p->stamp_ns));
	span_cut(&rest, ' ', &word);
	if (!span_cut(&rest, ' ', &word))
		return -EINVAL;
	p->dir = span_equal(word, "tx") ? SC_DIR_TX : SC_DIR_RX;
	if (!span_equal(word, p->dir == SC_DIR_TX ? "tx" : "rx"))
		return -EINVAL;
	if (!group_cut(&rest, &stages) || stages_parse(p, stages) || stamps_anchor(p))
		return -EINVAL;
	/* A timeline of fewer than two stamps has no intervals and so no sides. */
	if (__builtin_popcount(p->stages) > 1 && !group_cut(&rest, &sides))
		return -EINVAL;
	if (!group_cut(&rest, &facts) || rest.ptr || sides_parse(sides))
		return -EINVAL;
	return facts_parse(p, facts);
}
