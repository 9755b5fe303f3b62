/* SPDX-License-Identifier: GPL-2.0-only */
/* Helpers of the receive direction that several program files share. */
#pragma once

#include "packet.bpf.h"

/* Does anything tell when a datagram is queued? Else `l4` is its end. */
static __always_inline bool datagrams_told(void)
{
	return conf_dgram_ready || conf_dgram_queue;
}

/*
 * The transport turns to another packet: a TCP segment with payload that was not queued on its socket meanwhile (the socket was in use by its owner, or an
 * earlier segment is missing) goes to user space, which waits for the socket to reach its sequence number.
 */
static __always_inline void local_end(struct cpu_state *cpu)
{
	struct timeline t = {};
	bool open;

	if (!cpu->local_id)
		return;
	open = timeline_at(cpu->local_slot, cpu->local_id, &t);
	cpu->local_id = 0;
	if (!open || t.packet->last_stage < SC_RX_LOCAL || t.packet->last_stage > SC_RX_WAKEUP)
		return;
	if (t.packet->l4_proto == IPPROTO_TCP)
		timeline_emit(cpu, &t, recycled_end(t.packet));
	else if (t.packet->last_stage <= SC_RX_L4 && !datagrams_told())
		timeline_emit(cpu, &t, SC_END_L4);
}

/* The transport of this CPU works on p from now on. */
static __always_inline void local_begin(struct cpu_state *cpu, const struct sc_packet *p)
{
	local_end(cpu);
	cpu->local_slot = p->slot;
	cpu->local_id = p->id;
}

/*
 * What one captured device received comes out of another on top of it, a tunnel's: as a packet of that. The first one's story ends here, the second one's begins. It is not
 * another packet in a recycled skb: what the transport frees, but for TCP's, would have been told.
 */
static __always_inline void rx_passed_on(struct cpu_state *cpu, const struct sk_buff *skb)
{
	__u32 to = skb->dev->ifindex;
	struct timeline t = {};
	struct sc_packet *p;

	if (!timeline_find(skb_key(skb), &t))
		return;
	p = t.packet;
	if (!p || p->dir != SC_DIR_RX || (p->last_stage != SC_RX_LOCAL && p->last_stage != SC_RX_L4) || p->l4_proto == IPPROTO_TCP || p->flags & SC_FLAG_FRAG ||
	    p->ifindex == to || p->head != (__u64)skb->head)
		return;
	p->out_ifindex = to;
	timeline_emit(cpu, &t, SC_END_FORWARD);
}
