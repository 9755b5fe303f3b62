/* SPDX-License-Identifier: GPL-2.0-only */
/* Where the story of a received packet begins: its filter, its slot, and the stamps of what came before it had an skb. */
#pragma once

#include "arrival.bpf.h"
#include "filter.bpf.h"
#include "mark.bpf.h"
#include "receive.bpf.h"
#include "xdp_frames.bpf.h"
#include "xdp_mark.bpf.h"

enum rx_path { RX_NAPI, RX_BACKLOG, RX_DIRECT, RX_LATE };

static __always_inline struct sc_xdp_mark *xdp_mark_take(struct sk_buff *skb, bool ether)
{
	struct sc_xdp_marks *marks;
	struct sc_xdp_mark *m;
	__u32 zero = 0;

	if (!(conf_stages & SC_BIT(SC_RX_XDP)) || conf_xdp_generic)
		return NULL; /* generic XDP runs after `netif`: that is no stamp of the driver */
	marks = bpf_map_lookup_elem(&xdp_marks, &zero);
	m = marks ? xdp_mark_find(marks, skb, ether ? (__u64)skb->head + skb->mac_header : (__u64)skb->data) : NULL;
	if (!m) {
		frame_unknown();
		return NULL;
	}
	m->address = m->key = 0;
	frame_passed(m);
	return m;
}

static __always_inline void stamp_xdp(struct cpu_state *cpu, struct sc_packet *p, const struct sc_xdp_mark *m, __u64 now_ns)
{
	if (!m || m->time_ns > now_ns || m->time_ns < cpu->softirq_ns)
		return;
	timeline_stamp(cpu, p, SC_RX_XDP, m->time_ns);
	p->queue = m->queue;
}

/* When the driver handed the skb over: its call of eth_type_trans(), if that was in the poll that goes on; else now, where that is the next thing it does; 0 unknown. */
static __always_inline __u64 driver_handed_ns(const struct cpu_state *cpu, const struct sk_buff *skb, enum rx_path path, __u64 now_ns)
{
	__u64 since_ns = cpu->softirq_ns > cpu->poll_end_ns ? cpu->softirq_ns : cpu->poll_end_ns, handed_ns;

	if (since_ns < cpu->poll_begin_ns)
		since_ns = cpu->poll_begin_ns;
	handed_ns = driver_mark_take(skb_key(skb), since_ns); /* older: veth calls it where the packet is sent */
	if (handed_ns)
		return handed_ns;
	return path == RX_LATE ? 0 : now_ns;
}

/* Does the filter want this packet? The XDP program may have decided already. */
static __always_inline bool rx_wanted(struct sk_buff *skb, bool ether, enum rx_path path, const struct sc_xdp_mark *mark)
{
	if (!conf_filter)
		return true;
	if (mark && mark->verdict != SC_XDP_UNDECIDED)
		return mark->verdict == SC_XDP_WANTED;
	return filter_skb(skb, true, ether, path == RX_BACKLOG ? FILTER_VIEW_NETIF_RX : FILTER_VIEW_SOFTIRQ);
}

/* The driver hands an skb over: a fresh timeline for every wire packet. Its slot, or -1. */
static __always_inline int rx_begin(struct cpu_state *cpu, struct sk_buff *skb, enum rx_path path)
{
	__u32 flags = device_flags(skb->dev);
	bool ether = !(flags & SC_DEV_RAW);
	struct sc_xdp_mark *mark = NULL;
	struct timeline t = {};
	struct sc_packet *p;
	__u64 now_ns, handed_ns;

	if (!(flags & SC_DEV_CAPTURE))
		return -1;
	if (path == RX_DIRECT && flags & SC_DEV_IRQ)
		path = RX_NAPI; /* a driver that does without GRO: some poll and call netif_receive_skb() */
	if (path == RX_NAPI || path == RX_LATE || (path == RX_DIRECT && frames_wait()))
		mark = xdp_mark_take(skb, ether);
	if (path == RX_DIRECT)
		mark = NULL; /* not surely of this poll */
	cpu->poll_queue = skb->queue_mapping;
	if (!direction_wanted(SC_DIR_RX) || !rx_wanted(skb, ether, path, mark) || !timeline_count(cpu, SC_DIR_RX)) {
		rx_passed_on(cpu, skb);
		timeline_evict(cpu, skb_key(skb));
		return -1;
	}
	now_ns = bpf_ktime_get_ns();
	rx_passed_on(cpu, skb);
	if (!timeline_begin(cpu, &t, skb_key(skb))) {
		count(cpu, SC_CNT_TABLE, SC_DIR_RX);
		return -1;
	}
	p = t.packet;
	if (!p)
		return -1;
	p->dir = SC_DIR_RX;
	p->head = (__u64)skb->head;
	p->ifindex = skb->dev->ifindex;
	packet_read(p, skb, ether, ether);
	handed_ns = driver_handed_ns(cpu, skb, path, now_ns);
	if (path == RX_NAPI || path == RX_LATE) {
		stamp_interrupt(p->slot, flags, skb->queue_mapping);
		stamp_xdp(cpu, p, mark, handed_ns ?: now_ns);
	} else if (path == RX_BACKLOG) {
		p->flags |= SC_FLAG_BACKLOG;
	}
	if (handed_ns)
		timeline_stamp(cpu, p, SC_RX_DRIVER, handed_ns);
	return p->slot;
}
