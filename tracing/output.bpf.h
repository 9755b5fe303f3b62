/* SPDX-License-Identifier: GPL-2.0-only */
/* The stages of transport and IP output, whatever kind of program tells of them: `typed` as in typed.bpf.h. They come before it is certain which device a packet leaves by. */
#pragma once

#include "sending.bpf.h"
#include "sock.bpf.h"
#include "transmit.bpf.h"
#include "turned_down.bpf.h"

/* A send call of a datagram socket. */
static __always_inline void datagram_written(const struct sock *sk, const bool typed)
{
	if (direction_wanted(SC_DIR_TX) && sock_is_ours_as(sk, typed))
		sending_write(sock_key_as(sk, typed), bpf_ktime_get_ns());
}

/* The transport hands down what this socket sends. */
static __always_inline void l4_sent(const struct sock *sk, const bool typed)
{
	if (!sk || !direction_wanted(SC_DIR_TX) || sock_turned_down_as(sk, typed) || !sock_is_ours_as(sk, typed))
		return;
	sending_l4(sock_key_as(sk, typed), bpf_ktime_get_ns());
}

/* IP has made a packet. `flags`: those of the device its route leads to. */
static __always_inline void ip_made(const struct sk_buff *skb, __u32 flags, const bool typed)
{
	const struct sock *sk = FIELD(typed, skb, sk);
	struct early note = { .key = key_of(skb, typed), .sock = sock_key_as(sk, typed) };

	if (sock_turned_down_as(sk, typed)) {
		early_forget(note.key);
		return;
	}
	if (!(flags & (SC_DEV_CAPTURE | SC_DEV_UPPER)) || !direction_wanted(SC_DIR_TX))
		return;
	note.ip_ns = bpf_ktime_get_ns();
	if (conf_stages & (SC_BIT(SC_TX_WRITE) | SC_BIT(SC_TX_L4)) && sk)
		sending_take(note.sock, &note);
	early_put(&note);
}

/* The key of a packet that IP is about to cut; 0 if its header cannot be read. */
static __always_inline __u32 whole_fragment_key(const struct sk_buff *skb, const bool typed)
{
	__u32 header[10] = {}, version, hash, from, to;

	if (bpf_probe_read_kernel(header, sizeof(header), FIELD(typed, skb, head) + FIELD(typed, skb, network_header)))
		return 0;
	version = (bpf_ntohl(header[0]) >> 28);
	from = version == 4 ? 3 : 2;
	to = version == 4 ? 5 : 10;
	hash = version;
	for (__u32 i = 0; i < 10; i++)
		if (i >= from && i < to)
			hash = hash_mix(hash, bpf_ntohl(header[i]));
	return fragment_key(hash, version == 4 ? bpf_ntohl(header[1]) >> 16 : 0);
}

/* IP may be about to cut this packet: what its fragments will share. */
static __always_inline void note_fragments(struct cpu_state *cpu, const struct sk_buff *skb, const struct net_device *dev, const struct early *note, const bool typed)
{
	if (!dev || FIELD(typed, skb, len) <= FIELD(typed, dev, mtu))
		return;
	cpu->out_key = whole_fragment_key(skb, typed);
	cpu->out_ns = note->out_ns;
	cpu->out_ip_ns = note->ip_ns;
	cpu->out_l4_ns = note->l4_ns;
	cpu->out_write_ns = note->write_ns;
}

/* A packet of this host that nobody saw IP make: before netfilter hooks (6.4), answers of TCP over IPv6 that no socket of its own sends. */
static __always_inline bool unmade(const struct sk_buff *skb, const struct net_device *dev, int iif, const bool typed)
{
	if (iif || !dev || !FIELD(typed, skb, sk) || !direction_wanted(SC_DIR_TX) || sock_turned_down_as(FIELD(typed, skb, sk), typed))
		return false;
	return device_flags_as(dev, typed) & (SC_DEV_CAPTURE | SC_DEV_UPPER);
}

/* Routed, netfilter done; `dev` is where it goes. */
static __always_inline void ip_leaves(const struct sk_buff *skb, const struct net_device *dev, const bool typed)
{
	__u64 key = key_of(skb, typed), sock = sock_key_as(FIELD(typed, skb, sk), typed);
	struct timeline t = {};
	struct cpu_state *cpu;
	struct early note = {};
	bool known;
	int iif = FIELD(typed, skb, skb_iif);

	if (iif && timeline_follow_as(skb, SC_TX_OUT, &t, typed) && tx_continues(t.packet, SC_TX_OUT, iif)) {
		cpu = cpu_state();
		if (!cpu)
			return;
		note.out_ns = bpf_ktime_get_ns();
		timeline_stamp(cpu, t.packet, SC_TX_OUT, note.out_ns);
		note_fragments(cpu, skb, dev, &note, typed);
		return;
	}
	known = early_get(key, sock, &note);
	if (!known)
		note = (struct early){ .key = key, .sock = sock };
	if (known ? note.ip_ns != EARLY_SETTLED : unmade(skb, dev, iif, typed)) { /* made here, or put into a tunnel */
		cpu = cpu_state();
		if (!cpu)
			return;
		note.out_ns = bpf_ktime_get_ns();
		early_put(&note);
		note_fragments(cpu, skb, dev, &note, typed);
	}
}
