/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a socket is sending: the times of the send call (datagrams) and of the transport, which come before there is an skb that IP will see (TCP sends a clone). IP picks
 * them up in the same thread, a moment later. One entry per hash value; `check` tells whether two writers met in it.
 */
#pragma once

#include "early.bpf.h"

struct sending {
	__u64 sock;
	__u64 task;
	__u64 write_ns;
	__u64 l4_ns;
	__u64 pid; /* 0 without write_ns */
	char comm[16];
	__u64 check;
};
#define SENDING_ENTRIES 4096
struct map_sendings {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SENDING_ENTRIES);
	__type(key, __u32);
	__type(value, struct sending);
};
extern struct map_sendings sendings SEC(".maps");

static __always_inline struct sending *sending_of(__u64 sock)
{
	__u32 index = key_place(sock, SENDING_ENTRIES - 1);

	return bpf_map_lookup_elem(&sendings, &index);
}

static __always_inline __u64 sending_check(const struct sending *s)
{
	return (s->sock * 3) ^ (s->task * 5) ^ (s->write_ns * 7) ^ (s->l4_ns * 11) ^ (s->pid * 13);
}

/* A send call of a datagram socket begins. */
static __always_inline void sending_write(__u64 sock, __u64 now_ns)
{
	struct sending *at = sending_of(sock), s = { .sock = sock, .task = bpf_get_current_task(), .write_ns = now_ns };

	if (!at)
		return;
	s.pid = bpf_get_current_pid_tgid() >> 32;
	bpf_get_current_comm(s.comm, sizeof(s.comm));
	s.check = sending_check(&s);
	*at = s;
}

/* The transport hands down what this socket sends. */
static __always_inline void sending_l4(__u64 sock, __u64 now_ns)
{
	__u64 task = bpf_get_current_task();
	struct sending *at = sending_of(sock), s;

	if (!at)
		return;
	s = *at;
	if (s.sock != sock || s.task != task || s.check != sending_check(&s))
		s = (struct sending){ .sock = sock, .task = task };
	s.l4_ns = now_ns;
	s.check = sending_check(&s);
	*at = s;
}

/* IP has a packet of this socket: what came before, once, into its note. */
static __always_inline void sending_take(__u64 sock, struct early *note)
{
	struct sending *at = sending_of(sock), s;

	if (!at || at->sock != sock)
		return;
	s = *at;
	at->l4_ns = at->write_ns = 0;
	at->check = sending_check(at);
	if (s.sock != sock || s.task != bpf_get_current_task() || s.check != sending_check(&s))
		return;
	note->l4_ns = s.l4_ns;
	note->write_ns = s.write_ns;
	note->pid = s.pid;
	__builtin_memcpy(note->comm, s.comm, sizeof(note->comm));
}
