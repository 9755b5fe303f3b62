// SPDX-License-Identifier: GPL-2.0-only
/* XDP program of somebody else: counts the datagrams to port 9000 and lets them pass like everything else, but those to port 9500, which it counts and drops. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define ETHER_TYPE 12 /* offsets in a frame */
#define IPV4_PROTOCOL 23
#define IPV4_PORT 36 /* without options */
#define IPV6_PROTOCOL 20
#define IPV6_PORT 56
#define FRAME_END 58

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u64);
} foreign_hits SEC(".maps");

static __always_inline int is_datagram_to(const __u8 *frame, __u16 port_host)
{
	__u16 port = bpf_htons(port_host), type = *(const __u16 *)(frame + ETHER_TYPE);

	if (type == bpf_htons(ETH_P_IP))
		return frame[IPV4_PROTOCOL] == IPPROTO_UDP && *(const __u16 *)(frame + IPV4_PORT) == port;
	return type == bpf_htons(ETH_P_IPV6) && frame[IPV6_PROTOCOL] == IPPROTO_UDP && *(const __u16 *)(frame + IPV6_PORT) == port;
}

SEC("xdp") int foreign(struct xdp_md *ctx)
{
	const __u8 *frame = (void *)(long)ctx->data;
	__u32 drop, none = 0;
	__u64 *hits;

	if (frame + FRAME_END > (const __u8 *)(long)ctx->data_end)
		return XDP_PASS;
	drop = is_datagram_to(frame, 9500);
	if (!drop && !is_datagram_to(frame, 9000))
		return XDP_PASS;
	hits = bpf_map_lookup_elem(&foreign_hits, drop ? &drop : &none);
	if (hits)
		__sync_fetch_and_add(hits, 1);
	return drop ? XDP_DROP : XDP_PASS;
}

char _license[] SEC("license") = "GPL";
