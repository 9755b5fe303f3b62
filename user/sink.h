/* SPDX-License-Identifier: GPL-2.0-only */
/* What an output is: one file out_*.c fills this table and is listed in one place (cmd_record.c). A sink returns errors, it never prints. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "user/account.h"
#include "user/packet.h"

struct capture_interface {
	char name[16];
	char description[128]; /* driver and bus: "veth", "e1000 0000:00:03.0" */
	uint8_t mac[6];
	uint64_t speed_bps; /* 0 unknown */
	uint16_t link_type; /* LINKTYPE_*: 1 Ethernet, 101 raw IP */
};

/* Facts of a capture, known before its first packet. All strings are borrowed until the sink is freed. */
struct capture_info {
	const struct capture_interface *interfaces;
	size_t interface_count;
	uint32_t snaplen_bytes;
	const char *filter;   /* NULL: none */
	const char *hardware; /* uname -m and CPU model */
	const char *os;	      /* uname -sr */
	const char *app;      /* "stampcap VERSION" */
	const char *comment;  /* of the section header: section 7 of the contract */
};

/* What the capture knew at its end. */
struct capture_end {
	struct account account;
	uint64_t start_ns; /* wall clock, ns since 1970 */
	uint64_t end_ns;
};

struct sink;

struct sink_ops {
	/* Each returns 0 or a negative errno. `packet` may buffer; `flush` makes what came so far visible to a reader. */
	int (*packet)(struct sink *s, const struct packet *p);
	int (*flush)(struct sink *s);
	int (*end)(struct sink *s, const struct capture_end *end);
	void (*free)(struct sink *s); /* NULL and half-built objects are fine */
};

struct sink {
	const struct sink_ops *ops;
};

/* Constructors leave *out alone on failure. `fd` is taken over only on success. */
int sink_pcapng_new(struct sink **out, int fd, const struct capture_info *info);
/* Of what the kernel counts (`--hist`): a line per direction and second, or with `json` a report, and at the end the report of all. */
struct loader_maps;
int sink_hist_new(struct sink **out, int fd, const struct capture_info *info, const struct loader_maps *maps, bool json);
int sink_text_new(struct sink **out, int fd, const struct capture_info *info);
