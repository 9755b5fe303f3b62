/* SPDX-License-Identifier: GPL-2.0-only */
/* Reading a packet once, at its anchor: lengths, bytes (fragments and stripped VLAN tag included) and the headers that tell what ends its story. */
#pragma once

#include "pages.bpf.h"
#include "parse.bpf.h"
#include "skb.bpf.h"

/* What all fragments of a packet, and the packet before it was cut, have in common. IPv6 chooses the identification only when it cuts. */
static __always_inline __u32 fragment_key(__u32 hash, __u32 ipv4_id)
{
	return hash_mix(hash, ipv4_id) | 1;
}

static __always_inline __u32 packet_fragment_key(struct sc_packet *p)
{
	__u32 at = p->l3_off + (p->ip_version == 4 ? 12 : 8), end = at + (p->ip_version == 4 ? 8 : 32), hash = p->ip_version;

	for (int i = 0; i < 8 && at < end; i++, at += 4)
		hash = hash_mix(hash, be32_at(p, at));
	return fragment_key(hash, p->ip_version == 4 ? be16_at(p, p->l3_off + 4) : 0);
}

/* The packet lives on in the skb with this key: its story moves to a slot there, which gives it another id. */
static __always_inline bool timeline_move(struct cpu_state *cpu, struct timeline *t, const struct timeline *from, __u64 key)
{
	__u32 len = conf_room, slot;
	__u64 id;

	if (!timeline_begin(cpu, t, key) || !t->packet)
		return false;
	if (!timeline_take(from)) {
		timeline_free(t);
		return false;
	}
	slot = t->packet->slot;
	id = t->packet->id;
	*t->packet = *from->packet;
	bpf_probe_read_kernel(packet_bytes(t->packet), len, packet_bytes(from->packet));
	t->packet->slot = slot;
	t->packet->id = id;
	timeline_free(from);
	return true;
}

/* That of cpu->replaced_id. */
static __always_inline bool timeline_replace(struct cpu_state *cpu, struct timeline *t, __u64 key)
{
	struct timeline from = {};

	if (!timeline_at(cpu->replaced_slot, cpu->replaced_id, &from) || !timeline_move(cpu, t, &from, key))
		return false;
	cpu->replaced_id = 0;
	t->packet->head = 0;
	return true;
}

/* Bytes of the skb from `from` on, to the place `off`, a constant, in the slot. Returns the first place not filled. */
static __always_inline __u32 body_read(struct sc_packet *p, const __u32 off, struct sk_buff *skb, __u32 from)
{
	__u32 linear = skb->len - skb->data_len - from, len = skb->len - from;

	if (len > conf_room - off)
		len = conf_room - off;
	if (len > linear) {
		if (!copy_nonlinear(packet_bytes(p) + off, len, conf_room - off, skb, from))
			return off + len;
		len = linear; /* fragments stay out, and the capture length says so */
	}
	FORGET(len);
	if (len > conf_room - off)
		len = conf_room - off;
	return bpf_probe_read_kernel(packet_bytes(p) + off, len, skb->data + from) ? off : off + len;
}

/* All of an skb without fragments in one go, from `before` bytes before its data on. Returns how many, 0 if they cannot be read. */
static __always_inline __u32 linear_read(struct sc_packet *p, const struct sk_buff *skb, const __u32 before)
{
	__u32 len = skb->len + before;

	FORGET(len);
	if (len > conf_room)
		len = conf_room;
	return bpf_probe_read_kernel(packet_bytes(p), len, skb->data - before) ? 0 : len;
}

static __always_inline void put_tag(struct sc_packet *p, const struct sk_buff *skb, __u32 vlan)
{
	__u8 *tag = packet_bytes(p) + 12;
	__u16 proto_be = skb->vlan_proto ?: bpf_htons(ETH_P_8021Q);

	tag[0] = proto_be & 0xff;
	tag[1] = proto_be >> 8;
	tag[2] = vlan >> 8 & 0xff;
	tag[3] = vlan & 0xff;
	p->wire_len_bytes += VLAN_HLEN;
	p->flags |= SC_FLAG_VLAN;
}

/* Received: the Ethernet header lies before skb->data. */
static __always_inline __u32 read_rx(struct sc_packet *p, struct sk_buff *skb, __u32 vlan)
{
	__u8 *b = packet_bytes(p);

	p->wire_len_bytes += ETH_HLEN;
	if (!vlan && !skb->data_len)
		return linear_read(p, skb, ETH_HLEN);
	if (bpf_probe_read_kernel(b, ETH_HLEN, skb->data - ETH_HLEN))
		return 0;
	if (!vlan)
		return body_read(p, ETH_HLEN, skb, 0);
	b[16] = b[12];
	b[17] = b[13];
	put_tag(p, skb, vlan);
	return body_read(p, ETH_HLEN + VLAN_HLEN, skb, 0);
}

/* Sent: the link-layer header begins at skb->data. */
static __always_inline __u32 read_tx(struct sc_packet *p, struct sk_buff *skb, __u32 vlan)
{
	if (!vlan)
		return body_read(p, 0, skb, 0);
	if (bpf_probe_read_kernel(packet_bytes(p), 12, skb->data))
		return 0;
	put_tag(p, skb, vlan);
	return body_read(p, 12 + VLAN_HLEN, skb, 12);
}

/* Fills bytes, lengths and headers from an skb. `pulled`: its Ethernet header lies before skb->data. */
static __always_inline void packet_read(struct sc_packet *p, struct sk_buff *skb, bool pulled, bool ether)
{
	__u32 vlan = ether ? skb_vlan(skb) : 0, filled;

	if (skb->len < SC_MIN_BYTES) /* a short packet must not be parsed into what the slot held before */
		__builtin_memset(packet_bytes(p), 0, SC_MIN_BYTES);
	p->link_type = ether ? SC_LINK_ETHER : SC_LINK_RAW;
	p->wire_len_bytes = skb->len;
	p->queue = skb->queue_mapping;
	if (p->dir == SC_DIR_RX && p->queue) /* as skb_record_rx_queue() leaves it; 0: the driver did not */
		p->queue--;
	filled = pulled ? read_rx(p, skb, vlan) : read_tx(p, skb, vlan);
	p->cap_len_bytes = filled > conf_snaplen ? conf_snaplen : filled;
	p->state |= SC_STATE_BYTES;
	packet_parse(p->slot);
}
