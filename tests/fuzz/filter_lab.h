/* SPDX-License-Identifier: GPL-2.0-only */
/* A packet, the view that a filter function has of it, and the function run on both. */
#pragma once

#include "pcap/translate.h"
#include "tests/fuzz/ebpf_interpreter.h"
#include "tracing/filter.h"
#include "user/record_filter.h"

#define LAB_STALE 0xa5 /* what the window holds beyond its valid bytes */

struct lab_packet {
	const uint8_t *bytes;
	uint32_t data_bytes, len_bytes;
	uint32_t vlan_present, vlan_tag, packet_type, ifindex, link_type;
};

static inline struct sc_filter_view lab_view(const struct lab_packet *packet)
{
	struct sc_filter_view view = {
		.len_bytes = packet->len_bytes,
		.data_bytes = packet->data_bytes,
		.window_bytes = packet->data_bytes < SC_FILTER_WINDOW ? packet->data_bytes : SC_FILTER_WINDOW,
		.vlan_present = packet->vlan_present,
		.vlan_tag = packet->vlan_tag,
		.packet_type = packet->packet_type,
		.ifindex = packet->ifindex,
		.link_type = packet->link_type,
	};

	memset(view.window, LAB_STALE, sizeof(view.window));
	memcpy(view.window, packet->bytes, view.window_bytes);
	return view;
}

/* The verdict; on a trap *run says why. The view in *run is gone afterwards. */
static inline uint32_t lab_execute(struct ebpf_run *run, const struct translation *code, const struct lab_packet *packet)
{
	struct sc_filter_view view = lab_view(packet);

	*run = (struct ebpf_run){ .code = code->code, .count = code->count, .view = &view, .bytes = packet->bytes, .how = 0x100000002ull };
	return ebpf_execute(run);
}
