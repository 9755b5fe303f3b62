/* SPDX-License-Identifier: GPL-2.0-only */
/* Which probe stamps which stage on this kernel: the rows of stages.def with what became of each. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tracing/stamp.h"

enum probe_kind { PROBE_TP, PROBE_NETFILTER, PROBE_TCX, PROBE_CLS, PROBE_CGROUP, PROBE_XDP, PROBE_FENTRY, PROBE_XDPMETA, PROBE_KIND_COUNT };
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
	char why[160];
};

#define PROBES_MAX 80

struct probes {
	struct probe row[PROBES_MAX];
	size_t count;
	uint32_t stages; /* SC_BIT mask of stages wanted */
	char cgroup_root[1024];
};

extern const char *const probe_kind_names[PROBE_KIND_COUNT];

/*
 * Fills the rows and asks the kernel about each. `stages`: wanted stages; `without`: comma-separated targets to do without, or NULL; an unknown one
 * is -EINVAL with its name in *unknown. -ENOENT: the kernel has no BTF.
 */
int probes_init(struct probes *probes, uint32_t stages, const char *without, char *unknown, size_t unknown_size);

/* Chooses the best available row of each stage and scope. Called again after probes_refuse(). */
void probes_choose(struct probes *probes);

/* Strikes out every row that uses `program`, or with `kind` >= 0 only those of that kind, and keeps the reason. How many rows it hit. */
size_t probes_refuse(struct probes *probes, const char *program, int kind, const char *why);

/* Is any row with this program in use? */
bool probes_program_used(const struct probes *probes, const char *program);

/* SC_BIT mask of the stages that some row in use stamps for packets of `scope` (SCOPE_ALL: any). */
uint32_t probes_stages(const struct probes *probes, enum probe_scope scope);

/* The used row of a stage with this target, or the first used row of the stage with target NULL; NULL if none. */
const struct probe *probes_used(const struct probes *probes, uint8_t stage, const char *target);
