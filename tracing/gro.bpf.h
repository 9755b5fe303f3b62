/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which packet carries those on that GRO merged into it.
 *
 * Without a filter every wire packet has a story, so the newest one of a flow that GRO did not merge is the one that others merge into. With a filter the skb may
 * have begun with a packet nobody wanted: a merged packet is then set adrift, its story without an skb, until an skb comes by at `netif` that has its bytes,
 * by flow and sequence number. It joins the story of that skb, or, if there is none, its own goes on in it.
 */
#pragma once

#include "adrift.bpf.h"
#include "begin.bpf.h"

static __always_inline struct parent_ref *gro_parent(const struct sc_packet *p)
{
	/* Its lowest ten bits are those of the port mixed: flows with ports in a row never meet. The rest tells apart those whose ports are the same there. */
	__u32 i = (p->flow_hash & 0x3ff) | (p->flow_hash * 0x9E3779B1u >> (42 - PARENTS_BITS)) << 10;

	return bpf_map_lookup_elem(&gro_parents, &i);
}

/* Is it certain that whatever this packet was merged into has a story? Then the newest packet of its flow is it. */
static __always_inline bool gro_parent_known(const struct sc_packet *p)
{
	return !conf_filter || (conf_flow_filter && p->l4_proto != IPPROTO_TCP);
}

/* The packet inside napi_gro_receive, if it is the last one of this skb: its verdict is still to come, but the skb is complete. */
static __always_inline void flight_land(struct cpu_state *cpu, struct gro_skb *g, struct sc_packet *p, struct sk_buff *skb)
{
	struct timeline from = {};

	if (!cpu->gro_id || !timeline_at(cpu->gro_slot, cpu->gro_id, &from) || from.packet->l4_proto != IPPROTO_TCP ||
	    from.packet->flow_hash != g->flow_hash ||
	    from.packet->seq + from.packet->payload_len_bytes != g->seq + g->payload_len_bytes || from.packet == p)
		return;
	if (g->carrier_id) {
		cpu->gro_parent_id = g->carrier_id; /* if it turns out to be merged */
		return;
	}
	if (!adrift_adopt(p, &from, skb))
		return;
	g->carrier_id = p->id;
	cpu->gro_id = 0;
}

/* A merged skb of a captured device. t: its story; or, if `fresh`, a slot for one. true: it has one. */
static __always_inline bool gro_land(struct cpu_state *cpu, struct timeline *t, struct sk_buff *skb, bool fresh)
{
	struct sc_packet *p = t->packet;
	struct gro_skb g = {};
	struct adrift *a;

	if (!p || p->l4_proto != IPPROTO_TCP)
		return false;
	g.flow_hash = p->flow_hash;
	g.seq = p->seq;
	g.payload_len_bytes = payload_now(p, skb->len);
	g.carrier_id = fresh ? 0 : p->id;
	a = adrift_get();
	if (a && a->open)
		for (__u32 i = 0; i < ADRIFT_MAX; i++)
			adrift_land(cpu, &g, p, skb, i);
	flight_land(cpu, &g, p, skb);
	return g.carrier_id;
}

/* Could this skb have packets in it whose stories wait for it? */
static __always_inline bool gro_awaited(const struct cpu_state *cpu)
{
	struct adrift *a = adrift_get();

	return cpu->gro_id || (a && a->open);
}

/* With a filter, at `netif`: stories of packets that this skb was made of find it. t: its own, if `known`. Returns whether it has one now. */
static __always_inline bool gro_arrive(struct cpu_state *cpu, struct timeline *t, struct sk_buff *skb, bool known)
{
	__u32 flags = device_flags(skb->dev);
	bool ether = !(flags & SC_DEV_RAW);

	if (!(flags & SC_DEV_CAPTURE) || !gro_awaited(cpu) || !skb_gso_size(skb))
		return known;
	if (known)
		return gro_land(cpu, t, skb, false), true;
	if (!timeline_begin(cpu, t, skb_key(skb)) || !t->packet)
		return false;
	packet_read(t->packet, skb, ether, ether); /* for its flow and sequence number */
	if (gro_land(cpu, t, skb, true))
		return true;
	timeline_free(t);
	return false;
}
