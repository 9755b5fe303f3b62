/* SPDX-License-Identifier: GPL-2.0-only */
/* Filters that translate() refuses and why, the largest that it takes, what libpcap makes of real expressions, and the code as text. */
#include "fixture.h"

#include "tests/fuzz/expressions.h"
#include "tests/unit/translate_lab.h"

#define SNAPLEN 65535
#define CODES 65536

static const uint8_t zeros[SC_FILTER_WINDOW];
static const struct lab_packet zero_packet = { .bytes = zeros, .data_bytes = sizeof(zeros), .len_bytes = sizeof(zeros) };

/* Of all 65536 codes those are taken that libpcap's bpf_filter() knows: 49. */
static void test_codes(void **state)
{
	unsigned int taken = 0;

	(void)state;
	for (unsigned int code = 0; code < CODES; code++) {
		struct sock_filter program[] = { BPF_STMT(code, 1), BPF_STMT(BPF_RET | BPF_K, 7), BPF_STMT(BPF_RET | BPF_K, 7) };
		struct sock_fprog fprog = PROGRAM(program);
		struct translate_problem problem;
		struct translation out = { 0 };
		int err = translate(&out, &fprog, 1, &filter_view_layout, &problem);

		if (err) {
			assert_int_equal(err, -EINVAL);
			assert_non_null(strstr(problem.text, "instruction 0 of the filter has an unknown code, 0x"));
			continue;
		}
		taken++;
		assert_true(bpf_validate(libpcap_code(&fprog), fprog.len));
		assert_int_equal(agreed(fprog, zero_packet), bpf_filter(libpcap_code(&fprog), zeros, sizeof(zeros), sizeof(zeros)));
		translation_free(&out);
	}
	assert_int_equal(taken, 49);
}

static void test_refused(void **state)
{
	struct sock_filter code[] = { BPF_STMT(0, 0), BPF_STMT(BPF_LD | BPF_IMM, 0), BPF_STMT(BPF_RET | BPF_K, 0) };
	static const uint16_t cell_codes[] = { BPF_ST, BPF_STX, BPF_LD | BPF_MEM, BPF_LDX | BPF_MEM };

	(void)state;
	for (size_t i = 0; i < COUNT(cell_codes); i++) {
		code[0] = (struct sock_filter)BPF_STMT(cell_codes[i], BPF_MEMWORDS - 1);
		verdict_of(PROGRAM(code), zero_packet);
		code[0].k = BPF_MEMWORDS;
		refused(PROGRAM(code), -EINVAL, "memory 16 of 16");
		code[0].k = 0xffffffff;
		refused(PROGRAM(code), -EINVAL, "memory 4294967295 of 16");
	}
	for (uint8_t far = 1; far < 255; far++) {
		code[0] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, far, 0);
		if (far > 1)
			refused(PROGRAM(code), -EINVAL, "instruction 0 of the filter jumps out of it");
		else
			verdict_of(PROGRAM(code), zero_packet);
		code[0] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_X, 0, 0, far);
		if (far > 1)
			refused(PROGRAM(code), -EINVAL, "instruction 0 of the filter jumps out of it");
	}
	refused((struct sock_fprog){ 0, code }, -EINVAL, "return");
	refused((struct sock_fprog){ 2, code }, -EINVAL, "return");
}

static void test_jump_always(void **state)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_IMM, 1), BPF_STMT(BPF_LD | BPF_IMM, 1), BPF_STMT(BPF_JMP | BPF_JA, 0), BPF_STMT(BPF_RET | BPF_K, 3), BPF_STMT(BPF_RET | BPF_K, 4),
	};
	static const uint32_t backwards[] = { 0xffffffff, 0xfffffffe, 0xfffffffd }, beyond[] = { 2, 3, 255, 65536, 0x7fffffff, 0x80000000, 0xfffffffc };

	(void)state;
	assert_int_equal(agreed(PROGRAM(code), zero_packet), 3);
	code[2].k = 1;
	assert_int_equal(agreed(PROGRAM(code), zero_packet), 4);
	for (size_t i = 0; i < COUNT(backwards); i++) {
		code[2].k = backwards[i];
		refused(PROGRAM(code), -ELOOP, "`protochain`");
	}
	for (size_t i = 0; i < COUNT(beyond); i++) {
		code[2].k = beyond[i];
		refused(PROGRAM(code), -EINVAL, "instruction 2 of the filter jumps out of it");
	}
}

static void test_refused_second(void **state)
{
	struct sock_filter good[] = { BPF_STMT(BPF_RET | BPF_K, 1) }, bad[] = { BPF_STMT(BPF_LD | BPF_IMM, 1) };
	struct sock_fprog programs[] = { PROGRAM(good), PROGRAM(bad) };
	struct translate_problem problem = { "" };
	struct translation code = { 0 };

	(void)state;
	assert_int_equal(translate(&code, programs, 2, &filter_view_layout, &problem), -EINVAL);
	assert_string_equal(problem.text, "the filter does not end with a return");
	assert_null(code.code);
}

/* `count` times one instruction, and a return of A. */
static struct sock_fprog repeated(struct sock_filter insn, unsigned short count)
{
	struct sock_filter *code = calloc(count + 1u, sizeof(*code));

	assert_non_null(code);
	for (unsigned int i = 0; i < count; i++)
		code[i] = insn;
	code[count] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_A, 0);
	return (struct sock_fprog){ (unsigned short)(count + 1), code };
}

static void test_largest(void **state)
{
	struct sock_fprog program = repeated((struct sock_filter)BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 3), 4096);

	(void)state;
	refused(program, -E2BIG, "4097 instructions");
	refused(program, -E2BIG, "at most 4096");
	program.filter[4095] = program.filter[4096];
	program.len = 4096;
	assert_int_equal(agreed(program, zero_packet), 4095 * 3);
	free(program.filter);
	program = repeated((struct sock_filter)BPF_STMT(BPF_LD | BPF_IMM, 3), 65534);
	refused(program, -E2BIG, "65535 instructions");
	free(program.filter);
	program = repeated((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_IND, 0), 4095);
	assert_int_equal(agreed(program, zero_packet), 0);
	free(program.filter);
}

/* Over `count` loads, each of 23 instructions, two ways: a jump always, a condition as long as it reaches. */
static struct sock_fprog jump_over(unsigned short count)
{
	struct sock_fprog program = repeated((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_IND, 1000), (unsigned short)(count + 2));

	program.filter[0] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1);
	program.filter[1] = (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, count);
	return program;
}

static void test_long_jumps(void **state)
{
	struct sock_fprog program = jump_over(1424), condition;
	struct sock_filter first[] = { BPF_STMT(BPF_RET | BPF_K, 0) };
	struct sock_fprog both[2];
	struct translate_problem problem;
	struct translation code;

	(void)state;
	assert_int_equal(agreed(program, zero_packet), 0);
	program.filter[program.len - 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 5);
	assert_int_equal(agreed(program, zero_packet), 5);
	code = translated(&program, 1);
	assert_in_range(code.count, TRANSLATE_JUMP_MAX - 23, TRANSLATE_JUMP_MAX + 23);
	translation_free(&code);
	free(program.filter);
	program = jump_over(1425);
	refused(program, -E2BIG, "jumps over 32775 of them");
	refused(program, -E2BIG, "at most 32767");
	free(program.filter);
	condition = repeated((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_IND, 1000), 256);
	condition.filter[0] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 9, 0, 255);
	condition.filter[256] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 5);
	assert_int_equal(agreed(condition, zero_packet), 5);
	free(condition.filter);
	both[0] = repeated((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_IND, 1000), 4000);
	both[1] = PROGRAM(first);
	assert_int_equal(translate(&code, both, 2, &filter_view_layout, &problem), -E2BIG); /* the second one is too far away */
	assert_non_null(strstr(problem.text, "at most 32767"));
	free(both[0].filter);
}

/* ---- real expressions */

static bool compile(struct bpf_program *out, int link_type, const char *expression)
{
	pcap_t *dead = pcap_open_dead(link_type, SNAPLEN);
	bool done;

	assert_non_null(dead);
	done = !pcap_compile(dead, out, expression, 1, 0xffffff00);
	pcap_close(dead);
	return done;
}

static struct sock_fprog fprog_of(const struct bpf_program *program)
{
	return (struct sock_fprog){ (unsigned short)program->bf_len, (struct sock_filter *)program->bf_insns };
}

static void test_protochain(void **state)
{
	static const char *const chains[] = { "ip6 protochain 17", "ip protochain 6", "protochain 17 and port 53" };
	struct bpf_program program;

	(void)state;
	for (size_t i = 0; i < COUNT(chains); i++) {
		assert_true(compile(&program, DLT_EN10MB, chains[i]));
		refused(fprog_of(&program), -ELOOP, "`protochain`");
		refused(fprog_of(&program), -ELOOP, "use `proto`");
		pcap_freecode(&program);
	}
}

/* IPv4 with TCP, bytes by rule behind the headers: every part of it down to no byte at all. */
static void test_expressions(void **state)
{
	static const uint8_t headers[] = {
		2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, 0x84, 0, 1, 0x40, 0, 64, 6, 0, 0, 192, 168, 1, 17, 10, 0, 0, 1, 4, 0, 0, 80, 0, 0, 0, 1, 0, 0, 0, 1,
		0x80, 2, 1, 1,
	};
	uint8_t bytes[400];
	unsigned int compiled = 0, accepted = 0;
	struct bpf_program program;
	char line[128];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = i < sizeof(headers) ? headers[i] : (uint8_t)(i * 7);
	for (size_t i = 0; i < 2 * EXPRESSIONS; i++) {
		struct translation code;
		struct sock_fprog fprog;

		if (!compile(&program, i % 2 ? DLT_RAW : DLT_EN10MB, expressions[i / 2]))
			continue;
		compiled++;
		fprog = fprog_of(&program);
		code = translated(&fprog, 1);
		for (size_t at = 0; at < code.count; at++)
			assert_null(strstr(translate_text(&code.code[at], at, line, sizeof(line)), "unknown"));
		for (uint32_t len = 0; len <= sizeof(bytes); len++) {
			struct lab_packet packet = { .bytes = bytes + (i % 2 ? 14 : 0), .data_bytes = len - (i % 2 && len > 385 ? 14 : 0), .len_bytes = 1514 };

			if (!strstr(expressions[i / 2], "inbound"))
				accepted += !!agreed(fprog, packet);
		}
		translation_free(&code);
		pcap_freecode(&program);
	}
	assert_in_range(compiled, EXPRESSIONS, 2 * EXPRESSIONS);
	assert_in_range(accepted, 1000, 2 * EXPRESSIONS * 400);
}

/* ---- text */

static void test_text(void **state)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x800, 0, 12), BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 14),
		BPF_STMT(BPF_LD | BPF_W | BPF_IND, 16), BPF_STMT(BPF_ALU | BPF_NEG, 0), BPF_STMT(BPF_ST, 1), BPF_STMT(BPF_LDX | BPF_MEM, 1),
		BPF_STMT(BPF_ALU | BPF_XOR | BPF_K, 0x80000000), BPF_JUMP(BPF_JMP | BPF_JGE | BPF_X, 0, 0, 1), BPF_STMT(BPF_RET | BPF_A, 0),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 200), BPF_STMT(BPF_JMP | BPF_JA, 1), BPF_STMT(BPF_RET | BPF_A, 0), BPF_STMT(BPF_RET | BPF_K, 0x40000),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	static const char *const lines[] = {
		"0: (bf) r6 = r1", "1: (7b) *(u64 *)(r10 -8) = r3", "2: (bf) r9 = r2", "3: (b4) w7 = 0", "4: (b4) w8 = 0",
		"5: (63) *(u32 *)(r10 -16) = r7", "6: (61) r0 = *(u32 *)(r9 +8)", "7: (36) if w0 >= 0xe goto pc+2", "8: (b4) w0 = 0", "9: (95) exit",
		"10: (69) r7 = *(u16 *)(r9 +60)", "11: (dc) r7 = be16 r7", "12: (56) if w7 != 0x800 goto pc+50", "13: (61) r0 = *(u32 *)(r9 +8)",
		"14: (36) if w0 >= 0xf goto pc+2", "15: (b4) w0 = 0", "16: (95) exit", "17: (71) r8 = *(u8 *)(r9 +62)", "18: (54) w8 &= 15",
		"19: (64) w8 <<= 2", "20: (bf) r3 = r8", "21: (07) r3 += 16", "22: (dc) r3 = be64 r3", "23: (dc) r3 = be64 r3",
		"24: (25) if r3 > 0x7c goto pc+9", "25: (61) r0 = *(u32 *)(r9 +8)", "26: (07) r0 += -4", "27: (dd) if r3 s<= r0 goto pc+2",
		"28: (b4) w0 = 0", "29: (95) exit", "30: (0f) r3 += r9", "31: (61) r7 = *(u32 *)(r3 +48)", "32: (dc) r7 = be32 r7",
		"33: (05) goto pc+9", "34: (bf) r1 = r6", "35: (bf) r2 = r9", "36: (b4) w4 = 4", "37: (79) r5 = *(u64 *)(r10 -8)",
		"38: (85) call far", "39: (75) if r0 s>= 0x0 goto pc+2", "40: (b4) w0 = 0", "41: (95) exit", "42: (bc) w7 = w0", "43: (84) w7 = -w7",
		"44: (63) *(u32 *)(r10 -16) = r7", "45: (61) r8 = *(u32 *)(r10 -16)", "46: (a4) w7 ^= -2147483648", "47: (ae) if w7 < w8 goto pc+2",
		"48: (bc) w0 = w7", "49: (95) exit", "50: (b4) w3 = 200", "51: (bf) r1 = r6", "52: (bf) r2 = r9", "53: (b4) w4 = 1",
		"54: (79) r5 = *(u64 *)(r10 -8)", "55: (85) call far", "56: (75) if r0 s>= 0x0 goto pc+2", "57: (b4) w0 = 0", "58: (95) exit",
		"59: (bc) w7 = w0", "60: (54) w7 &= 255", "61: (b4) w0 = 262144", "62: (95) exit", "63: (b4) w0 = 0", "64: (95) exit",
	};
	struct sock_fprog program = PROGRAM(code);
	struct translation out = translated(&program, 1);
	char line[64];

	(void)state;
	for (size_t at = 0; at < COUNT(lines) && at < out.count; at++)
		assert_string_equal(translate_text(&out.code[at], at, line, sizeof(line)), lines[at]);
	assert_int_equal(out.count, COUNT(lines));
	translation_free(&out);
}

/* What translate() never makes has no text, and is no reason to fall over. */
static void test_text_unknown(void **state)
{
	struct bpf_insn insn = { .dst_reg = 15, .src_reg = 15, .off = -1, .imm = -1 };
	unsigned int unknown = 0;
	char line[64], small[8];

	(void)state;
	for (unsigned int code = 0; code < 256; code++) {
		insn.code = (uint8_t)code;
		assert_int_equal(strncmp(translate_text(&insn, 7, line, sizeof(line)), "7: (", 4), 0);
		unknown += !!strstr(line, ") unknown");
	}
	assert_in_range(unknown, 100, 200);
	insn = (struct bpf_insn){ .code = BPF_JMP | BPF_EXIT };
	assert_string_equal(translate_text(&insn, 3, small, sizeof(small)), "3: (95)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_codes),	   cmocka_unit_test(test_refused),	 cmocka_unit_test(test_jump_always), cmocka_unit_test(test_refused_second),
		cmocka_unit_test(test_largest),	   cmocka_unit_test(test_long_jumps),	 cmocka_unit_test(test_protochain),
		cmocka_unit_test(test_expressions), cmocka_unit_test(test_text),	 cmocka_unit_test(test_text_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
