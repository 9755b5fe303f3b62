/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Attachments that no bpf link holds (XDP by libxdp, cls_bpf). The guardian process makes them and takes them away, whatever becomes of us and whenever: it
 * keeps the privileges for it, and a kill -9 in the middle of attaching finds it at work.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "user/net.h"
#include "user/probes.h"
#include "xdp/attach.h"

#define HELD_MAX_DEVICES 16
#define HELD_WHY_MAX 512

struct held_request {
	const struct net_device_info *devices;
	size_t device_count;
	bool xdp;		/* try XDP at all; else `xdp_why` says it was not wanted */
	enum xdp_mode mode;
	const struct injection *filter; /* for the XDP programs to ask; NULL: they leave it to others */
	int marks_fd, frames_fd;
	bool keep; /* see struct xdp_request */
	int cls_fd[2];		/* program for clsact ingress and egress, -1 none */
	const int *links;	/* descriptors the guardian must not keep open */
	size_t link_count;
};

struct held_result {
	int xdp_err[HELD_MAX_DEVICES];
	char xdp_why[HELD_MAX_DEVICES][HELD_WHY_MAX]; /* one sentence each, on success too */
	int cls_err[2];
	char cls_why[2][HELD_WHY_MAX];
};

struct held;

/* Returns when everything has been tried: 0, or a negative errno if the guardian could not be started. */
int held_start(struct held **out, const struct held_request *request);
const struct held_result *held_result(const struct held *h);
/* Tells the user and the table of probes what became of it. */
void held_tell(const struct held *h, struct probes *probes);
/* The sentence about the first device that XDP was wanted on and is not; NULL without. */
const char *held_xdp_refused(const struct held *h);
/* Takes everything away and ends the guardian. NULL is fine. */
void held_stop(struct held *h);
