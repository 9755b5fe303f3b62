// SPDX-License-Identifier: GPL-2.0-only
/*
 * The `xdp` stage: when and where in memory each packet came in at the driver, for the `driver`
 * stage of the same NAPI poll to pick up.
 */
#include "stamp.h"

#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sc_xdp_marks);
} xdp_marks SEC(".maps");

/*
 * The load that the verifier turns into one of the full pointer; in C the member is 32 bits wide
 * and a compiler may cut it to that.
 */
static __always_inline __u64 packet_address(struct xdp_md *ctx)
{
	__u64 address;

	asm volatile("%0 = *(u32 *)(%1 + %2)"
		     : "=r"(address)
		     : "r"(ctx), "i"(__builtin_offsetof(struct xdp_md, data)));
	return address;
}

/*
 * .frags: jumbo frames in several buffers are stamped too; libxdp drops the flag where the kernel
 * does not know it.
 */
SEC("xdp.frags")
int sc_xdp(struct xdp_md *ctx)
{
	struct sc_xdp_marks *marks;
	struct sc_xdp_mark *mark;
	__u64 now_ns = bpf_ktime_get_ns();
	__u32 zero = 0;

	marks = bpf_map_lookup_elem(&xdp_marks, &zero);
	if (!marks)
		return XDP_PASS;
	mark = &marks->mark[marks->next++ % SC_XDP_MARKS];
	mark->address = packet_address(ctx);
	mark->time_ns = now_ns;
	mark->queue = ctx->rx_queue_index;
	mark->ifindex = ctx->ingress_ifindex;
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
