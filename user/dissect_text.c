/* SPDX-License-Identifier: GPL-2.0-only */
/* Dissected packets in words: protocol and endpoints for the report, one-line summaries for the terminal. */
#include <arpa/inet.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <stdio.h>

#include "user/dissect.h"
#include "user/text.h"

static const char *proto_name(const struct dissect *d)
{
	switch (d->l4_proto) {
	case IPPROTO_TCP:
		return "tcp";
	case IPPROTO_UDP:
		return "udp";
	case IPPROTO_ICMP:
		return "icmp";
	case IPPROTO_ICMPV6:
		return "icmp6";
	default:
		return NULL;
	}
}

const char *dissect_proto(const struct dissect *d, char *buf, size_t size)
{
	const char *name = d->ip_version ? proto_name(d) : NULL;

	if (name)
		snprintf(buf, size, "%s", name);
	else if (d->ip_version)
		snprintf(buf, size, "ip-%u", d->l4_proto);
	else if (d->ether_type == ETHERTYPE_ARP)
		snprintf(buf, size, "arp");
	else if (d->ether_type == ETHERTYPE_IP || d->ether_type == ETHERTYPE_IPV6)
		snprintf(buf, size, "ip-truncated");
	else if (d->ether_type >= 0x0600)
		snprintf(buf, size, "0x%04x", d->ether_type);
	else
		snprintf(buf, size, d->has_link ? "802.3" : "unknown");
	return buf;
}

static void address_add(struct text *t, const struct dissect *d, bool source)
{
	const uint8_t *mac = source ? d->mac_src : d->mac_dst;
	char address[INET6_ADDRSTRLEN] = "";

	if (d->ip_version)
		inet_ntop(d->ip_version == 4 ? AF_INET : AF_INET6, source ? d->src : d->dst,
			  address, sizeof(address));
	if (d->ip_version)
		text_add(t, "%s", address);
	else if (d->has_link)
		text_add(t, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
			 mac[4], mac[5]);
}

const char *dissect_endpoint(const struct dissect *d, bool source, char *buf, size_t size)
{
	bool brackets = d->ip_version == 6 && d->has_ports;
	struct text t;

	text_init(&t, buf, size);
	text_add(&t, "%s", brackets ? "[" : "");
	address_add(&t, d, source);
	text_add(&t, "%s", brackets ? "]" : "");
	if (d->has_ports)
		text_add(&t, ":%u", source ? d->sport : d->dport);
	return buf;
}

/* tcpdump's letters, in the order of the bits. */
static void tcp_flags_add(struct text *t, uint8_t flags)
{
	static const char letters[] = "FSRP.UEW";
	unsigned int i;

	for (i = 0; i < 8; i++)
		if (flags & 1u << i)
			text_add(t, "%c", letters[i]);
	if (!flags)
		text_add(t, "none");
}

static void transport_add(struct text *t, const struct dissect *d, const char *proto)
{
	text_add(t, ": %s", proto);
	if (d->has_l4 && d->l4_proto == IPPROTO_TCP) {
		text_add(t, " Flags [");
		tcp_flags_add(t, d->tcp_flags);
		text_add(t, "], seq %u, ack %u, win %u,", d->tcp_seq, d->tcp_ack, d->tcp_window);
	} else if (d->has_l4 && (d->l4_proto == IPPROTO_ICMP || d->l4_proto == IPPROTO_ICMPV6)) {
		text_add(t, " type %u, code %u,", d->icmp_type, d->icmp_code);
	}
	if (d->fragment)
		text_add(t, " frag,");
	if (d->has_l4)
		text_add(t, " length %u", d->payload_len_bytes);
	else
		text_add(t, d->later_fragment ? " later fragment" : " [no header]");
}

const char *dissect_summary(const struct dissect *d, uint32_t wire_len_bytes, char *buf, size_t size)
{
	char proto[16];
	struct text t;
	unsigned int i;

	text_init(&t, buf, size);
	dissect_proto(d, proto, sizeof(proto));
	for (i = 0; i < d->vlan_count; i++)
		text_add(&t, "vlan %u ", d->vlan_id[i]);
	if (d->ip_version)
		text_add(&t, "%s ", d->ip_version == 4 ? "IP" : "IP6");
	address_add(&t, d, true);
	if (d->has_ports)
		text_add(&t, ".%u", d->sport);
	text_add(&t, " > ");
	address_add(&t, d, false);
	if (d->has_ports)
		text_add(&t, ".%u", d->dport);
	if (d->ip_version)
		transport_add(&t, d, proto);
	else
		text_add(&t, ": %s length %u", proto, wire_len_bytes);
	return buf;
}
