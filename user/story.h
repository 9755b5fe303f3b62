/* SPDX-License-Identifier: GPL-2.0-only */
/* How a story goes on after the kernel's record of it, when it is complete and what its end is called. The one place that knows. */
#pragma once

#include "user/decode.h"
#include "user/pending.h"

struct drop_reasons;

struct story_rules {
	uint32_t tcp_stages;	/* SC_BIT masks of what this kernel can stamp for TCP ... */
	uint32_t dgram_stages;	/* ... and for datagram sockets */
	bool l4_sure;		/* the probe of TCP's `l4` sees every packet (tcp_probe only sees established connections) */
	const struct drop_reasons *drops;
};

/* Fills *n (but bytes, lists, deadline and interface) from a validated record, and decides what it waits for. */
void story_begin(struct pending *n, const struct decoded *d, const struct story_rules *rules);

/* n's story goes on in another packet, which is or will be n->p.parent_id. */
void story_await_parent(struct pending *n);

/* Takes the stages after `driver` and the end from the packet that n was merged into. */
void story_adopt(struct pending *n, struct pending *parent);

/* The bytes were read, but from which copy of them is not known. */
void story_doubt(struct pending *n);

/* Ends a story that waited in vain. */
void story_partial(struct pending *n, enum account_partial why);

/* The socket's sequence numbers have reached n: on to the read, if this kernel can tell it. */
void story_socket(struct pending *n, const struct sc_call *reached);

/* Dropped in its socket's queue. */
void story_drop(struct pending *n, const struct drop_reasons *drops, uint32_t reason);

/* The read that n waited for. */
void story_read(struct pending *n, const struct sc_call *read);

/* The send call that n's last byte came with. */
void story_write(struct pending *n, const struct sc_call *write);

/* The record of that call was lost. */
void story_unwritten(struct pending *n);
