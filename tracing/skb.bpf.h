/* SPDX-License-Identifier: GPL-2.0-only */
/* What an skb and its device say of themselves. */
#pragma once

#include "maps.bpf.h"

#define TX_GSO_MIN 1500 /* shorter packets are never super-packets: spares a read */

/* Flags of the watched device with this ifindex, whatever its namespace; 0 for any other. */
static __always_inline __u32 ifindex_flags(__u32 ifindex)
{
#pragma unroll
	for (int i = 0; i < SC_DEVICE_PROBES; i++) {
		const volatile struct sc_device *d = &conf_devices[(ifindex + i) & (SC_MAX_DEVICES - 1)];

		if (!d->ifindex)
			return 0;
		if (d->ifindex == ifindex)
			return d->flags;
	}
	return 0;
}

/* Flags of a watched device of the captured namespace, 0 for any other. */
static __always_inline __u32 device_flags_as(const struct net_device *dev, const bool typed)
{
	__u32 flags = ifindex_flags(FIELD(typed, dev, ifindex));
	const struct net *net;

	if (!flags)
		return 0;
	net = FIELD(typed, dev, nd_net.net);
	return FIELD(typed, net, ns.inum) == conf_netns_inum ? flags : 0;
}

static __always_inline __u32 device_flags(const struct net_device *dev)
{
	return device_flags_as(dev, TYPED);
}

/* The device that a packet's route leads to, when IP makes it: skb->dev is not set yet. A checked read in any program: the pointer has flags in its lowest bit. */
static __always_inline __u32 route_flags(const struct sk_buff *skb, const bool typed)
{
	const struct dst_entry *dst = (const void *)(FIELD(typed, skb, _skb_refdst) & ~1ul);

	return dst ? device_flags_as(FIELD(UNTYPED, dst, dev), UNTYPED) : 0;
}

static __always_inline bool direction_wanted(__u8 dir)
{
	return *(volatile __u32 *)&begin_dirs & (1 << (dir - 1));
}

/* The tag that hardware stripped or is to insert, or 0. bit 16 marks presence. */
static __always_inline __u32 skb_vlan(const struct sk_buff *skb)
{
	if (bpf_core_field_exists(((struct sk_buff___present *)skb)->vlan_present)) {
		struct sk_buff___present *old = (void *)skb;

		if (!BPF_CORE_READ_BITFIELD(old, vlan_present))
			return 0;
	} else if (!skb->vlan_proto) {
		return 0;
	}
	return 1 << 16 | skb->vlan_tci;
}

/* Of one segment, if the skb is made of several or is to become several; else 0. */
static __always_inline __u32 skb_gso_size(const struct sk_buff *skb)
{
	struct skb_shared_info *info = (void *)(skb->head + skb->end);

	return BPF_CORE_READ(info, gso_size);
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

static __always_inline bool skb_is_gso(const struct sk_buff *skb)
{
	return skb->len > TX_GSO_MIN && skb_gso_size(skb);
}
