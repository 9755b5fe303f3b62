// SPDX-License-Identifier: GPL-2.0-only
/* Transmit, from the device's queue to the driver. Bytes are read where the driver gets the packet. */
#include "follow.bpf.h"
#include "transmit.bpf.h"

#define SEGMENT_AGE_MAX_NS 1000000000ull /* a super-packet that was cut longer ago is another one */
#define QDISC_BULK_MAX 64 /* dequeue hands over a list; longer ones lose the stamp of their tail */

/* The cookie as far as one was made: what sends through tcp_sendmsg_locked has one, and only such packets are joined to a send call. */
static __always_inline void read_socket(struct sc_packet *p, const struct sk_buff *skb)
{
	const struct sock *sk = skb->sk;

	if (sk)
		p->sock = sk->__sk_common.skc_cookie.counter;
}

/* Segments of a super-packet, 0 for any other. */
static __always_inline __u16 skb_gso_segs(const struct sk_buff *skb)
{
	struct skb_shared_info *info;

	if (skb->len <= TX_GSO_MIN)
		return 0;
	info = (void *)(skb->head + skb->end);
	return BPF_CORE_READ(info, gso_size) ? BPF_CORE_READ(info, gso_segs) : 0;
}

static __always_inline void tx_read(struct sc_packet *p, struct sk_buff *skb, __u32 flags)
{
	packet_read(p, skb, false, !(flags & SC_DEV_RAW));
	p->gso_segs = skb_gso_segs(skb);
	if (p->gso_segs > 1)
		p->flags |= SC_FLAG_GSO;
	read_socket(p, skb);
}

static __always_inline bool tx_wanted(struct sk_buff *skb, __u32 flags, enum filter_view_user user)
{
	return !conf_filter || filter_skb(skb, false, !(flags & SC_DEV_RAW), user);
}

/* Where there is no TC egress: the first stage with link-layer bytes. */
static __always_inline bool netdev_begin(struct cpu_state *cpu, struct timeline *t, struct sk_buff *skb, __u32 flags)
{
	if (*(volatile __u32 *)&begin_at_tc || !(flags & SC_DEV_CAPTURE) || !direction_wanted(SC_DIR_TX))
		return false;
	if (conf_filter && flags & SC_DEV_TAG_BYTES && skb_vlan(skb))
		return false; /* its bytes will change: the driver's stage decides */
	if (!tx_wanted(skb, flags, FILTER_VIEW_SOFTIRQ)) {
		tx_settle(cpu, skb_key(skb), sock_key(skb->sk));
		return false;
	}
	if (!tx_begin(cpu, t, skb_key(skb), sock_key(skb->sk), skb->dev->ifindex) || !t->packet)
		return false;
	follow_skb(cpu, skb);
	return true;
}

SEC("tp_btf/net_dev_queue")
int BPF_PROG(sc_netdev, struct sk_buff *skb)
{
	struct timeline t = {};
	struct cpu_state *cpu;
	__u32 flags;

	if (nothing_open() && *(volatile __u32 *)&begin_at_tc)
		return 0;
	flags = device_flags(skb->dev);
	cpu = cpu_state();
	if (!cpu)
		return 0;
	if ((!timeline_follow(skb, SC_TX_NETDEV, &t) || !tx_continues(t.packet, SC_TX_NETDEV, skb->skb_iif)) &&
	    !netdev_begin(cpu, &t, skb, flags))
		return 0;
	if (t.packet->dir == SC_DIR_TX) {
		if (!(flags & SC_DEV_CAPTURE))
			return 0;
		t.packet->ifindex = skb->dev->ifindex;
	}
	t.packet->head = (__u64)skb->head;
	timeline_stamp(cpu, t.packet, SC_TX_NETDEV, bpf_ktime_get_ns());
	return 0;
}

SEC("tp_btf/qdisc_dequeue")
int BPF_PROG(sc_qdisc, struct Qdisc *qdisc, const struct netdev_queue *txq, int packets, struct sk_buff *skb)
{
	struct timeline t = {};
	struct cpu_state *cpu;
	__u64 now_ns;

	if (!skb || nothing_open())
		return 0;
	cpu = cpu_state();
	if (!cpu)
		return 0;
	now_ns = bpf_ktime_get_ns();
	for (int i = 0; i < QDISC_BULK_MAX && skb; i++) {
		if (timeline_follow(skb, SC_TX_QDISC, &t) && t.packet->last_stage == SC_TX_NETDEV)
			timeline_stamp(cpu, t.packet, SC_TX_QDISC, now_ns);
		skb = skb->next;
	}
	return 0;
}

/* A packet the driver gets that nobody saw before: a segment cut by software takes over what its super-packet had, anything else begins here. */
static __always_inline bool driver_begin(struct cpu_state *cpu, struct timeline *t, struct sk_buff *skb, __u32 flags)
{
	struct gso_parent *of;
	struct sc_packet *p;
	__u32 i;

	if (!*(volatile __u32 *)&begin_at_driver || !tx_wanted(skb, flags, FILTER_VIEW_XMIT)) {
		timeline_evict(cpu, skb_key(skb));
		return false;
	}
	if (!tx_begin(cpu, t, skb_key(skb), sock_key(skb->sk), skb->dev->ifindex))
		return false;
	p = t->packet;
	if (!p)
		return false;
	p->head = (__u64)skb->head;
	follow_skb(cpu, skb);
	tx_read(p, skb, flags);
	i = p->flow_hash & (PARENTS - 1);
	of = bpf_map_lookup_elem(&gso_parents, &i);
	if (!of || !of->id || of->flow_hash != p->flow_hash || bpf_ktime_get_ns() - of->last_ns > SEGMENT_AGE_MAX_NS)
		return true;
	if (p->l4_proto == IPPROTO_TCP && p->seq - of->seq >= of->payload_len_bytes)
		return true;
	p->parent_id = of->id;
	p->flags |= SC_FLAG_SEGMENT;
#pragma unroll
	for (int s = 0; s < GSO_STAGES; s++)
		if (of->stages & SC_BIT(SC_TX_FIRST + s))
			timeline_stamp(cpu, p, SC_TX_FIRST + s, of->stamp_ns[s]);
	return true;
}

static __always_inline void inherit(struct sc_packet *p, const __u8 stage, __u64 time_ns)
{
	if (!time_ns || !(conf_stages & SC_BIT(stage)))
		return;
	p->stamp_ns[stage] = time_ns;
	p->stages |= SC_BIT(stage);
}

/* IP cut it after POST_ROUTING, on this CPU just before: it shares the stamps up to there. */
static __always_inline void fragment_inherit(struct cpu_state *cpu, struct sc_packet *p)
{
	__u64 first_ns = p->stages & SC_BIT(SC_TX_TC) ? p->stamp_ns[SC_TX_TC] : p->stamp_ns[SC_TX_NETDEV];

	if (!(p->flags & SC_FLAG_FRAG) || p->stages & (SC_BIT(SC_TX_IP) | SC_BIT(SC_TX_OUT)) || cpu->out_ns > first_ns ||
	    cpu->out_key != packet_fragment_key(p))
		return;
	inherit(p, SC_TX_OUT, cpu->out_ns);
	inherit(p, SC_TX_IP, cpu->out_ip_ns);
	inherit(p, SC_TX_L4, cpu->out_l4_ns);
	inherit(p, SC_TX_WRITE, cpu->out_write_ns);
}

SEC("tp_btf/net_dev_start_xmit")
int BPF_PROG(sc_driver_tx, struct sk_buff *skb, const struct net_device *dev)
{
	__u32 flags = device_flags(dev);
	struct timeline t = {};
	struct cpu_state *cpu;
	struct sc_packet *p;
	__u64 now_ns;

	if (timeline_find(skb_key(skb), &t)) {
		/* A driver that was busy gets the packet again: the first time counts. */
		if (t.packet->dir == SC_DIR_TX && t.packet->last_stage == SC_TX_DRIVER && t.packet->head == (__u64)skb->head)
			return 0;
	} else if (!(flags & SC_DEV_CAPTURE) || tx_settled(skb_key(skb), sock_key(skb->sk))) {
		return 0;
	}
	cpu = cpu_state();
	if (!cpu)
		return 0;
	now_ns = bpf_ktime_get_ns();
	if (!timeline_follow(skb, SC_TX_DRIVER, &t) || !tx_continues(t.packet, SC_TX_DRIVER, skb->skb_iif)) {
		if (!(flags & SC_DEV_CAPTURE) || !direction_wanted(SC_DIR_TX) || !driver_begin(cpu, &t, skb, flags))
			return 0;
	}
	p = t.packet;
	if (!p)
		return 0;
	if (p->dir == SC_DIR_RX) {
		p->out_ifindex = dev->ifindex;
		timeline_stamp(cpu, p, SC_TX_DRIVER, now_ns);
		timeline_emit(cpu, &t, SC_END_FORWARD);
		return 0;
	}
	if (!(flags & SC_DEV_CAPTURE))
		return 0;
	p->ifindex = dev->ifindex;
	if (!(p->state & SC_STATE_BYTES))
		tx_read(p, skb, flags);
	fragment_inherit(cpu, p);
	timeline_stamp(cpu, p, SC_TX_DRIVER, now_ns);
	if (!(flags & SC_DEV_TXDONE) || !(conf_stages & SC_BIT(SC_TX_TXDONE)))
		timeline_emit(cpu, &t, SC_END_DRIVER);
	return 0;
}
