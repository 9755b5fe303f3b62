/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pcapng (draft-ietf-opsawg-pcapng): bytes only, knows nothing of stamps.
 *
 * Writer: little-endian, ns resolution. Blocks are built by appending to a buffer and patching the length; a block reaches the file descriptor
 * whole or not at all as far as the buffer goes: after a failed write (full disk) the file is cut back to the last whole block where it is a
 * regular file. The first failed write decides: every later call returns its error. All calls return 0 or a negative errno (-EPIPE is up to the
 * caller's SIGPIPE; -EMSGSIZE: an option of 64 KiB or a block larger than a reader takes). Reader: any byte order, any block type (unknown ones are skipped), bounds-checked.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define PCAPNG_LINKTYPE_ETHERNET 1
#define PCAPNG_LINKTYPE_RAW 101
#define PCAPNG_BLOCK_MAX (16u << 20) /* larger blocks are refused on reading: -EFBIG */

enum pcapng_block_type {
	PCAPNG_SHB = 0x0A0D0D0A,
	PCAPNG_IDB = 1,
	PCAPNG_ISB = 5,
	PCAPNG_EPB = 6,
};

struct pcapng_writer;

struct pcapng_section {
	const char *hardware, *os, *app, *comment; /* NULL: absent */
};

struct pcapng_interface {
	const char *name, *description, *filter, *os; /* NULL: absent */
	const uint8_t *mac;			      /* 6 bytes or NULL */
	uint64_t speed_bps;			      /* 0: absent */
	uint32_t snaplen_bytes;
	uint16_t link_type;
};

#define PCAPNG_NONE UINT32_MAX
struct pcapng_packet {
	uint64_t time_ns; /* since 1970 */
	uint32_t interface;
	uint32_t wire_len_bytes, cap_len_bytes;
	const uint8_t *bytes;
	uint32_t flags;	   /* epb_flags: 1 inbound, 2 outbound */
	uint64_t packetid; /* epb_packetid, 0: absent */
	uint32_t queue;	   /* epb_queue, PCAPNG_NONE: absent */
	int verdict;	   /* epb_verdict: enum pcapng_verdict; 0: absent */
	int64_t verdict_value; /* e.g. XDP_PASS = 2 */
	uint64_t dropcount; /* epb_dropcount: packets lost between this one and the one before; written when not 0 */
	const char *comment; /* NULL: absent */
	size_t comment_len; /* reader only: comment is not NUL-terminated there */
};
/* First byte of epb_verdict, plus one so that 0 means absent. */
enum pcapng_verdict { PCAPNG_VERDICT_NONE, PCAPNG_VERDICT_HW, PCAPNG_VERDICT_TC, PCAPNG_VERDICT_XDP };

struct pcapng_statistics {
	uint64_t time_ns, start_ns, end_ns;
	uint64_t received, dropped;
	uint32_t interface;
	const char *comment; /* NULL: absent */
	size_t comment_len; /* reader only */
};

/* `fd` is taken over on success. Nothing is written before the first flush. */
int pcapng_writer_new(struct pcapng_writer **out, int fd);
int pcapng_write_section(struct pcapng_writer *w, const struct pcapng_section *s);
int pcapng_write_interface(struct pcapng_writer *w, const struct pcapng_interface *i);
int pcapng_write_packet(struct pcapng_writer *w, const struct pcapng_packet *p);
int pcapng_write_statistics(struct pcapng_writer *w, const struct pcapng_statistics *s);
int pcapng_writer_flush(struct pcapng_writer *w);
int pcapng_writer_take_fd(struct pcapng_writer *w); /* gives the descriptor back: pcapng_writer_free() will not close it */
void pcapng_writer_free(struct pcapng_writer *w); /* closes without flushing; NULL is fine */

struct pcapng_reader;

/* What one block holds. Strings point into the reader's buffer, valid until the next read, NOT NUL-terminated unless the field says so. */
struct pcapng_block {
	uint32_t type;
	uint64_t offset; /* of the block in the file: for messages */
	struct {
		const char *comment, *os, *app, *hardware;
		size_t comment_len, os_len, app_len, hardware_len;
	} section;
	struct {
		uint32_t index, snaplen_bytes;
		uint16_t link_type;
		const char *name, *filter, *description;
		size_t name_len, filter_len, description_len;
		uint64_t speed_bps;
	} interface;
	struct pcapng_packet packet;
	struct pcapng_statistics statistics;
};

/* Opens path ("-": stdin). 0; -errno of open; -EINVAL if it does not start as pcapng, -EPROTONOSUPPORT if it starts as classic pcap. */
int pcapng_reader_new(struct pcapng_reader **out, const char *path);
/* 1 a block, 0 end of file, -EBADMSG malformed, -ENODATA truncated within a block, -EFBIG, or -errno of read. */
int pcapng_read(struct pcapng_reader *r, struct pcapng_block *block);
uint64_t pcapng_reader_offset(const struct pcapng_reader *r); /* of the block that the last call read or failed on */
void pcapng_reader_free(struct pcapng_reader *r);
