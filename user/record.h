/* SPDX-License-Identifier: GPL-2.0-only */
/* What `record` was asked to do. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/loader.h"

struct record_options {
	const char *interfaces[LOADER_MAX_DEVICES];
	size_t interface_count;
	const char *write;	  /* path, "-" or NULL: text on stdout */
	const char *netns;	  /* NULL: the current one */
	const char *without;	  /* NULL: none */
	const char *filter;	  /* expression; NULL: none */
	uint64_t packets;	  /* 0: no limit */
	uint32_t sample;	  /* one flow in so many, 0: all */
	uint64_t slower_ns;	  /* packets that took that long, 0: all */
	uint64_t rate;		  /* packets a second, 0: all */
	uint64_t duration_ns;	  /* 0: no limit */
	uint64_t deadline_ns;	  /* 0: by the kind of output */
	uint32_t snaplen_bytes;
	uint32_t ring_bytes;
	uint64_t memory_bytes;	  /* of the kernel's tables and rings; 0: by default */
	uint32_t dirs;		  /* 1 << (enum sc_dir - 1) */
	uint32_t stages;	  /* SC_BIT mask */
	enum xdp_mode xdp;
	enum probe_family family;
	bool hist, json, format;  /* --hist; its format, and whether one was asked for */
	bool list_interfaces;	  /* -D */
	int dump;		  /* -d: 1 print the filter's classic code, 2 the translated, and do nothing else */
};

void record_options_default(struct record_options *o);

/* Records until told to stop. The exit status: 0, 1 failed, 2 asked for something that does not exist. */
int record_run(const struct record_options *o);
