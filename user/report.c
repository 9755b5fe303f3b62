/* SPDX-License-Identifier: GPL-2.0-only */
/* Turns the blocks of a capture file into a report: facts of the capture, accounting, and packets for the groups. */
#include "user/report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/comment.h"
#include "user/report_group.h"

#define EPB_DIRECTION 3u /* bits of epb_flags */
#define EPB_OUTBOUND 2u

int report_new(struct report **out, const struct report_by *by)
{
	struct report *r = calloc(1, sizeof(*r));
	int err;

	if (!r)
		return -ENOMEM;
	r->by = by;
	err = report_groups_init(r);
	if (err) {
		report_free(r);
		return err;
	}
	*out = r;
	return 0;
}

void report_free(struct report *r)
{
	if (!r)
		return;
	report_groups_clear(r);
	capture_comment_clear(&r->capture);
	filter_free(r->only_of[0]);
	filter_free(r->only_of[1]);
	free(r->filter);
	free(r->interfaces);
	free(r);
}

void report_only(struct report *r, const char *expression)
{
	r->only = expression && expression[0] ? expression : NULL;
}

/* Of several sections (files appended to each other) the first says what the capture was made with. */
static int section_add(struct report *r, const struct pcapng_block *b)
{
	int err = -ENOENT;

	r->sections++;
	r->interface_count = 0;
	if (!r->capture.storage && b->section.comment)
		err = capture_comment_parse(&r->capture, b->section.comment,
					    b->section.comment_len);
	if (!err)
		r->ours = true;
	/* A comment that is not ours, or that someone edited, costs the names of the probes, not the packets. */
	return err == -ENOENT || err == -EINVAL ? 0 : err;
}

/* Names are from a file: anything but printable ASCII is masked. */
static void name_copy(char *to, size_t size, const char *from, size_t len)
{
	size_t i;

	for (i = 0; i < len && i + 1 < size; i++)
		to[i] = from[i] > ' ' && from[i] < 0x7f ? from[i] : '?';
	to[i] = '\0';
}

static void name_join(struct report *r, const char *name)
{
	char all[sizeof(r->name) + 1], one[sizeof(r->name) + 2];
	size_t len = strlen(r->name);

	snprintf(all, sizeof(all), "%s,", r->name);
	snprintf(one, sizeof(one), "%s,", name);
	if (!strncmp(all, one, strlen(one)) || strstr(all, one))
		return;
	snprintf(r->name + len, sizeof(r->name) - len, "%s%s", len ? "," : "", name);
}

/* The report's own expression means other code on packets that begin with their IP header. */
static int only_compile(struct report *r, const struct report_interface *i)
{
	struct filter_request request = { .expression = r->only, .link_type = i->link_type };
	size_t len;
	int err;

	if (!r->only || (i->link_type == PCAPNG_LINKTYPE_ETHERNET && r->only_of[0]) ||
	    (i->link_type == PCAPNG_LINKTYPE_RAW && r->only_of[1]))
		return 0;
	err = filter_new(&r->only_of[i->link_type == PCAPNG_LINKTYPE_RAW], &request, &r->problem);
	if (err && i->link_type == PCAPNG_LINKTYPE_RAW) {
		len = strlen(r->problem.text);
		snprintf(r->problem.text + len, sizeof(r->problem.text) - len,
			 " (packets of %s begin with their IP header)", i->name);
	}
	return err;
}

static int interface_add(struct report *r, const struct pcapng_block *b)
{
	struct report_interface *grown, *i;

	grown = reallocarray(r->interfaces, r->interface_count + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	r->interfaces = grown;
	i = &grown[r->interface_count++];
	i->link_type = b->interface.link_type;
	name_copy(i->name, sizeof(i->name), b->interface.name, b->interface.name_len);
	name_join(r, i->name);
	if (b->interface.filter && !r->filter) {
		r->filter = strndup(b->interface.filter, b->interface.filter_len);
		if (!r->filter)
			return -ENOMEM;
	}
	return only_compile(r, i);
}

static bool only_matches(const struct report *r, const struct pcapng_packet *p, bool outgoing)
{
	const struct filter *f = r->only_of[r->interfaces[p->interface].link_type == PCAPNG_LINKTYPE_RAW];

	return !r->only || filter_match(f, p->bytes, p->cap_len_bytes, p->wire_len_bytes, outgoing);
}

static int packet_add(struct report *r, const struct pcapng_block *b)
{
	struct packet p = {
		.wall_ns = b->packet.time_ns,
		.interface = b->packet.interface,
		.wire_len_bytes = b->packet.wire_len_bytes,
		.cap_len_bytes = b->packet.cap_len_bytes,
		.bytes = b->packet.bytes,
		.dropcount = b->packet.dropcount,
	};
	struct dissect d;
	int err = -ENOENT;
	bool matches;

	if (b->packet.comment)
		err = comment_parse(&p, b->packet.comment, b->packet.comment_len);
	matches = only_matches(r, &b->packet, err ? (b->packet.flags & EPB_DIRECTION) == EPB_OUTBOUND : p.dir == SC_DIR_TX);
	if (err == -ENOENT) {
		r->without += matches;
		return 0;
	}
	if (err) {
		if (matches && !r->malformed++)
			r->malformed_offset = b->offset;
		return 0;
	}
	if (!r->packets++ || p.wall_ns < r->first_ns)
		r->first_ns = p.wall_ns;
	if (p.wall_ns > r->last_ns)
		r->last_ns = p.wall_ns;
	r->ours = true;
	r->complete += !(p.flags & PACKET_PARTIAL);
	r->partial += !!(p.flags & PACKET_PARTIAL);
	if (!matches)
		return 0;
	r->matched++;
	if (r->by->fill) /* else nobody asks what it is */
		dissect(&d, p.bytes, p.cap_len_bytes, r->interfaces[p.interface].link_type);
	return report_group_add(r, &p, &d);
}

static void account_add(struct account *to, const struct account *more)
{
	size_t i;

	for (i = 0; i < 2; i++) {
		const struct account pair = { .dir = { to->dir[i], more->dir[i] } };

		account_total(&pair, &to->dir[i]);
	}
}

static int statistics_add(struct report *r, const struct pcapng_block *b)
{
	const struct pcapng_statistics *s = &b->statistics;
	struct account account;
	int err;

	if (!s->comment)
		return 0;
	err = account_parse(&account, s->comment, s->comment_len);
	if (err)
		return err == -ENOENT ? 0 : -EBADMSG;
	if (!r->accounts++ || s->start_ns < r->start_ns)
		r->start_ns = s->start_ns;
	if (s->end_ns > r->end_ns)
		r->end_ns = s->end_ns;
	account_add(&r->account, &account);
	return 0;
}

int report_block(struct report *r, const struct pcapng_block *b)
{
	switch (b->type) {
	case PCAPNG_SHB:
		return section_add(r, b);
	case PCAPNG_IDB:
		return interface_add(r, b);
	case PCAPNG_EPB:
		return packet_add(r, b);
	case PCAPNG_ISB:
		return statistics_add(r, b);
	default:
		return 0;
	}
}

void report_finish(struct report *r)
{
	if (r->accounts < r->sections || r->end_ns < r->start_ns) {
		r->start_ns = r->first_ns;
		r->end_ns = r->last_ns;
	}
	report_groups_sort(r);
}

const char *report_stage_name(uint8_t stage, uint8_t dir, char *buf, size_t size)
{
	const struct stage_info *info = &stage_info[stage];

	snprintf(buf, size, "%s%s", info->dir == dir ? "" : "tx_", info->name);
	return buf;
}

struct report_stats report_stats(const struct hist *h)
{
	return (struct report_stats){
		.count = h->count,
		.min_ns = h->min_ns,
		.mean_ns = hist_mean_ns(h),
		.p50_ns = hist_quantile_ns(h, 500),
		.p90_ns = hist_quantile_ns(h, 900),
		.p99_ns = hist_quantile_ns(h, 990),
		.p999_ns = hist_quantile_ns(h, 999),
		.max_ns = h->max_ns,
	};
}
