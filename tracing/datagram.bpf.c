// SPDX-License-Identifier: GPL-2.0-only
/* Reads of datagram sockets. */
#include "datagram.bpf.h"
#include "queue.bpf.h"

#define READERS_SEVERAL_NS 1000000000ll /* a call that has taken a datagram returns sooner */

/*
 * A call of this socket returned: is its thread the only one that has read for a while? Several may be between taking a datagram and returning, and return in any
 * order.
 */
static __always_inline bool reader_alone(struct sock_state *s, bool took, __u64 now_ns)
{
	__u32 tid = (__u32)bpf_get_current_pid_tgid();

	if (took && s->reader_tid != tid) {
		if (s->reader_tid)
			s->changed_ns = now_ns;
		s->reader_tid = tid;
		s->returned_ns = 0;
	}
	return !s->changed_ns || (__s64)(now_ns - s->changed_ns) > READERS_SEVERAL_NS;
}

/* What the reader's next call will take. */
static __always_inline __u64 datagram_next(struct sock *sk, struct sock_state *s)
{
	s->first_key = queue_first(sk, s);
	s->first_id = s->first_key ? queued_find(s->first_key) : 0;
	return s->first_key ? s->first_id : SC_NEXT_NONE;
}

/* The call took what was the first in the queue when the one before returned: unless that was dropped, and its place taken by another since. */
static __always_inline void datagram_taken(struct sock *sk, struct sock_state *s, struct sc_call *call)
{
	__u64 gap_ns = call->time_ns - s->returned_ns;
	bool alone = reader_alone(s, true, call->time_ns);

	call->index = counter_next(&s->taken);
	if (s->first_id && queued_take(s->first_key, s->first_id))
		call->packet = s->first_id;
	call->next = datagram_next(sk, s);
	call->gap_ns = s->returned_ns && gap_ns < ~0u ? gap_ns : ~0u;
	s->returned_ns = bpf_ktime_get_ns();
	if (!alone) {
		call->index = SC_READ_SEVERAL;
		call->packet = 0;
	}
}

SEC("tp_btf/sock_recv_length")
int BPF_PROG(sc_recv_len, struct sock *sk, int ret, int flags)
{
	struct cpu_state *cpu;
	struct sock_state *s;

	if (!sock_any() || !sock_is_datagram(sk) || flags & (MSG_PEEK | MSG_ERRQUEUE) || !sock_is_ours(sk))
		return 0;
	cpu = cpu_state();
	s = sock_followed(sk);
	if (!cpu || !s || !s->since_ns)
		return 0;
	struct sc_call call = {
		.type = SC_REC_READ, .time_ns = bpf_ktime_get_ns(), .sock = s->cookie, .len_bytes = ret,
	};

	if (ret < 0) {
		if (s->reader_tid == (__u32)bpf_get_current_pid_tgid())
			s->returned_ns = call.time_ns;
		if (ret == -EFAULT) /* taken, and to nowhere */
			counter_next(&s->taken);
		if (ret != -EAGAIN)
			datagram_next(sk, s);
		return 0;
	}
	datagram_taken(sk, s, &call);
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
