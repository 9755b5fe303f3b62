/* SPDX-License-Identifier: GPL-2.0-only */
/* Which packet of a flow others may merge into. */
#pragma once

#include "begin.bpf.h"

static __always_inline struct parent_ref *gro_parent(const struct sc_packet *p)
{
	__u32 i = p->flow_hash & (PARENTS - 1);

	return bpf_map_lookup_elem(&gro_parents, &i);
}

/*
 * The filter did not want the packet that GRO merged this one into: nobody tells that skb's story, so this packet's goes on in it. Until the skb comes by at
 * `netif` the story belongs to no skb; it is found by its flow.
 */
static __always_inline void gro_adrift(struct cpu_state *cpu, struct timeline *t)
{
	struct parent_ref *parent = gro_parent(t->packet);

	if (t->packet->l4_proto != IPPROTO_TCP) { /* nothing would tell into which skb it went */
		timeline_emit(cpu, t, SC_END_MERGED);
		return;
	}
	if (!parent || __sync_val_compare_and_swap(t->key, t->owned, KEY_ADRIFT) != t->owned)
		return;
	parent->id = t->packet->id;
	parent->slot = t->packet->slot;
	parent->flow_hash = t->packet->flow_hash;
	cpu->adrift++;
}

/* Could a merged skb without a story of its own carry a packet that has one? */
static __always_inline bool gro_expects(const struct cpu_state *cpu)
{
	return cpu->adrift || (cpu->gro_id && !cpu->gro_parent_id);
}

/* Is `part` one of the packets that this merged skb was made of? */
static __always_inline bool gro_carries(const struct sc_packet *skb, const struct sc_packet *part)
{
	return skb->l4_proto == IPPROTO_TCP && part->l4_proto == IPPROTO_TCP && skb->flow_hash == part->flow_hash &&
	       part->dir == SC_DIR_RX && part->seq - skb->seq < skb->payload_len_bytes;
}

/* The story that goes on in this merged skb: of the packet inside napi_gro_receive, whose verdict is still to come, or of one that is adrift. */
static __always_inline bool gro_passenger(struct cpu_state *cpu, const struct sc_packet *skb, struct timeline *from)
{
	struct parent_ref *parent;

	if (cpu->gro_id && !cpu->gro_parent_id && timeline_at(cpu->gro_slot, cpu->gro_id, from) && gro_carries(skb, from->packet)) {
		cpu->gro_id = 0;
		return true;
	}
	parent = gro_parent(skb);
	if (!parent || !timeline_at(parent->slot, parent->id, from) || from->owned != KEY_ADRIFT || !gro_carries(skb, from->packet))
		return false;
	cpu->adrift--;
	return true;
}

/* A merged skb without a story reaches the stack: does a packet in it have one? Then that is *t from now on. */
static __always_inline bool gro_adopt(struct cpu_state *cpu, struct sk_buff *skb, struct timeline *t)
{
	__u32 flags = device_flags(skb->dev), slot, len = conf_room;
	struct timeline from = {};
	bool ether = !(flags & SC_DEV_RAW);

	if (!(flags & SC_DEV_CAPTURE) || !skb_is_gso(skb) || !timeline_begin(cpu, t, skb_key(skb)) || !t->packet)
		return false;
	packet_read(t->packet, skb, ether, ether);
	if (!gro_passenger(cpu, t->packet, &from)) {
		timeline_free(t);
		return false;
	}
	slot = t->packet->slot;
	*t->packet = *from.packet;
	bpf_probe_read_kernel(packet_bytes(t->packet), len, packet_bytes(from.packet));
	t->packet->slot = slot;
	t->packet->head = (__u64)skb->head;
	t->packet->flags |= SC_FLAG_GRO;
	timeline_free(&from);
	return true;
}
