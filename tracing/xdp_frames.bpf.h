/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Frames that the driver made no skb of: an XDP program behind ours dropped them, sent them back or elsewhere, or there was no memory for an skb. Ours keeps the bytes of every
 * frame for as long as it takes to know (sc_xdp_frames); what is left at the end of the poll gets its story here, from the interrupt to `xdp`.
 */
#pragma once

#include "arrival.bpf.h"
#include "packet.bpf.h"

struct map_xdp_frames {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sc_xdp_frames);
};
extern struct map_xdp_frames xdp_frames SEC(".maps");

#define KEY_FRAME 4ull /* set in no skb's key, which is a multiple of 8, nor with KEY_ADRIFT */

static __always_inline struct sc_xdp_frames *frames_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&xdp_frames, &zero);
}

/* An skb has this mark, and so its frame. */
static __always_inline void frame_passed(struct sc_xdp_mark *m)
{
	struct sc_xdp_frames *frames = m->frame ? frames_get() : NULL;
	__u64 at = m->frame - 1;

	m->frame = 0;
	if (!frames)
		return;
	BOUND(at, SC_XDP_FRAMES - 1);
	if (!frames->frame[at].time_ns)
		return;
	frames->frame[at].time_ns = 0;
	frames->waiting--;
}

/* An skb has no mark: any frame that waits may be its. */
static __always_inline void frame_unknown(void)
{
	struct sc_xdp_frames *frames = frames_get();

	if (frames && frames->waiting)
		frames->unmarked++;
}

static __always_inline bool frames_wait(void)
{
	struct sc_xdp_frames *frames = frames_get();

	return frames && frames->waiting;
}

/* Is frame number `n` of this device and poll, and without an skb? What an earlier poll left, whose programs were not run, is nobody's. */
static __always_inline bool frame_is_left(const struct cpu_state *cpu, struct sc_xdp_frames *frames, __u32 n, __u32 ifindex)
{
	const struct sc_xdp_frame *f;
	__u64 at = n;

	BOUND(at, SC_XDP_FRAMES - 1);
	f = &frames->frame[at];
	return f->time_ns && f->ifindex == ifindex && f->time_ns >= cpu->softirq_ns && f->time_ns >= cpu->poll_begin_ns && f->time_ns >= cpu->poll_end_ns;
}

/* Global functions, so that the verifier walks them once and not in every round of a loop. */
__weak int frame_left(__u32 n, __u32 ifindex)
{
	struct sc_xdp_frames *frames = frames_get();
	struct cpu_state *cpu = cpu_state();

	return frames && cpu && frame_is_left(cpu, frames, n, ifindex);
}

/* The story of frame number `n`, if it is left. */
__weak int frame_tell(__u32 n, __u32 ifindex, __u32 flags)
{
	struct sc_xdp_frames *frames = frames_get();
	struct cpu_state *cpu = cpu_state();
	struct timeline t = {};
	struct sc_xdp_frame *f;
	struct sc_packet *p;
	__u64 at = n;

	if (!frames || !cpu || !frame_is_left(cpu, frames, n, ifindex) || !direction_wanted(SC_DIR_RX) || !timeline_count(cpu, SC_DIR_RX))
		return 0;
	BOUND(at, SC_XDP_FRAMES - 1);
	f = &frames->frame[at];
	if (!cpu->poll_queue) /* whose interrupt this poll spends */
		cpu->poll_queue = f->queue + 1;
	if (!timeline_begin(cpu, &t, (((__u64)bpf_get_smp_processor_id() << 32 | n) << 3 | KEY_FRAME) & KEY_MASK)) {
		count(cpu, SC_CNT_TABLE, SC_DIR_RX);
		return 0;
	}
	p = t.packet;
	if (!p)
		return 0;
	p->dir = SC_DIR_RX;
	p->ifindex = ifindex;
	p->queue = f->queue;
	p->link_type = flags & SC_DEV_RAW ? SC_LINK_RAW : SC_LINK_ETHER;
	p->wire_len_bytes = f->len_bytes;
	p->cap_len_bytes = f->kept_bytes;
	if (p->cap_len_bytes > conf_snaplen)
		p->cap_len_bytes = conf_snaplen;
	__builtin_memcpy(packet_bytes(p), f->bytes, SC_MIN_BYTES);
	p->state |= SC_STATE_BYTES;
	packet_parse(p->slot);
	stamp_interrupt(p->slot, flags, f->queue + 1);
	timeline_stamp(cpu, p, SC_RX_XDP, f->time_ns);
	timeline_emit(cpu, &t, SC_END_XDP);
	return 0;
}

/*
 * A poll of a captured device ends. An skb that no mark was found for (its bytes were changed, or its mark was overwritten) may have been any of the frames: then which of them
 * went nowhere is not known, only how many, and they are lost.
 */
static __always_inline void frames_end(struct cpu_state *cpu, __u32 ifindex, __u32 flags)
{
	struct sc_xdp_frames *frames = frames_get();
	__u32 n, left = 0;

	if (!frames || frames->told == frames->next)
		return;
	n = frames->told;
	if (frames->next - n > SC_XDP_FRAMES)
		n = frames->next - SC_XDP_FRAMES;
	for (int i = 0; i < SC_XDP_FRAMES && frames->waiting && n != frames->next; i++, n++) {
		if (frames->unmarked)
			left += frame_left(n, ifindex);
		else
			frame_tell(n, ifindex, flags);
	}
	if (left > frames->unmarked && direction_wanted(SC_DIR_RX) && !conf_limit) {
		__sync_fetch_and_add(&cpu->counter[SC_CNT_CREATED * 2], left - frames->unmarked);
		__sync_fetch_and_add(&cpu->counter[SC_CNT_TABLE * 2], left - frames->unmarked);
	}
	frames->told = frames->next;
	frames->waiting = frames->unmarked = 0;
}
