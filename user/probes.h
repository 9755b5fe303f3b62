/* SPDX-License-Identifier: GPL-2.0-only */
/* Which probe stamps which stage on this kernel: the rows of stages.def with what became of each. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tracing/stamp.h"

enum probe_kind {
	PROBE_TP,
	PROBE_NETFILTER,
	PROBE_TCX,
	PROBE_CLS,
	PROBE_CGROUP,
	PROBE_XDP,
	PROBE_FENTRY,
	PROBE_KPROBE,
	PROBE_KPROBE_MULTI,
	PROBE_XDPMETA,
	PROBE_KIND_COUNT,
};

/* Which ways to kernel functions may be used. */
enum probe_family { FAMILY_AUTO, FAMILY_FENTRY, FAMILY_KPROBE, FAMILY_TRACEPOINT, FAMILY_COUNT };

enum probe_scope { SCOPE_ALL, SCOPE_TCP, SCOPE_DGRAM };

enum probe_status {
	PROBE_AVAILABLE, /* could be used, a better one is */
	PROBE_USED,
	PROBE_REFUSED, /* `why` says who refused */
};

struct probe {
	const char *target;
	const char *program; /* NULL: this version has none */
	uint8_t stage;	     /* enum sc_stage; SC_STAGE_NONE: a support program */
	uint8_t scope;
	uint8_t rank;
	uint8_t kind;
	uint8_t status;
	bool spare_of_before; /* the row before is a better way to the same function */
	bool left_out;	      /* by the user, who named it */
	char symbol[64]; /* functions: what the kernel calls it, which may have a suffix of the compiler */
	char why[160];
};

#define PROBES_MAX 128

struct probes {
	struct probe row[PROBES_MAX];
	size_t count;
	uint32_t stages; /* SC_BIT mask of stages wanted */
	enum probe_family family;
	char cgroup_root[1024];
};

extern const char *const probe_kind_names[PROBE_KIND_COUNT];
extern const char *const probe_family_names[FAMILY_COUNT];

struct probes_request {
	uint32_t stages;     /* SC_BIT mask of stages wanted */
	enum probe_family family;
	const char *without; /* comma-separated targets to do without, or NULL */
};

/*
 * Fills the rows and asks the kernel about each. An unknown target in `without` is -EINVAL with its name in *unknown. -ENOENT: the kernel has no BTF.
 */
int probes_init(struct probes *probes, const struct probes_request *request, char *unknown, size_t unknown_size);

/* Chooses the best available rows of each stage and scope. Called again after probes_refuse(). */
void probes_choose(struct probes *probes);

/* Strikes out every row that uses `program`, or with `kind` >= 0 only those of that kind, and keeps the reason. How many rows it hit. */
size_t probes_refuse(struct probes *probes, const char *program, int kind, const char *why);

/* The row in use with this program, or NULL. */
const struct probe *probes_program(const struct probes *probes, const char *program);

/* Is any row of this kind in use? */
bool probes_kind_used(const struct probes *probes, enum probe_kind kind);

/* Is any row with this program in use? */
bool probes_program_used(const struct probes *probes, const char *program);

/* Is this kernel function probed? */
bool probes_function_used(const struct probes *probes, const char *function);

/* Why nothing stamps a stage that was asked for, by its last resort; NULL if something does, or the user left it out. */
const char *probes_missing(const struct probes *probes, uint8_t stage);

/* SC_BIT mask of the stages that some row in use stamps for packets of `scope` (SCOPE_ALL: any). */
uint32_t probes_stages(const struct probes *probes, enum probe_scope scope);

/* The used row of a stage with this target, or the first used row of the stage with target NULL; NULL if none. */
const struct probe *probes_used(const struct probes *probes, uint8_t stage, const char *target);

/* "KIND:TARGET, TARGET, KIND:TARGET" of the rows in use of a stage that was asked for, into `buf`; NULL if there is none, or too little room. */
const char *probes_text(const struct probes *probes, int stage, char *buf, size_t size);
