// SPDX-License-Identifier: GPL-2.0-only
/* The function that a filter expression becomes, and its way to bytes beyond the window. Last in the object: the loader replaces the very last function. */
#include "far.bpf.h"
#include "filter.bpf.h"

__hidden __noinline __s64 filter_far(void *packet, struct sc_filter_view *view, __u64 offset, __u64 size, __u64 how)
{
	__s64 at = far_place(view, offset, size);
	__u32 word = 0;
	long err;

	if (at < 0)
		return -1;
	if (how == SC_FILTER_TC)
		err = bpf_skb_load_bytes(packet, at, &word, size);
	else
		err = skb_read(&word, size, sizeof(word), packet, at + view->start);
	return err ? -1 : far_number(&word, size);
}

/*
 * Stands where the code of an expression will be; without one nobody calls it. What the compiler could learn from this body would be wrong of the other: the empty
 * statement hides it.
 */
__hidden __noinline int filter_run(void *packet, struct sc_filter_view *view, __u64 how)
{
	int accepted = filter_far(packet, view, 0, 1, how) >= 0;

	asm volatile("" : "+r"(accepted) : "r"(packet), "r"(view), "r"(how) : "memory");
	return accepted;
}
