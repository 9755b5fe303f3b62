/* SPDX-License-Identifier: GPL-2.0-only */
/* The pcapng writer: blocks are appended to a buffer, their length is patched when they end, whole blocks go to the file. */
#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pcap/pcapng.h"
#include "pcap/pcapng_options.h"

#define WRITER_FLUSH_BYTES (256u << 10)
#define WRITER_INITIAL_BYTES (WRITER_FLUSH_BYTES + (64u << 10))

struct pcapng_writer {
	int fd;
	int err; /* first failed write, sticky; or the reason why the block under construction cannot be finished */
	bool failed;
	uint32_t interfaces;
	uint8_t *data;
	size_t len, capacity;
	size_t block; /* where the block under construction begins */
};

int pcapng_writer_new(struct pcapng_writer **out, int fd)
{
	struct pcapng_writer *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->data = malloc(WRITER_INITIAL_BYTES);
	if (!w->data) {
		free(w);
		return -ENOMEM;
	}
	w->capacity = WRITER_INITIAL_BYTES;
	w->fd = fd;
	*out = w;
	return 0;
}

void pcapng_writer_free(struct pcapng_writer *w)
{
	if (!w)
		return;
	if (w->fd >= 0)
		close(w->fd);
	free(w->data);
	free(w);
}

int pcapng_writer_take_fd(struct pcapng_writer *w)
{
	int fd = w->fd;

	w->fd = -1;
	return fd;
}

static void append(struct pcapng_writer *w, const void *bytes, size_t len)
{
	if (w->err || !len)
		return;
	if (len > PCAPNG_BLOCK_MAX || w->len - w->block + len > PCAPNG_BLOCK_MAX) {
		w->err = -EMSGSIZE;
		return;
	}
	if (len > w->capacity - w->len) {
		size_t capacity = w->capacity * 2 + len;
		uint8_t *data = realloc(w->data, capacity);

		if (!data) {
			w->err = -ENOMEM;
			return;
		}
		w->data = data;
		w->capacity = capacity;
	}
	memcpy(w->data + w->len, bytes, len);
	w->len += len;
}

static void append_u16(struct pcapng_writer *w, uint16_t value)
{
	value = htole16(value);
	append(w, &value, sizeof(value));
}

static void append_u32(struct pcapng_writer *w, uint32_t value)
{
	value = htole32(value);
	append(w, &value, sizeof(value));
}

static void append_u64(struct pcapng_writer *w, uint64_t value)
{
	value = htole64(value);
	append(w, &value, sizeof(value));
}

/* Timestamps are two 32-bit halves, the high one first, in every byte order. */
static void append_time(struct pcapng_writer *w, uint64_t time_ns)
{
	append_u32(w, (uint32_t)(time_ns >> 32));
	append_u32(w, (uint32_t)time_ns);
}

static void append_padding(struct pcapng_writer *w)
{
	static const uint8_t zeros[4];

	append(w, zeros, -(w->len - w->block) & 3);
}

static void block_begin(struct pcapng_writer *w, uint32_t type)
{
	w->block = w->len;
	append_u32(w, type);
	append_u32(w, 0);
}

static int block_end(struct pcapng_writer *w)
{
	uint32_t size_le;

	append_u32(w, 0);
	if (w->err) {
		int err = w->err;

		w->len = w->block;
		w->err = w->failed ? err : 0;
		return err;
	}
	size_le = htole32((uint32_t)(w->len - w->block));
	memcpy(w->data + w->block + 4, &size_le, sizeof(size_le));
	memcpy(w->data + w->len - 4, &size_le, sizeof(size_le));
	w->block = w->len;
	return w->len >= WRITER_FLUSH_BYTES ? pcapng_writer_flush(w) : 0;
}

/* Begins an option and returns where, for option_end(). */
static size_t option_begin(struct pcapng_writer *w, uint16_t code)
{
	append_u16(w, code);
	append_u16(w, 0);
	return w->len;
}

static void option_end(struct pcapng_writer *w, size_t value)
{
	uint16_t len_le;

	if (w->err)
		return;
	if (w->len - value > UINT16_MAX) {
		w->err = -EMSGSIZE;
		return;
	}
	len_le = htole16((uint16_t)(w->len - value));
	memcpy(w->data + value - 2, &len_le, sizeof(len_le));
	append_padding(w);
}

static void option_bytes(struct pcapng_writer *w, uint16_t code, const void *bytes, size_t len)
{
	size_t value = option_begin(w, code);

	append(w, bytes, len);
	option_end(w, value);
}

static void option_string(struct pcapng_writer *w, uint16_t code, const char *string)
{
	if (string)
		option_bytes(w, code, string, strlen(string));
}

static void option_u32(struct pcapng_writer *w, uint16_t code, uint32_t number)
{
	size_t value = option_begin(w, code);

	append_u32(w, number);
	option_end(w, value);
}

static void option_u64(struct pcapng_writer *w, uint16_t code, uint64_t number)
{
	size_t value = option_begin(w, code);

	append_u64(w, number);
	option_end(w, value);
}

static void option_time(struct pcapng_writer *w, uint16_t code, uint64_t time_ns)
{
	size_t value = option_begin(w, code);

	append_time(w, time_ns);
	option_end(w, value);
}

/* `first` is the length that the writer had before the block's first option: no option, no end of options. */
static void options_end(struct pcapng_writer *w, size_t first)
{
	if (w->len > first)
		append_u32(w, OPT_END);
}

int pcapng_write_section(struct pcapng_writer *w, const struct pcapng_section *s)
{
	size_t options;

	block_begin(w, PCAPNG_SHB);
	append_u32(w, PCAPNG_BYTE_ORDER);
	append_u16(w, 1);
	append_u16(w, 0);
	append_u64(w, UINT64_MAX); /* section length: not known, read on */
	options = w->len;
	option_string(w, SHB_HARDWARE, s->hardware);
	option_string(w, SHB_OS, s->os);
	option_string(w, SHB_USERAPPL, s->app);
	option_string(w, OPT_COMMENT, s->comment);
	options_end(w, options);
	w->interfaces = 0;
	return block_end(w);
}

int pcapng_write_interface(struct pcapng_writer *w, const struct pcapng_interface *i)
{
	static const uint8_t nanoseconds = 9;
	size_t options;
	int err;

	block_begin(w, PCAPNG_IDB);
	append_u16(w, i->link_type);
	append_u16(w, 0);
	append_u32(w, i->snaplen_bytes);
	options = w->len;
	option_string(w, IF_NAME, i->name);
	option_string(w, IF_DESCRIPTION, i->description);
	if (i->mac)
		option_bytes(w, IF_MACADDR, i->mac, 6);
	if (i->speed_bps)
		option_u64(w, IF_SPEED, i->speed_bps);
	option_bytes(w, IF_TSRESOL, &nanoseconds, sizeof(nanoseconds));
	if (i->filter) {
		size_t value = option_begin(w, IF_FILTER);

		append(w, "", 1);
		append(w, i->filter, strlen(i->filter));
		option_end(w, value);
	}
	option_string(w, IF_OS, i->os);
	options_end(w, options);
	err = block_end(w);
	if (!err)
		w->interfaces++;
	return err;
}

static void option_verdict(struct pcapng_writer *w, const struct pcapng_packet *p)
{
	size_t value = option_begin(w, EPB_VERDICT);
	uint8_t type = (uint8_t)(p->verdict - 1);

	append(w, &type, sizeof(type));
	append_u64(w, (uint64_t)p->verdict_value);
	option_end(w, value);
}

int pcapng_write_packet(struct pcapng_writer *w, const struct pcapng_packet *p)
{
	size_t options;

	if (p->interface >= w->interfaces || (p->cap_len_bytes && !p->bytes))
		return -EINVAL;
	block_begin(w, PCAPNG_EPB);
	append_u32(w, p->interface);
	append_time(w, p->time_ns);
	append_u32(w, p->cap_len_bytes);
	append_u32(w, p->wire_len_bytes);
	append(w, p->bytes, p->cap_len_bytes);
	append_padding(w);
	options = w->len;
	if (p->flags)
		option_u32(w, EPB_FLAGS, p->flags);
	if (p->dropcount)
		option_u64(w, EPB_DROPCOUNT, p->dropcount);
	if (p->packetid)
		option_u64(w, EPB_PACKETID, p->packetid);
	if (p->queue != PCAPNG_NONE)
		option_u32(w, EPB_QUEUE, p->queue);
	if (p->verdict != PCAPNG_VERDICT_NONE)
		option_verdict(w, p);
	option_string(w, OPT_COMMENT, p->comment);
	options_end(w, options);
	return block_end(w);
}

int pcapng_write_statistics(struct pcapng_writer *w, const struct pcapng_statistics *s)
{
	size_t options;

	if (s->interface >= w->interfaces)
		return -EINVAL;
	block_begin(w, PCAPNG_ISB);
	append_u32(w, s->interface);
	append_time(w, s->time_ns);
	options = w->len;
	option_time(w, ISB_STARTTIME, s->start_ns);
	option_time(w, ISB_ENDTIME, s->end_ns);
	option_u64(w, ISB_IFRECV, s->received);
	option_u64(w, ISB_IFDROP, s->dropped);
	option_string(w, OPT_COMMENT, s->comment);
	options_end(w, options);
	return block_end(w);
}

/* Writes all of it, over short writes and signals; *done tells how much went out even on error. */
static int write_all(int fd, const uint8_t *data, size_t len, size_t *done)
{
	while (*done < len) {
		ssize_t n = write(fd, data + *done, len - *done);
		int err = errno;

		if (n > 0) {
			*done += (size_t)n;
		} else if (n == 0) {
			return -EIO;
		} else if (err == EAGAIN) {
			struct pollfd writable = { .fd = fd, .events = POLLOUT };

			poll(&writable, 1, -1);
		} else if (err != EINTR) {
			return -err;
		}
	}
	return 0;
}

/* End of the last block that lies within the first `len` bytes of the buffer. */
static size_t last_whole_block(const struct pcapng_writer *w, size_t len)
{
	size_t end = 0, size = 0;
	uint32_t size_le;

	while (end + size <= len && end + size < w->len) {
		end += size;
		memcpy(&size_le, w->data + end + 4, sizeof(size_le));
		size = le32toh(size_le);
	}
	return end + size <= len ? end + size : end;
}

/* `done` bytes of the buffer reached the file. Best effort: the write has failed already and its error is what the caller gets. */
static void cut_back(const struct pcapng_writer *w, size_t done)
{
	struct stat st;
	off_t position, end;

	if (fstat(w->fd, &st) || !S_ISREG(st.st_mode))
		return;
	position = lseek(w->fd, 0, SEEK_CUR);
	if (position < 0)
		return;
	end = position - (off_t)done + (off_t)last_whole_block(w, done);
	if (!ftruncate(w->fd, end))
		lseek(w->fd, end, SEEK_SET);
}

int pcapng_writer_flush(struct pcapng_writer *w)
{
	size_t done = 0;
	int err;

	if (w->failed)
		return w->err;
	err = write_all(w->fd, w->data, w->len, &done);
	if (err) {
		cut_back(w, done);
		w->failed = true;
		w->err = err;
	}
	w->len = w->block = 0;
	return err;
}
