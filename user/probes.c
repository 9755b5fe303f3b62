// SPDX-License-Identifier: GPL-2.0-only
/* Probe selection: see probes.h. */
#include "user/probes.h"

#include <bpf/btf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tc/attach.h"
#include "tracing/capability.h"
#include "user/packet.h"

const char *const probe_kind_names[PROBE_KIND_COUNT] = {
	[PROBE_TP] = "tp",	   [PROBE_NETFILTER] = "netfilter", [PROBE_TCX] = "tcx",	 [PROBE_CLS] = "cls",
	[PROBE_CGROUP] = "cgroup", [PROBE_XDP] = "xdp",		    [PROBE_FENTRY] = "fentry", [PROBE_XDPMETA] = "xdp",
};

/* NONE is no program; anything else is its own name. */
#define PROGRAM_STR(name) (strcmp(#name, "NONE") ? #name : NULL)

static void rows_fill(struct probes *probes)
{
	struct probe *row = probes->row;

#define PROBE(dir, id, of, position, type, where, prog)                                                            \
	*row++ = (struct probe){ .target = where, .program = PROGRAM_STR(prog), .stage = SC_##dir##_##id,          \
				 .scope = SCOPE_##of, .rank = position, .kind = PROBE_##type };
#define SUPPORT(type, where, prog, reason)                                                                         \
	*row++ = (struct probe){ .target = where, .program = #prog, .stage = SC_STAGE_NONE, .kind = PROBE_##type };
#include "tracing/stages.def"
	probes->count = row - probes->row;
}

static bool name_in_list(const char *list, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = list; at && *at; at += strcspn(at, ","), at += *at == ',')
		if (strcspn(at, ",") == len && !strncmp(at, name, len))
			return true;
	return false;
}

/* Every name of the list must be a target: a slip of the pen would test nothing. */
static int check_without(const struct probes *probes, const char *without, char *unknown, size_t size)
{
	for (const char *at = without; at && *at; at += strcspn(at, ","), at += *at == ',') {
		int len = strcspn(at, ",");
		bool known = false;

		for (size_t i = 0; i < probes->count && !known; i++)
			known = !strncmp(probes->row[i].target, at, len) && !probes->row[i].target[len];
		if (!known) {
			snprintf(unknown, size, "%.*s", len, at);
			return -EINVAL;
		}
	}
	return 0;
}

/* Capabilities that several rows share, asked once. */
struct capabilities {
	struct btf *vmlinux;
	bool fentry, netfilter, cgroup, tcx;
	char fentry_why[128], netfilter_why[128], cgroup_why[128];
};

static void row_refuse(struct probe *row, const char *why)
{
	row->status = PROBE_REFUSED;
	snprintf(row->why, sizeof(row->why), "%s", why);
}

static void row_ask(struct probe *row, const struct capabilities *can)
{
	char why[sizeof(row->why)];

	if (row->kind == PROBE_FENTRY && !can->fentry)
		return row_refuse(row, can->fentry_why);
	if (row->kind == PROBE_XDPMETA)
		return row_refuse(row, "needs a device-bound program; a NIC's clock is not CLOCK_MONOTONIC");
	if (!row->program)
		return row_refuse(row, "not in this version");
	if (row->kind == PROBE_TP && !sc_has_tracepoint(can->vmlinux, row->target, why, sizeof(why)))
		return row_refuse(row, why);
	if (row->kind == PROBE_NETFILTER && !can->netfilter)
		return row_refuse(row, can->netfilter_why);
	if (row->kind == PROBE_CGROUP && !can->cgroup)
		return row_refuse(row, can->cgroup_why);
	if (row->kind == PROBE_TCX && !can->tcx)
		return row_refuse(row, "no TCX (Linux 6.6+)");
}

int probes_init(struct probes *probes, uint32_t stages, const char *without, char *unknown, size_t unknown_size)
{
	struct capabilities can = { .vmlinux = btf__load_vmlinux_btf() };
	int err;

	memset(probes, 0, sizeof(*probes));
	probes->stages = stages;
	rows_fill(probes);
	err = check_without(probes, without, unknown, unknown_size);
	if (err || !can.vmlinux) {
		btf__free(can.vmlinux);
		return err ?: -ENOENT;
	}
	can.fentry = sc_can_fentry(can.fentry_why, sizeof(can.fentry_why));
	can.netfilter = sc_can_netfilter(can.netfilter_why, sizeof(can.netfilter_why));
	can.cgroup = sc_cgroup2_root(probes->cgroup_root, sizeof(probes->cgroup_root), can.cgroup_why, sizeof(can.cgroup_why));
	can.tcx = !tcx_supported();
	for (size_t i = 0; i < probes->count; i++) {
		struct probe *row = &probes->row[i];

		row_ask(row, &can);
		if (row->status != PROBE_REFUSED && name_in_list(without, row->target))
			row_refuse(row, "left out by --without");
	}
	btf__free(can.vmlinux);
	return 0;
}

/* Lowest rank of a stage that has an available row for packets of `scope`, or -1. */
static int best_rank(const struct probes *probes, uint8_t stage, enum probe_scope scope)
{
	int best = -1;

	for (size_t i = 0; i < probes->count; i++) {
		const struct probe *row = &probes->row[i];

		if (row->stage == stage && row->status != PROBE_REFUSED && (row->scope == SCOPE_ALL || row->scope == scope) &&
		    (best < 0 || row->rank < best))
			best = row->rank;
	}
	return best;
}

/* The stages a capture cannot do without: packets begin and are recognised there. */
#define STAGES_ALWAYS (SC_BIT(SC_RX_DRIVER) | SC_BIT(SC_RX_NETIF) | SC_BIT(SC_RX_LOCAL) | SC_BIT(SC_RX_L4) | SC_BIT(SC_TX_NETDEV) | SC_BIT(SC_TX_DRIVER))

/* Datagram reads are counted from where datagrams are queued. */
static uint32_t stages_needed(uint32_t wanted)
{
	return wanted | STAGES_ALWAYS | (wanted & SC_BIT(SC_RX_READ) ? SC_BIT(SC_RX_SOCKET) : 0);
}

void probes_choose(struct probes *probes)
{
	for (size_t i = 0; i < probes->count; i++) {
		struct probe *row = &probes->row[i];

		if (row->status == PROBE_USED)
			row->status = PROBE_AVAILABLE;
		if (row->status != PROBE_REFUSED && row->stage == SC_STAGE_NONE)
			row->status = PROBE_USED;
	}
	for (uint8_t stage = 0; stage < SC_STAGE_COUNT; stage++) {
		int tcp = best_rank(probes, stage, SCOPE_TCP), dgram = best_rank(probes, stage, SCOPE_DGRAM);

		if (!(stages_needed(probes->stages) & SC_BIT(stage)))
			continue;
		for (size_t i = 0; i < probes->count; i++) {
			struct probe *row = &probes->row[i];
			bool best = (row->rank == tcp && row->scope != SCOPE_DGRAM) || (row->rank == dgram && row->scope != SCOPE_TCP);

			if (row->stage == stage && row->status != PROBE_REFUSED && best)
				row->status = PROBE_USED;
		}
	}
}

size_t probes_refuse(struct probes *probes, const char *program, int kind, const char *why)
{
	size_t hit = 0;

	for (size_t i = 0; i < probes->count; i++) {
		struct probe *row = &probes->row[i];

		if (row->status == PROBE_REFUSED || !row->program || strcmp(row->program, program) || (kind >= 0 && row->kind != kind))
			continue;
		row_refuse(row, why);
		hit++;
	}
	return hit;
}

bool probes_program_used(const struct probes *probes, const char *program)
{
	for (size_t i = 0; i < probes->count; i++)
		if (probes->row[i].status == PROBE_USED && probes->row[i].program && !strcmp(probes->row[i].program, program))
			return true;
	return false;
}

uint32_t probes_stages(const struct probes *probes, enum probe_scope scope)
{
	uint32_t mask = 0;

	for (size_t i = 0; i < probes->count; i++) {
		const struct probe *row = &probes->row[i];

		if (row->status == PROBE_USED && row->stage != SC_STAGE_NONE &&
		    (scope == SCOPE_ALL || row->scope == SCOPE_ALL || row->scope == scope))
			mask |= SC_BIT(row->stage);
	}
	if (scope == SCOPE_DGRAM && !(mask & SC_BIT(SC_RX_SOCKET)))
		mask &= ~SC_BIT(SC_RX_READ);
	return mask & probes->stages;
}

const struct probe *probes_used(const struct probes *probes, uint8_t stage, const char *target)
{
	for (size_t i = 0; i < probes->count; i++) {
		const struct probe *row = &probes->row[i];

		if (row->status == PROBE_USED && row->stage == stage && (!target || !strcmp(row->target, target)))
			return row;
	}
	return NULL;
}
