/* SPDX-License-Identifier: GPL-2.0-only */
/* The filter of a recording: from the words of a command line to the code that decides in the kernel. */
#pragma once

#include <stdio.h>

#include "pcap/translate.h"
#include "user/net.h"

struct record_filter;

/* Where the kernel's view of a packet (tracing/filter.h) has what a filter asks for. */
extern const struct translate_layout filter_view_layout;

/*
 * Compiles `expression` for the devices, as for a live capture on each, or without devices for an Ethernet file, and translates it; `sample`: of one flow in so many,
 * 0 of all. 0 and *out, NULL where everything is to be accepted; else everything has been said: -EINVAL or -E2BIG for a wrong expression, another negative errno if it could not be tried.
 */
int record_filter_new(struct record_filter **out, const char *expression, uint32_t sample, const struct net_device_info *devices, size_t device_count);
void record_filter_free(struct record_filter *f); /* NULL is fine */

const struct translation *record_filter_code(const struct record_filter *f);

/* Does it say the same of every packet that a socket sends? A rule of thumb; false for NULL. */
bool record_filter_is_flow(const struct record_filter *f);

/* The classic code as `tcpdump -d` prints it, or the translated one as the kernel's verifier does. Of every link type there is. */
void record_filter_print_classic(const struct record_filter *f, FILE *out);
void record_filter_print_translated(const struct record_filter *f, FILE *out);
