/* SPDX-License-Identifier: GPL-2.0-only */
/* What all ways to bytes beyond a filter's window have in common. */
#pragma once

#include "filter.h"

#include <bpf/bpf_endian.h>

/* Where in the packet the bytes at `offset` of what the filter sees lie, or -1 if they are not all there. */
static __always_inline __s64 far_place(const struct sc_filter_view *view, __u64 offset, __u64 size)
{
	if (size > sizeof(__u32) || offset + size > view->data_bytes)
		return -1;
	return view->gap_bytes && offset >= view->gap_at ? (__s64)offset + view->gap_bytes : (__s64)offset;
}

/* 1, 2 or 4 bytes, read into `word`, as a number in host order. A word, since offsets into an array make the compiler do sums on the stack that the verifier refuses. */
static __always_inline __s64 far_number(const __u32 *word, __u64 size)
{
	if (size == 1)
		return *(const __u8 *)word;
	return size == 2 ? bpf_ntohs(*(const __u16 *)word) : bpf_ntohl(*word);
}
