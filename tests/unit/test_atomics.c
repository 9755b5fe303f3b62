/* SPDX-License-Identifier: GPL-2.0-only */
/* For kernels before 5.12 no atomic operation that returns a value is left in the object, and nothing else is touched. */
#include "fixture.h"

#include <linux/bpf.h>

#include "stampcap.skel.h"
#include "tracing/atomics.h"

static void removed_and_nothing_else(void **state)
{
	const uint8_t *before;
	size_t size, changed = 0, additions = 0;
	uint8_t *object;
	int removed;

	(void)state;
	before = stampcap_bpf__elf_bytes(&size);
	object = malloc(size);
	assert_non_null(object);
	memcpy(object, before, size);
	removed = atomics_remove(object, size);
	assert_true(removed > 10);
	for (size_t i = 0; i + sizeof(struct bpf_insn) <= size; i += sizeof(struct bpf_insn)) {
		const struct bpf_insn *was = (const void *)(before + i), *is = (const void *)(object + i);

		if (!memcmp(was, is, sizeof(*is)))
			continue;
		changed++;
		if (was->imm == (BPF_ADD | BPF_FETCH)) {
			assert_int_equal(is->code, was->code);
			assert_int_equal(is->imm, BPF_ADD);
			additions++;
		} else {
			assert_int_equal(is->code, BPF_JMP | BPF_JA);
			assert_int_equal(is->off, 0);
		}
		assert_int_equal(BPF_CLASS(was->code), BPF_STX);
		assert_int_equal(BPF_MODE(was->code), BPF_ATOMIC);
		assert_true(was->imm & BPF_FETCH);
	}
	assert_int_equal(changed, removed);
	assert_true(additions > 0 && additions < changed);
	assert_int_equal(atomics_remove(object, size), 0);
	free(object);
}

static void garbage(void **state)
{
	char text[] = "not an object file";

	(void)state;
	assert_int_equal(atomics_remove(text, sizeof(text)), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(removed_and_nothing_else),
		cmocka_unit_test(garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
