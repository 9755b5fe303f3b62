/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Our XDP program on a device, by libxdp: together with programs of others where libxdp's
 * dispatcher works, else alone. Prints nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct xdp_on_device;
struct injection;

struct xdp_program_request {
	int ifindex;
	bool native;			/* or generic (skb) */
	bool raw;			/* the device has no link-layer header */
	const struct injection *filter; /* NULL: none */
	int marks_fd;			/* map of the stamps */
	int frames_fd;			/* map of frames */
	bool keep; /* programs of others are there: the filter decides which frames are kept, not which packets are stamped */
};

/*
 * Loads the program and attaches it. 0 and
 * *out, or a negative errno: -EOPNOTSUPP no native XDP in this driver (or none with its present
 * settings), -EBUSY a program of others that cannot be shared with.
 */
int xdp_on_device_new(struct xdp_on_device **out, const struct xdp_program_request *request);

/* Through the dispatcher, so that others can come and go; else we hold the device's only place. */
bool xdp_on_device_shared(const struct xdp_on_device *p);

/* Takes only our program off. Idempotent: 0 also if it is off already. */
int xdp_on_device_detach(struct xdp_on_device *p);

void xdp_on_device_free(struct xdp_on_device *p); /* does not detach; NULL is fine */

/*
 * Program on the device: id (0 none), its name, and whether it is libxdp's dispatcher. 0 or a
 * negative errno.
 */
int xdp_present(int ifindex, uint32_t *id, char *name, size_t name_size, bool *dispatcher);

/* May one of the programs that share the device send frames to another CPU, where skbs are made of them after the poll? */
bool xdp_may_change_cpu(int ifindex);
