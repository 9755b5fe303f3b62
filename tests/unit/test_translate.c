/* SPDX-License-Identifier: GPL-2.0-only */
/* Filters translated to eBPF, run by an interpreter that forgives nothing, against libpcap's own interpreter and against what is written here. */
#include "fixture.h"

#include "tests/unit/translate_lab.h"

#define DATA_MAX 4096

static const uint32_t edges[] = { 0, 1, 2, 7, 31, 32, 33, 63, 64, 255, 256, 65535, 65536, 0x7fffffff, 0x80000000, 0x80000001, 0xfffffffe, 0xffffffff };
static uint8_t data[DATA_MAX];

static const uint16_t alu_ops[] = { BPF_ADD, BPF_SUB, BPF_MUL, BPF_DIV, BPF_MOD, BPF_AND, BPF_OR, BPF_XOR, BPF_LSH, BPF_RSH, BPF_NEG };
static const uint16_t jump_ops[] = { BPF_JEQ, BPF_JGT, BPF_JGE, BPF_JSET };
static const uint16_t load_sizes[] = { BPF_B, BPF_H, BPF_W };

static struct lab_packet packet_of(uint32_t data_bytes)
{
	return (struct lab_packet){ .bytes = data, .data_bytes = data_bytes, .len_bytes = data_bytes };
}

static void test_arithmetic(void **state)
{
	(void)state;
	for (size_t op = 0; op < COUNT(alu_ops); op++)
		for (size_t a = 0; a < COUNT(edges); a++)
			for (size_t b = 0; b < COUNT(edges); b++) {
				bool shifts = alu_ops[op] == BPF_LSH || alu_ops[op] == BPF_RSH, divides = alu_ops[op] == BPF_DIV || alu_ops[op] == BPF_MOD;
				struct sock_filter with_x[] = {
					BPF_STMT(BPF_LD | BPF_IMM, edges[a]), BPF_STMT(BPF_LDX | BPF_IMM, edges[b]),
					BPF_STMT(BPF_ALU | alu_ops[op] | BPF_X, 0), BPF_STMT(BPF_RET | BPF_A, 0),
				};
				struct sock_filter with_k[] = {
					BPF_STMT(BPF_LD | BPF_IMM, edges[a]), BPF_STMT(BPF_ALU | alu_ops[op] | BPF_K, edges[b]), BPF_STMT(BPF_RET | BPF_A, 0),
				};

				if (alu_ops[op] != BPF_NEG)
					agreed(PROGRAM(with_x), packet_of(0));
				if (divides && !edges[b])
					refused(PROGRAM(with_k), -EINVAL, "instruction 1 of the filter divides by zero");
				else if (shifts && edges[b] > 31) /* undefined in libpcap 1.10, 0 later */
					assert_int_equal(verdict_of(PROGRAM(with_k), packet_of(0)), 0);
				else
					agreed(PROGRAM(with_k), packet_of(0));
			}
}

/* What a shift, a division and a modulo do at their edges, without asking libpcap. */
static void test_arithmetic_known(void **state)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LDX | BPF_IMM, 0), BPF_STMT(BPF_LD | BPF_IMM, 0x80000001), BPF_STMT(0, 0), BPF_STMT(BPF_RET | BPF_A, 0),
	};
	static const struct {
		uint16_t op;
		uint32_t x, result;
	} known[] = {
		{ BPF_LSH, 31, 0x80000000 }, { BPF_LSH, 32, 0 }, { BPF_RSH, 31, 1 }, { BPF_RSH, 32, 0 }, { BPF_RSH, 0xffffffff, 0 }, { BPF_DIV, 0, 0 },
		{ BPF_MOD, 0, 0 }, { BPF_DIV, 0x80000001, 1 }, { BPF_MOD, 0x80000000, 1 }, { BPF_MUL, 2, 2 }, { BPF_SUB, 0x80000002, 0xffffffff },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(known); i++) {
		code[0].k = known[i].x;
		code[2].code = BPF_ALU | known[i].op | BPF_X;
		assert_int_equal(agreed(PROGRAM(code), packet_of(0)), known[i].result);
	}
}

static void test_jumps(void **state)
{
	static const uint8_t targets[][2] = { { 0, 0 }, { 0, 1 }, { 1, 0 }, { 1, 1 }, { 1, 2 }, { 2, 1 }, { 0, 2 }, { 2, 0 }, { 2, 2 } };

	(void)state;
	for (size_t op = 0; op < COUNT(jump_ops); op++)
		for (size_t a = 0; a < COUNT(edges); a++)
			for (size_t b = 0; b < COUNT(edges); b++)
				for (size_t t = 0; t < COUNT(targets); t++) {
					struct sock_filter code[] = {
						BPF_STMT(BPF_LDX | BPF_IMM, edges[b]), BPF_STMT(BPF_LD | BPF_IMM, edges[a]),
						BPF_JUMP(BPF_JMP | jump_ops[op] | BPF_X, 0, targets[t][0], targets[t][1]), BPF_STMT(BPF_RET | BPF_K, 1),
						BPF_STMT(BPF_RET | BPF_K, 2), BPF_STMT(BPF_RET | BPF_K, 3),
					};

					agreed(PROGRAM(code), packet_of(0));
					code[2].code = BPF_JMP | jump_ops[op] | BPF_K;
					code[2].k = edges[b];
					agreed(PROGRAM(code), packet_of(0));
				}
}

/* What jumps over instructions that nothing reaches goes on with the next one that something reaches. */
static void test_unreachable(void **state)
{
	struct sock_filter over[] = {
		BPF_STMT(BPF_LD | BPF_IMM, 5), BPF_JUMP(BPF_JMP | BPF_JA, 2, 0, 0), BPF_STMT(BPF_LD | BPF_IMM, 6), BPF_STMT(BPF_RET | BPF_K, 7),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 5, 1, 1), BPF_STMT(BPF_LD | BPF_IMM, 8), BPF_STMT(BPF_RET | BPF_A, 0),
	};
	struct sock_filter behind[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0x80000000), BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0), BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 4000),
		BPF_STMT(BPF_LD | BPF_MEM, 3), BPF_STMT(BPF_RET | BPF_K, 9),
	};
	struct sock_fprog program = PROGRAM(over);
	struct translation code = translated(&program, 1);

	(void)state;
	assert_int_equal(code.count, 6); /* three to begin, one load, two to return */
	translation_free(&code);
	assert_int_equal(agreed(PROGRAM(over), packet_of(100)), 5);
	program = PROGRAM(behind);
	code = translated(&program, 1);
	assert_int_equal(code.uses, 0);
	assert_int_equal(code.count, 5);
	translation_free(&code);
	assert_int_equal(agreed(PROGRAM(behind), packet_of(4096)), 0);
}

static unsigned int bytes_of(uint16_t size)
{
	return size == BPF_W ? 4 : size == BPF_H ? 2 : 1;
}

static void check_far(struct sock_fprog program, uint32_t data_bytes, unsigned int calls)
{
	struct translation code = translated(&program, 1);
	struct lab_packet packet = packet_of(data_bytes);
	unsigned int got;

	executed(&code, &packet, &got);
	assert_int_equal(got, calls);
	translation_free(&code);
}

static void test_absolute(void **state)
{
	static const uint32_t lengths[] = { 0, 1, 2, 3, 4, 14, 120, 123, 124, 125, 126, 127, 128, 129, 130, 131, 132, 133, 1500, DATA_MAX };

	(void)state;
	for (size_t s = 0; s < COUNT(load_sizes); s++)
		for (uint32_t k = 0; k < DATA_MAX + 4; k += k >= 140 && k < DATA_MAX - 8 ? 61 : 1)
			for (size_t l = 0; l < COUNT(lengths); l++) {
				struct sock_filter code[] = {
					BPF_STMT(BPF_LD | load_sizes[s] | BPF_ABS, k), BPF_STMT(BPF_ALU | BPF_XOR | BPF_K, 0x80000000), BPF_STMT(BPF_RET | BPF_A, 0),
				};
				struct sock_filter msh[] = { BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, k), BPF_STMT(BPF_MISC | BPF_TXA, 0), BPF_STMT(BPF_RET | BPF_A, 0) };

				agreed(PROGRAM(code), packet_of(lengths[l]));
				agreed(PROGRAM(msh), packet_of(lengths[l]));
				check_far(PROGRAM(code), lengths[l], k + bytes_of(load_sizes[s]) > SC_FILTER_WINDOW);
				check_far(PROGRAM(msh), lengths[l], k + 1 > SC_FILTER_WINDOW);
			}
}

/* X and k together reach as far as the packet does and not a byte further, however large each is. */
static void test_indirect(void **state)
{
	static const uint32_t lengths[] = { 0, 1, 4, 124, 127, 128, 129, 132, 2000 };
	static const uint32_t places[] = {
		0, 1, 2, 123, 124, 125, 126, 127, 128, 129, 132, 1996, 1997, 1998, 1999, 2000, 0x7fffffff, 0x80000000, 0xfffffffc, 0xffffffff,
	};

	(void)state;
	for (size_t s = 0; s < COUNT(load_sizes); s++)
		for (size_t x = 0; x < COUNT(places); x++)
			for (size_t k = 0; k < COUNT(places); k++)
				for (size_t l = 0; l < COUNT(lengths); l++) {
					uint64_t offset = (uint64_t)places[x] + places[k];
					bool there = offset + bytes_of(load_sizes[s]) <= lengths[l], asked = places[k] < 0x80000000;
					struct sock_filter code[] = {
						BPF_STMT(BPF_LDX | BPF_IMM, places[x]), BPF_STMT(BPF_LD | load_sizes[s] | BPF_IND, places[k]),
						BPF_STMT(BPF_ALU | BPF_OR | BPF_K, 0x100), BPF_STMT(BPF_RET | BPF_A, 0),
					};

					assert_int_equal(!!agreed(PROGRAM(code), packet_of(lengths[l])), there);
					check_far(PROGRAM(code), lengths[l], asked && offset + bytes_of(load_sizes[s]) > SC_FILTER_WINDOW);
				}
}

/* One check of the window serves every load that it implies, on each way that leads there. */
static void test_window_checks(void **state)
{
	struct sock_filter straight[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 36), BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12), BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 39), BPF_STMT(BPF_RET | BPF_A, 0),
	};
	struct sock_filter joined[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0), BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 1, 1, 0), BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 60),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 50), BPF_STMT(BPF_RET | BPF_K, 1),
	};
	struct sock_fprog program = PROGRAM(straight);
	struct translation code = translated(&program, 1);
	unsigned int checks = 0;
	uint8_t bytes[61] = { 1 };

	(void)state;
	for (size_t i = 0; i < code.count; i++)
		checks += code.code[i].code == (BPF_LDX | BPF_MEM | BPF_W) && code.code[i].off == filter_view_layout.window_bytes;
	assert_int_equal(checks, 1);
	translation_free(&code);
	for (uint32_t len = 0; len <= sizeof(bytes); len++) {
		struct lab_packet packet = { .bytes = bytes, .data_bytes = len, .len_bytes = len };

		agreed(PROGRAM(straight), packet);
		bytes[0] = 1;
		assert_int_equal(agreed(PROGRAM(joined), packet), len > 50);
		bytes[0] = 0;
		assert_int_equal(agreed(PROGRAM(joined), packet), len > 60);
	}
}

static void test_length(void **state)
{
	struct sock_filter a[] = { BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0), BPF_STMT(BPF_RET | BPF_A, 0) };
	struct sock_filter x[] = { BPF_STMT(BPF_LDX | BPF_W | BPF_LEN, 0), BPF_STMT(BPF_MISC | BPF_TXA, 0), BPF_STMT(BPF_RET | BPF_A, 0) };
	struct lab_packet packet = { .bytes = data, .data_bytes = 60, .len_bytes = 0xfedcba98 };
	struct sock_fprog programs[] = { PROGRAM(a), PROGRAM(x) };

	(void)state;
	for (size_t i = 0; i < COUNT(programs); i++) {
		struct translation code = translated(&programs[i], 1);

		assert_int_equal(code.uses, TRANSLATE_USES_LEN);
		translation_free(&code);
		assert_int_equal(agreed(programs[i], packet), 0xfedcba98);
	}
}

static void test_ancillary(void **state)
{
	static const struct {
		uint32_t k, value, uses;
	} known[] = {
		{ SKF_AD_PKTTYPE, 0x11223344, 0 },
		{ SKF_AD_IFINDEX, 0x55667788, 0 },
		{ SKF_AD_VLAN_TAG, 0xe123, TRANSLATE_USES_VLAN },
		{ SKF_AD_VLAN_TAG_PRESENT, 1, TRANSLATE_USES_VLAN },
	};
	struct lab_packet packet = {
		.bytes = data, .vlan_present = 1, .vlan_tag = 0xe123, .packet_type = 0x11223344, .ifindex = 0x55667788, .link_type = 9,
	};

	(void)state;
	for (size_t s = 0; s < COUNT(load_sizes); s++)
		for (uint32_t k = 0; k < SKF_AD_MAX + 4; k++) {
			struct sock_filter load[] = { BPF_STMT(BPF_LD | load_sizes[s] | BPF_ABS, (uint32_t)SKF_AD_OFF + k), BPF_STMT(BPF_RET | BPF_A, 0) };
			struct sock_fprog program = PROGRAM(load);
			struct translation code = translated(&program, 1);
			uint32_t value = 0, uses = 0;

			for (size_t i = 0; i < COUNT(known); i++)
				if (known[i].k == k) {
					value = known[i].value;
					uses = known[i].uses;
				}
			assert_int_equal(executed(&code, &packet, NULL), value);
			assert_int_equal(code.uses, uses);
			translation_free(&code);
			load[0].code = BPF_LD | load_sizes[s] | BPF_IND;
			assert_int_equal(verdict_of(PROGRAM(load), packet), 0);
			load[0].code = BPF_LDX | BPF_B | BPF_MSH;
			assert_int_equal(verdict_of(PROGRAM(load), packet), 0);
		}
}

static void test_memory(void **state)
{
	struct sock_filter fresh[] = {
		BPF_STMT(BPF_LD | BPF_MEM, 0), BPF_STMT(BPF_LDX | BPF_MEM, 0), BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0), BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 3),
		BPF_STMT(BPF_RET | BPF_A, 0),
	};
	struct sock_filter code[2 * 2 * BPF_MEMWORDS + 4 * BPF_MEMWORDS + 1] = { 0 };
	size_t n = 0;

	(void)state;
	for (uint32_t cell = 0; cell < BPF_MEMWORDS; cell++) {
		fresh[0].k = fresh[1].k = cell;
		assert_int_equal(verdict_of(PROGRAM(fresh), packet_of(0)), 3);
		code[n++] = (struct sock_filter)BPF_STMT(cell % 2 ? BPF_LD | BPF_IMM : BPF_LDX | BPF_IMM, 0x80000000 + cell * cell);
		code[n++] = (struct sock_filter)BPF_STMT(cell % 2 ? BPF_ST : BPF_STX, cell);
	}
	for (uint32_t cell = 0; cell < BPF_MEMWORDS; cell++) { /* A = A * 31 + M[cell] */
		code[n++] = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, 31);
		code[n++] = (struct sock_filter)BPF_STMT(BPF_LDX | BPF_MEM, cell);
		code[n++] = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0);
	}
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_A, 0);
	agreed((struct sock_fprog){ (unsigned short)n, code }, packet_of(0));
	for (uint32_t cell = 0; cell < BPF_MEMWORDS; cell++) {
		code[2 * BPF_MEMWORDS] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_MEM, cell);
		code[2 * BPF_MEMWORDS + 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_A, 0);
		assert_int_equal(agreed((struct sock_fprog){ 2 * BPF_MEMWORDS + 2, code }, packet_of(0)), 0x80000000 + cell * cell);
	}
}

static void test_registers(void **state)
{
	struct sock_filter begin_a[] = { BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 4), BPF_STMT(BPF_RET | BPF_A, 0) };
	struct sock_filter begin_x[] = { BPF_STMT(BPF_MISC | BPF_TXA, 0), BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 5), BPF_STMT(BPF_RET | BPF_A, 0) };
	struct sock_filter moved[] = {
		BPF_STMT(BPF_LD | BPF_IMM, 0xfffffff0), BPF_STMT(BPF_MISC | BPF_TAX, 0), BPF_STMT(BPF_LD | BPF_IMM, 3), BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0),
		BPF_STMT(BPF_MISC | BPF_TXA, 0), BPF_STMT(BPF_RET | BPF_A, 0),
	};
	struct sock_filter kept[] = { /* X over a call of far() */
		BPF_STMT(BPF_LDX | BPF_IMM, 1000), BPF_STMT(BPF_LD | BPF_W | BPF_IND, 1), BPF_STMT(BPF_ST, 0), BPF_STMT(BPF_LD | BPF_W | BPF_IND, 5),
		BPF_STMT(BPF_LDX | BPF_MEM, 0), BPF_STMT(BPF_ALU | BPF_SUB | BPF_X, 0), BPF_STMT(BPF_RET | BPF_A, 0),
	};
	struct sock_filter all[] = { BPF_STMT(BPF_RET | BPF_K, 0xffffffff) };

	(void)state;
	assert_int_equal(agreed(PROGRAM(begin_a), packet_of(0)), 4);
	assert_int_equal(agreed(PROGRAM(begin_x), packet_of(0)), 5);
	assert_int_equal(agreed(PROGRAM(moved), packet_of(0)), 0xfffffff0);
	assert_int_not_equal(agreed(PROGRAM(kept), packet_of(2000)), 0);
	assert_int_equal(agreed(PROGRAM(all), packet_of(0)), 0xffffffff);
}

static void test_link_types(void **state)
{
	struct sock_filter one[] = { BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0), BPF_STMT(BPF_ALU | BPF_OR | BPF_K, 0x100), BPF_STMT(BPF_RET | BPF_A, 0) };
	struct sock_filter two[] = { BPF_STMT(BPF_LD | BPF_MEM, 2), BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 0x200), BPF_STMT(BPF_RET | BPF_A, 0) };
	struct sock_fprog programs[] = { PROGRAM(one), { 0 }, PROGRAM(two) };
	struct translation code = translated(programs, COUNT(programs));
	struct lab_packet packet = packet_of(1);

	(void)state;
	assert_int_equal(executed(&code, &packet, NULL), 0x100 | data[0]);
	packet.link_type = 1;
	assert_int_equal(executed(&code, &packet, NULL), 0xffffffff);
	packet.link_type = 2;
	assert_int_equal(executed(&code, &packet, NULL), 0x200);
	translation_free(&code);
	code = translated(&programs[1], 1);
	assert_int_equal(code.uses, 0);
	assert_int_equal(executed(&code, &packet, NULL), 0xffffffff);
	translation_free(&code);
	translation_free(&code);
	translation_free(NULL);
}

static int fill(void **state)
{
	uint64_t seed = 1;

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = i % 64 < 8 ? 0 : (uint8_t)fixture_random(&seed); /* 0 is no reason to reject */
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arithmetic),  cmocka_unit_test(test_arithmetic_known), cmocka_unit_test(test_jumps),
		cmocka_unit_test(test_unreachable), cmocka_unit_test(test_absolute),	     cmocka_unit_test(test_indirect),
		cmocka_unit_test(test_window_checks), cmocka_unit_test(test_length),	     cmocka_unit_test(test_ancillary),
		cmocka_unit_test(test_memory),	    cmocka_unit_test(test_registers),	     cmocka_unit_test(test_link_types),
	};

	return cmocka_run_group_tests(tests, fill, NULL);
}
