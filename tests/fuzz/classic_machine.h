/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Classic BPF as translate.h promises it, state and loads, and which things a run met that others do differently: libpcap 1.10 leaves memory as it finds
 * it, has no ancillary loads and shifts by constants as C leaves it undefined; the kernel's sockets shift by X modulo 32 and give offsets from 2^31 on a
 * meaning of their own.
 */
#pragma once

#include <stdint.h>

#include "tests/fuzz/filter_lab.h"

enum classic_note {
	CLASSIC_ANCILLARY = 1 << 0,
	CLASSIC_FRESH_CELL = 1 << 1,
	CLASSIC_SHIFT_K = 1 << 2,
	CLASSIC_SHIFT_X = 1 << 3,
	CLASSIC_NEGATIVE = 1 << 4,
	CLASSIC_LEN = 1 << 5,
};
#define CLASSIC_NOT_LIBPCAP (CLASSIC_ANCILLARY | CLASSIC_FRESH_CELL | CLASSIC_SHIFT_K)
#define CLASSIC_NOT_SOCKET (CLASSIC_ANCILLARY | CLASSIC_SHIFT_X | CLASSIC_NEGATIVE)

struct classic_run {
	const struct lab_packet *packet;
	uint32_t a, x, cells[BPF_MEMWORDS];
	unsigned int written, notes; /* enum classic_note */
	bool done;
	uint32_t verdict;
};

static inline uint32_t classic_reject(struct classic_run *run)
{
	run->done = true;
	return run->verdict = 0;
}

static inline uint32_t classic_bytes(struct classic_run *run, uint64_t offset, unsigned int size)
{
	uint32_t value = 0;

	run->notes |= offset > INT32_MAX ? CLASSIC_NEGATIVE : 0;
	if (offset + size > run->packet->data_bytes)
		return classic_reject(run);
	for (unsigned int i = 0; i < size; i++)
		value = value << 8 | run->packet->bytes[offset + i];
	return value;
}

static inline uint32_t classic_absolute(struct classic_run *run, const struct sock_filter *f)
{
	unsigned int before = run->notes;

	run->notes |= CLASSIC_ANCILLARY;
	switch (f->k) {
	case (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE):
		return run->packet->packet_type;
	case (uint32_t)(SKF_AD_OFF + SKF_AD_IFINDEX):
		return run->packet->ifindex;
	case (uint32_t)(SKF_AD_OFF + SKF_AD_VLAN_TAG):
		return run->packet->vlan_tag;
	case (uint32_t)(SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT):
		return run->packet->vlan_present;
	}
	run->notes = before;
	return classic_bytes(run, f->k, 4u >> (BPF_SIZE(f->code) >> 3));
}

static inline uint32_t classic_load(struct classic_run *run, const struct sock_filter *f)
{
	switch (BPF_MODE(f->code)) {
	case BPF_IMM:
		return f->k;
	case BPF_LEN:
		run->notes |= CLASSIC_LEN;
		return run->packet->len_bytes;
	case BPF_MEM:
		run->notes |= run->written & 1u << f->k ? 0 : CLASSIC_FRESH_CELL;
		return run->cells[f->k];
	case BPF_IND:
		return classic_bytes(run, (uint64_t)run->x + f->k, 4u >> (BPF_SIZE(f->code) >> 3));
	case BPF_MSH:
		return (classic_bytes(run, f->k, 1) & 0xf) << 2;
	default:
		return classic_absolute(run, f);
	}
}
