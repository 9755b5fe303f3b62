/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel's types of sockets and transports, as kernel_types.h has the others: trimmed to the members used, every access relocated. */
#pragma once

#include "kernel_types.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct sk_buff_head {
	struct sk_buff *next;
	struct sk_buff *prev;
	__u32 qlen;
};

struct dst_entry {
	struct net_device *dev;
};

struct sock_common {
	unsigned short skc_family;
	volatile unsigned char skc_state;
	possible_net_t skc_net;
	atomic64_t skc_cookie;
};

struct sock {
	struct sock_common __sk_common;
	struct sk_buff_head sk_receive_queue;
	struct dst_entry *sk_dst_cache;
	__u16 sk_type;
	__u16 sk_protocol;
};

struct udp_sock {
	struct sk_buff_head reader_queue;
};

struct tcp_sock {
	__u32 rcv_nxt;
	__u32 copied_seq;
	__u32 write_seq;
	struct {
		__u32 seq; /* copied_seq when the receive window was measured last */
	} rcvq_space;
};

struct iov_iter {
	unsigned long count;
};

struct msghdr {
	struct iov_iter msg_iter;
};

/* What TCP keeps in sk_buff.cb (include/net/tcp.h). */
struct tcp_skb_cb {
	__u32 seq;
	__u32 end_seq;
};

#pragma clang attribute pop
