// SPDX-License-Identifier: GPL-2.0-only
/* Transmit, from the device's queue to the driver. Bytes are read where the driver gets the packet. */
#include "follow.bpf.h"
#include "segment.bpf.h"
#include "transmit.bpf.h"

#define QDISC_BULK_MAX 64 /* dequeue hands over a list; longer ones lose the stamp of their tail */

/* The cookie as far as one was made: what sends through tcp_sendmsg_locked has one, and only such packets are joined to a send call. */
static __always_inline void read_socket(struct sc_packet *p, const struct sk_buff *skb)
{
	const struct sock *sk = skb->sk;

	if (sk)
		p->sock = sk->__sk_common.skc_cookie.counter;
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

/* fq alone heeds departure times; other queues have other reasons. */
static __always_inline bool heeds_departure(const struct Qdisc *qdisc)
{
	const struct Qdisc_ops *ops = qdisc->ops;

	return ops->id[0] == 'f' && ops->id[1] == 'q' && !ops->id[2];
}

/*
 * TCP's pacing lets a packet go at its earliest departure time, CLOCK_MONOTONIC (kernel commit d3edd06ea8ea, tcp: provide earliest departure time in skb->tstamp):
 * up to then fq held the packet on purpose.
 */
static __always_inline void stamp_paced(struct cpu_state *cpu, struct sc_packet *p, const struct sk_buff *skb, __u64 now_ns, const bool typed)
{
	const struct sock *sk = FIELD(typed, skb, sk);
	__u64 departs_ns;
	__u8 state;

	state = sk ? FIELD(typed, sk, __sk_common.skc_state) : TCP_TIME_WAIT;
	if (state == TCP_TIME_WAIT || state == TCP_NEW_SYN_RECV || FIELD(typed, sk, sk_protocol) != IPPROTO_TCP)
		return;
	departs_ns = FIELD(typed, skb, tstamp);
	if (departs_ns > p->last_ns && departs_ns <= now_ns) /* it lets go what is beyond its horizon */
		timeline_stamp(cpu, p, SC_TX_PACED, departs_ns);
}

static __always_inline void dequeued(struct cpu_state *cpu, const struct sk_buff *skb, bool paced, __u64 now_ns, const bool typed)
{
	struct timeline t = {};

	if (!timeline_follow_as(skb, SC_TX_PACED, &t, typed) || t.packet->last_stage != SC_TX_NETDEV)
		return;
	if (paced)
		stamp_paced(cpu, t.packet, skb, now_ns, typed);
	timeline_stamp(cpu, t.packet, SC_TX_QDISC, now_ns);
}

SEC("tp_btf/qdisc_dequeue")
int BPF_PROG(sc_qdisc, struct Qdisc *qdisc, const struct netdev_queue *txq, int packets, struct sk_buff *skb)
{
	struct cpu_state *cpu;
	__u64 now_ns;
	bool paced;

	if (!skb || (nothing_open() && !*(volatile __u32 *)&cut_any))
		return 0;
	cpu = cpu_state();
	if (!cpu)
		return 0;
	now_ns = bpf_ktime_get_ns();
	cpu->dequeued_ns = now_ns;
	cpu->dequeued_ifindex = skb->dev->ifindex;
	paced = heeds_departure(qdisc);
	dequeued(cpu, skb, paced, now_ns, TYPED);
	if (!skb->next)
		return 0;
	/* A list. Untyped: for every typed pointer that it follows the verifier looks names up in all of BTF, a quarter of a second in this loop. */
	skb = FIELD(UNTYPED, skb, next);
	for (int i = 1; skb && i < QDISC_BULK_MAX; i++) {
		dequeued(cpu, skb, paced, now_ns, UNTYPED);
		skb = FIELD(UNTYPED, skb, next);
	}
	return 0;
}

/* A packet the driver gets that nobody saw before: a segment cut by software takes over what its super-packet had, anything else begins here. */
static __always_inline bool driver_begin(struct cpu_state *cpu, struct timeline *t, struct sk_buff *skb, __u32 flags)
{
	struct sc_packet *p;

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
	cut_inherit(p->slot, bpf_ktime_get_ns());
	return true;
}

static __always_inline void inherit(struct sc_packet *p, const __u8 stage, __u64 time_ns)
{
	if (!time_ns || !(conf_stages & SC_BIT(stage)))
		return;
	p->stamp_ns[stage] = time_ns;
	p->stages |= SC_BIT(stage);
}

/* IP cut it after POST_ROUTING, on this CPU just before: it shares the stamps up to there. Global for the verifier's sake, like cut_inherit(). */
__weak int fragment_inherit(__u32 slot)
{
	struct sc_packet *p = slot_packet(slot);
	struct cpu_state *cpu = cpu_state();
	__u64 first_ns;

	if (!p || !cpu)
		return 0;
	first_ns = p->stages & SC_BIT(SC_TX_TC) ? p->stamp_ns[SC_TX_TC] : p->stamp_ns[SC_TX_NETDEV];
	if (!(p->flags & SC_FLAG_FRAG) || p->stages & (SC_BIT(SC_TX_IP) | SC_BIT(SC_TX_OUT)) || cpu->out_ns > first_ns ||
	    cpu->out_key != packet_fragment_key(p))
		return 0;
	inherit(p, SC_TX_OUT, cpu->out_ns);
	inherit(p, SC_TX_IP, cpu->out_ip_ns);
	inherit(p, SC_TX_L4, cpu->out_l4_ns);
	inherit(p, SC_TX_WRITE, cpu->out_write_ns);
	return 0;
}

SEC("tp_btf/net_dev_start_xmit")
int BPF_PROG(sc_driver_tx, struct sk_buff *skb, const struct net_device *dev)
{
	__u32 flags = device_flags(dev);
	struct timeline t = {};
	struct cpu_state *cpu;
	struct sc_packet *p;
	__u64 now_ns;
	bool known = timeline_find(skb_key(skb), &t);

	if (known) {
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
	if (!known || !timeline_goes_on_as(skb, SC_TX_DRIVER, &t, TYPED) || !tx_continues(t.packet, SC_TX_DRIVER, skb->skb_iif)) {
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
	fragment_inherit(p->slot);
	timeline_stamp(cpu, p, SC_TX_DRIVER, now_ns);
	if (!(flags & SC_DEV_TXDONE) || !(conf_stages & SC_BIT(SC_TX_TXDONE)))
		timeline_emit(cpu, &t, SC_END_DRIVER);
	return 0;
}
