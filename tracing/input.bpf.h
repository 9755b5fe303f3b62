/* SPDX-License-Identifier: GPL-2.0-only */
/* The stages of IP and transport input, whatever kind of program tells of them: `typed` as in typed.bpf.h. */
#pragma once

#include "queued.bpf.h"
#include "receive.bpf.h"

static __always_inline void ip_received(const struct sk_buff *skb, const bool typed)
{
	struct timeline t = {};
	struct cpu_state *cpu;

	if (!timeline_follow_as(skb, SC_RX_IP, &t, typed) || t.packet->dir != SC_DIR_RX)
		return;
	cpu = cpu_state();
	if (cpu)
		timeline_stamp(cpu, t.packet, SC_RX_IP, bpf_ktime_get_ns());
}

static __always_inline void local_delivered(const struct sk_buff *skb, const bool typed)
{
	struct timeline t = {};
	struct cpu_state *cpu;

	if (conf_recv_length && !conf_l4_cgroup)
		queued_forget(key_of(skb, typed));
	if (nothing_open())
		return;
	cpu = cpu_state();
	if (!cpu)
		return;
	local_end(cpu);
	if (!timeline_find(key_of(skb, typed), &t))
		return;
	/* Reassembly may have moved the buffer of a fragment: the address and the order have to do for those. */
	if (t.packet->dir != SC_DIR_RX || !stage_follows(SC_RX_LOCAL, t.packet->last_stage) ||
	    (t.packet->head != (__u64)FIELD(typed, skb, head) && !(t.packet->flags & SC_FLAG_FRAG)))
		return;
	local_begin(cpu, t.packet);
	timeline_stamp(cpu, t.packet, SC_RX_LOCAL, bpf_ktime_get_ns());
	if (conf_recv_length && !conf_l4_cgroup && t.packet->l4_proto != IPPROTO_TCP) {
		t.packet->skb = key_of(skb, typed);
		queued_put(t.packet->skb, t.packet->id, t.packet->last_ns);
	}
}

/* A transport's own function. How the story ends is for what comes next to say: it may be dropped yet. */
static __always_inline void l4_received(const struct sk_buff *skb, const bool typed)
{
	struct timeline t = {};
	struct cpu_state *cpu;

	if (!timeline_follow_as(skb, SC_RX_L4, &t, typed) || t.packet->dir != SC_DIR_RX)
		return;
	cpu = cpu_state();
	if (!cpu)
		return;
	if (t.packet->id != cpu->local_id)
		local_begin(cpu, t.packet);
	timeline_stamp(cpu, t.packet, SC_RX_L4, bpf_ktime_get_ns());
}
