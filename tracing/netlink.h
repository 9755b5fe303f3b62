/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rtnetlink: build one request, exchange it, look at the answers. Acts in the caller's network
 * namespace.
 */
#pragma once

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct netlink_request {
	union {
		struct nlmsghdr header;
		char bytes[512];
	};
};

/*
 * Starts a request of `type` (RTM_*) and `flags` (NLM_F_REQUEST is added) with its fixed header
 * `body`.
 */
void netlink_begin(struct netlink_request *r, uint16_t type, uint16_t flags, const void *body,
		   size_t body_size);

/* Appends an attribute. 0 or -EMSGSIZE. */
int netlink_put(struct netlink_request *r, uint16_t type, const void *data, size_t size);
int netlink_put_u32(struct netlink_request *r, uint16_t type, uint32_t value);
int netlink_put_string(struct netlink_request *r, uint16_t type, const char *text);

/*
 * Opens an attribute that holds the following ones; returns what netlink_nest_end() wants, or
 * -EMSGSIZE.
 */
int netlink_nest_begin(struct netlink_request *r, uint16_t type);
void netlink_nest_end(struct netlink_request *r, int nest);

/*
 * Sends r and calls `message` (may be NULL) for each answer; what it returns other than 0 becomes
 * the result. Returns 0 when the kernel has acknowledged or the dump is through, else the kernel's
 * negative errno.
 */
typedef int (*netlink_message_fn)(const struct nlmsghdr *h, void *context);
int netlink_exchange(struct netlink_request *r, netlink_message_fn message, void *context);

/*
 * The attribute `type` of a message whose fixed header has `body_size` bytes, of a nest; NULL if
 * absent. Lengths are checked.
 */
const struct rtattr *netlink_attr(const struct nlmsghdr *h, size_t body_size, uint16_t type);
const struct rtattr *netlink_attr_in(const struct rtattr *nest, uint16_t type);

/* Value of an attribute; false if it is NULL or too short. */
bool netlink_get_u32(const struct rtattr *a, uint32_t *value);
/* Copies a string attribute, cut to `size`, always terminated; empty if it is NULL. */
void netlink_get_string(const struct rtattr *a, char *buf, size_t size);
/* Fixed header of a message, NULL if the message is too short for it. */
const void *netlink_body(const struct nlmsghdr *h, size_t body_size);
