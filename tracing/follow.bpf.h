/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Records of what applications do, and which sockets they are told of. With a filter nobody asks for the calls of a socket before a packet of it was accepted;
 * but a packet's send call comes before the packet. So the newest few are kept with the socket, and go out when it turns out to be followed.
 */
#pragma once

#include "receive.bpf.h"
#include "sock_state.bpf.h"

#ifdef SC_HIST
#include "hist_call.bpf.h"
#endif

static __always_inline void call_send(struct cpu_state *cpu, struct sc_call *call, __u8 dir)
{
#ifdef SC_HIST
	hist_call(cpu, call);
#else
	call->size_bytes = sizeof(*call);
	if (record_output(cpu, call, sizeof(*call), false))
		count(cpu, SC_CNT_CALLS, dir);
#endif
}

/* A call of the running process. */
static __always_inline void call_output(struct cpu_state *cpu, struct sc_call *call, __u8 dir)
{
	__u64 id = bpf_get_current_pid_tgid();

	call->pid = id >> 32;
	call->tid = (__u32)id;
	if (call->type != SC_REC_SOCKET)
		bpf_get_current_comm(call->comm, sizeof(call->comm));
	call_send(cpu, call, dir);
}

/* Keeps a send call for later. The name is asked for once per thread. */
static __always_inline void send_keep(struct sock_state *s, __u32 from, __u32 to)
{
	__u64 id = bpf_get_current_pid_tgid(), i = s->sends++;
	struct send_call *send;

	BOUND(i, SENDS_KEPT - 1);
	send = &s->send[i];
	/* Another CPU may turn to these at any time: without a time an entry is none. */
	*(volatile __u64 *)&send->time_ns = 0;
	send->from = from;
	send->to = to;
	send->pid = id >> 32;
	send->tid = (__u32)id;
	*(volatile __u64 *)&send->time_ns = bpf_ktime_get_ns();
	if (s->comm_tid != send->tid) {
		s->comm_tid = send->tid;
		bpf_get_current_comm(s->comm, sizeof(s->comm));
	}
}

__hidden __noinline int sends_flush(struct cpu_state *cpu, struct sock_state *s)
{
	if (!cpu || !s)
		return 0;
	for (__u32 i = 0; i < SENDS_KEPT; i++) {
		__u64 at = s->sends + i; /* oldest first */

		BOUND(at, SENDS_KEPT - 1);
		struct sc_call call = {
			.type = SC_REC_WRITE, .time_ns = s->send[at].time_ns, .sock = s->cookie, .from = s->send[at].from,
			.to = s->send[at].to, .pid = s->send[at].pid, .tid = s->send[at].tid,
		};

		if (!call.time_ns)
			continue;
		if (call.tid == s->comm_tid)
			__builtin_memcpy(call.comm, s->comm, sizeof(call.comm));
		call_send(cpu, &call, SC_DIR_TX);
	}
	return 0;
}

/* The filter has accepted a packet of this socket; `cookie` is the socket's. */
static __always_inline void sock_follow(struct cpu_state *cpu, struct sock_state *s, __u64 cookie)
{
	if (!s || s->followed)
		return;
	s->cookie = cookie;
	s->fresh = 1;
	s->followed = 1;
	socks_followed = 1;
	sends_flush(cpu, s);
}

/* The sender of an accepted packet, where no TC program has told: a socket that has sent something has its state, and a cookie, already. */
static __always_inline void follow_skb(struct cpu_state *cpu, struct sk_buff *skb)
{
	struct sock *sk = skb->sk;

	if (conf_sock_gate && sk && sk->__sk_common.skc_cookie.counter)
		sock_follow(cpu, sock_state_get(sk, TYPED, false), sk->__sk_common.skc_cookie.counter);
}
