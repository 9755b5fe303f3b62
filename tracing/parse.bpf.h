/* SPDX-License-Identifier: GPL-2.0-only */
/* What the first bytes of a packet in its slot say: protocols, sequence numbers, flow. Every access is bounded; what is not there reads as 0. */
#pragma once

#include "timeline.bpf.h"

enum { ETH_HLEN = 14, VLAN_HLEN = 4, VLAN_TAGS_MAX = 2, IPV6_EXT_MAX = 6 };

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

/* Two of them at an even offset: all headers begin at one. */
static __always_inline __u32 be16_at(struct sc_packet *p, __u32 off)
{
	__u64 at = off;

	if (at >= SC_MIN_BYTES)
		return 0;
	BOUND(at, SC_MIN_BYTES - 2);
	return bpf_ntohs(*(__u16 *)(packet_bytes(p) + at));
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
