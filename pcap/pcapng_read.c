/* SPDX-License-Identifier: GPL-2.0-only */
/* The pcapng reader: one block at a time, either byte order, nothing believed before its bounds are checked. */
#include <byteswap.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pcap/pcapng.h"
#include "pcap/pcapng_options.h"

#define BLOCK_HEADER_BYTES 8
#define BLOCK_MIN_BYTES 12
#define SHB_MIN_BYTES 28

struct reader_interface {
	uint8_t resolution; /* if_tsresol as in the file */
	int64_t offset_s;   /* if_tsoffset */
};

struct pcapng_reader {
	FILE *file;
	uint8_t start[BLOCK_MIN_BYTES]; /* read ahead by the constructor */
	bool started;
	bool swap; /* the section is not in this machine's byte order */
	uint64_t offset, next_offset;
	struct reader_interface *interfaces;
	uint32_t interface_count;
	uint8_t *data;
	size_t capacity;
};

/* A part of a block that is being read; once it is overrun, `bad` stays set and reads give 0. */
struct cursor {
	const uint8_t *at;
	size_t left;
	bool swap, bad;
};

struct option {
	uint16_t code, len;
	const uint8_t *value;
};

static const uint8_t *take(struct cursor *c, size_t len)
{
	const uint8_t *bytes = c->at;

	if (c->bad || len > c->left) {
		c->bad = true;
		return NULL;
	}
	c->at += len;
	c->left -= len;
	return bytes;
}

static uint16_t take_u16(struct cursor *c)
{
	const uint8_t *bytes = take(c, 2);
	uint16_t value = 0;

	if (bytes)
		memcpy(&value, bytes, sizeof(value));
	return c->swap ? bswap_16(value) : value;
}

static uint32_t take_u32(struct cursor *c)
{
	const uint8_t *bytes = take(c, 4);
	uint32_t value = 0;

	if (bytes)
		memcpy(&value, bytes, sizeof(value));
	return c->swap ? bswap_32(value) : value;
}

static uint64_t take_u64(struct cursor *c)
{
	const uint8_t *bytes = take(c, 8);
	uint64_t value = 0;

	if (bytes)
		memcpy(&value, bytes, sizeof(value));
	return c->swap ? bswap_64(value) : value;
}

/* Two 32-bit halves, the high one first, in every byte order. */
static uint64_t take_time(struct cursor *c)
{
	uint64_t high = take_u32(c);

	return high << 32 | take_u32(c);
}

/* Next option of a block: false at the end of options or of the block, or when c->bad. */
static bool option_next(struct cursor *c, struct option *o)
{
	if (c->bad || !c->left)
		return false;
	o->code = take_u16(c);
	o->len = take_u16(c);
	o->value = take(c, o->len);
	take(c, -o->len & 3);
	return !c->bad && o->code != OPT_END;
}

static struct cursor option_cursor(const struct option *o, bool swap)
{
	return (struct cursor){ .at = o->value, .left = o->len, .swap = swap };
}

/* The first of several options of one code counts: what others append later does not hide it. */
static void option_string(const struct option *o, const char **string, size_t *len)
{
	if (*string)
		return;
	*string = (const char *)o->value;
	*len = o->len;
}

/* Numbers of an unexpected length are left as they were. */
static void option_u32(const struct option *o, bool swap, uint32_t *value)
{
	struct cursor c = option_cursor(o, swap);

	if (o->len == 4)
		*value = take_u32(&c);
}

static void option_u64(const struct option *o, bool swap, uint64_t *value)
{
	struct cursor c = option_cursor(o, swap);

	if (o->len == 8)
		*value = take_u64(&c);
}

/* Units of the interface to ns since 1970; false if 64 bits do not hold it. */
static bool time_convert(const struct reader_interface *i, uint64_t units, uint64_t *ns)
{
	unsigned int exponent = i->resolution & 0x7f, k;
	__int128 value = units;

	if (i->resolution & 0x80) {
		if (exponent > 63)
			return false;
		/* 64 bits of units and 30 bits of ns fit in 128 */
		value = (value * 1000000000) >> exponent;
	} else {
		for (k = exponent; k < 9; k++)
			value *= 10;
		for (k = 9; k < exponent && value; k++)
			value /= 10;
	}
	value += (__int128)i->offset_s * 1000000000;
	if (value < 0 || value > UINT64_MAX)
		return false;
	*ns = (uint64_t)value;
	return true;
}

static bool option_time(const struct option *o, bool swap, const struct reader_interface *i,
			uint64_t *ns)
{
	struct cursor c = option_cursor(o, swap);

	return o->len != 8 || time_convert(i, take_time(&c), ns);
}

static int section_read(struct pcapng_reader *r, struct cursor *c, struct pcapng_block *b)
{
	struct option o;
	uint16_t major;

	take_u32(c); /* byte order, known already */
	major = take_u16(c);
	take_u16(c);
	take_u64(c);
	if (c->bad || major != 1)
		return -EBADMSG;
	r->interface_count = 0;
	while (option_next(c, &o)) {
		if (o.code == OPT_COMMENT)
			option_string(&o, &b->section.comment, &b->section.comment_len);
		else if (o.code == SHB_HARDWARE)
			option_string(&o, &b->section.hardware, &b->section.hardware_len);
		else if (o.code == SHB_OS)
			option_string(&o, &b->section.os, &b->section.os_len);
		else if (o.code == SHB_USERAPPL)
			option_string(&o, &b->section.app, &b->section.app_len);
	}
	return c->bad ? -EBADMSG : 1;
}

static void filter_option(const struct option *o, struct pcapng_block *b)
{
	const struct option expression = { .len = o->len - 1, .value = o->value + 1 };

	if (o->len && o->value[0] == 0)
		option_string(&expression, &b->interface.filter, &b->interface.filter_len);
}

static void interface_option(const struct option *o, bool swap, struct reader_interface *i,
			     struct pcapng_block *b)
{
	switch (o->code) {
	case IF_NAME:
		option_string(o, &b->interface.name, &b->interface.name_len);
		break;
	case IF_DESCRIPTION:
		option_string(o, &b->interface.description, &b->interface.description_len);
		break;
	case IF_SPEED:
		option_u64(o, swap, &b->interface.speed_bps);
		break;
	case IF_TSRESOL:
		if (o->len == 1)
			i->resolution = o->value[0];
		break;
	case IF_FILTER:
		filter_option(o, b);
		break;
	case IF_TSOFFSET:
		option_u64(o, swap, (uint64_t *)&i->offset_s);
		break;
	default:
		break;
	}
}

static int interface_read(struct pcapng_reader *r, struct cursor *c, struct pcapng_block *b)
{
	struct reader_interface interface = { .resolution = 6 }, *grown;
	struct option o;

	b->interface.index = r->interface_count;
	b->interface.link_type = take_u16(c);
	take_u16(c);
	b->interface.snaplen_bytes = take_u32(c);
	while (option_next(c, &o))
		interface_option(&o, c->swap, &interface, b);
	if (c->bad)
		return -EBADMSG;
	grown = reallocarray(r->interfaces, r->interface_count + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	r->interfaces = grown;
	r->interfaces[r->interface_count++] = interface;
	return 1;
}

static void verdict_option(const struct option *o, bool swap, struct pcapng_packet *p)
{
	struct cursor c = option_cursor(o, swap);
	const uint8_t *type = take(&c, 1);

	if (!type || *type > 2 || c.left != 8)
		return;
	p->verdict = *type + 1;
	p->verdict_value = (int64_t)take_u64(&c);
}

static void packet_option(const struct option *o, bool swap, struct pcapng_packet *p)
{
	switch (o->code) {
	case OPT_COMMENT:
		option_string(o, &p->comment, &p->comment_len);
		break;
	case EPB_FLAGS:
		option_u32(o, swap, &p->flags);
		break;
	case EPB_DROPCOUNT:
		option_u64(o, swap, &p->dropcount);
		break;
	case EPB_PACKETID:
		option_u64(o, swap, &p->packetid);
		break;
	case EPB_QUEUE:
		option_u32(o, swap, &p->queue);
		break;
	case EPB_VERDICT:
		verdict_option(o, swap, p);
		break;
	default:
		break;
	}
}

static int packet_read(struct pcapng_reader *r, struct cursor *c, struct pcapng_block *b)
{
	struct pcapng_packet *p = &b->packet;
	struct option o;
	uint64_t units;

	p->queue = PCAPNG_NONE;
	p->interface = take_u32(c);
	units = take_time(c);
	p->cap_len_bytes = take_u32(c);
	p->wire_len_bytes = take_u32(c);
	p->bytes = take(c, p->cap_len_bytes);
	take(c, -p->cap_len_bytes & 3);
	if (c->bad || p->interface >= r->interface_count ||
	    !time_convert(&r->interfaces[p->interface], units, &p->time_ns))
		return -EBADMSG;
	while (option_next(c, &o))
		packet_option(&o, c->swap, p);
	return c->bad ? -EBADMSG : 1;
}

static int statistics_read(struct pcapng_reader *r, struct cursor *c, struct pcapng_block *b)
{
	struct pcapng_statistics *s = &b->statistics;
	const struct reader_interface *i;
	struct option o;
	uint64_t units;
	bool good;

	s->interface = take_u32(c);
	units = take_time(c);
	if (c->bad || s->interface >= r->interface_count)
		return -EBADMSG;
	i = &r->interfaces[s->interface];
	good = time_convert(i, units, &s->time_ns);
	while (good && option_next(c, &o)) {
		if (o.code == OPT_COMMENT)
			option_string(&o, &s->comment, &s->comment_len);
		else if (o.code == ISB_STARTTIME)
			good = option_time(&o, c->swap, i, &s->start_ns);
		else if (o.code == ISB_ENDTIME)
			good = option_time(&o, c->swap, i, &s->end_ns);
		else if (o.code == ISB_IFRECV)
			option_u64(&o, c->swap, &s->received);
		else if (o.code == ISB_IFDROP)
			option_u64(&o, c->swap, &s->dropped);
	}
	return good && !c->bad ? 1 : -EBADMSG;
}

/* Reads `len` bytes: 0, -ENODATA if the file ends before, -errno. *got tells how many came. */
static int bytes_read(struct pcapng_reader *r, uint8_t *bytes, size_t len, size_t *got)
{
	int err = 0;

	*got = 0;
	while (*got < len && !err) {
		size_t n;

		errno = 0;
		n = fread(bytes + *got, 1, len - *got, r->file);
		if (!n && !ferror(r->file))
			err = -ENODATA;
		else if (!n && errno != EINTR)
			err = errno ? -errno : -EIO;
		if (!n)
			clearerr(r->file);
		*got += n;
	}
	return err;
}

/* Grown by steps while data arrives, so that a wrong length alone does not claim memory. */
static int body_read(struct pcapng_reader *r, size_t have, size_t size)
{
	int err = 0;

	while (have < size && !err) {
		size_t step = size - have < 65536 ? size - have : 65536, got;

		if (have + step > r->capacity) {
			size_t capacity = (have + step) * 2;
			uint8_t *data = realloc(r->data, capacity);

			if (!data)
				return -ENOMEM;
			r->data = data;
			r->capacity = capacity;
		}
		err = bytes_read(r, r->data + have, step, &got);
		have += got;
	}
	return err;
}

static bool byte_order_detect(const uint8_t *bytes, bool *swap)
{
	uint32_t order;

	memcpy(&order, bytes, sizeof(order));
	*swap = order == bswap_32(PCAPNG_BYTE_ORDER);
	return *swap || order == PCAPNG_BYTE_ORDER;
}

/* The first twelve bytes of a block, the least that a block has, to r->data: 1, 0 at the end of the file, or an error. */
static int start_read(struct pcapng_reader *r)
{
	size_t got;
	int err;

	if (!r->started) {
		memcpy(r->data, r->start, sizeof(r->start));
		r->started = true;
		return 1;
	}
	err = bytes_read(r, r->data, BLOCK_MIN_BYTES, &got);
	if (err == -ENODATA && !got)
		return 0;
	return err ? err : 1;
}

/* Reads the next block whole into r->data: 1 and its type and size, 0 at the end, or an error. */
static int block_load(struct pcapng_reader *r, uint32_t *type, uint32_t *size)
{
	struct cursor c = { .at = r->data, .left = BLOCK_HEADER_BYTES };
	uint32_t trailer;
	int err;

	r->offset = r->next_offset;
	err = start_read(r);
	if (err <= 0)
		return err;
	*type = take_u32(&c);
	if (*type == PCAPNG_SHB && !byte_order_detect(r->data + BLOCK_HEADER_BYTES, &r->swap))
		return -EBADMSG;
	*type = r->swap ? bswap_32(*type) : *type;
	c.swap = r->swap;
	*size = take_u32(&c);
	if (*size < BLOCK_MIN_BYTES || *size & 3)
		return -EBADMSG;
	if (*size > PCAPNG_BLOCK_MAX)
		return -EFBIG;
	err = body_read(r, BLOCK_MIN_BYTES, *size);
	if (err)
		return err;
	c = (struct cursor){ .at = r->data + *size - 4, .left = 4, .swap = r->swap };
	trailer = take_u32(&c);
	r->next_offset += *size;
	return trailer == *size ? 1 : -EBADMSG;
}

/* 1 and *b; 0 for a block of a type that is not ours to read; or an error. */
static int block_parse(struct pcapng_reader *r, uint32_t size, struct pcapng_block *b)
{
	struct cursor c = {
		.at = r->data + BLOCK_HEADER_BYTES,
		.left = size - BLOCK_MIN_BYTES,
		.swap = r->swap,
	};

	switch (b->type) {
	case PCAPNG_SHB:
		return size < SHB_MIN_BYTES ? -EBADMSG : section_read(r, &c, b);
	case PCAPNG_IDB:
		return interface_read(r, &c, b);
	case PCAPNG_EPB:
		return packet_read(r, &c, b);
	case PCAPNG_ISB:
		return statistics_read(r, &c, b);
	default:
		return 0;
	}
}

int pcapng_read(struct pcapng_reader *r, struct pcapng_block *block)
{
	uint32_t type, size;
	int err, parsed;

	do {
		err = block_load(r, &type, &size);
		if (err <= 0)
			return err;
		memset(block, 0, sizeof(*block));
		block->type = type;
		block->offset = r->offset;
		parsed = block_parse(r, size, block);
	} while (!parsed);
	return parsed;
}

uint64_t pcapng_reader_offset(const struct pcapng_reader *r)
{
	return r->offset;
}

void pcapng_reader_free(struct pcapng_reader *r)
{
	if (!r)
		return;
	if (r->file && r->file != stdin)
		fclose(r->file);
	free(r->interfaces);
	free(r->data);
	free(r);
}

/* Classic pcap: microsecond and nanosecond magic in both byte orders. */
static bool is_classic(const uint8_t *start)
{
	uint32_t magic;

	memcpy(&magic, start, sizeof(magic));
	return magic == 0xa1b2c3d4 || magic == 0xd4c3b2a1 || magic == 0xa1b23c4d ||
	       magic == 0x4d3cb2a1;
}

static int reader_start(struct pcapng_reader *r, const char *path)
{
	uint32_t type;
	size_t got;
	int err;

	r->capacity = 65536;
	r->data = malloc(r->capacity);
	if (!r->data)
		return -ENOMEM;
	r->file = strcmp(path, "-") ? fopen(path, "re") : stdin;
	if (!r->file)
		return -errno;
	err = bytes_read(r, r->start, sizeof(r->start), &got);
	if (err && err != -ENODATA)
		return err;
	if (got >= 4 && is_classic(r->start))
		return -EPROTONOSUPPORT;
	memcpy(&type, r->start, sizeof(type));
	if (err || type != PCAPNG_SHB || !byte_order_detect(r->start + 8, &r->swap))
		return -EINVAL;
	return 0;
}

int pcapng_reader_new(struct pcapng_reader **out, const char *path)
{
	struct pcapng_reader *r = calloc(1, sizeof(*r));
	int err;

	if (!r)
		return -ENOMEM;
	err = reader_start(r, path);
	if (err) {
		pcapng_reader_free(r);
		return err;
	}
	*out = r;
	return 0;
}
