/* SPDX-License-Identifier: GPL-2.0-only */
/* Reading a packet once, at its anchor: lengths, bytes (fragments and stripped VLAN tag included) and the headers that tell what ends its story. */
#pragma once

#include "timeline.bpf.h"

#define ETH_HLEN 14
#define VLAN_HLEN 4
#define VLAN_TAGS_MAX 2
#define IPV6_EXT_MAX 6
#define TX_GSO_MIN 1500 /* shorter packets are never super-packets: spares a read */

/* Since 6.4 for XDP and TC, 6.12 for tracing; absent before. */
extern int bpf_dynptr_from_skb(struct sk_buff *skb, __u64 flags, struct bpf_dynptr *out) __ksym __weak;

/* Flags of a watched device of the captured namespace, 0 for any other. */
static __always_inline __u32 device_flags(const struct net_device *dev)
{
	__u32 ifindex = dev->ifindex;

#pragma unroll
	for (int i = 0; i < SC_DEVICE_PROBES; i++) {
		const volatile struct sc_device *d = &conf_devices[(ifindex + i) & (SC_MAX_DEVICES - 1)];

		if (!d->ifindex)
			return 0;
		if (d->ifindex == ifindex)
			return dev->nd_net.net->ns.inum == conf_netns_inum ? d->flags : 0;
	}
	return 0;
}

static __always_inline bool direction_wanted(__u8 dir)
{
	return *(volatile __u32 *)&begin_dirs & (1 << (dir - 1));
}

/* The tag that hardware stripped or is to insert, or 0. bit 16 marks presence. */
static __always_inline __u32 skb_vlan(const struct sk_buff *skb)
{
	if (bpf_core_field_exists(((struct sk_buff___present *)skb)->vlan_present)) {
		struct sk_buff___present *old = (void *)skb;

		if (!BPF_CORE_READ_BITFIELD(old, vlan_present))
			return 0;
	} else if (!skb->vlan_proto) {
		return 0;
	}
	return 1 << 16 | skb->vlan_tci;
}

static __always_inline __u8 *packet_bytes(struct sc_packet *p)
{
	return (__u8 *)(p + 1);
}

/* One header byte at a variable offset, 0 beyond the bytes that are certain to be there. */
static __always_inline __u32 byte_at(struct sc_packet *p, __u32 off)
{
	__u64 at = off;

	if (at >= SC_MIN_BYTES)
		return 0;
	BOUND(at, SC_MIN_BYTES - 1);
	return packet_bytes(p)[at];
}

static __always_inline __u32 be16_at(struct sc_packet *p, __u32 off)
{
	return byte_at(p, off) << 8 | byte_at(p, off + 1);
}

static __always_inline __u32 be32_at(struct sc_packet *p, __u32 off)
{
	return be16_at(p, off) << 16 | be16_at(p, off + 2);
}

static __always_inline __u32 hash_mix(__u32 h, __u32 v)
{
	h = (h ^ v) * 0x9E3779B1u;
	return h ^ h >> 15;
}

/* Transport header at p->l4_off; `len` is the length of it and its payload as the IP header tells. */
static __always_inline void parse_l4(struct sc_packet *p, __u32 len)
{
	__u32 off = p->l4_off, header = 8;

	if (p->l4_proto == IPPROTO_TCP) {
		p->seq = be32_at(p, off + 4);
		header = (byte_at(p, off + 12) >> 4) * 4;
		p->tcp_flags = byte_at(p, off + 13);
	}
	if (p->l4_proto == IPPROTO_TCP || p->l4_proto == IPPROTO_UDP)
		p->flow_hash = hash_mix(p->flow_hash, be32_at(p, off));
	p->payload_len_bytes = len > header ? len - header : 0;
}

static __always_inline void parse_ipv4(struct sc_packet *p)
{
	__u32 off = p->l3_off, header = (byte_at(p, off) & 15) * 4, total = be16_at(p, off + 2);
	__u32 frag = be16_at(p, off + 6) & 0x3fff;

	p->ip_version = 4;
	p->l4_proto = byte_at(p, off + 9);
	p->l4_off = off + header;
	p->flow_hash = hash_mix(hash_mix(p->l4_proto + 1, be32_at(p, off + 12)), be32_at(p, off + 16));
	if (!total) /* BIG TCP and TSO leave it to the device */
		total = p->wire_len_bytes - off;
	if (frag)
		p->flags |= SC_FLAG_FRAG;
	if (frag & 0x1fff) {
		p->payload_len_bytes = total > header ? total - header : 0;
		return;
	}
	parse_l4(p, total > header ? total - header : 0);
}

/* RFC 8200: hop-by-hop 0, routing 43, fragment 44, AH 51, destination options 60, mobility 135. */
static __always_inline void parse_ipv6(struct sc_packet *p)
{
	__u32 off = p->l3_off, next = byte_at(p, off + 6), len = be16_at(p, off + 4), at = off + 40;

	if (!len)
		len = p->wire_len_bytes - at;
	p->ip_version = 6;
	p->flow_hash = 1;
	for (int i = 0; i < 32; i += 4)
		p->flow_hash = hash_mix(p->flow_hash, be32_at(p, off + 8 + i));
	for (int i = 0; i < IPV6_EXT_MAX; i++) {
		if (next == 44) {
			p->flags |= SC_FLAG_FRAG;
			if (be16_at(p, at + 2) & 0xfff8) {
				p->l4_proto = byte_at(p, at);
				p->l4_off = at + 8;
				return;
			}
		} else if (next != 0 && next != 43 && next != 60 && next != 135 && next != 51) {
			break;
		}
		__u32 skip = next == 44 ? 8 : (next == 51 ? (byte_at(p, at + 1) + 2) * 4 : (byte_at(p, at + 1) + 1) * 8);

		next = byte_at(p, at);
		at += skip;
		len = len > skip ? len - skip : 0;
	}
	p->l4_proto = next;
	p->l4_off = at;
	p->flow_hash = hash_mix(p->flow_hash, next);
	parse_l4(p, len);
}

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

/* A global function, so that the verifier walks its loops once and not at every call. */
__weak int packet_parse(__u32 slot)
{
	struct sc_packet *p = slot_packet(slot);
	__u32 off = 0, proto;

	if (!p)
		return 0;
	if (p->link_type == SC_LINK_ETHER) {
		proto = be16_at(p, 12);
		off = ETH_HLEN;
		for (int i = 0; i < VLAN_TAGS_MAX && (proto == ETH_P_8021Q || proto == ETH_P_8021AD); i++) {
			proto = be16_at(p, off + 2);
			off += VLAN_HLEN;
		}
	} else {
		proto = (byte_at(p, 0) >> 4) == 6 ? ETH_P_IPV6 : ETH_P_IP;
	}
	p->l3_off = off;
	if (proto == ETH_P_IP)
		parse_ipv4(p);
	else if (proto == ETH_P_IPV6)
		parse_ipv6(p);
	return 0;
}

/* A subprogram of its own: a dynptr's place on the stack can serve nothing else. */
static __noinline __attribute__((unused)) int copy_nonlinear(void *to, __u32 len, struct sk_buff *skb, __u32 from)
{
	struct bpf_dynptr ptr;

	if (!bpf_dynptr_from_skb || bpf_dynptr_from_skb(skb, 0, &ptr))
		return -1;
	return bpf_dynptr_read(to, len, &ptr, from, 0);
}

/* Bytes of the skb from `from` on, to the place `off`, a constant, in the slot. Returns the first place not filled. */
static __always_inline __u32 body_read(struct sc_packet *p, const __u32 off, struct sk_buff *skb, __u32 from)
{
	__u32 len = skb->len - from;

	if (!skb->data_len || !bpf_dynptr_from_skb) {
		len -= skb->data_len; /* without dynptrs (before 6.11) page fragments stay out, and the capture length says so */
		if (len > conf_room - off)
			len = conf_room - off;
		return bpf_probe_read_kernel(packet_bytes(p) + off, len, skb->data + from) ? off : off + len;
	}
	if (len > conf_room - off)
		len = conf_room - off;
	return len && !copy_nonlinear(packet_bytes(p) + off, len, skb, from) ? off + len : off;
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
	filled = pulled ? read_rx(p, skb, vlan) : read_tx(p, skb, vlan);
	p->cap_len_bytes = filled > conf_snaplen ? conf_snaplen : filled;
	p->state |= SC_STATE_BYTES;
	packet_parse(p->slot);
}
