// SPDX-License-Identifier: GPL-2.0-only
/* Reads of datagram sockets. */
#include "datagram.bpf.h"
#include "queue.bpf.h"

#define READERS_SEVERAL (~0u)

/*
 * The n-th successful read takes the n-th datagram. Datagrams that leave without one (a bad checksum found at the copy) would shift the count: what waits
 * now cannot have been read, which corrects it as long as one thread reads.
 */
static __always_inline __u64 datagram_taken(struct sock_state *s, struct sock *sk, __u32 *left)
{
	__u64 taken = counter_next(&s->taken);
	__u64 queued = *(volatile __u64 *)&s->queued; /* before what waits is counted: a datagram that comes in between must not look read */
	__u32 tid = (__u32)bpf_get_current_pid_tgid(), waiting = datagrams_waiting(sk);

	*left = waiting;
	if (!s->reader_tid)
		s->reader_tid = tid;
	if (s->reader_tid != tid) {
		s->reader_tid = READERS_SEVERAL;
		return taken;
	}
	if (queued >= waiting && taken < queued - waiting)
		s->taken = taken = queued - waiting;
	return taken;
}

SEC("tp_btf/sock_recv_length")
int BPF_PROG(sc_recv_len, struct sock *sk, int ret, int flags)
{
	struct cpu_state *cpu;
	struct sock_state *s;

	if (!sock_any() || !sock_is_datagram(sk) || ret < 0 || flags & (MSG_PEEK | MSG_ERRQUEUE) || !sock_is_ours(sk))
		return 0;
	cpu = cpu_state();
	if (!cpu)
		return 0;
	s = sock_followed(sk);
	if (!s || s->fresh)
		return 0;
	struct sc_call call = {
		.type = SC_REC_READ, .time_ns = bpf_ktime_get_ns(), .sock = s->cookie, .len_bytes = ret,
	};

	call.index = datagram_taken(s, sk, &call.waiting);

	call_output(cpu, &call, SC_DIR_RX);
	return 0;
}

/* The copy itself, which linear UDP packets never make. */
SEC("tp_btf/skb_copy_datagram_iovec")
int BPF_PROG(sc_copy_iovec, struct sk_buff *skb)
{
	if (!conf_recv_length)
		datagram_read(skb, false, TYPED);
	return 0;
}
