/* SPDX-License-Identifier: GPL-2.0-only */
/* The second half of stamp.h: counters, the table of open timelines, watched devices, limits. Included by it alone. */
#pragma once

#ifdef __bpf__
#include "kernel_types.h"
#else
#include <linux/types.h>
#endif

/* Per-CPU counters, each indexed by enum sc_counter. All per direction: index = counter * 2 + (dir - 1). */
enum sc_counter {
	SC_CNT_CREATED,	 /* timelines begun, plus those that found no slot */
	SC_CNT_SPLIT,	 /* timelines replaced by their segments: not packets of the wire */
	SC_CNT_TABLE,	 /* lost: no free slot */
	SC_CNT_RING,	 /* lost: ring full */
	SC_CNT_BACKWARDS, /* stamps rejected: earlier than the one before */
	SC_CNT_CALLS,	 /* read and write records lost to a full ring */
	SC_CNT_FASTER,	 /* complete, and left out: faster than what was asked for */
	SC_CNT_ENDED,	 /* --hist: stories that came to their end, */
	SC_CNT_CONSUMED, /* or to another: enum sc_end */
	SC_CNT_RECYCLED,
	SC_CNT_AWAITED,	 /* of the first, those that a read or a send call belongs to that has not told of itself so far, */
	SC_CNT_JOINED,	 /* and that were found by it since */
	SC_CNT_UNSTAMPED, /* of the first, those that lack stamps */
	SC_CNT_SOFTIRQS, /* network softirqs that our program saw begin: NET_RX, NET_TX */
	SC_CNT_COUNT,
};

#define SC_MAX_DEVICES 64 /* table of watched devices, open addressing by ifindex */
#define SC_DEVICE_PROBES 8

enum sc_device_flag {
	SC_DEV_CAPTURE = 1 << 0, /* its story is told */
	SC_DEV_TXDONE = 1 << 1,	 /* its driver reports completion by freeing the skb */
	SC_DEV_UPPER = 1 << 2,	 /* stacked on a captured device: its sockets matter */
	SC_DEV_RAW = 1 << 3,	 /* no link-layer header */
	SC_DEV_IRQ = 1 << 4,	 /* interrupts of it are known */
	SC_DEV_TAG_BYTES = 1 << 5, /* the stack puts the tags of sent packets into the bytes, behind TC: it cannot */
};

struct sc_device {
	__u32 ifindex; /* 0: free */
	__u32 flags;
};

#define SC_MAX_IRQ 4096
#define SC_MAX_IRQ_NAMES 8 /* names that tell handlers on a shared line apart */

#define SC_MIN_BYTES 128 /* header bytes always copied, however small the snap length: they tell packets apart */

/*
 * What the XDP program leaves for the `driver` stage of the same CPU and the same NAPI poll: per CPU, the newest SC_XDP_MARKS packets. `address` is
 * xdp->data, which native drivers that build the skb around the buffer keep as the address of its MAC header; `key` is made of the frame's bytes, for those that copy
 * (frame_key.bpf.h). Both are 0 once the mark has served. Map "xdp_marks", per-CPU array, one entry.
 */
#define SC_XDP_MARKS 16
enum sc_xdp_verdict { SC_XDP_UNDECIDED, SC_XDP_WANTED, SC_XDP_UNWANTED }; /* what the filter says, if it was asked */
struct sc_xdp_mark {
	__u64 address;
	__u64 key; /* 0: too short */
	__u64 time_ns;
	__u32 queue;
	__u32 ifindex;
	__u32 verdict; /* enum sc_xdp_verdict */
	__u32 frame;   /* number of its frame in sc_xdp_frames + 1, 0: not kept */
};
struct sc_xdp_marks {
	__u32 next; /* free-running; the slot is next % SC_XDP_MARKS */
	__u32 pad;
	struct sc_xdp_mark mark[SC_XDP_MARKS];
};

/*
 * Frames of which an skb may yet be made, or not: kept only where programs of others run behind ours, and only what the filter wants. Map "xdp_frames", per-CPU array, one
 * entry.
 */
#define SC_XDP_FRAMES 128 /* more than a NAPI poll takes: 64 */
struct sc_xdp_frame {
	__u64 time_ns; /* 0: an skb was made of it, or it has been told */
	__u32 ifindex;
	__u32 queue;
	__u32 len_bytes; /* on the wire */
	__u32 kept_bytes;
	__u8 bytes[SC_MIN_BYTES];
};
struct sc_xdp_frames {
	__u32 next;    /* free-running */
	__u32 told;    /* up to here they have been seen to */
	__u32 waiting; /* of these, without an skb so far */
	__u32 unmarked; /* skbs that came meanwhile, and for which no mark was found */
	struct sc_xdp_frame frame[SC_XDP_FRAMES];
};

#define SC_WAYS 7 /* slots of a set: with its padding one cache line of keys */
struct sc_set {
	__u64 key[SC_WAYS]; /* generation in the upper 16 bits, skb address below; 0 free */
	__u64 pad;
};
_Static_assert(sizeof(struct sc_set) == 64, "a set is one cache line");
#define SC_KEY_BUSY 1ull /* lowest bit: its owner is writing the record out */
#define SC_MAX_SLOTS 65536 /* ids have 16 bits for them */
#define SC_MAX_SNAPLEN 262144

#define SC_QUEUED_SETS 8192 /* of packets in the queues of datagram sockets, 128 bytes each: see queued.bpf.h */
