// SPDX-License-Identifier: GPL-2.0-only
/* What a filter's loads are for, by their place and size: see filter_flow.h. */
#include "pcap/filter_flow.h"

#include <stddef.h>

/* Places in an IP header, from its begin, that name a flow. */
static const struct {
	uint32_t from, to; /* half open */
	uint16_t size;
} flow_fields[] = {
	{ 0, 1, BPF_B },   /* version and header length */
	{ 6, 7, BPF_B },   /* IPv6: next header */
	{ 6, 7, BPF_H },   /* IPv4: fragment offset */
	{ 8, 40, BPF_W },  /* addresses; of IPv4 from 12 on */
	{ 9, 10, BPF_B },  /* IPv4: protocol */
	{ 40, 44, BPF_H }, /* IPv6: ports */
	{ 40, 41, BPF_B }, /* IPv6: next header of a fragment */
};

static bool names_flow(uint32_t k, uint16_t size, uint32_t header_bytes)
{
	if (k < header_bytes || k >= (uint32_t)SKF_AD_OFF) /* the device, the direction, a tag: as good as constant */
		return true;
	for (size_t i = 0; i < sizeof(flow_fields) / sizeof(*flow_fields); i++)
		if (size == flow_fields[i].size && k - header_bytes >= flow_fields[i].from && k - header_bytes < flow_fields[i].to)
			return true;
	return false;
}

bool filter_is_flow(const struct sock_fprog *program, uint32_t header_bytes)
{
	for (size_t i = 0; i < program->len; i++) {
		const struct sock_filter *insn = &program->filter[i];

		if (BPF_CLASS(insn->code) != BPF_LD && BPF_CLASS(insn->code) != BPF_LDX)
			continue;
		switch (BPF_MODE(insn->code)) {
		case BPF_LEN:
			return false;
		case BPF_ABS:
		case BPF_MSH:
			if (!names_flow(insn->k, BPF_SIZE(insn->code), header_bytes))
				return false;
			break;
		case BPF_IND: /* behind an IPv4 header: ports */
			if (BPF_SIZE(insn->code) != BPF_H || (insn->k != header_bytes && insn->k != header_bytes + 2))
				return false;
			break;
		}
	}
	return true;
}
