/* SPDX-License-Identifier: GPL-2.0-only */
/* The ABI between the BPF programs and user space: stages, records and counters. Units are in the names, times are CLOCK_MONOTONIC. */
#pragma once

#ifdef __bpf__
#include "kernel_types.h"
#else
#include <linux/types.h>
#endif

/* Stage numbers: RX rows first, then TX rows, in the order of stages.def. */
enum sc_stage {
#define STAGE(dir, id, name, layer, side, step) SC_##dir##_##id,
#include "stages.def"
	SC_STAGE_COUNT,
};
#define SC_STAGE_NONE SC_STAGE_COUNT
#define SC_TX_FIRST SC_TX_WRITE
#define SC_BIT(stage) (1u << (stage))
_Static_assert(SC_STAGE_COUNT <= 32, "stage masks are 32 bits wide");

enum sc_dir { SC_DIR_RX = 1, SC_DIR_TX = 2 };

/* How a story ended in the kernel. User space adds what it joins later (read, timeout). */
enum sc_end {
	SC_END_OPEN,	 /* not ended: found open by the sweep */
	SC_END_TC,	 /* non-IP: handed to its own protocol handler */
	SC_END_L4,	 /* the transport took it and it carries nothing for a reader */
	SC_END_SOCKET,	 /* queued on a socket; user space waits for the read */
	SC_END_TRANSPORT, /* taken by TCP with payload, not queued in this softirq; user space waits for socket and read */
	SC_END_READ,	 /* copied to the application (read stamped in the kernel) */
	SC_END_MERGED,	 /* GRO merged it into `parent_id`, which carries the later stamps */
	SC_END_DRIVER,	 /* handed to a driver that reports no completion */
	SC_END_TXDONE,	 /* the driver reported completion */
	SC_END_FORWARD,	 /* left through another device */
	SC_END_DROP,	 /* freed as a drop, `drop_reason` says why */
	SC_END_CONSUMED, /* freed without an error before a stage of ours could end it */
	SC_END_RECYCLED, /* its skb came back as another packet; the end was not seen */
	SC_END_XDP,	 /* no skb was made of it: an XDP program behind ours had other plans */
	SC_END_COUNT,
};

enum sc_flag {
	SC_FLAG_POLLED = 1 << 0,  /* came while NAPI, or the backlog queue, was already being polled */
	SC_FLAG_FRAG = 1 << 1,	  /* IP fragment */
	SC_FLAG_GSO = 1 << 2,	  /* super-packet: the device or a later step splits it */
	SC_FLAG_SEGMENT = 1 << 3, /* made by software segmentation of `parent_id` */
	SC_FLAG_VLAN = 1 << 4,	  /* hardware-stripped VLAN tag, re-inserted into the bytes */
	SC_FLAG_BACKLOG = 1 << 5, /* went through a CPU's backlog queue */
	SC_FLAG_CLONE = 1 << 6,	  /* a clone of it was delivered to the socket */
	SC_FLAG_GRO = 1 << 7,	  /* other wire packets were merged into it, or it into another */
	SC_FLAG_FIRST = 1 << 8,	  /* datagram: it was the first in its socket's queue when `sock_index` was noted */
	SC_FLAG_GONE = 1 << 9,	  /* datagram: the queue was empty by then: it had been taken already */
	SC_FLAG_ORPHAN = 1 << 10, /* sent: a segment, of one of several super-packets: it lacks what was stamped before it was cut */
};

/* sc_packet.state */
enum sc_state {
	SC_STATE_BYTES = 1 << 0, /* bytes and lengths are in */
};

enum sc_record_type {
	SC_REC_PACKET = 1, /* struct sc_packet followed by cap_len bytes */
	SC_REC_READ,	   /* struct sc_call: bytes or a datagram reached the application */
	SC_REC_WRITE,	   /* struct sc_call: a send call */
	SC_REC_SOCKET,	   /* struct sc_call: TCP made bytes up to `to` readable outside the packet's own softirq */
	SC_REC_ALSO,	   /* struct sc_call: the datagram `packet` is delivered to this socket, too */
	SC_REC_DROPPED,	   /* struct sc_call: the datagram `packet` was dropped by its reader, who found its checksum wrong */
};

/* One packet's story: the open timeline and, unchanged, the record of it. Bytes of the packet follow. */
struct sc_packet {
	__u32 type;
	__u32 size_bytes;		  /* of the whole record, bytes included */
	__u64 id;			  /* unique within a capture, 0 never: how often its slot was taken << 16 | slot */
	__u64 parent_id;		  /* MERGED: GRO parent; SEGMENT: packet it was cut from */
	__u64 sock;			  /* socket cookie, 0 unknown */
	__u64 sock_index;		  /* FIRST: the read that takes it, or the one after. GONE: the newest read that can have. Else 0 */
	__u64 stamp_ns[SC_STAGE_COUNT];	  /* valid where `stages` has the bit */
	__u64 skb;			  /* datagrams: key of the skb that its socket queues; meaningless afterwards */
	__u64 head;
	__u64 begin_ns;			  /* when the story began, whatever stages are stamped */
	__u64 last_ns;			  /* newest event: order check and age */
	__u32 stages;			  /* SC_BIT mask */
	__u32 flags;			  /* enum sc_flag */
	__u32 ifindex;			  /* device whose story is told */
	__u32 out_ifindex;		  /* forwarded: the device it left by; else one on top of ifindex by which it came to its socket; 0 none */
	__u32 netns_inum;		  /* of ifindex */
	__u32 wire_len_bytes;
	__u32 cap_len_bytes;
	__u32 flow_hash;		  /* of the 5-tuple, 0 for non-IP */
	__u32 seq;			  /* TCP: first sequence number, host order */
	__u32 payload_len_bytes;	  /* above the transport header, as on the wire */
	__s32 irq;			  /* -1 none */
	__u32 drop_reason;
	__u16 l3_off;
	__u16 l4_off;
	__u16 cpu;			  /* of the first packet-owned stage */
	__u16 queue;
	__u16 gso_segs;
	__u8 dir;			  /* enum sc_dir */
	__u8 end;			  /* enum sc_end */
	__u8 l4_proto;			  /* IPPROTO_*, 0 for non-IP */
	__u8 ip_version;		  /* 4, 6 or 0 */
	__u8 tcp_flags;
	__u8 last_stage;		  /* enum sc_stage */
	__u16 state;			  /* enum sc_state */
	__u16 link_type;		  /* SC_LINK_* */
	__u32 slot;			  /* internal: where in the table it lived */
	__u32 pid;			  /* who read it, or sent it, as far as that is known here; else 0 */
	__u32 pad;
	char comm[16];
};
_Static_assert(sizeof(struct sc_packet) == 72 + 8 * SC_STAGE_COUNT + 96, "struct sc_packet has holes");

enum sc_link { SC_LINK_ETHER, SC_LINK_RAW };

/* One call of an application, joined to packets by socket and sequence (TCP), or by the packet whose skb it took (datagrams). */
struct sc_call {
	__u32 type;
	__u32 size_bytes;
	__u64 time_ns;
	__u64 sock;
	__u64 index;	 /* datagram reads: which one of this socket, from 1, or SC_READ_SEVERAL; DROPPED: the reason, 0: only perhaps dropped; TCP: 0 */
	__u64 packet;	 /* datagram reads: id of the packet that was the first in the queue when the read before returned, 0 unknown or none, or SC_NEXT_OTHER. ALSO, DROPPED: which */
	union {
		struct {
			__u32 from; /* TCP: first sequence number, host order */
			__u32 to;   /* TCP: sequence number after the last byte */
		};
		__u64 next; /* datagram reads: id of the first packet in the queue now; 0 unknown, or SC_NEXT_* */
	};
	__u32 pid;
	__u32 tid;
	__s32 len_bytes; /* datagrams: what the call returned */
	__u32 gap_ns;	 /* datagram reads: since the call before returned; ~0: longer, or unknown */
	char comm[16];
};
_Static_assert(sizeof(struct sc_call) == 80, "struct sc_call has holes");

#define SC_READ_SEVERAL (~0ull) /* several threads read this socket at about this time: which of them took which datagram is not known */
#define SC_NEXT_NONE (~0ull)	/* the queue was empty. No packet has this id */
#define SC_NEXT_OTHER (~1ull)	/* a datagram that is not recorded. Nor this */

#include "table.h"
