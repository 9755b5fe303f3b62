// SPDX-License-Identifier: GPL-2.0-only
/*
 * Classic BPF to eBPF. Three walks over a program, each from its first instruction to its last (jumps only lead forwards): what can be reached and what it
 * needs, then where each instruction will stand, then writing.
 *
 * What shapes the code is the verifier: no instruction that cannot be reached, no constant shift by 32 or more, nothing read from the stack that was not
 * written, bounds proven before each load. The upper halves of A and X are always zero: their arithmetic is of 32 bits. A reject stands where it happens,
 * so no jump to it can be too far, and the verifier follows it first, so few branches wait at a time.
 *
 * Fields of a packet are not aligned, nor are the loads: kernels without CONFIG_HAVE_EFFICIENT_UNALIGNED_ACCESS refuse them.
 */
#include "pcap/translate.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "pcap/translate_check.h"

/* r0 to r5 hold nothing between two classic instructions. */
enum { REG_RESULT = BPF_REG_0, REG_ADDRESS = BPF_REG_3, REG_PACKET = BPF_REG_6, REG_A, REG_X, REG_VIEW };

#define STACK_HOW (-8) /* 8 bytes: only so does the verifier remember that it is a constant */
#define STACK_CELL(i) (STACK_HOW - 4 * ((int)(i) + 1))

/* What is known of a classic instruction. */
struct place {
	size_t at;	  /* of its first eBPF instruction */
	uint32_t checked; /* the window is known to have so many bytes, however the instruction was reached */
	bool reached;
};

struct draft {
	const struct translate_layout *layout;
	struct bpf_insn *code; /* NULL: count only */
	size_t count;
	size_t furthest; /* that a jump reaches */
	uint32_t uses;
	uint32_t cells; /* bit i: M[i] is read */
	bool calls;	/* of far() */
};

static bool jumps_always(const struct sock_filter *f)
{
	return f->code == (BPF_JMP | BPF_JA);
}

/* ---- first walk: what can be reached, what it needs */

static unsigned int load_bytes(const struct sock_filter *f)
{
	return 4u >> (BPF_SIZE(f->code) >> 3); /* BPF_W, BPF_H, BPF_B: 0, 8, 16 */
}

/* The member of the view that a load takes instead of packet bytes: its place, or -1. */
static int ancillary(const struct draft *d, const struct sock_filter *f)
{
	if (BPF_CLASS(f->code) != BPF_LD || BPF_MODE(f->code) != BPF_ABS)
		return -1;
	switch (f->k) {
	case (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE):
		return d->layout->packet_type;
	case (uint32_t)(SKF_AD_OFF + SKF_AD_IFINDEX):
		return d->layout->ifindex;
	case (uint32_t)(SKF_AD_OFF + SKF_AD_VLAN_TAG):
		return d->layout->vlan_tag;
	case (uint32_t)(SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT):
		return d->layout->vlan_present;
	default:
		return -1;
	}
}

static bool loads_packet(const struct draft *d, const struct sock_filter *f)
{
	unsigned int mode = BPF_MODE(f->code);

	return BPF_CLASS(f->code) <= BPF_LDX && (mode == BPF_ABS || mode == BPF_IND || mode == BPF_MSH) && ancillary(d, f) < 0;
}

/* No packet is that long. */
static bool always_rejects(const struct draft *d, const struct sock_filter *f)
{
	return loads_packet(d, f) && f->k > INT32_MAX;
}

static bool within_window(const struct draft *d, const struct sock_filter *f)
{
	return BPF_MODE(f->code) != BPF_IND && f->k + load_bytes(f) <= d->layout->window_size;
}

static void place_reach(struct place *place, uint32_t checked)
{
	if (!place->reached || place->checked > checked)
		place->checked = checked;
	place->reached = true;
}

static void survey_needs(struct draft *d, const struct sock_filter *f)
{
	int member = ancillary(d, f);

	if (member >= 0 && (member == d->layout->vlan_tag || member == d->layout->vlan_present))
		d->uses |= TRANSLATE_USES_VLAN;
	if (BPF_CLASS(f->code) <= BPF_LDX && BPF_MODE(f->code) == BPF_LEN)
		d->uses |= TRANSLATE_USES_LEN;
	if (BPF_CLASS(f->code) <= BPF_LDX && BPF_MODE(f->code) == BPF_MEM)
		d->cells |= 1u << f->k;
	if (loads_packet(d, f) && !always_rejects(d, f) && !within_window(d, f))
		d->calls = true;
}

static void survey(struct draft *d, const struct sock_fprog *program, struct place *places)
{
	place_reach(&places[0], 0);
	for (size_t at = 0; at < program->len; at++) {
		const struct sock_filter *f = &program->filter[at];
		uint32_t checked = places[at].checked;

		if (!places[at].reached)
			continue;
		survey_needs(d, f);
		if (BPF_CLASS(f->code) == BPF_RET || always_rejects(d, f))
			continue;
		if (loads_packet(d, f) && within_window(d, f) && checked < f->k + load_bytes(f))
			checked = f->k + load_bytes(f);
		if (jumps_always(f)) {
			place_reach(&places[at + 1 + f->k], checked);
		} else if (BPF_CLASS(f->code) == BPF_JMP) {
			place_reach(&places[at + 1 + f->jt], checked);
			place_reach(&places[at + 1 + f->jf], checked);
		} else {
			place_reach(&places[at + 1], checked);
		}
	}
}

/* ---- single eBPF instructions */

/* Returns its place. */
static size_t put(struct draft *d, struct bpf_insn insn)
{
	if (d->code)
		d->code[d->count] = insn;
	return d->count++;
}

static void jump_set(struct draft *d, size_t at, size_t to)
{
	size_t distance = to - (at + 1);

	d->furthest = distance > d->furthest ? distance : d->furthest;
	d->code[at].off = (int16_t)distance;
}

/* The jump at this place leads to what is put next. */
static void jump_lands(struct draft *d, size_t at)
{
	if (d->code)
		jump_set(d, at, d->count);
}

static void put_move(struct draft *d, uint8_t class, uint8_t to, uint8_t from)
{
	put(d, (struct bpf_insn){ .code = class | BPF_MOV | BPF_X, .dst_reg = to, .src_reg = from });
}

static void put_alu_k(struct draft *d, uint8_t op, uint8_t to, uint32_t k)
{
	put(d, (struct bpf_insn){ .code = BPF_ALU | op | BPF_K, .dst_reg = to, .imm = (int32_t)k });
}

static void put_load(struct draft *d, uint8_t size, uint8_t to, uint8_t from, int offset)
{
	put(d, (struct bpf_insn){ .code = BPF_LDX | BPF_MEM | size, .dst_reg = to, .src_reg = from, .off = (int16_t)offset });
}

static void put_store(struct draft *d, uint8_t size, uint8_t from, int offset)
{
	put(d, (struct bpf_insn){ .code = BPF_STX | BPF_MEM | size, .dst_reg = BPF_REG_10, .src_reg = from, .off = (int16_t)offset });
}

static void put_return(struct draft *d, uint32_t verdict)
{
	put_alu_k(d, BPF_MOV, REG_RESULT, verdict);
	put(d, (struct bpf_insn){ .code = BPF_JMP | BPF_EXIT });
}

/* A jump to a classic instruction: `insn` without its offset. */
static void put_jump(struct draft *d, struct bpf_insn insn, const struct place *to)
{
	size_t at = put(d, insn);

	if (d->code)
		jump_set(d, at, to->at);
}

/* ---- loads */

static void put_big_endian(struct draft *d, uint8_t reg, int bits)
{
	put(d, (struct bpf_insn){ .code = BPF_ALU | BPF_END | BPF_TO_BE, .dst_reg = reg, .imm = bits });
}

static void emit_host_order(struct draft *d, uint8_t reg, uint8_t size)
{
	if (size != BPF_B)
		put_big_endian(d, reg, size == BPF_W ? 32 : 16);
}

/* REG_ADDRESS holds the offset. A byte is masked so that both ways of loading it look the same to the verifier, which then goes on with one of them. */
static void emit_far(struct draft *d, const struct sock_filter *f, uint8_t to)
{
	put_move(d, BPF_ALU64, BPF_REG_1, REG_PACKET);
	put_move(d, BPF_ALU64, BPF_REG_2, REG_VIEW);
	put_alu_k(d, BPF_MOV, BPF_REG_4, load_bytes(f));
	put_load(d, BPF_DW, BPF_REG_5, BPF_REG_10, STACK_HOW);
	put(d, (struct bpf_insn){ .code = BPF_JMP | BPF_CALL, .src_reg = BPF_PSEUDO_CALL });
	put(d, (struct bpf_insn){ .code = BPF_JMP | BPF_JSGE | BPF_K, .dst_reg = REG_RESULT, .off = 2 });
	put_return(d, 0);
	put_move(d, BPF_ALU, to, REG_RESULT);
	if (BPF_SIZE(f->code) == BPF_B)
		put_alu_k(d, BPF_AND, to, 0xff);
}

static void emit_absolute(struct draft *d, const struct sock_filter *f, const struct place *place, uint8_t to)
{
	uint32_t end = f->k + load_bytes(f);

	if (!within_window(d, f)) {
		put_alu_k(d, BPF_MOV, REG_ADDRESS, f->k);
		emit_far(d, f, to);
		return;
	}
	if (place->checked < end) {
		put_load(d, BPF_W, REG_RESULT, REG_VIEW, d->layout->window_bytes);
		put(d, (struct bpf_insn){ .code = BPF_JMP32 | BPF_JGE | BPF_K, .dst_reg = REG_RESULT, .off = 2, .imm = (int32_t)end });
		put_return(d, 0);
	}
	put_load(d, BPF_SIZE(f->code), to, REG_VIEW, d->layout->window + (int)f->k);
	emit_host_order(d, to, BPF_SIZE(f->code));
}

/*
 * What the verifier knows of X may have come from conditions that cannot hold together, and its bounds mean nothing then: a load would be refused that is
 * never reached. Turned around twice, the offset is unknown again, and the one condition here says all of it.
 */
static void emit_indirect(struct draft *d, const struct sock_filter *f)
{
	int size = (int)load_bytes(f);
	size_t beyond, done;

	put_move(d, BPF_ALU64, REG_ADDRESS, REG_X);
	put(d, (struct bpf_insn){ .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = REG_ADDRESS, .imm = (int32_t)f->k });
	put_big_endian(d, REG_ADDRESS, 64);
	put_big_endian(d, REG_ADDRESS, 64);
	beyond = put(d, (struct bpf_insn){ .code = BPF_JMP | BPF_JGT | BPF_K, .dst_reg = REG_ADDRESS, .imm = d->layout->window_size - size });
	put_load(d, BPF_W, REG_RESULT, REG_VIEW, d->layout->window_bytes);
	put(d, (struct bpf_insn){ .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = REG_RESULT, .imm = -size });
	put(d, (struct bpf_insn){ .code = BPF_JMP | BPF_JSLE | BPF_X, .dst_reg = REG_ADDRESS, .src_reg = REG_RESULT, .off = 2 });
	put_return(d, 0);
	put(d, (struct bpf_insn){ .code = BPF_ALU64 | BPF_ADD | BPF_X, .dst_reg = REG_ADDRESS, .src_reg = REG_VIEW });
	put_load(d, BPF_SIZE(f->code), REG_A, REG_ADDRESS, d->layout->window);
	emit_host_order(d, REG_A, BPF_SIZE(f->code));
	done = put(d, (struct bpf_insn){ .code = BPF_JMP | BPF_JA });
	jump_lands(d, beyond);
	emit_far(d, f, REG_A);
	jump_lands(d, done);
}

static void emit_load(struct draft *d, const struct sock_filter *f, const struct place *place)
{
	uint8_t to = BPF_CLASS(f->code) == BPF_LD ? REG_A : REG_X;
	int member = ancillary(d, f);

	if (member >= 0) {
		put_load(d, BPF_W, to, REG_VIEW, member);
		return;
	}
	if (always_rejects(d, f)) {
		put_return(d, 0);
		return;
	}
	switch (BPF_MODE(f->code)) {
	case BPF_IMM:
		put_alu_k(d, BPF_MOV, to, f->k);
		break;
	case BPF_MEM:
		put_load(d, BPF_W, to, BPF_REG_10, STACK_CELL(f->k));
		break;
	case BPF_LEN:
		put_load(d, BPF_W, to, REG_VIEW, d->layout->len_bytes);
		break;
	case BPF_IND:
		emit_indirect(d, f);
		break;
	case BPF_ABS:
		emit_absolute(d, f, place, to);
		break;
	default: /* BPF_MSH: length of an IPv4 header */
		emit_absolute(d, f, place, to);
		put_alu_k(d, BPF_AND, to, 0xf);
		put_alu_k(d, BPF_LSH, to, 2);
	}
}

/* ---- arithmetic and jumps */

static void emit_alu_x(struct draft *d, uint8_t op)
{
	struct bpf_insn insn = { .code = BPF_ALU | op | BPF_X, .dst_reg = REG_A, .src_reg = REG_X };

	if (op == BPF_DIV || op == BPF_MOD) {
		put(d, (struct bpf_insn){ .code = BPF_JMP32 | BPF_JNE | BPF_K, .dst_reg = REG_X, .off = 2 });
		put_return(d, 0);
	}
	if (op == BPF_LSH || op == BPF_RSH) {
		put(d, (struct bpf_insn){ .code = BPF_JMP32 | BPF_JLT | BPF_K, .dst_reg = REG_X, .off = 2, .imm = 32 });
		put_alu_k(d, BPF_MOV, REG_A, 0);
		put(d, (struct bpf_insn){ .code = BPF_JMP | BPF_JA, .off = 1 });
	}
	put(d, insn);
}

static void emit_alu(struct draft *d, const struct sock_filter *f)
{
	uint8_t op = BPF_OP(f->code);

	if (BPF_SRC(f->code) == BPF_X)
		emit_alu_x(d, op);
	else if ((op == BPF_LSH || op == BPF_RSH) && f->k > 31)
		put_alu_k(d, BPF_MOV, REG_A, 0);
	else
		put_alu_k(d, op, REG_A, op == BPF_NEG ? 0 : f->k);
}

static uint8_t inverse(uint8_t op)
{
	switch (op) {
	case BPF_JEQ:
		return BPF_JNE;
	case BPF_JGT:
		return BPF_JLE;
	default:
		return BPF_JLT;
	}
}

/* `next`: what stands behind the jump, which is where a condition that does not hold ends. */
static void emit_jump(struct draft *d, const struct sock_filter *f, const struct place *here, const struct place *next)
{
	const struct place *yes = here + 1 + f->jt, *no = here + 1 + f->jf;
	struct bpf_insn insn = { .dst_reg = REG_A };
	uint8_t op = BPF_OP(f->code);

	if (jumps_always(f))
		yes = no = here + 1 + f->k;
	if (BPF_SRC(f->code) == BPF_X)
		insn.src_reg = REG_X;
	else
		insn.imm = (int32_t)f->k;
	if (yes == next && op != BPF_JSET) {
		op = inverse(op);
		yes = no;
		no = next;
	}
	insn.code = BPF_JMP32 | op | BPF_SRC(f->code);
	if (yes != no)
		put_jump(d, insn, yes);
	if (no != next)
		put_jump(d, (struct bpf_insn){ .code = BPF_JMP | BPF_JA }, no);
}

/* ---- second and third walk */

static void emit_return(struct draft *d, const struct sock_filter *f)
{
	if (BPF_RVAL(f->code) == BPF_K) {
		put_return(d, f->k);
		return;
	}
	put_move(d, BPF_ALU, REG_RESULT, REG_A);
	put(d, (struct bpf_insn){ .code = BPF_JMP | BPF_EXIT });
}

static void emit_one(struct draft *d, const struct sock_filter *f, const struct place *here, const struct place *next)
{
	switch (BPF_CLASS(f->code)) {
	case BPF_LD:
	case BPF_LDX:
		emit_load(d, f, here);
		break;
	case BPF_ST:
		put_store(d, BPF_W, REG_A, STACK_CELL(f->k));
		break;
	case BPF_STX:
		put_store(d, BPF_W, REG_X, STACK_CELL(f->k));
		break;
	case BPF_ALU:
		emit_alu(d, f);
		break;
	case BPF_JMP:
		emit_jump(d, f, here, next);
		break;
	case BPF_RET:
		emit_return(d, f);
		break;
	default:
		if (BPF_MISCOP(f->code) == BPF_TAX)
			put_move(d, BPF_ALU, REG_X, REG_A);
		else
			put_move(d, BPF_ALU, REG_A, REG_X);
	}
}

static void emit_program(struct draft *d, const struct sock_fprog *program, struct place *places)
{
	if (!program->filter)
		put_return(d, UINT32_MAX);
	for (size_t at = 0; program->filter && at < program->len; at++) {
		struct place *next = &places[at + 1];

		if (!places[at].reached)
			continue;
		while (next < &places[program->len] && !next->reached)
			next++;
		places[at].at = d->count;
		emit_one(d, &program->filter[at], &places[at], next);
	}
}

static void emit_prologue(struct draft *d)
{
	if (d->calls) {
		put_move(d, BPF_ALU64, REG_PACKET, BPF_REG_1);
		put_store(d, BPF_DW, BPF_REG_3, STACK_HOW);
	}
	put_move(d, BPF_ALU64, REG_VIEW, BPF_REG_2);
	put_alu_k(d, BPF_MOV, REG_A, 0);
	put_alu_k(d, BPF_MOV, REG_X, 0);
	for (unsigned int i = 0; i < BPF_MEMWORDS; i++)
		if (d->cells & 1u << i)
			put_store(d, BPF_W, REG_A, STACK_CELL(i));
}

/* The link type stays in r0 until the program for it begins. The last one has no condition. */
static void emit_all(struct draft *d, const struct sock_fprog *program, size_t programs, struct place *places)
{
	d->count = 0;
	emit_prologue(d);
	if (programs > 1)
		put_load(d, BPF_W, REG_RESULT, REG_VIEW, d->layout->link_type);
	for (size_t i = 0; i < programs; places += program[i++].len) {
		size_t condition = d->count;

		if (i + 1 < programs)
			put(d, (struct bpf_insn){ .code = BPF_JMP32 | BPF_JNE | BPF_K, .dst_reg = REG_RESULT, .imm = (int32_t)i });
		emit_program(d, &program[i], places);
		if (i + 1 < programs)
			jump_lands(d, condition);
	}
}

/* `places`: as many as the programs have instructions. */
static int draft_finish(struct draft *d, const struct sock_fprog *program, size_t programs, struct place *places, struct translate_problem *problem)
{
	struct place *first = places;

	for (size_t i = 0; i < programs; first += program[i++].len)
		if (program[i].filter)
			survey(d, &program[i], first);
	emit_all(d, program, programs, places);
	d->code = calloc(d->count, sizeof(*d->code));
	if (!d->code)
		return translate_refuse(problem, -ENOMEM, "no memory for a filter of %zu instructions", d->count);
	emit_all(d, program, programs, places);
	if (d->furthest > TRANSLATE_JUMP_MAX)
		return translate_refuse(problem, -E2BIG, "the filter makes %zu instructions, and one jumps over %zu of them: jumps reach over at most %d; "
					       "make the expression shorter", d->count, d->furthest, TRANSLATE_JUMP_MAX);
	return 0;
}

int translate(struct translation *out, const struct sock_fprog *program, size_t programs, const struct translate_layout *layout,
	      struct translate_problem *problem)
{
	struct draft draft = { .layout = layout };
	struct place *places;
	size_t total = 0;
	int err = 0;

	assert(out && program && programs && layout && problem);
	for (size_t i = 0; !err && i < programs; total += program[i++].len)
		if (program[i].filter)
			err = translate_check(&program[i], problem);
	if (err)
		return err;
	places = calloc(total + 1, sizeof(*places));
	if (!places)
		return translate_refuse(problem, -ENOMEM, "no memory for a filter of %zu instructions", total);
	err = draft_finish(&draft, program, programs, places, problem);
	free(places);
	if (err)
		free(draft.code);
	else
		*out = (struct translation){ .code = draft.code, .count = draft.count, .uses = draft.uses };
	return err;
}

void translation_free(struct translation *t)
{
	if (!t)
		return;
	free(t->code);
	*t = (struct translation){ 0 };
}
