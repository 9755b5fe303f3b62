/* SPDX-License-Identifier: GPL-2.0-only */
/* Translates a classic program and runs it in the strict interpreter, beside libpcap's; fails the test when anything is odd. */
#pragma once

#include "fixture.h"

#include <errno.h>

#include "tests/fuzz/filter_lab.h"
#include "tests/fuzz/libpcap.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define PROGRAM(array) ((struct sock_fprog){ COUNT(array), array })

static inline struct translation translated(const struct sock_fprog *program, size_t programs)
{
	struct translate_problem problem = { "" };
	struct translation code = { 0 };
	const char *wrong;
	size_t at;

	if (translate(&code, program, programs, &filter_view_layout, &problem))
		fail_msg("refused: %s", problem.text);
	wrong = ebpf_check(code.code, code.count, &at);
	if (wrong)
		fail_msg("instruction %zu: %s", at, wrong);
	return code;
}

static inline uint32_t executed(const struct translation *code, const struct lab_packet *packet, unsigned int *far_calls)
{
	struct ebpf_run run;
	uint32_t verdict = lab_execute(&run, code, packet);

	if (run.trap)
		fail_msg("instruction %zu: %s", run.at, run.trap);
	if (far_calls)
		*far_calls = run.far_calls;
	return verdict;
}

static inline uint32_t verdict_of(struct sock_fprog program, struct lab_packet packet)
{
	struct translation code = translated(&program, 1);
	uint32_t verdict = executed(&code, &packet, NULL);

	translation_free(&code);
	assert_null(code.code);
	return verdict;
}

/* The verdict, which must be libpcap's too. */
static inline uint32_t agreed(struct sock_fprog program, struct lab_packet packet)
{
	uint32_t ours = verdict_of(program, packet), theirs = bpf_filter(libpcap_code(&program), packet.bytes, packet.len_bytes, packet.data_bytes);

	if (ours != theirs)
		fail_msg("0x%x instead of 0x%x", ours, theirs);
	return ours;
}

static inline bool refused(struct sock_fprog program, int err, const char *words)
{
	struct translation code = { .count = 77 };
	struct translate_problem problem = { "" };

	assert_int_equal(translate(&code, &program, 1, &filter_view_layout, &problem), err);
	assert_int_equal(code.count, 77);
	if (!strstr(problem.text, words))
		fail_msg("`%s` is not in: %s", words, problem.text);
	return true;
}
