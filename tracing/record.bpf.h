/* SPDX-License-Identifier: GPL-2.0-only */
/* Records: what leaves for user space, and the end of a story. */
#pragma once

#include "slot.bpf.h"

#ifdef SC_HIST
#include "hist.bpf.h"
#endif

#define TCP_SYN_FIN 0x03

/*
 * 0, or a negative errno when this CPU's ring is full. Packets leave its last quarter to calls: a call is small, and many packets are worth little without it. How full the ring
 * is we look at now and then: that reads what the reader's CPU writes.
 */
static __always_inline long record_output(struct cpu_state *cpu, void *record, __u32 size, const bool packet)
{
	__u32 index = bpf_get_smp_processor_id();
	void *ring = bpf_map_lookup_elem(&rings, &index);
	__u64 flags = BPF_RB_NO_WAKEUP;

	if (!ring)
		return -1;
	/* Wake-ups cost microseconds: the reader comes by itself every few milliseconds, we only call it when the ring fills. */
	if ((cpu->records++ & 15) == 0 || cpu->crowded || size > conf_wake_bytes / 16) {
		__u64 filled = bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA);

		if (filled > conf_wake_bytes)
			flags = BPF_RB_FORCE_WAKEUP;
		cpu->crowded = filled > 3 * (__u64)conf_wake_bytes;
	}
	if (packet && cpu->crowded)
		return -1;
	return bpf_ringbuf_output(ring, record, size, flags);
}

/*
 * Is this a whole story that took less than was asked for, and that no other packet's story hangs on? Of TCP only what has neither payload nor SYN nor FIN: what is sent again
 * and what waited for what, user space tells by all of these, and which call read or sent them, too.
 */
static __always_inline bool story_faster(const struct sc_packet *p, __u8 end)
{
	__u64 begin_ns = p->stages & SC_BIT(SC_RX_HARDIRQ) ? p->stamp_ns[SC_RX_HARDIRQ] : p->stages & SC_BIT(SC_RX_SOFTIRQ) ? p->stamp_ns[SC_RX_SOFTIRQ] : p->begin_ns;

	if (p->flags & (SC_FLAG_GRO | SC_FLAG_GSO | SC_FLAG_SEGMENT | SC_FLAG_FRAG | SC_FLAG_CLONE | SC_FLAG_ORPHAN))
		return false;
	if (p->l4_proto == IPPROTO_UDP && p->dir == SC_DIR_RX) /* others may have been merged into it */
		return false;
	if (p->l4_proto == IPPROTO_TCP && (p->payload_len_bytes || p->tcp_flags & TCP_SYN_FIN))
		return false;
	if (p->dir == SC_DIR_RX ? end != SC_END_READ && (end != SC_END_L4 || !(p->stages & SC_BIT(SC_RX_L4)))
				: (end != SC_END_TXDONE && end != SC_END_DRIVER) || !(p->stages & SC_BIT(SC_TX_TC)))
		return false;
	return p->last_ns - begin_ns < conf_slower_ns;
}

/* Writes the record of a story that was taken, or counts it as lost, and frees the slot. */
static __always_inline void timeline_write(struct cpu_state *cpu, const struct timeline *t, __u8 end)
{
	struct sc_packet *p = t->packet;

	if (conf_slower_ns && story_faster(p, end)) {
		count(cpu, SC_CNT_FASTER, p->dir);
		timeline_free(t);
		return;
	}
#ifdef SC_HIST
	hist_packet(cpu, p, end);
#else
	__u32 size = p->cap_len_bytes;

	if (size > conf_room)
		size = conf_room;
	p->end = end;
	p->type = SC_REC_PACKET;
	size += sizeof(*p);
	p->size_bytes = size;
	if (record_output(cpu, p, size, true))
		count(cpu, SC_CNT_RING, p->dir);
#endif
	timeline_free(t);
}

/* Ends a story. */
__hidden __noinline int timeline_emit(struct cpu_state *cpu, struct timeline *t, __u8 end)
{
	if (cpu && t && t->packet && t->key && timeline_take(t))
		timeline_write(cpu, t, end);
	return 0;
}
