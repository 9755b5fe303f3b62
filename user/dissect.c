/* SPDX-License-Identifier: GPL-2.0-only */
/* Bounds-checked reading of link, network and transport headers: dissect.h. */
#include "user/dissect.h"

#include <arpa/inet.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <string.h>

#define LINK_ETHERNET 1
#define LINK_RAW 101
#define EXTENSION_HEADERS_MAX 16
#define ETHERTYPE_QINQ 0x88a8

struct view {
	const uint8_t *bytes;
	size_t len;
};

static bool view_has(const struct view *v, size_t off, size_t len)
{
	return off <= v->len && len <= v->len - off;
}

static uint16_t get_u16(const struct view *v, size_t off)
{
	return view_has(v, off, 2) ? (uint16_t)(v->bytes[off] << 8 | v->bytes[off + 1]) : 0;
}

static uint32_t get_u32(const struct view *v, size_t off)
{
	return (uint32_t)get_u16(v, off) << 16 | get_u16(v, off + 2);
}

static uint8_t get_u8(const struct view *v, size_t off)
{
	return view_has(v, off, 1) ? v->bytes[off] : 0;
}

static void dissect_ports(struct dissect *d, const struct view *v)
{
	d->has_ports = view_has(v, d->l4_off, 4);
	d->sport = get_u16(v, d->l4_off);
	d->dport = get_u16(v, d->l4_off + 2);
}

static void dissect_tcp(struct dissect *d, const struct view *v, size_t end)
{
	size_t header = (size_t)(get_u8(v, d->l4_off + 12) >> 4) * 4;

	dissect_ports(d, v);
	if (!view_has(v, d->l4_off, 20) || header < 20)
		return;
	d->has_l4 = true;
	d->tcp_seq = get_u32(v, d->l4_off + 4);
	d->tcp_ack = get_u32(v, d->l4_off + 8);
	d->tcp_flags = get_u8(v, d->l4_off + 13);
	d->tcp_window = get_u16(v, d->l4_off + 14);
	if (end > d->l4_off + header)
		d->payload_len_bytes = (uint32_t)(end - d->l4_off - header);
}

static void dissect_udp(struct dissect *d, const struct view *v, size_t end)
{
	dissect_ports(d, v);
	if (!view_has(v, d->l4_off, 8))
		return;
	d->has_l4 = true;
	if (end > d->l4_off + 8)
		d->payload_len_bytes = (uint32_t)(end - d->l4_off - 8);
}

static void dissect_icmp(struct dissect *d, const struct view *v, size_t end)
{
	if (!view_has(v, d->l4_off, 4))
		return;
	d->has_l4 = true;
	d->icmp_type = get_u8(v, d->l4_off);
	d->icmp_code = get_u8(v, d->l4_off + 1);
	if (end > d->l4_off + 8)
		d->payload_len_bytes = (uint32_t)(end - d->l4_off - 8);
}

/* `end`: offset of the IP packet's end on the wire; may lie beyond the captured bytes. */
static void dissect_l4(struct dissect *d, const struct view *v, size_t off, size_t end)
{
	if (d->later_fragment)
		return;
	d->l4_off = (uint32_t)off;
	switch (d->l4_proto) {
	case IPPROTO_TCP:
		dissect_tcp(d, v, end);
		break;
	case IPPROTO_UDP:
		dissect_udp(d, v, end);
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		dissect_icmp(d, v, end);
		break;
	default:
		break;
	}
}

static void dissect_ipv4(struct dissect *d, const struct view *v, size_t off)
{
	size_t header = (size_t)(get_u8(v, off) & 15) * 4, total = get_u16(v, off + 2);
	uint16_t fragment = get_u16(v, off + 6);

	if (!view_has(v, off, 20) || v->bytes[off] >> 4 != 4 || header < 20)
		return;
	/* RFC 791; a length of 0 is a super-packet beyond 64 KiB or not filled in yet */
	if (!total)
		total = v->len - off;
	d->ip_version = 4;
	d->l4_proto = get_u8(v, off + 9);
	d->fragment = fragment & 0x3fff;
	d->later_fragment = fragment & 0x1fff;
	memcpy(d->src, v->bytes + off + 12, 4);
	memcpy(d->dst, v->bytes + off + 16, 4);
	dissect_l4(d, v, off + header, off + total);
}

/* One extension header at `off` (RFC 8200): its length, 0 where d->l4_proto is none or the bytes end. */
static size_t extension_header(struct dissect *d, const struct view *v, size_t off)
{
	uint8_t proto = d->l4_proto;
	size_t len = 0;

	if (!view_has(v, off, 8) || d->later_fragment)
		return 0;
	if (proto == IPPROTO_HOPOPTS || proto == IPPROTO_ROUTING || proto == IPPROTO_DSTOPTS ||
	    proto == IPPROTO_MH)
		len = ((size_t)v->bytes[off + 1] + 1) * 8;
	else if (proto == IPPROTO_AH)
		len = ((size_t)v->bytes[off + 1] + 2) * 4;
	else if (proto == IPPROTO_FRAGMENT)
		len = 8;
	if (proto == IPPROTO_FRAGMENT) {
		uint16_t fragment = get_u16(v, off + 2);

		d->fragment = fragment & 0xfff9;
		d->later_fragment = fragment & 0xfff8;
	}
	if (len)
		d->l4_proto = v->bytes[off];
	return len;
}

static void dissect_ipv6(struct dissect *d, const struct view *v, size_t off)
{
	size_t end = off + 40 + get_u16(v, off + 4), l4 = off + 40, len;
	unsigned int count = 0;

	if (!view_has(v, off, 40) || v->bytes[off] >> 4 != 6)
		return;
	if (!get_u16(v, off + 4))
		end = v->len; /* jumbogram or super-packet */
	d->ip_version = 6;
	d->l4_proto = get_u8(v, off + 6);
	memcpy(d->src, v->bytes + off + 8, 16);
	memcpy(d->dst, v->bytes + off + 24, 16);
	do {
		len = extension_header(d, v, l4);
		l4 += len;
	} while (len && ++count < EXTENSION_HEADERS_MAX);
	dissect_l4(d, v, l4, end);
}

static bool is_vlan(uint16_t ether_type)
{
	return ether_type == ETHERTYPE_VLAN || ether_type == ETHERTYPE_QINQ;
}

/* Returns the offset of the network header; d->ether_type stays 0 where the bytes end before. */
static size_t dissect_link(struct dissect *d, const struct view *v)
{
	size_t off = 12;
	uint16_t type;

	if (!view_has(v, 0, 14))
		return 0;
	d->has_link = true;
	memcpy(d->mac_dst, v->bytes, 6);
	memcpy(d->mac_src, v->bytes + 6, 6);
	type = get_u16(v, off);
	while (is_vlan(type) && d->vlan_count < 2 && view_has(v, off, 6)) {
		d->vlan_id[d->vlan_count++] = get_u16(v, off + 2) & 0xfff;
		off += 4;
		type = get_u16(v, off);
	}
	d->ether_type = type;
	return off + 2;
}

void dissect(struct dissect *d, const uint8_t *bytes, size_t cap_len, uint16_t link_type)
{
	struct view v = { bytes, cap_len };
	size_t off = 0;

	memset(d, 0, sizeof(*d));
	if (link_type == LINK_ETHERNET)
		off = dissect_link(d, &v);
	else if (link_type == LINK_RAW && get_u8(&v, 0) >> 4 == 4)
		d->ether_type = ETHERTYPE_IP;
	else if (link_type == LINK_RAW && get_u8(&v, 0) >> 4 == 6)
		d->ether_type = ETHERTYPE_IPV6;
	if (d->ether_type == ETHERTYPE_IP)
		dissect_ipv4(d, &v, off);
	else if (d->ether_type == ETHERTYPE_IPV6)
		dissect_ipv6(d, &v, off);
}
