// SPDX-License-Identifier: GPL-2.0-only
/*
 * Transport and sockets. TCP bytes are matched by sequence, datagrams by the skb that was first in the queue: both survive coalescing, cloning and recycled skbs.
 * What an application does (read, write) is one small record per call; user space joins it to packets.
 */
#include "datagram.bpf.h"
#include "queue.bpf.h"
#include "write.bpf.h"

#define VERDICT_PASS 1

/* An skb on its way to a datagram socket: unless it turns out to be recorded it holds a packet that is not. */
static __always_inline void put_other(struct __sk_buff *ctx)
{
	struct bpf_sock *sk = conf_recv_length && sock_any() && ctx->sk ? bpf_sk_fullsock(ctx->sk) : NULL;

	if (sk && sk->protocol != IPPROTO_TCP)
		queued_put(skb_key(ctx), SC_NEXT_OTHER, 0); /* the first to go */
}

/* It will be queued in this skb. */
static __always_inline void put_queued(struct sc_packet *p, __u64 key)
{
	if (!conf_recv_length || p->l4_proto == IPPROTO_TCP)
		return;
	p->skb = key;
	queued_put(key, p->id, p->last_ns);
}

/* Is this the packet of that slot? IPv4's identification, ports, length and checksum say so; both are dealt with in one go of the transport. */
static __always_inline bool same_datagram(struct __sk_buff *ctx, struct sc_packet *p)
{
	__u32 l3 = p->l3_off, l4 = p->l4_off, transport_be[2];
	__u16 id_be = 0;

	if ((p->ip_version == 4 && bpf_skb_load_bytes(ctx, 4, &id_be, sizeof(id_be))) || bpf_skb_load_bytes(ctx, l4 - l3, transport_be, sizeof(transport_be)))
		return false;
	if (p->ip_version == 4 && bpf_ntohs(id_be) != be16_at(p, l3 + 4))
		return false;
	return bpf_ntohl(transport_be[0]) == be32_at(p, l4) && bpf_ntohl(transport_be[1]) == be32_at(p, l4 + 4);
}

#define SKB_BROADCAST 1 /* __sk_buff.pkt_type: PACKET_* of linux/if_packet.h */
#define SKB_MULTICAST 2

/* A datagram to a group goes to every socket that has joined, as a clone; its story is that of the first one. */
static __always_inline void another_end(struct __sk_buff *ctx, struct cpu_state *cpu)
{
	struct sc_packet *p;
	struct bpf_sock *sk;

	if (ctx->pkt_type != SKB_BROADCAST && ctx->pkt_type != SKB_MULTICAST)
		return;
	sk = ctx->sk ? bpf_sk_fullsock(ctx->sk) : NULL;
	if (!cpu || !sk || sk->protocol != IPPROTO_UDP || sk->type == SOCK_RAW)
		return;
	p = slot_packet(cpu->local_slot);
	if (!p || p->id != cpu->local_id || p->l4_proto != IPPROTO_UDP || !same_datagram(ctx, p))
		return;
	struct sc_call call = { .type = SC_REC_ALSO, .time_ns = bpf_ktime_get_ns(), .sock = bpf_get_socket_cookie(ctx), .packet = p->id };

	call_send(cpu, &call, SC_DIR_RX);
}

SEC("cgroup_skb/ingress")
int sc_l4_cgroup(struct __sk_buff *ctx)
{
	struct timeline t = {};
	struct cpu_state *cpu;
	struct bpf_sock *sk;
	struct sc_packet *p;
	__u64 cookie;

	put_other(ctx);
	if (nothing_open()) {
		another_end(ctx, cpu_state());
		return VERDICT_PASS;
	}
	cpu = cpu_state();
	if (!cpu)
		return VERDICT_PASS;
	if (timeline_find(skb_key(ctx), &t)) {
		if (t.packet->id != cpu->local_id) /* no netfilter hook has told so far */
			local_begin(cpu, t.packet);
		sk = ctx->sk ? bpf_sk_fullsock(ctx->sk) : NULL;
	} else {
		if (!cpu->local_id)
			return VERDICT_PASS;
		sk = ctx->sk ? bpf_sk_fullsock(ctx->sk) : NULL;
		/* Raw sockets and multicast get clones. A raw socket that only listens in on TCP or UDP is not where the packet ends. */
		if (!sk || !local_packet(cpu, &t) || t.packet->last_stage >= SC_RX_L4) {
			another_end(ctx, cpu);
			return VERDICT_PASS;
		}
		if (sk->type == SOCK_RAW && (t.packet->l4_proto == IPPROTO_TCP || t.packet->l4_proto == IPPROTO_UDP))
			return VERDICT_PASS;
		t.packet->flags |= SC_FLAG_CLONE;
	}
	p = t.packet;
	/* Where a function has stamped it already, it has no socket yet: another packet in this skb would find one. */
	if (!p || p->dir != SC_DIR_RX || p->last_stage > SC_RX_L4 || (p->last_stage == SC_RX_L4 && (!conf_l4_function || p->sock))) {
		another_end(ctx, cpu);
		return VERDICT_PASS;
	}
	if (p->last_stage < SC_RX_L4)
		timeline_stamp(cpu, p, SC_RX_L4, bpf_ktime_get_ns());
	/* A listener's packet may belong to a connection that is only being made: the socket it is queued on will tell. */
	cookie = bpf_get_socket_cookie(ctx);
	p->sock = sk && sk->state == TCP_LISTEN ? 0 : cookie;
	if (conf_sock_gate && sk && p->sock)
		sock_follow(cpu, sock_state_get_ctx(sk, cookie), cookie);
	put_queued(p, skb_key(ctx));
	if (ctx->ifindex != p->ifindex)
		p->out_ifindex = ctx->ifindex; /* a device on top of the one that received it: VLAN, bridge, tunnel */
	if (p->l4_proto == IPPROTO_TCP ? !p->payload_len_bytes : !datagrams_told())
		timeline_emit(cpu, &t, SC_END_L4);
	return VERDICT_PASS;
}

/* Established sockets only, and late where the socket was in use by its owner: only counts while the transport still works on the packet. */
SEC("tp_btf/tcp_probe")
int BPF_PROG(sc_tcp_probe, struct sock *sk, struct sk_buff *skb)
{
	struct cpu_state *cpu = cpu_state();
	struct timeline t = {};
	struct sc_packet *p;

	if (conf_l4_cgroup || conf_l4_function || !cpu || !timeline_follow(skb, SC_RX_L4, &t))
		return 0;
	p = t.packet;
	if (!p || p->dir != SC_DIR_RX || p->id != cpu->local_id)
		return 0;
	timeline_stamp(cpu, p, SC_RX_L4, bpf_ktime_get_ns());
	p->sock = sock_cookie(sk, TYPED);
	if (!p->payload_len_bytes)
		timeline_emit(cpu, &t, SC_END_L4);
	return 0;
}

/* TCP: bytes up to rcv_nxt are readable. The packet being worked on is queued if they include its own; anything else goes to user space by sequence. */
static __always_inline void tcp_ready(struct cpu_state *cpu, struct sock *sk, __u64 now_ns)
{
	struct tcp_sock *tcp = bpf_skc_to_tcp_sock(sk);
	struct timeline t = {};
	struct sock_state *s;
	__u64 cookie;
	__u32 end;

	if (!tcp)
		return;
	cookie = sock_cookie(sk, TYPED);
	if (local_packet(cpu, &t) && t.packet->l4_proto == IPPROTO_TCP &&
	    (t.packet->sock == cookie || (!t.packet->sock && sock_wanted(sk))) && t.packet->payload_len_bytes) {
		end = t.packet->seq + t.packet->payload_len_bytes;
		if ((__s32)(tcp->rcv_nxt - end) >= 0) {
			s = sock_create(sk);
			if (conf_sock_gate)
				sock_follow(cpu, s, cookie);
			t.packet->sock = cookie;
			timeline_stamp(cpu, t.packet, SC_RX_SOCKET, now_ns);
			timeline_emit(cpu, &t, SC_END_SOCKET);
			if (tcp->rcv_nxt == end)
				return;
		}
	}
	s = sock_followed(sk);
	if (!s && !conf_sock_gate && sock_wanted(sk))
		s = sock_create(sk);
	if (s) {
		struct sc_call call = {
			.type = SC_REC_SOCKET, .time_ns = now_ns, .sock = s->cookie, .to = tcp->rcv_nxt,
		};

		call_output(cpu, &call, SC_DIR_RX);
	}
}

SEC("tp_btf/sk_data_ready")
int BPF_PROG(sc_data_ready, struct sock *sk)
{
	struct cpu_state *cpu;

	if (!sock_any() || !sock_is_ours(sk) || sk->__sk_common.skc_state == TCP_LISTEN)
		return 0;
	cpu = cpu_state();
	if (!cpu)
		return 0;
	if (sock_is_datagram(sk) ? conf_dgram_queue : conf_tcp_queue)
		sock_woken(cpu, sk, TYPED);
	else if (sock_is_datagram(sk))
		datagram_ready(cpu, sk, bpf_ktime_get_ns());
	else
		tcp_ready(cpu, sk, bpf_ktime_get_ns());
	return 0;
}

SEC("tp_btf/tcp_rcv_space_adjust")
int BPF_PROG(sc_tcp_read, struct sock *sk)
{
	struct cpu_state *cpu;
	struct sock_state *s;
	struct tcp_sock *tcp;

	if (!sock_any() || !sock_is_ours(sk))
		return 0;
	cpu = cpu_state();
	s = sock_followed(sk);
	tcp = bpf_skc_to_tcp_sock(sk);
	if (!tcp || !cpu)
		return 0;
	if (!s) {
		if (conf_sock_gate || !sock_wanted(sk))
			return 0;
		s = sock_create(sk);
		if (!s)
			return 0;
		/* The first read we see of this socket: whatever of its bytes was recorded and is read now, this call has read. */
		s->copied_seq = tcp->rcvq_space.seq;
	} else if (s->fresh) {
		s->fresh = 0;
		s->copied_seq = tcp->rcvq_space.seq;
	}
	if (tcp->copied_seq == s->copied_seq)
		return 0;
	struct sc_call call = {
		.type = SC_REC_READ, .time_ns = bpf_ktime_get_ns(), .sock = s->cookie,
		.from = s->copied_seq, .to = tcp->copied_seq,
	};

	s->copied_seq = tcp->copied_seq;
	call_output(cpu, &call, SC_DIR_RX);
	return 0;
}

/* Fires once per round of the copy loop; the first one of a call names all bytes the call is about to add. */
SEC("tp_btf/tcp_sendmsg_locked")
int BPF_PROG(sc_tcp_write, struct sock *sk, const struct msghdr *msg)
{
	tcp_written(sk, msg->msg_iter.count, true, TYPED);
	return 0;
}

SEC("tp_btf/sock_send_length")
int BPF_PROG(sc_send_len, struct sock *sk, int ret, int flags)
{
	struct sock_state *s;

	if (sock_turned_down(sk) || !sock_is_ours(sk) || sock_is_datagram(sk))
		return 0;
	s = sock_state_get(sk, TYPED, false);
	if (s && s->write_tid == (__u32)bpf_get_current_pid_tgid())
		s->write_tid = 0;
	return 0;
}
