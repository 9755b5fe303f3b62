/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel types the programs read, trimmed to the members used. Every access is relocated (CO-RE) against the running kernel's BTF, so order and
 * size here mean nothing and no BTF of the build host is needed.
 */
#pragma once

#include <stdbool.h>

#include <linux/bpf.h>

/* A page fragment of an skb: bio_vec or, since 6.10, skb_frag with the same layout. Not relocated. */
struct sc_fragment {
	unsigned long page; /* or, with its lowest bit set, memory of a device */
	unsigned int bytes;
	unsigned int offset;
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	__s64 counter;
} atomic64_t;

struct ns_common {
	unsigned int inum;
};

struct net {
	struct ns_common ns;
};

typedef struct {
	struct net *net;
} possible_net_t;

struct net_device {
	int ifindex;
	unsigned int mtu;
	possible_net_t nd_net;
};

struct napi_struct {
	struct net_device *dev;
};

struct sock;

struct sk_buff {
	struct sk_buff *next;
	struct sk_buff *prev;
	struct net_device *dev;
	struct sock *sk;
	char cb[48];
	unsigned long _skb_refdst;
	unsigned int len;
	unsigned int data_len;
	__u16 queue_mapping;
	__u16 protocol; /* __be16 */
	__u16 mac_header;
	__u16 network_header;
	__u16 vlan_proto; /* __be16 */
	__u16 vlan_tci;
	int skb_iif;
	__s64 tstamp; /* ktime_t */
	unsigned int end;
	unsigned char *head;
	unsigned char *data;
};

/* Since 5.11..6.0 a bit of its own says whether vlan_tci holds a tag (kernel commit 354259fa73e2 took it away again). */
struct sk_buff___present {
	__u8 vlan_present : 1;
};

struct page {
	unsigned long flags;
};

struct skb_shared_info {
	__u8 nr_frags;
	struct sc_fragment frags[17];
	unsigned short gso_size;
	unsigned short gso_segs;
};

struct nf_hook_state {
	struct net_device *in;
	struct net_device *out;
};

struct irqaction {
	void *thread_fn;
	const char *name;
};

struct Qdisc_ops {
	char id[16];
};

struct Qdisc {
	const struct Qdisc_ops *ops;
};

struct netdev_queue;

enum skb_drop_reason {
	SKB_DROP_REASON_NOT_SPECIFIED = 2,
	SKB_DROP_REASON_UDP_CSUM = 8,
	SKB_DROP_REASON_RECURSION_LIMIT = 127, /* numbers are the running kernel's: this one only tells its age */
};

#pragma clang attribute pop

/* Context of a netfilter program: read at fixed offsets, as the verifier converts them. */
struct bpf_nf_ctx {
	const struct nf_hook_state *state;
	struct sk_buff *skb;
};

enum gro_result_values { SC_GRO_MERGED, SC_GRO_MERGED_FREE };

#define NULL ((void *)0)
enum { AF_INET = 2, AF_INET6 = 10 };
enum { ETH_P_IP = 0x0800, ETH_P_8021Q = 0x8100, ETH_P_IPV6 = 0x86DD, ETH_P_8021AD = 0x88A8 };
enum { IPPROTO_ICMP = 1, IPPROTO_TCP = 6, IPPROTO_UDP = 17, IPPROTO_ICMPV6 = 58, IPPROTO_UDPLITE = 136 };
enum { TCP_ESTABLISHED = 1, TCP_TIME_WAIT = 6, TCP_LISTEN = 10, TCP_NEW_SYN_RECV = 12, MSG_PEEK = 2, MSG_ERRQUEUE = 0x2000, NET_TX_SOFTIRQ = 2, NET_RX_SOFTIRQ = 3, EAGAIN = 11, EFAULT = 14 };
