// SPDX-License-Identifier: GPL-2.0-only
/* The filter as the XDP program asks it, and nothing else: passes what it accepts, drops the rest. */
#include "xdp/filter.bpf.h"

SEC("xdp.frags")
int verdict_xdp(struct xdp_md *ctx)
{
	return filter_xdp(ctx, true) ? XDP_PASS : XDP_DROP;
}

SEC("xdp.frags")
int verdict_xdp_raw(struct xdp_md *ctx)
{
	return filter_xdp(ctx, false) ? XDP_PASS : XDP_DROP;
}

char _license[] SEC("license") = "GPL";

#include "xdp/filter.bpf.c"
