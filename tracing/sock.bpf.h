/* SPDX-License-Identifier: GPL-2.0-only */
/* Sockets: their state and the packet the transport works on. */
#pragma once

#include "follow.bpf.h"

/* An internet socket of the captured namespace: all others are none of our business, and most events are theirs. */
static __always_inline bool sock_is_ours_as(const struct sock *sk, const bool typed)
{
	__u16 family = FIELD(typed, sk, __sk_common.skc_family);
	const struct net *net;

	if (family != AF_INET && family != AF_INET6)
		return false;
	net = FIELD(typed, sk, __sk_common.skc_net.net);
	return FIELD(typed, net, ns.inum) == conf_netns_inum;
}

static __always_inline bool sock_is_ours(const struct sock *sk)
{
	return sock_is_ours_as(sk, TYPED);
}

static __always_inline bool sock_is_datagram(const struct sock *sk)
{
	return sk->sk_protocol != IPPROTO_TCP;
}

/* The number that names the socket for good, 0 if it has none yet. */
static __always_inline __u64 sock_cookie(struct sock *sk, const bool typed)
{
	__u64 cookie = FIELD(typed, sk, __sk_common.skc_cookie.counter);

	if (!cookie && typed && conf_cookies)
		cookie = bpf_get_socket_cookie(sk);
	return cookie;
}

/* Flags of the device that this socket's packets leave by, as far as it has a route. */
static __always_inline __u32 sock_route_flags(const struct sock *sk, const bool typed)
{
	const struct dst_entry *dst = FIELD(typed, sk, sk_dst_cache);
	const struct net_device *dev = dst ? FIELD(typed, dst, dev) : NULL;

	return dev ? device_flags_as(dev, typed) : 0;
}

/* Would packets of this socket leave by a captured device, or by one stacked on it? */
static __always_inline bool sock_wanted_as(const struct sock *sk, const bool typed)
{
	return sock_route_flags(sk, typed) & (SC_DEV_CAPTURE | SC_DEV_UPPER);
}

static __always_inline bool sock_wanted(const struct sock *sk)
{
	return sock_wanted_as(sk, TYPED);
}

static __always_inline bool sock_any(void)
{
	return !conf_sock_gate || *(volatile __u32 *)&socks_followed;
}

/* The state of a socket whose events are to be told; NULL: nobody waits for them. */
static __always_inline struct sock_state *sock_followed(struct sock *sk)
{
	struct sock_state *s = sock_state_get(sk, TYPED, false);

	return s && (!conf_sock_gate || s->followed) ? s : NULL;
}

/* A sequence number of a TCP socket; 0 for any other. */
#define TCP_SEQ(typed, sk, member) ({                                              \
	__u32 seq__ = 0;                                                           \
	if (typed) {                                                               \
		struct tcp_sock *tcp__ = bpf_skc_to_tcp_sock(sk);                  \
		if (tcp__)                                                         \
			seq__ = tcp__->member;                                     \
	} else if (FIELD(typed, sk, sk_protocol) == IPPROTO_TCP) {                 \
		seq__ = BPF_CORE_READ((struct tcp_sock *)(sk), member);            \
	}                                                                          \
	seq__;                                                                     \
})

static __always_inline struct sock_state *sock_create_as(struct sock *sk, const bool typed)
{
	__u64 cookie = sock_cookie(sk, typed);
	struct sock_state *s = sock_state_get(sk, typed, true);

	if (s && !s->cookie) {
		s->cookie = cookie;
		s->copied_seq = TCP_SEQ(typed, sk, copied_seq);
	}
	return s;
}

static __always_inline struct sock_state *sock_create(struct sock *sk)
{
	return sock_create_as(sk, TYPED);
}

/* Are the events of this socket to be told? */
static __always_inline bool sock_told(struct sock *sk, const bool typed)
{
	struct sock_state *s = sock_state_get(sk, typed, false);

	return conf_sock_gate ? s && s->followed : s || sock_wanted_as(sk, typed);
}

/* The packet the transport of this CPU works on. */
static __always_inline bool local_packet(struct cpu_state *cpu, struct timeline *t)
{
	return timeline_at(cpu->local_slot, cpu->local_id, t);
}
