/* SPDX-License-Identifier: GPL-2.0-only */
/* What the XDP program and the `driver` stage both make of a frame's bytes, to find each other's where its address is not the same any more. */
#pragma once

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

/*
 * The bytes that tell frames of a poll apart: from behind the Ethernet header to behind the checksum of TCP over IPv4, its sequence numbers over IPv6. Whole words of
 * them, as many as the frame's first buffer has.
 */
#define FRAME_KEY_AT 14
#define FRAME_KEY_WORDS 7

static __always_inline __u64 frame_key_add(__u64 key, __u64 word)
{
	return (key ^ word) * 0x9E3779B97F4A7C15ull;
}
