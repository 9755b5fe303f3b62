/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which packet carries those on that GRO merged into it.
 *
 * Without a filter every wire packet has a story, so the newest one of a flow that GRO did not merge is the one that others merge into. With a filter the skb may
 * have begun with a packet nobody wanted: a merged packet is then set adrift, its story without an skb, until an skb comes by at `netif` that has its bytes,
 * by flow and sequence number. It joins the story of that skb, or, if there is none, its own goes on in it.
 */
#pragma once

#include "begin.bpf.h"

static __always_inline struct parent_ref *gro_parent(const struct sc_packet *p)
{
	__u32 i = p->flow_hash & (PARENTS - 1);

	return bpf_map_lookup_elem(&gro_parents, &i);
}

static __always_inline struct adrift *adrift_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&adrifts, &zero);
}

/* Is it certain that whatever this packet was merged into has a story? Then the newest packet of its flow is it. */
static __always_inline bool gro_parent_known(const struct sc_packet *p)
{
	return !conf_filter || (conf_flow_filter && p->l4_proto != IPPROTO_TCP);
}

/* GRO has merged this packet, and nobody knows yet into what. */
static __always_inline void adrift_add(struct cpu_state *cpu, struct timeline *t)
{
	__u64 key = (t->owned & ~KEY_MASK) | KEY_ADRIFT, i;
	struct adrift *a = adrift_get();
	struct timeline oldest = {};
	struct sc_packet *p = t->packet;

	if (!a || p->l4_proto != IPPROTO_TCP) { /* nothing will tell */
		timeline_emit(cpu, t, SC_END_MERGED);
		return;
	}
	i = a->next++;
	BOUND(i, ADRIFT_MAX - 1);
	if (timeline_at(a->packet[i].slot, a->packet[i].id, &oldest))
		timeline_emit(cpu, &oldest, SC_END_MERGED);
	if (__sync_val_compare_and_swap(t->key, t->owned, key) != t->owned)
		return;
	if (!a->packet[i].id)
		a->open++;
	a->packet[i].id = p->id;
	a->packet[i].slot = p->slot;
	a->packet[i].flow_hash = p->flow_hash;
	a->packet[i].seq = p->seq;
}

/* A TCP packet's bytes in an skb that may be longer by now. `l3_len`: skb->len with the network header first. */
static __always_inline __u32 payload_now(struct sc_packet *p, __u32 l3_len)
{
	__u32 headers = p->l4_off - p->l3_off + (byte_at(p, p->l4_off + 12) >> 4) * 4;

	return l3_len > headers ? l3_len - headers : 0;
}

/* Takes the story of a packet over into the slot of the skb it rides in. */
static __always_inline bool adrift_adopt(struct sc_packet *to, struct timeline *from, const struct sk_buff *skb)
{
	__u32 slot = to->slot, len = conf_room;

	if (!timeline_take(from))
		return false;
	*to = *from->packet;
	bpf_probe_read_kernel(packet_bytes(to), len, packet_bytes(from->packet));
	to->slot = slot;
	to->head = (__u64)skb->head;
	to->flags |= SC_FLAG_GRO;
	timeline_free(from);
	return true;
}

struct gro_skb { /* a merged skb at `netif` */
	__u32 flow_hash;
	__u32 seq;
	__u32 payload_len_bytes;
	__u32 pad;
	__u64 carrier_id; /* the packet whose story it is, 0 none yet */
};

/* One entry: does this skb have its bytes? */
__hidden __noinline int adrift_land(struct cpu_state *cpu, struct gro_skb *g, struct sc_packet *p, struct sk_buff *skb, __u32 i)
{
	struct adrift *a = adrift_get();
	struct timeline from = {};
	__u64 at = i;

	if (!cpu || !g || !p || !skb || !a)
		return 0;
	BOUND(at, ADRIFT_MAX - 1);
	if (!a->packet[at].id || a->packet[at].flow_hash != g->flow_hash || a->packet[at].seq - g->seq >= g->payload_len_bytes ||
	    !timeline_at(a->packet[at].slot, a->packet[at].id, &from) || (from.owned & KEY_MASK) != KEY_ADRIFT)
		return 0;
	a->packet[at].id = 0;
	a->open--;
	if (g->carrier_id) {
		from.packet->parent_id = g->carrier_id;
		timeline_emit(cpu, &from, SC_END_MERGED);
	} else if (adrift_adopt(p, &from, skb)) {
		g->carrier_id = p->id;
	}
	return 0;
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
