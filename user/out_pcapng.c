/* SPDX-License-Identifier: GPL-2.0-only */
/* The pcapng output: one interface block per interface, one packet block with its timeline per packet, statistics at the end. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pcap/pcapng.h"
#include "user/account.h"
#include "user/comment.h"
#include "user/sink.h"

#define VERDICT_XDP_PASS 2 /* include/uapi/linux/bpf.h */
#define VERDICT_TC_NEXT (-1) /* TC_ACT_UNSPEC and TCX_NEXT: the next program decides */

struct sink_pcapng {
	struct sink sink;
	struct pcapng_writer *writer;
	uint64_t *written; /* packets, per interface */
	size_t interface_count;
};

static void verdict_set(struct pcapng_packet *out, const struct packet *p)
{
	if (p->stages & SC_BIT(SC_RX_XDP)) {
		out->verdict = PCAPNG_VERDICT_XDP;
		out->verdict_value = VERDICT_XDP_PASS;
	} else if (p->stages & (SC_BIT(SC_RX_TC) | SC_BIT(SC_TX_TC))) {
		out->verdict = PCAPNG_VERDICT_TC;
		out->verdict_value = VERDICT_TC_NEXT;
	}
}

static int sink_pcapng_packet(struct sink *s, const struct packet *p)
{
	struct sink_pcapng *self = (struct sink_pcapng *)s;
	char comment[COMMENT_MAX];
	struct pcapng_packet out = {
		.time_ns = p->wall_ns,
		.interface = p->interface,
		.wire_len_bytes = p->wire_len_bytes,
		.cap_len_bytes = p->cap_len_bytes,
		.bytes = p->bytes,
		.flags = p->dir == SC_DIR_TX ? 2 : 1,
		.packetid = p->id,
		.queue = p->queue,
		.dropcount = p->dropcount,
		.comment = comment,
	};
	int err = comment_format(p, comment, sizeof(comment));

	if (err < 0)
		return err;
	verdict_set(&out, p);
	err = pcapng_write_packet(self->writer, &out);
	if (!err)
		self->written[p->interface]++;
	return err;
}

static int sink_pcapng_flush(struct sink *s)
{
	return pcapng_writer_flush(((struct sink_pcapng *)s)->writer);
}

/*
 * The kernel side counts per capture, not per interface. So a lost packet has no interface, and the losses and the accounting, which a
 * reader adds up over all blocks, stand in the first interface's block alone; the others say how many packets were written for them.
 */
static int sink_pcapng_end(struct sink *s, const struct capture_end *end)
{
	struct sink_pcapng *self = (struct sink_pcapng *)s;
	struct account_dir total;
	char comment[ACCOUNT_TEXT_MAX];
	uint64_t elsewhere = 0, first_received;
	size_t i;
	int err = account_format(&end->account, comment, sizeof(comment));

	if (err < 0)
		return err;
	account_total(&end->account, &total);
	for (i = 1; i < self->interface_count; i++)
		elsewhere += self->written[i];
	first_received = total.seen > elsewhere ? total.seen - elsewhere : 0;
	for (i = 0; i < self->interface_count; i++) {
		struct pcapng_statistics statistics = {
			.time_ns = end->end_ns,
			.start_ns = end->start_ns,
			.end_ns = end->end_ns,
			.interface = (uint32_t)i,
			.received = i ? self->written[i] : first_received,
			.dropped = i ? 0 : account_lost_sum(&total),
			.comment = i ? NULL : comment,
		};

		err = pcapng_write_statistics(self->writer, &statistics);
		if (err)
			return err;
	}
	return pcapng_writer_flush(self->writer);
}

static void sink_pcapng_free(struct sink *s)
{
	struct sink_pcapng *self = (struct sink_pcapng *)s;

	if (!self)
		return;
	pcapng_writer_free(self->writer);
	free(self->written);
	free(self);
}

static const struct sink_ops sink_pcapng_ops = {
	.packet = sink_pcapng_packet,
	.flush = sink_pcapng_flush,
	.end = sink_pcapng_end,
	.free = sink_pcapng_free,
};

static const char *or_absent(const char *string)
{
	return string && string[0] ? string : NULL;
}

static int headers_write(struct pcapng_writer *w, const struct capture_info *info)
{
	struct pcapng_section section = {
		.hardware = info->hardware,
		.os = info->os,
		.app = info->app,
		.comment = info->comment,
	};
	static const uint8_t no_mac[6];
	int err = pcapng_write_section(w, &section);
	size_t i;

	for (i = 0; !err && i < info->interface_count; i++) {
		const struct capture_interface *from = &info->interfaces[i];
		struct pcapng_interface interface = {
			.name = from->name,
			.description = or_absent(from->description),
			.filter = or_absent(info->filter),
			.os = info->os,
			.mac = memcmp(from->mac, no_mac, 6) ? from->mac : NULL,
			.speed_bps = from->speed_bps,
			.snaplen_bytes = info->snaplen_bytes,
			.link_type = from->link_type,
		};

		err = pcapng_write_interface(w, &interface);
	}
	return err;
}

int sink_pcapng_new(struct sink **out, int fd, const struct capture_info *info)
{
	struct sink_pcapng *self = calloc(1, sizeof(*self));
	int err;

	if (!self)
		return -ENOMEM;
	self->sink.ops = &sink_pcapng_ops;
	self->interface_count = info->interface_count;
	self->written = calloc(info->interface_count + 1, sizeof(*self->written));
	err = self->written ? pcapng_writer_new(&self->writer, fd) : -ENOMEM;
	if (err) {
		sink_pcapng_free(&self->sink);
		return err;
	}
	err = headers_write(self->writer, info);
	if (err) {
		pcapng_writer_take_fd(self->writer);
		sink_pcapng_free(&self->sink);
		return err;
	}
	*out = &self->sink;
	return 0;
}
