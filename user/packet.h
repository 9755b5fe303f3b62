/* SPDX-License-Identifier: GPL-2.0-only */
/* One wire packet with its joined timeline, as sinks write it and as a file gives it back. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tracing/stamp.h"

#define PACKET_END_MAX 64
#define PACKET_COMM_MAX 16

enum side { SIDE_NONE, SIDE_DRIVER, SIDE_STACK, SIDE_APP, SIDE_COUNT };

/* What user space knows beyond enum sc_flag; printed by name, in this order, joined by '+'. Names: packet.c. */
enum packet_flag {
	PACKET_POLLED = 1 << 0,	 /* no interrupt of its own */
	PACKET_GRO = 1 << 1,	 /* merged by GRO with others */
	PACKET_GSO = 1 << 2,	 /* super-packet */
	PACKET_SEGMENT = 1 << 3, /* cut from a super-packet by software */
	PACKET_FRAG = 1 << 4,	 /* IP fragment */
	PACKET_VLAN = 1 << 5,	 /* hardware-stripped tag re-inserted */
	PACKET_RETRANS = 1 << 6, /* TCP payload, or a SYN or FIN, that was seen before */
	PACKET_HOL = 1 << 7,	 /* waited for an earlier segment: its wait is not local latency */
	PACKET_PARTIAL = 1 << 8, /* the story is not complete; `end` says why */
	PACKET_FLAG_COUNT = 9,
};

struct packet {
	uint64_t id;	    /* unique within the capture */
	uint64_t parent_id; /* GRO or segmentation parent, 0 none */
	uint64_t first_id;  /* PACKET_RETRANS: the packet that had its first byte before all others, 0 not known */
	uint64_t anchor_ns; /* CLOCK_MONOTONIC live; from a file: wall clock, as wall_ns */
	uint64_t wall_ns;   /* ns since 1970, UTC */
	uint64_t stamp_ns[SC_STAGE_COUNT]; /* valid where `stages` has the bit; same clock as anchor_ns */
	uint32_t gro_index, gro_count;	   /* PACKET_GRO: which one, from 1, of how many recorded ones that GRO made one skb of; 0 not known */
	uint32_t segs;			   /* PACKET_GSO: segments that it is to be cut into */
	uint32_t ends;			   /* received datagram: sockets that it was offered to, full ones too, if more than one; else 0 */
	uint32_t stages;		   /* SC_BIT mask */
	uint32_t flags;			   /* enum packet_flag */
	uint32_t interface;		   /* index of its interface description block */
	uint32_t wire_len_bytes;
	uint32_t cap_len_bytes;
	const uint8_t *bytes; /* cap_len_bytes, owned by whoever made the packet */
	uint32_t pid;	      /* 0 unknown */
	uint32_t queue;
	uint32_t cpu;
	int32_t irq; /* -1 none */
	uint64_t dropcount; /* packets lost between this one and the one before in the file: epb_dropcount */
	uint8_t dir; /* enum sc_dir */
	char comm[PACKET_COMM_MAX]; /* raw, NUL-terminated; empty: unknown */
	char end[PACKET_END_MAX];   /* token of section 7: "read", "l4", "txdone", "drop:NO_SOCKET", "timeout" ... */
	char at[16];		    /* last stage reached, where `end` does not imply it; empty: omit */
	char via[16];		    /* forwarded: name of the outgoing device; else of one on top of the interface; empty: omit */
};

/* One interval of a timeline: two neighbouring stamped stages. */
struct interval {
	uint8_t from; /* enum sc_stage */
	uint8_t to;
	uint8_t side; /* enum side; SIDE_NONE where the interval spans two sides or belongs to none */
	uint64_t ns;
};

struct stage_info {
	const char *name;
	const char *layer;
	uint8_t dir; /* enum sc_dir */
	uint8_t side;
	bool always;
};
extern const struct stage_info stage_info[SC_STAGE_COUNT];
extern const char *const side_names[SIDE_COUNT]; /* "", "driver", "stack", "app" */
extern const char *const packet_flag_names[PACKET_FLAG_COUNT];

/* Stage named `name` in direction `dir`, or SC_STAGE_NONE. */
unsigned int stage_by_name(const char *name, uint8_t dir);

/* Intervals of p in stage order into out[SC_STAGE_COUNT]; returns how many. */
size_t packet_intervals(const struct packet *p, struct interval *out);

/*
 * Layer an interval belongs to, into buf: the layer that ends at `to`, joined by '+' with those of skipped ALWAYS stages ("napi+driver").
 * Stages of the forwarded half (TX stages of an RX packet) follow the RX ones. Returns buf.
 */
const char *interval_layer(uint8_t from, uint8_t to, char *buf, size_t size);

/* Side that an interval between two stages belongs to, `from` before `to`: enum side, SIDE_NONE as in struct interval. */
uint8_t interval_side(uint8_t from, uint8_t to);

/* Sum of p's intervals per side; [SIDE_NONE] holds the time that no single side owns (wire, or a span of two sides). */
void packet_sides(const struct packet *p, uint64_t ns[SIDE_COUNT]);

/* Last stamp minus first stamp, 0 with fewer than two. */
uint64_t packet_total_ns(const struct packet *p);
