/* SPDX-License-Identifier: GPL-2.0-only */
/* What the bytes of a packet say: link, network and transport header, every access checked against the captured length. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Facts are valid up to where the captured bytes, or what we know, ended; the rest is zero. */
struct dissect {
	bool has_link; /* mac_src, mac_dst */
	uint8_t mac_dst[6], mac_src[6];
	uint16_t vlan_count;
	uint16_t vlan_id[2];	 /* outer, inner */
	uint16_t ether_type;	 /* of the innermost header; 0 unknown; below 0x0600: an 802.3 length */
	uint8_t ip_version;	 /* 4, 6, or 0: not IP, or cut before the end of its header */
	uint8_t l4_proto;	 /* IPPROTO_*, after IPv6 extension headers */
	bool fragment;		 /* one of several */
	bool later_fragment;	 /* not the first: no transport header here */
	uint8_t src[16], dst[16]; /* IPv4: first 4 bytes */
	uint32_t l4_off;	 /* from the start of the bytes; 0 unknown */
	bool has_ports;		 /* TCP or UDP, of which at least the ports were captured */
	bool has_l4;		 /* the whole fixed part of the TCP, UDP or ICMP header was captured */
	uint16_t sport, dport;
	uint32_t tcp_seq, tcp_ack;
	uint16_t tcp_window;
	uint8_t tcp_flags;
	uint8_t icmp_type, icmp_code;
	uint32_t payload_len_bytes; /* above the transport header, as on the wire, by the IP header's length */
};

/* `link_type`: LINKTYPE_ETHERNET (1) or LINKTYPE_RAW (101); others give an empty result. */
void dissect(struct dissect *d, const uint8_t *bytes, size_t cap_len, uint16_t link_type);

#define DISSECT_ENDPOINT_MAX 64
#define DISSECT_SUMMARY_MAX 256

/* "tcp", "udp", "icmp", "icmp6", "arp", or a number: "ip-47", "0x88cc". Returns buf. */
const char *dissect_proto(const struct dissect *d, char *buf, size_t size);
/* "10.0.0.1:80", "[fe80::1]:80", without ports "10.0.0.1", without IP the MAC address, else "". Returns buf. */
const char *dissect_endpoint(const struct dissect *d, bool source, char *buf, size_t size);
/* In the manner of tcpdump: "IP 10.0.0.1.80 > 10.0.0.2.1234: tcp Flags [P.], seq 1, ack 2, win 3, length 100". Returns buf. */
const char *dissect_summary(const struct dissect *d, uint32_t wire_len_bytes, char *buf, size_t size);
