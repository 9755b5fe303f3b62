/* SPDX-License-Identifier: GPL-2.0-only */
/* The clsact qdisc of a device and the filters on it, by rtnetlink: look, add ours, remove ours. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* What hangs on one direction of a device. */
struct clsact_view {
	bool clsact;	     /* the device has a clsact qdisc */
	bool ingress_only;   /* it has the older `ingress` qdisc instead: no egress */
	bool clsact_is_ours; /* a filter of stampcap, of any process, says that stampcap made the
				clsact */
	unsigned int filters;
	uint16_t first_priority; /* lowest in use, 0 if none */
	uint16_t free_priority;	 /* in front of all filters if there is room, else the lowest free
				    one behind */
};

/* One filter of ours: together these name it, and nobody else's. */
struct clsact_filter {
	int ifindex;
	bool egress;
	uint16_t priority;
	uint32_t handle;
	uint32_t prog_id;
};

/* Each returns 0 or a negative errno. */
int clsact_look(struct clsact_view *out, int ifindex, bool egress);
int clsact_create(int ifindex);
int clsact_remove(int ifindex);

/*
 * Adds prog_fd in direct-action mode at f's priority; fails with -EEXIST rather than replace.
 * `made_clsact` is remembered in the filter's name.
 */
int clsact_filter_add(struct clsact_filter *f, int prog_fd, bool made_clsact);
/* Removes f if it still holds our program, else leaves what is there and returns -ENOENT. */
int clsact_filter_remove(const struct clsact_filter *f);
