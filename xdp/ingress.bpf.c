// SPDX-License-Identifier: GPL-2.0-only
/*
 * The `xdp` stage: when and where in memory each packet came in at the driver, and what the filter
 * says of it, for the `driver` stage of the same NAPI poll to pick up.
 */
#include <bpf/bpf_core_read.h>

#include "filter.bpf.h"
#include "frame_key.bpf.h"
#include "verifier.bpf.h"

const volatile __u8 conf_filter = 0; /* the filter decides here */
const volatile __u8 conf_raw = 0;    /* the device has no link-layer header */
const volatile __u32 conf_ifindex = 0; /* of the device; the program may run for ports of it, too */
const volatile __u8 conf_keep = 0;   /* programs of others run behind this one: the filter decides only what is kept */

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sc_xdp_marks);
} xdp_marks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sc_xdp_frames);
} xdp_frames SEC(".maps");

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

/* The frame's first bytes, as far as there is room: SC_MIN_BYTES. Before Linux 5.18 whole words only. How many. */
static __always_inline __u32 frame_bytes(struct xdp_md *ctx, __u8 *bytes, __u32 frame_len)
{
	const void *word = (const void *)(long)ctx->data, *end = (const void *)(long)ctx->data_end;
	__u64 last = (frame_len < SC_MIN_BYTES ? frame_len : SC_MIN_BYTES) - 1;
	__u32 len;

	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_xdp_load_bytes)) {
		BOUND(last, SC_MIN_BYTES - 1);
		return bpf_xdp_load_bytes(ctx, 0, bytes, last + 1) ? 0 : last + 1;
	}
	for (len = 0; len < SC_MIN_BYTES && word + sizeof(__u64) <= end; len += sizeof(__u64), word += sizeof(__u64))
		*(__u64 *)(bytes + len) = *(const __u64 *)word;
	return len;
}

/* Keeps the frame until the end of the poll, in case no skb is made of it. Its number + 1. */
static __always_inline __u32 frame_keep(struct xdp_md *ctx, __u64 now_ns)
{
	struct sc_xdp_frames *frames;
	struct sc_xdp_frame *f;
	__u32 zero = 0;

	frames = bpf_map_lookup_elem(&xdp_frames, &zero);
	if (!frames)
		return 0;
	f = &frames->frame[frames->next++ % SC_XDP_FRAMES];
	frames->waiting++;
	__builtin_memset(f, 0, sizeof(*f)); /* what is not there reads as 0 */
	f->time_ns = now_ns;
	f->ifindex = ctx->ingress_ifindex;
	f->queue = ctx->rx_queue_index;
	f->len_bytes = ctx->data_end - ctx->data;
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_xdp_get_buff_len))
		f->len_bytes = bpf_xdp_get_buff_len(ctx);
	f->kept_bytes = frame_bytes(ctx, f->bytes, f->len_bytes);
	return frames->next;
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
	if (conf_filter && !conf_keep)
		verdict = filter_xdp(ctx, !conf_raw) ? SC_XDP_WANTED : SC_XDP_UNWANTED;
	mark = &marks->mark[marks->next++ % SC_XDP_MARKS];
	mark->address = packet_address(ctx);
	mark->key = frame_key(ctx);
	mark->time_ns = verdict == SC_XDP_UNWANTED ? 0 : bpf_ktime_get_ns();
	mark->queue = ctx->rx_queue_index;
	mark->ifindex = ctx->ingress_ifindex;
	mark->verdict = verdict;
	mark->frame = conf_keep && mark->ifindex == conf_ifindex && (!conf_filter || filter_xdp(ctx, !conf_raw)) ? frame_keep(ctx, mark->time_ns) : 0;
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
