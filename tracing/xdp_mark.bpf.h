/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How the `driver` stage finds what the XDP program left for it, same CPU and same poll: by the address of the frame, or, from a driver that copied it into another
 * buffer, by bytes of it.
 */
#pragma once

#include "frame_key.bpf.h"
#include "pages.bpf.h"
#include "skb.bpf.h"
#include "verifier.bpf.h"

/* 0: too short. `frame`: address of its first byte, not always followed by the others. */
static __always_inline __u64 skb_frame_key(struct sk_buff *skb, __u64 frame)
{
	__u64 word[FRAME_KEY_WORDS] = {}, key = 0, words;
	__u32 from = frame + FRAME_KEY_AT - (__u64)skb->data;

	if ((__s32)(skb->len - from) <= 0)
		return 0;
	words = (skb->len - from) / sizeof(word[0]);
	if (words > FRAME_KEY_WORDS)
		words = FRAME_KEY_WORDS;
	BOUND(words, FRAME_KEY_WORDS);
	if (from + words * sizeof(word[0]) <= skb->len - skb->data_len) {
		if (bpf_probe_read_kernel(word, words * sizeof(word[0]), (void *)(frame + FRAME_KEY_AT)))
			return 0;
	} else if (copy_nonlinear(word, words * sizeof(word[0]), sizeof(word), skb, from)) {
		return 0;
	}
	for (int i = 0; i < FRAME_KEY_WORDS && i < words; i++)
		key = frame_key_add(key, word[i]);
	return key;
}

/* The mark before the one at `*at`. The compiler must not make a counter of it that is negated: kernels before 6.18 would not follow that. */
static __always_inline struct sc_xdp_mark *xdp_mark_before(struct sc_xdp_marks *marks, __u32 *at)
{
	*at -= 1;
	FORGET(*at);
	return &marks->mark[*at & (SC_XDP_MARKS - 1)];
}

/* The newest one that this frame may have left. `frame`: address of its first byte. */
static __always_inline struct sc_xdp_mark *xdp_mark_find(struct sc_xdp_marks *marks, struct sk_buff *skb, __u64 frame)
{
	__u32 at = marks->next, ifindex = skb->dev->ifindex;
	bool runs = false; /* on this device */
	__u64 key;

	for (int i = 0; i < SC_XDP_MARKS; i++) {
		struct sc_xdp_mark *m = xdp_mark_before(marks, &at);

		if (m->ifindex != ifindex)
			continue;
		if (m->address == frame)
			return m;
		runs = true;
	}
	key = runs ? skb_frame_key(skb, frame) : 0;
	if (!key)
		return NULL;
	for (int i = 0; i < SC_XDP_MARKS; i++) {
		struct sc_xdp_mark *m = xdp_mark_before(marks, &at);

		if (m->ifindex == ifindex && m->key == key)
			return m;
	}
	return NULL;
}
