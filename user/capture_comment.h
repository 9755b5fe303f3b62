/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The section header's comment, one line, what a capture was made with:
 *
 *   stampcap format=1 version=0.1.0 match=xdp-address-or-key clock_error=123ns probes=rx.softirq:tp:softirq_entry;rx.ip:netfilter:PRE_ROUTING
 *
 * " sample=8", one flow in eight, stands before probes where that was asked for.
 * probes: one entry DIR.STAGE:KIND:TARGET per stage that can be stamped, in the order of stages.def, joined by ';'; absent if there is none.
 * In version, match and targets bytes other than printable ASCII and space = | , \ ; + are written as \xHH, but ", " as '+'.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "tracing/stamp.h"

#define CAPTURE_COMMENT_FORMAT 1
#define CAPTURE_COMMENT_MAX 8192

struct capture_comment {
	const char *version;
	const char *match;	 /* how XDP stamps were matched: "xdp-address-or-key": by its address, else by its bytes; "skb": no XDP */
	uint64_t clock_error_ns; /* bound of the error of wall times */
	uint64_t sample;	 /* one flow in so many, 0: all */
	const char *probes[SC_STAGE_COUNT]; /* "KIND:TARGET", e.g. "tp:netif_rx_entry, napi_gro_receive_entry"; NULL absent */
	char *storage;		 /* where the strings of a parsed comment live; NULL otherwise */
};

/* Length or -ENOSPC. */
int capture_comment_format(const struct capture_comment *c, char *buf, size_t size);
/* 0, -ENOENT if the comment is not ours, -EINVAL if malformed, -EPROTO: of a newer format, -ENOMEM. Free with capture_comment_clear(). */
int capture_comment_parse(struct capture_comment *c, const char *text, size_t len);
/* Frees what parsing allocated and zeroes *c. */
void capture_comment_clear(struct capture_comment *c);
