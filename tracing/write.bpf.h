/* SPDX-License-Identifier: GPL-2.0-only */
/* Send calls of TCP, whatever kind of program tells of them: one record per call, which user space joins to packets by sequence number. */
#pragma once

#include "sock.bpf.h"
#include "turned_down.bpf.h"

/*
 * A call is about to add `bytes` to what the socket has to send; the socket is locked. `rounds`: told once for every round of the call, the end is always the same.
 */
static __always_inline void tcp_written(struct sock *sk, __u64 bytes, bool rounds, const bool typed)
{
	struct cpu_state *cpu;
	struct sock_state *s;
	__u32 from, end, tid;
	__u64 cookie;

	if (sock_turned_down_as(sk, typed) || !sock_is_ours_as(sk, typed))
		return;
	cpu = cpu_state();
	cookie = sock_cookie(sk, typed);
	s = sock_state_get(sk, typed, false);
	if (!s && sock_wanted_as(sk, typed))
		s = sock_create_as(sk, typed);
	if (!s || !cpu || !cookie)
		return;
	from = TCP_SEQ(typed, sk, write_seq);
	end = from + (__u32)bytes;
	tid = (__u32)bpf_get_current_pid_tgid();
	if (rounds) {
		if (s->write_tid == tid && s->write_end == end)
			return;
		s->write_tid = tid;
		s->write_end = end;
	}
	if (conf_sock_gate && !s->followed) {
		send_keep(s, from, end);
		if (!*(volatile __u8 *)&s->followed)
			return;
		/* Followed since: whoever saw to that may have missed this call. */
	}
	struct sc_call call = {
		.type = SC_REC_WRITE, .time_ns = bpf_ktime_get_ns(), .sock = s->cookie, .from = from, .to = end,
	};

	call_output(cpu, &call, SC_DIR_TX);
}
