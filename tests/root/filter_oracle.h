/* SPDX-License-Identifier: GPL-2.0-only */
/* What a filter must say: libpcap's own evaluator, shown a frame as a live capture shows it at each hook. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <linux/filter.h>

#include "tests/root/filter_packets.h"
#include "tests/verdict/verdict.h"

/* A packet as libpcap sees it: bytes, and what stands beside them. */
struct shown {
	const uint8_t *bytes;
	uint32_t size, len; /* what loads can reach, what `len` says */
	uint32_t vlan_present, vlan_tag, packet_type;
};

/* A frame in its forms. */
struct views {
	struct frame frame;
	const uint8_t *ip; /* behind Ethernet header and tags; NULL: too little */
	uint32_t ip_size;
	struct shown received;	    /* with its outermost tag beside it; owns its bytes if they are not the frame's */
	bool tc_takes, tc_takes_ip; /* the TC hooks' test run takes the frame, what stands at `ip`; the caller's */
};

/* A filter's classic code. */
struct oracle {
	struct sock_fprog code;				  /* owned */
	uint16_t asks[BPF_MAXINSNS], asked[BPF_MAXINSNS]; /* instructions, and for what: SKF_AD_* */
	uint32_t count;
};

/* The frame stays the caller's, and where it is. */
void views_make(struct views *v, const struct frame *f);
void views_drop(struct views *v);

bool hook_is_raw(enum verdict_hook hook);
/* What the kernel's test run is given at a hook, and how libpcap is shown the same. False: there is nothing for this hook. */
bool hook_shows(enum verdict_hook hook, const struct views *v, struct frame *given, struct shown *shown);

void oracle_make(struct oracle *o, struct sock_fprog code);
void oracle_drop(struct oracle *o);
bool oracle_run(struct oracle *o, const struct shown *shown);
