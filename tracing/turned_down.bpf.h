/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Connections whose packets the filter turned down, where it looks at nothing but what names a flow: it will turn down their next ones too. So their stages before TC
 * egress need no clock. This decides nothing: the filter is asked of every packet, and one that is accepted after all lacks the stamps of those stages.
 */
#pragma once

#include "slot.bpf.h"

struct turned_down {
	__u64 sock;
	__u64 cookie;
};
#define TURNED_DOWN_ENTRIES 1024
struct map_turned_down {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, TURNED_DOWN_ENTRIES);
	__type(key, __u32);
	__type(value, struct turned_down);
};
extern struct map_turned_down turned_down SEC(".maps");

static __always_inline struct turned_down *turned_down_of(__u64 sock)
{
	__u32 index = key_place(sock, TURNED_DOWN_ENTRIES - 1);

	return bpf_map_lookup_elem(&turned_down, &index);
}

/* Cookies tell sockets apart that lived in the same place. */
static __always_inline bool sock_turned_down_as(const struct sock *sk, const bool typed)
{
	struct turned_down *e;
	__u64 sock, cookie;

	if (!conf_flow_filter || !sk)
		return false;
	sock = sock_key_as(sk, typed);
	e = turned_down_of(sock);
	if (!e || e->sock != sock)
		return false;
	cookie = FIELD(typed, sk, __sk_common.skc_cookie.counter);
	if (cookie && e->cookie == cookie)
		return true;
	e->sock = 0; /* another socket's */
	return false;
}

static __always_inline bool sock_turned_down(const struct sock *sk)
{
	return sock_turned_down_as(sk, TYPED);
}

/* Only a connection sends to one peer for good. */
static __always_inline bool sock_is_connection(struct bpf_sock *sk)
{
	sk = sk ? bpf_sk_fullsock(sk) : NULL;
	return sk && sk->protocol == IPPROTO_TCP && sk->state == TCP_ESTABLISHED;
}

/* The verdict on a packet of this socket; `ctx` is that of a TC program. */
static __always_inline void sock_turn_down(struct __sk_buff *ctx, __u64 sock, bool accepted)
{
	struct turned_down *e;

	if (!conf_flow_filter || !ctx->sk)
		return;
	e = turned_down_of(sock);
	if (!e || (e->sock == sock) == !accepted)
		return;
	e->sock = 0;
	if (accepted || !sock_is_connection(ctx->sk))
		return;
	e->cookie = bpf_get_socket_cookie(ctx);
	e->sock = sock;
}
