// SPDX-License-Identifier: GPL-2.0-only
/* The function that a filter expression becomes, and its way to bytes beyond the window. Last in the object: the loader replaces the very last function. */
#include "far.bpf.h"
#include "filter.bpf.h"

__hidden __noinline __s64 filter_far(void *packet, struct sc_filter_view *view, __u64 offset, __u64 size, __u64 how)
{
	__s64 at = far_place(view, offset, size);
	__u32 word = 0;

	(void)how;
	if (at < 0 || packet_read(packet, at, (__u8 *)&word, size))
		return -1;
	return far_number(&word, size);
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
