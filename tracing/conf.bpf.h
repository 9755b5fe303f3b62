/* SPDX-License-Identifier: GPL-2.0-only */
/* What user space tells the programs: constants set before loading, and the switches it throws while they run. Defined in maps.bpf.c. */
#pragma once

#include "histogram.h"
#include "stamp.h"
#include "typed.bpf.h"

#include <bpf/bpf_endian.h>

/* Load-time constants: the verifier folds them, code that a run does not need costs nothing. */
extern const volatile __u32 conf_stages;	 /* SC_BIT mask of stages to stamp */
extern const volatile __u32 conf_netns_inum;	 /* namespace of the captured devices */
extern const volatile __u32 conf_snaplen;	 /* bytes of a packet that go to the file */
extern const volatile __u32 conf_room;		 /* bytes a slot has for them: >= snaplen, >= SC_MIN_BYTES */
extern const volatile __u32 conf_set_mask;	 /* number of sets - 1, a power of two - 1 */
extern const volatile __u64 conf_limit;		 /* packets to begin, 0 without limit */
extern const volatile __u64 conf_slower_ns;	 /* packets that end sooner are counted only, where that can be said here; 0: none */
extern const volatile __u8 conf_hist_sides[SC_HIST_STAGES * SC_HIST_STAGES]; /* enum side of an interval: from * SC_HIST_STAGES + to */
extern const volatile __u32 conf_wake_bytes;	 /* a ring fuller than this wakes its reader */
extern const volatile __u8 conf_softirq_raise;	 /* softirq_raise is attached: an interrupt must have raised its softirq */
extern const volatile __u8 conf_poll_function;	 /* functions tell which interrupt led to which poll: see interrupt.bpf.h */
extern const volatile __u8 conf_gro_entry;	 /* napi_gro_receive_entry is attached */
extern const volatile __u8 conf_xdp_generic;	 /* generic XDP is attached: it replaces skbs between `netif` and `tc` */
extern const volatile __u8 conf_l4_cgroup;	 /* cgroup_skb tells which socket a packet is for, and stamps l4 where no function does */
extern const volatile __u8 conf_l4_function;	 /* the transports' own functions stamp l4 */
extern const volatile __u8 conf_tcp_queue;	 /* tcp_queue_rcv stamps socket; else the event that data is ready does */
extern const volatile __u8 conf_dgram_queue;	 /* functions tell which datagram is queued, so that its story stays in the table until it is read */
extern const volatile __u8 conf_data_ready;	 /* the event that data is ready is told */
extern const volatile __u8 conf_dgram_ready;	 /* it is told by a tracepoint, from which datagrams can be counted */
extern const volatile __u8 conf_recv_length;	 /* sock_recv_length tells datagram reads; else skb_copy_datagram_iovec does */
extern const volatile __u8 conf_consume_udp;	 /* skb_consume_udp tells those of UDP */
extern const volatile __u8 conf_atomics;	 /* atomic operations that return something (Linux 5.12): see atomic.bpf.h */
extern const volatile __u8 conf_sk_storage;	 /* all programs in use can keep state with sockets (Linux 5.11, no kprobes): see sock_state.bpf.h */
extern const volatile __u8 conf_cookies;	 /* tracing programs can give a socket its cookie (Linux 5.12) */
extern const volatile __u8 conf_dynptr;	 /* tracing programs may call bpf_dynptr_from_skb() (Linux 6.12) */
extern const volatile __u64 conf_vmemmap_at;	 /* else: address of the kernel's variable vmemmap_base, 0 unknown */
extern const volatile __u64 conf_page_offset_at; /* and of page_offset_base: see pages.bpf.h */
extern const volatile __u8 conf_filter;		 /* filter_run() is the code of an expression: only what it accepts is recorded */
extern const volatile struct sc_device conf_devices[SC_MAX_DEVICES];
extern const volatile __u64 conf_irqs[SC_MAX_IRQ / 64];	       /* interrupt lines of the captured devices */
extern const volatile __u64 conf_irqs_shared[SC_MAX_IRQ / 64]; /* those shared with others: the action's name decides */
extern const volatile __u16 conf_irq_queues[SC_MAX_IRQ];	       /* receive queue + 1 that a vector serves, 0 unknown */
extern const volatile char conf_irq_names[SC_MAX_IRQ_NAMES][16];

extern const volatile __u8 conf_flow_filter; /* the filter's verdict hangs on the flow alone: see turned_down.bpf.h */

/* With a filter: sockets matter from the first packet that it accepts of them, which cgroup_skb tells. Else all sockets of captured devices do. */
extern const volatile __u8 conf_sock_gate;

/* Some socket is followed. Without one, events of sockets are nobody's business. */
extern __u32 socks_followed;

/* Stories that are open, kept only with a filter: while there is none, as mostly, stages after the first need not look for theirs. User space takes part. */
extern __u32 open_total;

/* Directions in which stories may begin: 1 << (enum sc_dir - 1). User space sets it when everything is attached and clears it to stop. */
extern __u32 begin_dirs;

/* TC egress is attached on every captured device: packets to send begin there, or, past it (segments, sockets that bypass queues), at the driver. */
extern __u32 begin_at_tc;

/* Packets to send may also begin at the driver: not in the first moments, while it gets some that passed TC egress before there was a recording. */
extern __u32 begin_at_driver;

/* Slots begun so far, only kept when conf_limit is set. Its address is also the origin skb addresses are measured from: see skb_key(). */
extern __u64 begun_total;

/* That address as a number, once somebody needed it. */
extern __u64 key_origin;
