// SPDX-License-Identifier: GPL-2.0-only
/* Where skbs are freed: completions, quiet ends and drops. */
#include "cut.bpf.h"
#include "follow.bpf.h"
#include "queued.bpf.h"
#include "transmit.bpf.h"

/* Before the driver had it, a packet's bytes are still only in the skb. */
static __always_inline void read_late(struct sc_packet *p, struct sk_buff *skb)
{
	struct net_device *dev = skb->dev;

	if (!(p->state & SC_STATE_BYTES) && p->last_stage >= SC_TX_TC && dev)
		packet_read(p, skb, false, !(device_flags(dev) & SC_DEV_RAW));
}

/* Software segmentation frees the super-packet when its segments stand: they are the wire packets. */
static __always_inline void split(struct cpu_state *cpu, struct timeline *t, __u32 segment_bytes)
{
	if (!timeline_take(t))
		return;
	cut_note(t->packet, segment_bytes);
	count(cpu, SC_CNT_SPLIT, SC_DIR_TX);
	if (conf_limit)
		__sync_fetch_and_add(&begun_total, -1);
	timeline_free(t);
}

/* What freeing without an error means for a packet at this stage. */
static __always_inline __u8 consumed_end(const struct sc_packet *p)
{
	if (p->dir == SC_DIR_TX)
		return p->last_stage == SC_TX_DRIVER ? SC_END_DRIVER : SC_END_CONSUMED;
	if (recycled_end(p) != SC_END_RECYCLED)
		return recycled_end(p);
	if (!(conf_stages & SC_BIT(SC_RX_LOCAL)) && (p->l4_proto == IPPROTO_ICMP || p->l4_proto == IPPROTO_ICMPV6) && p->last_stage >= SC_RX_NETIF)
		return SC_END_L4; /* where nothing stamps `local`, an echo request cannot get further */
	/* UDP that is freed here was taken apart (segments of a GRO packet for a socket that wants them single): its end was not seen. */
	if ((p->last_stage == SC_RX_LOCAL || p->last_stage == SC_RX_L4) && p->l4_proto != IPPROTO_UDP)
		return SC_END_L4;
	return p->ip_version || p->last_stage < SC_RX_NETIF ? SC_END_CONSUMED : SC_END_TC;
}

SEC("tp_btf/consume_skb")
int BPF_PROG(sc_consume, struct sk_buff *skb)
{
	struct timeline t = {};
	struct cpu_state *cpu;
	struct sc_packet *p;

	early_forget(skb_key(skb));
	if (!timeline_find(skb_key(skb), &t))
		return 0;
	cpu = cpu_state();
	if (!cpu)
		return 0;
	p = t.packet;
	if (!p)
		return 0;
	if (p->last_stage == SC_TX_DRIVER && p->dir == SC_DIR_TX) {
		timeline_stamp(cpu, p, SC_TX_TXDONE, bpf_ktime_get_ns());
		timeline_emit(cpu, &t, SC_END_TXDONE);
		return 0;
	}
	if (conf_xdp_generic && p->dir == SC_DIR_RX && p->last_stage == SC_RX_NETIF) {
		cpu->replaced_slot = p->slot;
		cpu->replaced_id = p->id;
		return 0;
	}
	read_late(p, skb);
	if (p->dir == SC_DIR_RX && p->last_stage >= SC_TX_OUT && skb_is_gso(skb)) {
		timeline_emit(cpu, &t, SC_END_FORWARD);
		return 0;
	}
	if (p->dir == SC_DIR_TX && p->last_stage < SC_TX_DRIVER && skb_is_gso(skb)) {
		split(cpu, &t, skb_gso_size(skb));
		return 0;
	}
	if (p->last_stage == SC_RX_L4) {
		if (!timeline_take(&t))
			return 0;
		p->last_ns = bpf_ktime_get_ns(); /* a reader of datagrams may have done it, before its call returned */
		timeline_write(cpu, &t, consumed_end(p));
		return 0;
	}
	timeline_emit(cpu, &t, consumed_end(p));
	return 0;
}

static __always_inline bool drops_have_reasons(void)
{
	return bpf_core_enum_value_exists(enum skb_drop_reason, SKB_DROP_REASON_NOT_SPECIFIED);
}

/* Numbers of reasons differ between kernels. */
static __always_inline bool drop_has_reason(int reason)
{
	return drops_have_reasons() && reason != bpf_core_enum_value(enum skb_drop_reason, SKB_DROP_REASON_NOT_SPECIFIED);
}

/* It was handed to its socket, which has no room for it: it never got there. */
static __always_inline void socket_undo(const struct cpu_state *cpu, struct sc_packet *p)
{
	if (!conf_dgram_queue || p->last_stage != SC_RX_SOCKET || p->l4_proto == IPPROTO_TCP || p->id != cpu->local_id)
		return;
	p->stages &= ~SC_BIT(SC_RX_SOCKET);
	p->last_stage = p->stages & SC_BIT(SC_RX_L4) ? SC_RX_L4 : SC_RX_LOCAL;
}

/* In 6.1 and before ICMPv6 frees what it has dealt with as if it dropped it, without a reason. */
static __always_inline bool icmp6_served(const struct sc_packet *p, int reason)
{
	bool arrived = p->last_stage == SC_RX_L4 || (!(conf_stages & SC_BIT(SC_RX_LOCAL)) && p->last_stage >= SC_RX_NETIF);

	return p->l4_proto == IPPROTO_ICMPV6 && p->dir == SC_DIR_RX && arrived && !drop_has_reason(reason);
}

/* By a reason that came after that of readers. */
static __always_inline bool readers_have_reasons(void)
{
	return bpf_core_enum_value_exists(enum skb_drop_reason, SKB_DROP_REASON_RECURSION_LIMIT);
}

/*
 * A reader, or poll(), found the checksum of a queued datagram wrong, whose story was told when it was queued. Any other reason, or that one where packets arrive, may be
 * another packet's, in an skb that the table knows from before: what arrives has its route, which UDP lets go when it queues. Kernels before some 6.15 give readers no
 * reason: then it may have been dropped, and no read of it may be concluded.
 */
static __always_inline void drop_queued(const struct sk_buff *skb, int reason)
{
	__u64 key = skb_key(skb), id = queued_end(key);
	struct cpu_state *cpu = cpu_state();

	if (!id || !cpu || skb->_skb_refdst || !bpf_core_enum_value_exists(enum skb_drop_reason, SKB_DROP_REASON_UDP_CSUM))
		return;
	if (drop_has_reason(reason) ? reason != bpf_core_enum_value(enum skb_drop_reason, SKB_DROP_REASON_UDP_CSUM) : readers_have_reasons() || cpu->softirq_ns)
		return;
	struct sc_call call = { .type = SC_REC_DROPPED, .time_ns = bpf_ktime_get_ns(), .index = drop_has_reason(reason) ? reason : 0, .packet = id };

	call_output(cpu, &call, SC_DIR_RX);
}

/* Its third argument, the reason, came with 5.17 (kernel commit c504e5c2f964). */
SEC("tp_btf/kfree_skb")
int sc_drop(__u64 *args)
{
	struct sk_buff *skb = (void *)args[0];
	int reason = drops_have_reasons() ? args[2] : 0;
	struct timeline t = {};
	struct cpu_state *cpu;

	early_forget(skb_key(skb));
	if (!timeline_find(skb_key(skb), &t) || !t.packet) {
		if (conf_recv_length && sock_any())
			drop_queued(skb, reason);
		return 0;
	}
	if (conf_recv_length && sock_any())
		queued_forget(skb_key(skb));
	cpu = cpu_state();
	if (!cpu)
		return 0;
	/* Some drivers complete with dev_kfree_skb_any(), which calls it a drop without a reason: vmxnet3_unmap_pkt(). */
	if (t.packet->dir == SC_DIR_TX && t.packet->last_stage == SC_TX_DRIVER && !drop_has_reason(reason)) {
		timeline_stamp(cpu, t.packet, SC_TX_TXDONE, bpf_ktime_get_ns());
		timeline_emit(cpu, &t, SC_END_TXDONE);
		return 0;
	}
	/* A socket has a clone of it: what happens to the original is no loss. */
	if (icmp6_served(t.packet, reason) || (t.packet->flags & SC_FLAG_CLONE && t.packet->last_stage == SC_RX_L4)) {
		timeline_emit(cpu, &t, SC_END_L4);
		return 0;
	}
	read_late(t.packet, skb);
	socket_undo(cpu, t.packet);
	t.packet->drop_reason = reason;
	timeline_emit(cpu, &t, SC_END_DROP);
	return 0;
}
