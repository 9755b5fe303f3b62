/* SPDX-License-Identifier: GPL-2.0-only */
/* A report: what a capture file says, aggregated into groups of histograms. Needs nothing but the file. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "pcap/filter.h"
#include "pcap/pcapng.h"
#include "user/account.h"
#include "user/capture_comment.h"
#include "user/dissect.h"
#include "user/hist.h"
#include "user/packet.h"

#define REPORT_KEY_FIELDS 3
#define REPORT_LAYER_MAX 48
#define REPORT_GROUPS_MAX 65536 /* later groups are added up in one with the key "other" */

/* What the packets of a group have in common; unused fields are empty. Compared bytewise: no garbage after the terminators. */
struct report_key {
	char value[REPORT_KEY_FIELDS][DISSECT_ENDPOINT_MAX];
};

/* A way of grouping: a row of report_bys. */
struct report_by {
	const char *name;
	const char *fields[REPORT_KEY_FIELDS]; /* NULL: fewer */
	unsigned int numeric;	/* bit per field: its values are numbers, "" is none */
	bool by_layer;		/* rows are layers, a packet's time in all of a layer's intervals */
	bool busiest_first;	/* else in the order of the key */
	void (*fill)(struct report_key *key, const struct packet *p, const struct dissect *d);
};
extern const struct report_by report_bys[];
const struct report_by *report_by_find(const char *name); /* NULL: no such */
const char *report_by_names(char *buf, size_t size);	  /* "stage, layer ..."; returns buf */

/* One interval, or with by_layer one layer, where from and to are the widest it was seen to span. */
struct report_row {
	uint8_t from, to;
	char layer[REPORT_LAYER_MAX];
	struct hist hist;
};

struct report_group {
	struct report_key key;
	uint8_t dir; /* enum sc_dir */
	uint64_t packets, bytes;
	struct hist total;	       /* complete packets only */
	struct hist sides[SIDE_COUNT]; /* [SIDE_NONE] unused */
	struct report_row *rows;       /* in stage order after report_finish() */
	size_t row_count;
	struct report_group *next; /* of the same hash */
};

struct report_interface {
	char name[64];
	uint16_t link_type;
};

struct report {
	const struct report_by *by;
	struct report_group **groups; /* in order of output after report_finish() */
	size_t group_count;
	struct report_group **table; /* hash chains */
	char layers[SC_STAGE_COUNT][SC_STAGE_COUNT][REPORT_LAYER_MAX]; /* of an interval, "": not asked for so far */
	bool overflow;		     /* REPORT_GROUPS_MAX was reached */
	struct capture_comment capture;
	bool ours;	    /* a section or a packet was written by stampcap */
	char name[64];	    /* interfaces, joined by ',' */
	char *filter;	    /* of the recording; NULL none */
	const char *only;   /* the report's own expression: packets that do not match are in no group. NULL none */
	struct filter *only_of[2]; /* compiled: [0] for Ethernet, [1] for raw IP; NULL: not seen yet */
	struct filter_problem problem; /* why it could not be compiled */
	struct report_interface *interfaces; /* of the current section */
	size_t interface_count;
	struct account account; /* sum of the sections */
	size_t sections, accounts; /* fewer accounts than sections: something was cut off */
	uint64_t start_ns, end_ns; /* of the capture; of the packets where the file does not say */
	uint64_t first_ns, last_ns; /* of the packets */
	uint64_t packets, complete, partial; /* in the file, with a timeline */
	uint64_t without, malformed; /* matching packets without a timeline; with a broken one */
	uint64_t malformed_offset;   /* of the first broken one */
	uint64_t matched;	     /* of packets */
};

int report_new(struct report **out, const struct report_by *by);
/* Before the first block: only packets that match count. NULL or "": all. `expression` must outlive the report. */
void report_only(struct report *r, const char *expression);
/*
 * Takes in one block: 0, -ENOMEM, -EPROTO (recorded in a newer format), -EBADMSG (an accounting that is not one). Where problem.text is set, the expression of
 * report_only() is the reason: -EINVAL (wrong) or -ENOTSUP (not for this link type).
 */
int report_block(struct report *r, const struct pcapng_block *b);
/* Sorts groups and rows. Call once, after the last block. */
void report_finish(struct report *r);
void report_free(struct report *r);

/* Name of a stage in a group of direction `dir`: stages of a forwarded packet's other half get "tx_" in front. Returns buf. */
const char *report_stage_name(uint8_t stage, uint8_t dir, char *buf, size_t size);

/* REPORT_STAT(member): the statistics of a histogram, in the order of output. */
#define REPORT_STATS(X) \
	X(count) X(min_ns) X(mean_ns) X(p50_ns) X(p90_ns) X(p99_ns) X(p999_ns) X(max_ns)
struct report_stats {
#define X(member) uint64_t member;
	REPORT_STATS(X)
#undef X
};
struct report_stats report_stats(const struct hist *h);

/* Formats, one file each: 0 or a negative errno. */
int report_table_print(const struct report *r, FILE *out);
int report_json_print(const struct report *r, FILE *out);
int report_json_print_line(const struct report *r, FILE *out);
int report_csv_print(const struct report *r, FILE *out);
