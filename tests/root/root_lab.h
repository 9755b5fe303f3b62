/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A network of two namespaces for one test: we are in the one with sc0, a child process holds the
 * other with its veth peer sc1.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/types.h>

struct lab {
	int home_fd;	/* namespace we came from */
	pid_t keeper;	/* process in the peer's namespace */
	int sc0;	/* ifindex */
	int marks_fd;	/* maps for the XDP program */
	int frames_fd;
	int counter_fd; /* array of one element, LAB_COUNTERS 64-bit numbers, for lab_program() */
};

enum lab_counter { LAB_OURS, LAB_FOREIGN, LAB_COUNTERS };

/*
 * cmocka fixtures: a fresh lab in *state; everything is gone afterwards. Without privileges *state
 * is NULL.
 */
int lab_setup(void **state);
int lab_teardown(void **state);

/* The lab, or skips the running test and says why. */
struct lab *lab_need(void **state);

/*
 * Runs a shell command here; the test fails if it fails. "{peer}" at its start: in the peer's
 * namespace.
 */
void lab_run(const struct lab *lab, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* What the command prints, cut to the size of the static buffer; valid until the third next call. */
const char *lab_output(const char *command);

/*
 * Loads "count one in `counter`, return `verdict`" of BPF_PROG_TYPE_`type`: no BTF, name "foreign".
 * A descriptor.
 */
int lab_program(const struct lab *lab, int type, int verdict, enum lab_counter counter);
uint64_t lab_counter(const struct lab *lab, enum lab_counter counter);

/* One packet from the peer to sc0, and time for it to arrive. */
void lab_ping(const struct lab *lab);
