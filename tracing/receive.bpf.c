// SPDX-License-Identifier: GPL-2.0-only
/* Receive, from the driver's hand-over to the entry of the stack. One record per wire packet: GRO's verdict is known right after the `driver` stage. */
#include "receive.bpf.h"

enum rx_path { RX_NAPI, RX_BACKLOG, RX_DIRECT, RX_LATE };

/*
 * When the softirq turned to this device: its entry, unless it has polled the device before or NET_RX was raised again since. Then the packet may have come
 * after the entry (a softirq that answers over veth feeds itself) and only the begin of this very poll is certain.
 */
static __always_inline __u64 softirq_turn_ns(const struct cpu_state *cpu, __u32 ifindex)
{
	if (cpu->irq_ns || cpu->poll_end_ns < cpu->softirq_ns || (!cpu->raised_since_entry && cpu->polled_ifindex != ifindex))
		return cpu->softirq_ns;
	return cpu->poll_end_ns;
}

/* Stamps of what came before the skb: the interrupt and softirq of this CPU. */
static __always_inline void stamp_irq(struct cpu_state *cpu, struct sc_packet *p, __u32 flags)
{
	__u64 softirq_ns = cpu->softirq_ns, irq_ns = cpu->irq_ns;

	if (!softirq_ns)
		return;
	if (irq_ns && irq_ns <= softirq_ns) {
		timeline_stamp(cpu, p, SC_RX_HARDIRQ, irq_ns);
		p->irq = cpu->irq;
	} else if (flags & SC_DEV_IRQ && cpu->irq != IRQ_AMBIGUOUS) {
		p->flags |= SC_FLAG_POLLED;
	}
	timeline_stamp(cpu, p, SC_RX_SOFTIRQ, softirq_turn_ns(cpu, p->ifindex));
}

/* The XDP program saw this buffer moments ago on this CPU: same MAC header address, same poll. A mark serves once. */
static __always_inline void stamp_xdp(struct cpu_state *cpu, struct sc_packet *p, __u64 mac, __u64 now_ns)
{
	__u32 zero = 0, at;
	struct sc_xdp_marks *marks;

	if (!(conf_stages & SC_BIT(SC_RX_XDP)) || conf_xdp_generic)
		return; /* generic XDP runs after `netif`: that is no stamp of the driver */
	marks = bpf_map_lookup_elem(&xdp_marks, &zero);
	if (!marks)
		return;
	at = marks->next;
	for (int i = 1; i <= SC_XDP_MARKS; i++) {
		struct sc_xdp_mark *m = &marks->mark[(at - i) & (SC_XDP_MARKS - 1)];

		if (m->address != mac || m->ifindex != p->ifindex)
			continue;
		m->address = 0;
		if (m->time_ns <= now_ns && m->time_ns >= cpu->softirq_ns) {
			timeline_stamp(cpu, p, SC_RX_XDP, m->time_ns);
			p->queue = m->queue;
		}
		return;
	}
}

/* The driver hands an skb over: a fresh timeline for every wire packet. Its slot, or -1. */
static __always_inline int rx_begin(struct cpu_state *cpu, struct sk_buff *skb, enum rx_path path)
{
	__u32 flags = device_flags(skb->dev);
	__u64 mac, now_ns;
	struct timeline t = {};
	struct sc_packet *p;

	if (!(flags & SC_DEV_CAPTURE))
		return -1;
	now_ns = bpf_ktime_get_ns();
	if (!direction_wanted(SC_DIR_RX) || !timeline_count(cpu, SC_DIR_RX)) {
		timeline_evict(cpu, skb_key(skb));
		return -1;
	}
	if (!timeline_begin(cpu, &t, skb_key(skb))) {
		count(cpu, SC_CNT_TABLE, SC_DIR_RX);
		return -1;
	}
	p = t.packet;
	if (!p)
		return -1;
	p->state = SC_STATE_COUNTED;
	p->dir = SC_DIR_RX;
	p->head = (__u64)skb->head;
	p->ifindex = skb->dev->ifindex;
	mac = flags & SC_DEV_RAW ? (__u64)skb->data : (__u64)skb->head + skb->mac_header;
	packet_read(p, skb, !(flags & SC_DEV_RAW), !(flags & SC_DEV_RAW));
	if (path == RX_NAPI || path == RX_LATE) {
		stamp_irq(cpu, p, flags);
		stamp_xdp(cpu, p, mac, now_ns);
	} else if (path == RX_BACKLOG) {
		p->flags |= SC_FLAG_BACKLOG;
	}
	if (path != RX_LATE)
		timeline_stamp(cpu, p, SC_RX_DRIVER, now_ns);
	return p->slot;
}

static __always_inline struct parent_ref *gro_parent(const struct sc_packet *p)
{
	__u32 i = p->flow_hash & (PARENTS - 1);

	return bpf_map_lookup_elem(&gro_parents, &i);
}

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
		timeline_emit(cpu, &t, SC_END_MERGED);
		return 0;
	}
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
	struct cpu_state *cpu = cpu_state();
	struct timeline t = {};
	struct sc_packet *p;
	__u64 softirq_ns;

	if (!cpu)
		return 0;
	if (!timeline_follow(skb, SC_RX_NETIF, &t)) {
		/* Where nothing tells that a NAPI driver hands a packet over, this is where it is seen first. */
		if (conf_gro_entry || rx_begin(cpu, skb, RX_LATE) < 0 || !timeline_follow(skb, SC_RX_NETIF, &t))
			return 0;
	}
	p = t.packet;
	if (p->dir != SC_DIR_RX)
		return 0;
	softirq_ns = cpu->softirq_ns ? softirq_turn_ns(cpu, 0) : 0;
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
