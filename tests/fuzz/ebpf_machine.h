/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Registers and memory for ebpf_interpreter.h, stricter than the kernel's: a register knows whether it holds a number or a pointer to what, nothing is read
 * that was not written, of the window nothing beyond window_bytes, and far() is not asked for what the window could hold.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <linux/bpf.h>

#include "tracing/filter.h"

enum ebpf_kind { EBPF_NOTHING, EBPF_NUMBER, EBPF_PACKET, EBPF_VIEW, EBPF_STACK };

struct ebpf_register {
	enum ebpf_kind kind;
	uint64_t value; /* pointers: offset */
};

struct ebpf_run {
	const struct bpf_insn *code;
	size_t count;
	const struct sc_filter_view *view;
	const uint8_t *bytes; /* view->data_bytes of them */
	uint64_t how;
	struct ebpf_register r[BPF_REG_10 + 1];
	uint8_t stack[512];
	bool written[512];
	size_t at; /* on a trap: of the instruction */
	unsigned int far_calls;
	const char *trap; /* NULL: r0 is the verdict */
};

static inline void ebpf_trap(struct ebpf_run *run, bool condition, const char *what)
{
	if (condition && !run->trap)
		run->trap = what;
}

static inline uint64_t ebpf_number(struct ebpf_run *run, unsigned int i)
{
	ebpf_trap(run, i > BPF_REG_10 || run->r[i].kind != EBPF_NUMBER, "a register is not a number");
	return run->trap ? 0 : run->r[i].value;
}

static inline void ebpf_set(struct ebpf_run *run, unsigned int i, struct ebpf_register value)
{
	ebpf_trap(run, i >= BPF_REG_10, "a register that cannot be written");
	ebpf_trap(run, value.kind == EBPF_NOTHING, "a register that was not written is read");
	if (!run->trap)
		run->r[i] = value;
}

static inline uint64_t ebpf_value(const void *from, size_t size)
{
	uint16_t half;
	uint32_t word;
	uint64_t both;

	switch (size) {
	case 1:
		return *(const uint8_t *)from;
	case 2:
		memcpy(&half, from, size);
		return half;
	case 4:
		memcpy(&word, from, size);
		return word;
	default:
		memcpy(&both, from, size);
		return both;
	}
}

static inline size_t ebpf_size(const struct bpf_insn *insn)
{
	static const size_t sizes[] = { 4, 2, 1, 8 };

	return sizes[BPF_SIZE(insn->code) >> 3];
}

static inline void ebpf_load(struct ebpf_run *run, const struct bpf_insn *insn)
{
	struct ebpf_register from = run->r[insn->src_reg];
	uint64_t at = from.value + (uint64_t)(int64_t)insn->off, window = offsetof(struct sc_filter_view, window);
	const uint8_t *memory = from.kind == EBPF_VIEW ? (const uint8_t *)run->view : run->stack;
	size_t size = ebpf_size(insn);

	if (from.kind == EBPF_VIEW && at < window) {
		ebpf_trap(run, size != 4 || at % 4, "a part of the view that is not a member");
	} else if (from.kind == EBPF_VIEW) {
		ebpf_trap(run, size > 4 || at - window > run->view->window_bytes || size > run->view->window_bytes - (at - window), "beyond the window");
	} else if (from.kind == EBPF_STACK) {
		ebpf_trap(run, at > sizeof(run->stack) - size || at % size, "beyond the stack");
		for (size_t i = 0; !run->trap && i < size; i++)
			ebpf_trap(run, !run->written[at + i], "the stack is read before it is written");
	} else {
		ebpf_trap(run, true, "a load from something that is not memory");
	}
	if (!run->trap)
		ebpf_set(run, insn->dst_reg, (struct ebpf_register){ EBPF_NUMBER, ebpf_value(memory + at, size) });
}

static inline void ebpf_store(struct ebpf_run *run, const struct bpf_insn *insn)
{
	uint64_t at = run->r[insn->dst_reg].value + (uint64_t)(int64_t)insn->off, value = ebpf_number(run, insn->src_reg);
	uint32_t word = (uint32_t)value;
	size_t size = ebpf_size(insn);

	ebpf_trap(run, size < 4 || run->r[insn->dst_reg].kind != EBPF_STACK || at > sizeof(run->stack) - size || at % size, "a store that is not to the stack");
	if (run->trap)
		return;
	memcpy(run->stack + at, size == 4 ? (void *)&word : (void *)&value, size);
	memset(run->written + at, true, size);
}

/* far(packet, view, offset, size, how) */
static inline void ebpf_call(struct ebpf_run *run)
{
	uint64_t offset = ebpf_number(run, 3), size = ebpf_number(run, 4), value = 0;
	bool there = offset <= run->view->data_bytes && size <= run->view->data_bytes - offset;

	ebpf_trap(run, run->r[1].kind != EBPF_PACKET || run->r[1].value || run->r[2].kind != EBPF_VIEW || run->r[2].value, "far() without packet or view");
	ebpf_trap(run, ebpf_number(run, 5) != run->how, "far() with another `how`");
	ebpf_trap(run, size != 1 && size != 2 && size != 4, "far() with a size that no load has");
	ebpf_trap(run, offset >= 1ull << 33 || offset + size <= SC_FILTER_WINDOW, "far() for bytes within the window, or where none can be");
	for (uint64_t i = 0; !run->trap && there && i < size; i++)
		value = value << 8 | run->bytes[offset + i];
	for (unsigned int i = 1; i <= 5; i++)
		run->r[i] = (struct ebpf_register){ EBPF_NOTHING, 0 };
	run->r[0] = (struct ebpf_register){ EBPF_NUMBER, there ? value : (uint64_t)-14 };
	run->far_calls++;
}
