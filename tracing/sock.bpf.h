/* SPDX-License-Identifier: GPL-2.0-only */
/* Sockets: their state and the packet the transport works on. */
#pragma once

#include "follow.bpf.h"

/* An internet socket of the captured namespace: all others are none of our business, and most events are theirs. */
static __always_inline bool sock_is_ours(const struct sock *sk)
{
	__u16 family = sk->__sk_common.skc_family;

	return (family == AF_INET || family == AF_INET6) && sk->__sk_common.skc_net.net->ns.inum == conf_netns_inum;
}

static __always_inline bool sock_is_datagram(const struct sock *sk)
{
	return sk->sk_protocol != IPPROTO_TCP;
}

/* Would packets of this socket leave by a captured device, or by one stacked on it? */
static __always_inline bool sock_wanted(const struct sock *sk)
{
	const struct dst_entry *dst = sk->sk_dst_cache;

	return dst && dst->dev && device_flags(dst->dev) & (SC_DEV_CAPTURE | SC_DEV_UPPER);
}

static __always_inline bool sock_any(void)
{
	return !conf_sock_gate || *(volatile __u32 *)&socks_followed;
}

/* The state of a socket whose events are to be told; NULL: nobody waits for them. */
static __always_inline struct sock_state *sock_followed(struct sock *sk)
{
	struct sock_state *s = bpf_sk_storage_get(&socks, sk, NULL, 0);

	return s && (!conf_sock_gate || s->followed) ? s : NULL;
}

static __always_inline struct sock_state *sock_create(struct sock *sk)
{
	struct sock_state *s = bpf_sk_storage_get(&socks, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);

	if (s && !s->cookie) {
		struct tcp_sock *tcp = bpf_skc_to_tcp_sock(sk);

		s->cookie = bpf_get_socket_cookie(sk);
		if (tcp)
			s->copied_seq = tcp->copied_seq;
	}
	return s;
}

/* The packet the transport of this CPU works on. */
static __always_inline bool local_packet(struct cpu_state *cpu, struct timeline *t)
{
	return timeline_at(cpu->local_slot, cpu->local_id, t);
}
