// SPDX-License-Identifier: GPL-2.0-only
/* Generic receive offload: one record per wire packet. Its verdict is known right after the `driver` stage. */
#include "gro.bpf.h"

/*
 * Notes what gro_leave() will need. Whether GRO holds a packet of this flow has to be asked before: a merge that completes the parent sends it up the
 * stack, to its very end perhaps, before napi_gro_receive returns.
 */
static __always_inline int gro_enter(struct sk_buff *skb)
{
	struct cpu_state *cpu = cpu_state();
	struct parent_ref *parent;
	struct timeline of = {};
	struct sc_packet *p;
	int slot;

	if (!cpu)
		return 0;
	cpu->gro_id = 0;
	slot = rx_begin(cpu, skb, RX_NAPI);
	if (slot < 0)
		return 0;
	p = slot_packet(slot);
	if (!p || !p->ip_version)
		return 0;
	cpu->gro_slot = slot;
	cpu->gro_id = p->id;
	cpu->gro_parent_id = 0;
	if (!gro_parent_known(p))
		return 0;
	parent = gro_parent(p);
	if (parent && parent->flow_hash == p->flow_hash && timeline_at(parent->slot, parent->id, &of) &&
	    of.packet->last_stage == SC_RX_DRIVER)
		cpu->gro_parent_id = parent->id;
	return 0;
}

/*
 * GRO's verdict. Merged: the packet's own story ends here and its parent carries it on. Anything else: it may become a parent itself. A flow has one parent
 * per CPU at a time: GRO holds at most one packet of a flow.
 */
static __always_inline int gro_leave(int verdict)
{
	struct cpu_state *cpu = cpu_state();
	struct parent_ref *parent;
	struct timeline t = {};
	__u64 id;

	if (!cpu || !cpu->gro_id)
		return 0;
	id = cpu->gro_id;
	cpu->gro_id = 0;
	if (!timeline_at(cpu->gro_slot, id, &t))
		return 0;
	if (verdict == SC_GRO_MERGED || verdict == SC_GRO_MERGED_FREE) {
		t.packet->flags |= SC_FLAG_GRO;
		t.packet->parent_id = cpu->gro_parent_id;
		if (!cpu->gro_parent_id && !gro_parent_known(t.packet))
			adrift_add(cpu, &t);
		else
			timeline_emit(cpu, &t, SC_END_MERGED);
		return 0;
	}
	if (!gro_parent_known(t.packet))
		return 0;
	parent = gro_parent(t.packet);
	if (parent) {
		parent->id = id;
		parent->slot = t.packet->slot;
		parent->flow_hash = t.packet->flow_hash;
	}
	return 0;
}

SEC("tp_btf/napi_gro_receive_entry")
int BPF_PROG(sc_gro_entry, struct sk_buff *skb)
{
	return gro_enter(skb);
}

SEC("tp_btf/napi_gro_frags_entry")
int BPF_PROG(sc_frags_entry, struct sk_buff *skb)
{
	return gro_enter(skb);
}

SEC("tp_btf/napi_gro_receive_exit")
int BPF_PROG(sc_gro_exit, int verdict)
{
	return gro_leave(verdict);
}

SEC("tp_btf/napi_gro_frags_exit")
int BPF_PROG(sc_frags_exit, int verdict)
{
	return gro_leave(verdict);
}
