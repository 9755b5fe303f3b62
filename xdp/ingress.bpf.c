// SPDX-License-Identifier: GPL-2.0-only
/*
 * The `xdp` stage: when and where in memory each packet came in at the driver, and what the filter
 * says of it, for the `driver` stage of the same NAPI poll to pick up.
 */
#include "filter.bpf.h"
#include "frame_key.bpf.h"

const volatile __u8 conf_filter = 0; /* the filter decides here */
const volatile __u8 conf_raw = 0;    /* the device has no link-layer header */

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

static __always_inline __u64 frame_key(const struct xdp_md *ctx)
{
	const void *word = (const void *)(long)ctx->data + FRAME_KEY_AT, *end = (const void *)(long)ctx->data_end;
	__u64 key = 0;

	for (int i = 0; i < FRAME_KEY_WORDS && word + sizeof(key) <= end; i++, word += sizeof(key))
		key = frame_key_add(key, *(const __u64 *)word);
	return key;
}

SEC("xdp")
int sc_xdp(struct xdp_md *ctx)
{
	struct sc_xdp_marks *marks;
	struct sc_xdp_mark *mark;
	__u32 zero = 0, verdict = SC_XDP_UNDECIDED;

	marks = bpf_map_lookup_elem(&xdp_marks, &zero);
	if (!marks)
		return XDP_PASS;
	if (conf_filter)
		verdict = filter_xdp(ctx, !conf_raw) ? SC_XDP_WANTED : SC_XDP_UNWANTED;
	mark = &marks->mark[marks->next++ % SC_XDP_MARKS];
	mark->address = packet_address(ctx);
	mark->key = frame_key(ctx);
	mark->time_ns = verdict == SC_XDP_UNWANTED ? 0 : bpf_ktime_get_ns();
	mark->queue = ctx->rx_queue_index;
	mark->ifindex = ctx->ingress_ifindex;
	mark->verdict = verdict;
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
