/* SPDX-License-Identifier: GPL-2.0-only */
/* What is kept with a socket. */
#pragma once

#include "maps.bpf.h"

#define SENDS_KEPT 4
struct send_call {
	__u64 time_ns;
	__u32 from; /* first sequence number */
	__u32 to;
	__u32 pid;
	__u32 tid;
};

struct sock_state { /* a socket of a captured device; freed with the socket */
	__u64 cookie;
	__u64 since_ns;	  /* datagrams: reads have been counted since then, 0 not yet */
	__u64 taken;	  /* datagrams read so far */
	__u64 first_key;  /* skb that was the first in the queue when a read returned last */
	__u64 first_id;	  /* and the packet in it, 0 unknown */
	__u64 returned_ns; /* when the reader's newest call returned, with or without a datagram */
	__u64 changed_ns; /* when another thread than before had read last, 0 never */
	__u32 reader_tid; /* 0 none yet */
	__u32 copied_seq; /* TCP: reported as read up to here */
	__u32 write_end;  /* TCP: end of the send call being reported */
	__u32 write_tid;  /* its thread, 0: none open */
	struct send_call send[SENDS_KEPT]; /* newest send calls while the filter has accepted nothing of this socket */
	__u32 sends;	  /* free-running */
	__u32 comm_tid;	  /* whose name `comm` is */
	char comm[16];
	__u8 followed;	  /* the filter has accepted a packet of it */
	__u8 fresh;	  /* TCP: followed, and no read has been seen yet */
	__u8 pad[6];
};
struct map_socks {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct sock_state);
};
extern struct map_socks socks SEC(".maps");

/*
 * Where some program in use cannot keep state with a socket (tracing before Linux 5.11, kprobes), by its cookie, which no other socket ever gets. What sockets
 * leave behind here goes when others need the room.
 */
struct map_socks_by_cookie {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, __u64);
	__type(value, struct sock_state);
};
extern struct map_socks_by_cookie socks_by_cookie SEC(".maps");

static const struct sock_state sock_state_new = {};

static __always_inline struct sock_state *sock_state_by_cookie(__u64 cookie, bool create)
{
	struct sock_state *s = cookie ? bpf_map_lookup_elem(&socks_by_cookie, &cookie) : NULL;

	if (s || !cookie || !create)
		return s;
	bpf_map_update_elem(&socks_by_cookie, &cookie, &sock_state_new, BPF_NOEXIST);
	return bpf_map_lookup_elem(&socks_by_cookie, &cookie);
}

static __always_inline struct sock_state *sock_state_get(struct sock *sk, const bool typed, bool create)
{
	if (conf_sk_storage && typed)
		return bpf_sk_storage_get(&socks, sk, NULL, create ? BPF_SK_STORAGE_GET_F_CREATE : 0);
	return sock_state_by_cookie(FIELD(typed, sk, __sk_common.skc_cookie.counter), create);
}

/* The same in TC and cgroup programs, which have the cookie. */
static __always_inline struct sock_state *sock_state_get_ctx(struct bpf_sock *sk, __u64 cookie)
{
	if (conf_sk_storage)
		return bpf_sk_storage_get(&socks, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	return sock_state_by_cookie(cookie, true);
}
