/* SPDX-License-Identifier: GPL-2.0-only */
/* Helpers of the receive direction that several program files share. */
#pragma once

#include "packet.bpf.h"

/* Is there a reader to wait for once the transport has taken this packet? */
static __always_inline bool packet_has_payload(const struct sc_packet *p)
{
	return p->l4_proto != IPPROTO_TCP || p->payload_len_bytes;
}

/*
 * The transport turns to another packet: a TCP segment with payload that was not queued on its socket meanwhile (the socket was in use by its owner, or an
 * earlier segment is missing) goes to user space, which waits for the socket to reach its sequence number.
 */
static __always_inline void local_end(struct cpu_state *cpu)
{
	struct timeline t = {};

	if (!cpu->local_id)
		return;
	if (timeline_at(cpu->local_slot, cpu->local_id, &t) && t.packet->l4_proto == IPPROTO_TCP &&
	    t.packet->last_stage >= SC_RX_LOCAL && t.packet->last_stage <= SC_RX_L4)
		timeline_emit(cpu, &t, t.packet->payload_len_bytes ? SC_END_TRANSPORT : SC_END_L4);
	cpu->local_id = 0;
}
