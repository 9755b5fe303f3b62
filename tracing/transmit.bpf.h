/* SPDX-License-Identifier: GPL-2.0-only */
/* Helpers of the transmit direction that several program files share. */
#pragma once

#include "early.bpf.h"
#include "filter.bpf.h"

/* Begins the story of a packet that a captured device is about to send. `sock`: skb_key() of its socket. false: it is not to be recorded, or lost and counted. */
static __always_inline bool tx_begin(struct cpu_state *cpu, struct timeline *t, __u64 key, __u64 sock, __u32 ifindex)
{
	if (!timeline_count(cpu, SC_DIR_TX)) {
		tx_settle(cpu, key, sock);
		return false;
	}
	if (!timeline_begin(cpu, t, key) || !t->packet) {
		count(cpu, SC_CNT_TABLE, SC_DIR_TX);
		tx_settle(cpu, key, sock);
		return false;
	}
	t->packet->dir = SC_DIR_TX;
	t->packet->ifindex = ifindex;
	early_apply(cpu, t->packet, key, sock);
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
