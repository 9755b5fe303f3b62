/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bytes of an skb that lie in page fragments. Since Linux 6.12 the kernel reads them for programs. Before, a page is found in the kernel's direct mapping, which on
 * x86-64 two of its variables tell (page_to_virt()), and the pieces are put together in a buffer of the CPU's: programs that read such packets run with softirqs off.
 */
#pragma once

#include "maps.bpf.h"
#include "verifier.bpf.h"

extern int bpf_dynptr_from_skb(struct sk_buff *skb, __u64 flags, struct bpf_dynptr *out) __ksym __weak;

#define PAGE_SHIFT 12
#define PIECES_MAX 18	  /* the linear part and MAX_SKB_FRAGS */
#define PIECE_MASK 0xffff /* no fragment is longer than an skb */
struct map_pieces {	  /* one per CPU: conf_room and PIECE_MASK bytes; sized by the loader */
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, 4);
	__uint(value_size, SC_MIN_BYTES + PIECE_MASK);
};
extern struct map_pieces pieces SEC(".maps");

static __always_inline bool fragments_known(void)
{
	return conf_dynptr || (conf_vmemmap_at && conf_page_offset_at);
}

static __always_inline void *pieces_buffer(void)
{
	__u32 cpu = bpf_get_smp_processor_id();

	return bpf_map_lookup_elem(&pieces, &cpu);
}

/* The i-th fragment: where it lies and how many bytes; 0 bytes: nowhere to be found. */
static __always_inline __u64 fragment_of(const struct skb_shared_info *info, __u32 i, __u64 *bytes)
{
	__u64 vmemmap = 0, offset = 0;
	struct sc_fragment f = {};

	bpf_probe_read_kernel(&f, sizeof(f), (void *)info + bpf_core_field_offset(struct skb_shared_info, frags) + i * sizeof(f));
	bpf_probe_read_kernel(&vmemmap, sizeof(vmemmap), (void *)conf_vmemmap_at);
	bpf_probe_read_kernel(&offset, sizeof(offset), (void *)conf_page_offset_at);
	*bytes = f.page & 1 ? 0 : f.bytes;
	return offset + ((f.page - vmemmap) / bpf_core_type_size(struct page) << PAGE_SHIFT) + f.offset;
}

/*
 * Gathers `len` bytes, from `from` on, of an skb in the CPU's buffer and says how many there were: `linear` lie at `data`, the others in the fragments that `info` lists.
 * A global function of numbers, so that the verifier walks its loop once and not at every call.
 */
__weak int pieces_gather(__u64 data, __u32 linear, __u64 info, __u32 from, __u32 len)
{
	__u64 done = 0, skip = from, any, bytes = linear, at = data;
	void *buffer = pieces_buffer();
	__u32 parts;

	if (!buffer)
		return 0;
	any = *(volatile __u64 *)buffer;
	parts = BPF_CORE_READ((const struct skb_shared_info *)info, nr_frags) + 1;
	for (__u32 i = 0; i < PIECES_MAX && i < parts && done < len; i++) {
		__u64 piece;

		if (i)
			at = fragment_of((void *)info, i - 1, &bytes);
		piece = skip < bytes ? bytes - skip : 0;
		piece = piece < len - done ? piece : len - done;
		if (piece > PIECE_MASK)
			break;
		SCRUB(piece, any);
		SCRUB(done, any);
		BOUND(piece, PIECE_MASK);
		if (done >= conf_room || bpf_probe_read_kernel(buffer + done, piece, (void *)at + skip))
			break;
		done += piece;
		skip = skip < bytes ? 0 : skip - bytes;
		SCRUB(skip, any);
		SCRUB(done, any);
	}
	return done;
}

/* `len` bytes, at most `room`, from `from` on. A subprogram of its own: a dynptr's place on the stack can serve nothing else. 0, or negative. */
__hidden __noinline int copy_nonlinear(void *to, __u32 len, __u32 room, struct sk_buff *skb, __u32 from)
{
	struct bpf_dynptr ptr;
	void *gathered;

	if (conf_dynptr)
		return !bpf_dynptr_from_skb || bpf_dynptr_from_skb(skb, 0, &ptr) ? -1 : bpf_dynptr_read(to, len, &ptr, from, 0);
	if (!fragments_known())
		return -1;
	/* Read as numbers, since newer verifiers know a loaded `data` for a pointer. */
	if (pieces_gather((__u64)BPF_CORE_READ(skb, data), skb->len - skb->data_len, (__u64)BPF_CORE_READ(skb, head) + skb->end, from, len) < (int)len)
		return -1;
	gathered = pieces_buffer();
	FORGET(len);
	if (!gathered || len > room)
		return -1;
	return bpf_probe_read_kernel(to, len, gathered);
}
