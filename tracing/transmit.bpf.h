/* SPDX-License-Identifier: GPL-2.0-only */
/* Helpers of the transmit direction that several program files share. */
#pragma once

#include "packet.bpf.h"

/*
 * A transmit story begins at LOCAL_OUT, before it is certain by which device the packet leaves: it stays tentative, and uncounted, until a captured device
 * gets it. false: the limit of packets is reached and the story is over.
 */
static __always_inline bool tx_confirm(struct cpu_state *cpu, struct timeline *t)
{
	if (t->packet->state & SC_STATE_COUNTED)
		return true;
	if (!timeline_count(cpu, SC_DIR_TX)) {
		timeline_free(t);
		return false;
	}
	t->packet->state |= SC_STATE_COUNTED;
	return true;
}

static __always_inline bool tx_begin(struct cpu_state *cpu, struct timeline *t, __u64 key, __u32 ifindex)
{
	if (!timeline_begin(cpu, t, key) || !t->packet)
		return false;
	t->packet->dir = SC_DIR_TX;
	t->packet->ifindex = ifindex;
	return true;
}

/*
 * Could the story of p go on in the transmit path? A received packet's only while no local transport has it, and only in an skb that was received: `iif`
 * is its skb_iif, 0 for what this host made. (Reassembly and TCP free skbs without telling; the next packet sent may live in one of those.)
 */
static __always_inline bool tx_continues(const struct sc_packet *p, __u8 stage, __u32 iif)
{
	if (!stage_follows(stage, p->last_stage))
		return false;
	return p->dir == SC_DIR_TX || (iif && (p->last_stage <= SC_RX_IP || p->last_stage >= SC_TX_FIRST));
}
