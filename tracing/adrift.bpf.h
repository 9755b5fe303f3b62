/* SPDX-License-Identifier: GPL-2.0-only */
/* Stories of packets that GRO merged into an skb nobody knows, and how they find it: by the bytes it has. See gro.bpf.h for when. */
#pragma once

#include "packet.bpf.h"

#define ADRIFT_MAX 64 /* an skb has at most as many segments that are full, and packets of few flows are in the making at once */
struct adrift { /* per CPU: stories of packets that GRO merged */
	__u32 next; /* free-running */
	__u32 open; /* entries taken */
	struct {
		__u64 id; /* 0: free */
		__u32 slot;
		__u32 flow_hash;
		__u32 seq;
		__u32 pad;
	} packet[ADRIFT_MAX];
};
struct map_adrifts {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct adrift);
};
extern struct map_adrifts adrifts SEC(".maps");

static __always_inline struct adrift *adrift_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&adrifts, &zero);
}

/*
 * GRO has merged this packet, and nobody knows yet into what. Its story leaves the place that goes by the skb's address: a poll has few of those, which come back at once,
 * and stories that wait in their sets would soon fill them.
 */
static __always_inline void adrift_add(struct cpu_state *cpu, struct timeline *t)
{
	struct adrift *a = adrift_get();
	struct timeline oldest = {}, to = {};
	__u64 i;

	if (!a || t->packet->l4_proto != IPPROTO_TCP) { /* nothing will tell */
		timeline_emit(cpu, t, SC_END_MERGED);
		return;
	}
	i = a->next++;
	BOUND(i, ADRIFT_MAX - 1);
	if (timeline_at(a->packet[i].slot, a->packet[i].id, &oldest))
		timeline_emit(cpu, &oldest, SC_END_MERGED);
	if (!timeline_move(cpu, &to, t, (t->packet->id << 3 | KEY_ADRIFT) & KEY_MASK) || !to.packet) {
		timeline_emit(cpu, t, SC_END_MERGED);
		return;
	}
	if (!a->packet[i].id)
		a->open++;
	a->packet[i].id = to.packet->id;
	a->packet[i].slot = to.packet->slot;
	a->packet[i].flow_hash = to.packet->flow_hash;
	a->packet[i].seq = to.packet->seq;
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
	__u64 id = to->id;

	if (!timeline_take(from))
		return false;
	*to = *from->packet;
	bpf_probe_read_kernel(packet_bytes(to), len, packet_bytes(from->packet));
	to->slot = slot;
	to->id = id;
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
	    !timeline_at(a->packet[at].slot, a->packet[at].id, &from) || !(from.owned & KEY_ADRIFT))
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
