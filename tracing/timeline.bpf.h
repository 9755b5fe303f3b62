/* SPDX-License-Identifier: GPL-2.0-only */
/* Open timelines: begin, follow, stamp. */
#pragma once

#include "queued.bpf.h"
#include "record.bpf.h"

/* Counts a story as begun; false when the limit of packets is reached. */
static __always_inline bool timeline_count(struct cpu_state *cpu, __u8 dir)
{
	if (conf_limit && !counter_take(&begun_total, conf_limit))
		return false;
	count(cpu, SC_CNT_CREATED, dir);
	return true;
}

/* The skb is somebody else's now. That alone is how some stories end: TCP frees what it has copied or merged without telling. */
static __always_inline __u8 recycled_end(const struct sc_packet *p)
{
	if (p->last_stage == SC_RX_READ)
		return SC_END_READ;
	if (p->last_stage == SC_RX_SOCKET || p->last_stage == SC_RX_WAKEUP)
		return SC_END_SOCKET;
	if (p->l4_proto == IPPROTO_TCP && (p->last_stage == SC_RX_LOCAL || p->last_stage == SC_RX_L4))
		return p->payload_len_bytes ? SC_END_TRANSPORT : SC_END_L4;
	return SC_END_RECYCLED;
}

/*
 * A fresh timeline for an skb, whatever the table knew of it: skb addresses come back without any free event (napi_skb_cache_put), so the first stage
 * of a direction never trusts an old entry. false: no slot is free; nothing is counted here.
 */
__hidden __noinline int timeline_begin(struct cpu_state *cpu, struct timeline *t, __u64 key)
{
	__u32 index = key_set(key), way;
	struct sc_packet *p = NULL;
	struct sc_set *set;
	__u64 turn;

	if (!cpu || !t)
		return 0;
	if (timeline_find(key, t))
		timeline_emit(cpu, t, recycled_end(t->packet));
	if (conf_recv_length)
		queued_forget(key); /* the datagram that this skb held has left its queue, by whatever way */
	set = bpf_map_lookup_elem(&sets, &index);
	if (!set)
		return 0;
	for (way = 0; way < SC_WAYS; way++) {
		if (*(volatile __u64 *)&set->key[way])
			continue;
		if (key_exchange(&set->key[way], index * SC_WAYS + way, 0, key | SC_KEY_BUSY))
			break;
	}
	if (way >= SC_WAYS)
		return 0;
	if (conf_filter)
		__sync_fetch_and_add(&open_total, 1);
	p = slot_packet(index * SC_WAYS + way);
	if (!p)
		return 0;
	t->packet = p;
	t->key = &set->key[way];
	turn = (p->id >> 16) + 1;
	t->owned = key | turn << 48;
	__builtin_memset(p, 0, sizeof(*p));
	p->id = turn << 16 | (index * SC_WAYS + way);
	p->slot = index * SC_WAYS + way;
	p->irq = -1;
	p->last_stage = SC_STAGE_NONE;
	p->cpu = bpf_get_smp_processor_id();
	p->netns_inum = conf_netns_inum;
	*(volatile __u64 *)t->key = t->owned;
	return 1;
}

/* A packet that is not to be recorded has this skb now: whatever the table knew of it is over. */
static __always_inline void timeline_evict(struct cpu_state *cpu, __u64 key)
{
	struct timeline t = {};

	if (timeline_find(key, &t))
		timeline_emit(cpu, &t, recycled_end(t.packet));
}

/* What stages a story that is at `last` may still reach: only later ones, RX before TX (a forwarded packet goes on in TX rows). */
static __always_inline bool stage_follows(__u8 stage, __u8 last)
{
	return last == SC_STAGE_NONE || stage > last;
}

/* Stamps a stage. A second event of a stage is not an error: the first one counts. A stamp that would go backwards is rejected and counted. */
static __always_inline void timeline_stamp(struct cpu_state *cpu, struct sc_packet *p, __u8 stage, __u64 now_ns)
{
	if (!stage_follows(stage, p->last_stage))
		return;
	if (now_ns < p->last_ns) {
		count(cpu, SC_CNT_BACKWARDS, p->dir);
		return;
	}
	if (!p->begin_ns)
		p->begin_ns = now_ns;
	p->last_stage = stage;
	p->last_ns = now_ns;
	if (!(conf_stages & SC_BIT(stage)))
		return;
	p->stamp_ns[stage] = now_ns;
	p->stages |= SC_BIT(stage);
}

/*
 * Is the timeline that was found by an skb's address that of this very packet, at a later stage? The address alone proves nothing: the stage must lie ahead, and before the
 * stack proper the buffer must be the one seen first. From there on the kernel moves living packets to new buffers (skb_cow() in ip_forward(), linearizing for a device without
 * scatter-gather): a begin that nothing can bypass has cleared the entry of whoever had the address before, and what was received still says so.
 */
static __always_inline bool timeline_goes_on_as(const struct sk_buff *skb, __u8 stage, const struct timeline *t, const bool typed)
{
	__u64 head;

	if (!stage_follows(stage, t->packet->last_stage))
		return false;
	head = (__u64)FIELD(typed, skb, head);
	if (t->packet->head != head) {
		if (t->packet->head && (stage <= SC_RX_NETIF || (t->packet->dir == SC_DIR_RX && !FIELD(typed, skb, skb_iif))))
			return false;
		t->packet->head = head;
	}
	return true;
}

static __always_inline bool timeline_follow_as(const struct sk_buff *skb, __u8 stage, struct timeline *t, const bool typed)
{
	return timeline_find(key_of(skb, typed), t) && timeline_goes_on_as(skb, stage, t, typed);
}

static __always_inline bool timeline_follow(const struct sk_buff *skb, __u8 stage, struct timeline *t)
{
	return timeline_follow_as(skb, stage, t, TYPED);
}
