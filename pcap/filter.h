/* SPDX-License-Identifier: GPL-2.0-only */
/* Filter expressions of pcap-filter(7), compiled and evaluated by libpcap. The only place that knows it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <linux/filter.h>

struct filter;

struct filter_request {
	const char *expression; /* "" accepts everything */
	uint16_t link_type;	/* LINKTYPE_ETHERNET (1) or LINKTYPE_RAW (101), as in a pcapng file */
	/*
	 * Device whose live capture the code is for, as tcpdump compiles it: a VLAN tag may stand beside the bytes, `inbound`, `outbound` and `ifindex` ask the kernel,
	 * `ip broadcast` knows the device's netmask. It may be down while `lo` is up, or have raw IP packets. NULL: for the packets of a file.
	 */
	const char *device;
};

/* Why an expression was refused: libpcap's sentence, and where in the expression it points to. */
struct filter_problem {
	char text[512];
	int column; /* from 0; -1: unknown */
};

/*
 * 0 and *out; -EINVAL: the expression is wrong; -ENOTSUP: not for packets of `link_type`; -ENOMEM. For Ethernet also -EPERM, -ENODEV, -ENETDOWN: `device` cannot
 * be asked; -ENOTSUP: it is not Ethernet. Whether a device has raw IP packets is not asked.
 */
int filter_new(struct filter **out, const struct filter_request *request, struct filter_problem *problem);
void filter_free(struct filter *f); /* NULL is fine */

/* The classic code, owned by f. */
struct sock_fprog filter_code(const struct filter *f);
/* As `tcpdump -d` prints it. */
void filter_print(const struct filter *f, FILE *out);

/* libpcap's verdict on a packet of a file. `outgoing`: what `inbound` and `outbound` ask for. */
bool filter_match(const struct filter *f, const uint8_t *bytes, uint32_t cap_len_bytes, uint32_t wire_len_bytes, bool outgoing);

/* The words of a command line as one expression, as tcpdump joins them: separated by one space. NULL without memory; free() it. */
char *filter_join_words(char *const *words, size_t count);
