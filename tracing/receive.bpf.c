// SPDX-License-Identifier: GPL-2.0-only
/* Receive without GRO, and the entry of the stack. */
#include "gro.bpf.h"

static __always_inline int rx_enter(struct sk_buff *skb, enum rx_path path)
{
	struct cpu_state *cpu = cpu_state();

	if (cpu)
		rx_begin(cpu, skb, path);
	return 0;
}

SEC("tp_btf/netif_rx_entry")
int BPF_PROG(sc_netif_rx, struct sk_buff *skb)
{
	return rx_enter(skb, RX_BACKLOG);
}

/* A bridge hands packets of its ports to itself here: only a packet that is new to us begins. */
static __always_inline int rx_enter_new(struct sk_buff *skb)
{
	struct timeline t = {};

	if (timeline_follow(skb, SC_RX_TC, &t) && t.packet->dir == SC_DIR_RX && t.packet->last_stage >= SC_RX_NETIF)
		return 0;
	return rx_enter(skb, RX_DIRECT);
}

SEC("tp_btf/netif_receive_skb_entry")
int BPF_PROG(sc_rcv_entry, struct sk_buff *skb)
{
	return rx_enter_new(skb);
}

SEC("tp_btf/netif_receive_skb_list_entry")
int BPF_PROG(sc_rcv_list, struct sk_buff *skb)
{
	return rx_enter_new(skb);
}

SEC("tp_btf/netif_receive_skb")
int BPF_PROG(sc_netif, struct sk_buff *skb)
{
	struct timeline t = {};
	struct cpu_state *cpu;
	struct sc_packet *p;
	__u64 softirq_ns;
	bool known;

	if (conf_gro_entry && nothing_open())
		return 0;
	cpu = cpu_state();
	if (!cpu)
		return 0;
	known = timeline_follow(skb, SC_RX_NETIF, &t);
	if (conf_filter)
		known = gro_arrive(cpu, &t, skb, known);
	if (!known) {
		/* Where nothing tells that a NAPI driver hands a packet over, this is where it is seen first. */
		if (conf_gro_entry || rx_begin(cpu, skb, RX_LATE) < 0 || !timeline_follow(skb, SC_RX_NETIF, &t))
			return 0;
	}
	p = t.packet; /* received: what is sent is past this stage */
	softirq_ns = cpu->softirq_ns ? softirq_turn_ns(cpu) : 0;
	if (p->cpu != bpf_get_smp_processor_id())
		p->flags |= SC_FLAG_BACKLOG; /* packet steering: another CPU's queue */
	/* Queued while the softirq was at this queue already: its turn began before, and says nothing of when the packet was taken. */
	if (p->flags & SC_FLAG_BACKLOG) {
		if (softirq_ns > p->last_ns)
			timeline_stamp(cpu, p, SC_RX_BACKLOG, softirq_ns);
		else
			p->flags |= SC_FLAG_POLLED;
	}
	timeline_stamp(cpu, p, SC_RX_NETIF, bpf_ktime_get_ns());
	if (!p->ip_version && !(conf_stages & SC_BIT(SC_RX_TC)))
		timeline_emit(cpu, &t, SC_END_TC);
	return 0;
}
