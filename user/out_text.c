/* SPDX-License-Identifier: GPL-2.0-only */
/* The terminal output: one line per packet, its time, what it is, and its timeline as in the file's comment. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "user/comment.h"
#include "user/dissect.h"
#include "user/sink.h"

#define NS_PER_S 1000000000ull

struct sink_text {
	struct sink sink;
	FILE *file;
	const struct capture_info *info;
};

/* As tcpdump: local time of day, with all nine digits. */
static void time_format(uint64_t wall_ns, char *buf, size_t size)
{
	time_t seconds = (time_t)(wall_ns / NS_PER_S);
	struct tm local = { 0 };

	localtime_r(&seconds, &local);
	snprintf(buf, size, "%02d:%02d:%02d.%09u", local.tm_hour, local.tm_min, local.tm_sec,
		 (unsigned int)(wall_ns % NS_PER_S));
}

static int file_error(void)
{
	return errno ? -errno : -EIO;
}

static int sink_text_packet(struct sink *s, const struct packet *p)
{
	struct sink_text *self = (struct sink_text *)s;
	char comment[COMMENT_MAX], when[48], summary[DISSECT_SUMMARY_MAX];
	const struct capture_interface *interface;
	struct dissect d;
	int err = comment_format(p, comment, sizeof(comment));

	if (err < 0)
		return err;
	if (p->interface >= self->info->interface_count)
		return -EINVAL;
	interface = &self->info->interfaces[p->interface];
	dissect(&d, p->bytes, p->cap_len_bytes, interface->link_type);
	dissect_summary(&d, p->wire_len_bytes, summary, sizeof(summary));
	time_format(p->wall_ns, when, sizeof(when));
	errno = 0;
	/* the direction has been said: go on after "stampcap rx " */
	err = fprintf(self->file, "%s %s %s %s | %s\n", when, interface->name,
		      p->dir == SC_DIR_TX ? "Out" : "In ", summary,
		      comment + strlen("stampcap rx "));
	return err < 0 ? file_error() : 0;
}

static int sink_text_flush(struct sink *s)
{
	errno = 0;
	return fflush(((struct sink_text *)s)->file) ? file_error() : 0;
}

/* The summary of a capture goes to stderr and is not an output's. */
static int sink_text_end(struct sink *s, const struct capture_end *end)
{
	(void)end;
	return sink_text_flush(s);
}

static void sink_text_free(struct sink *s)
{
	struct sink_text *self = (struct sink_text *)s;

	if (!self)
		return;
	if (self->file)
		fclose(self->file);
	free(self);
}

static const struct sink_ops sink_text_ops = {
	.packet = sink_text_packet,
	.flush = sink_text_flush,
	.end = sink_text_end,
	.free = sink_text_free,
};

int sink_text_new(struct sink **out, int fd, const struct capture_info *info)
{
	struct sink_text *self = calloc(1, sizeof(*self));
	int err;

	if (!self)
		return -ENOMEM;
	self->sink.ops = &sink_text_ops;
	self->info = info;
	self->file = fdopen(fd, "w");
	if (!self->file) {
		err = -errno;
		free(self);
		return err;
	}
	*out = &self->sink;
	return 0;
}
