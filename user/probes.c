// SPDX-License-Identifier: GPL-2.0-only
/* Probe selection: see probes.h. */
#include "user/probes.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tc/attach.h"
#include "tracing/capability.h"
#include "user/packet.h"

const char *const probe_kind_names[PROBE_KIND_COUNT] = {
	[PROBE_TP] = "tp",
	[PROBE_NETFILTER] = "netfilter",
	[PROBE_TCX] = "tcx",
	[PROBE_CLS] = "cls",
	[PROBE_CGROUP] = "cgroup",
	[PROBE_XDP] = "xdp",
	[PROBE_FENTRY] = "fentry",
	[PROBE_KPROBE] = "kprobe",
	[PROBE_KPROBE_MULTI] = "kprobe.multi",
	[PROBE_XDPMETA] = "xdp",
};

const char *const probe_family_names[FAMILY_COUNT] = {
	[FAMILY_AUTO] = "auto",
	[FAMILY_FENTRY] = "fentry",
	[FAMILY_KPROBE] = "kprobe",
	[FAMILY_TRACEPOINT] = "tracepoint",
};

static void row_add(struct probes *probes, struct probe row)
{
	probes->row[probes->count++] = row;
}

/* A kernel function has two rows, best first. */
static void function_add(struct probes *probes, struct probe row, const char *kprobe_program)
{
	row_add(probes, row);
	row.kind = PROBE_KPROBE;
	row.program = kprobe_program;
	row.spare_of_before = true;
	row_add(probes, row);
}

/* NONE is no program; anything else is its own name. */
#define PROGRAM_STR(name) (strcmp(#name, "NONE") ? #name : NULL)

#define ROW(type, where, prog, ...) (struct probe){ .target = where, .program = PROGRAM_STR(prog), .kind = PROBE_##type, __VA_ARGS__ }
#define ROW_ADD_PLAIN(type, where, prog, ...) row_add(probes, ROW(type, where, prog, __VA_ARGS__))
#define ROW_ADD_TP ROW_ADD_PLAIN
#define ROW_ADD_NETFILTER ROW_ADD_PLAIN
#define ROW_ADD_TCX ROW_ADD_PLAIN
#define ROW_ADD_CLS ROW_ADD_PLAIN
#define ROW_ADD_CGROUP ROW_ADD_PLAIN
#define ROW_ADD_XDP ROW_ADD_PLAIN
#define ROW_ADD_XDPMETA ROW_ADD_PLAIN
#define ROW_ADD_FUNC(type, where, prog, ...) function_add(probes, ROW(FENTRY, where, prog, __VA_ARGS__), #prog "__kp")

static void rows_fill(struct probes *probes)
{
#define PROBE(dir, id, of, position, type, where, prog) \
	ROW_ADD_##type(type, where, prog, .stage = SC_##dir##_##id, .scope = SCOPE_##of, .rank = position);
#define SUPPORT(type, where, prog, reason) ROW_ADD_##type(type, where, prog, .stage = SC_STAGE_NONE);
#include "tracing/stages.def"
}

#define COUNT_TP 1
#define COUNT_NETFILTER 1
#define COUNT_TCX 1
#define COUNT_CLS 1
#define COUNT_CGROUP 1
#define COUNT_XDP 1
#define COUNT_XDPMETA 1
#define COUNT_FUNC 2
enum {
	ROWS = 0
#define PROBE(dir, id, of, position, type, where, prog) + COUNT_##type
#define SUPPORT(type, where, prog, reason) + COUNT_##type
#include "tracing/stages.def"
};
_Static_assert(ROWS <= PROBES_MAX, "PROBES_MAX holds every row of stages.def");

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
	bool fentry, kprobe, kprobe_multi, netfilter, cgroup;
	int tcx_err;
	char fentry_why[128], kprobe_why[128], netfilter_why[128], cgroup_why[128];
};

static void row_refuse(struct probe *row, const char *why)
{
	row->status = PROBE_REFUSED;
	snprintf(row->why, sizeof(row->why), "%s", why);
}

static bool row_is_function(const struct probe *row)
{
	return row->kind == PROBE_FENTRY || row->kind == PROBE_KPROBE || row->kind == PROBE_KPROBE_MULTI;
}

static void function_ask(struct probe *row, const struct capabilities *can, enum probe_family family)
{
	bool fentry = row->kind == PROBE_FENTRY;

	if (family == FAMILY_TRACEPOINT || (family == FAMILY_FENTRY && !fentry) || (family == FAMILY_KPROBE && fentry)) {
		snprintf(row->why, sizeof(row->why), "left out by --probes %s", probe_family_names[family]);
		row->status = PROBE_REFUSED;
	} else if (fentry && !can->fentry) {
		row_refuse(row, can->fentry_why);
	} else if (!fentry && !can->kprobe) {
		row_refuse(row, can->kprobe_why);
	} else if (!row->symbol[0]) {
		row_refuse(row, "this kernel has no such function");
	} else if (fentry && (strcmp(row->symbol, row->target) || btf__find_by_name_kind(can->vmlinux, row->target, BTF_KIND_FUNC) < 0)) {
		row_refuse(row, "the compiler changed the function, or it is in a module: no BTF of it in vmlinux");
	} else if (!fentry && can->kprobe_multi) {
		row->kind = PROBE_KPROBE_MULTI;
	}
}

static void row_ask(struct probe *row, const struct capabilities *can, enum probe_family family)
{
	char why[sizeof(row->why)];

	if (row_is_function(row))
		return function_ask(row, can, family);
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
	if (row->kind == PROBE_TCX && can->tcx_err)
		return row_refuse(row, can->tcx_err == -EPERM ? "needs CAP_NET_ADMIN" : "no TCX (Linux 6.6+)");
}

static void capabilities_ask(struct capabilities *can, struct probes *probes)
{
	struct sc_function names[PROBES_MAX];
	size_t count = 0;

	can->fentry = sc_can_fentry(can->fentry_why, sizeof(can->fentry_why));
	can->kprobe = sc_can_kprobe(can->kprobe_why, sizeof(can->kprobe_why));
	can->kprobe_multi = can->kprobe && sc_can_kprobe_multi();
	can->netfilter = sc_can_netfilter(can->netfilter_why, sizeof(can->netfilter_why));
	can->cgroup = sc_cgroup2_root(probes->cgroup_root, sizeof(probes->cgroup_root), can->cgroup_why, sizeof(can->cgroup_why));
	can->tcx_err = tcx_supported();
	for (size_t i = 0; i < probes->count; i++)
		if (row_is_function(&probes->row[i]))
			names[count++] = (struct sc_function){ .name = probes->row[i].target, .symbol = probes->row[i].symbol };
	sc_find_functions(names, count);
}

int probes_init(struct probes *probes, const struct probes_request *request, char *unknown, size_t unknown_size)
{
	struct capabilities can = { .vmlinux = btf__load_vmlinux_btf() };
	int err;

	memset(probes, 0, sizeof(*probes));
	probes->stages = request->stages;
	probes->family = request->family;
	rows_fill(probes);
	err = check_without(probes, request->without, unknown, unknown_size);
	if (err || libbpf_get_error(can.vmlinux)) {
		btf__free(can.vmlinux);
		return err ?: -ENOENT;
	}
	capabilities_ask(&can, probes);
	for (size_t i = 0; i < probes->count; i++) {
		struct probe *row = &probes->row[i];

		row_ask(row, &can, request->family);
		row->left_out = name_in_list(request->without, row->target);
		if (row->status != PROBE_REFUSED && row->left_out)
			row_refuse(row, "left out by --without");
	}
	btf__free(can.vmlinux);
	return 0;
}

static bool row_serves(const struct probe *row, uint8_t stage, enum probe_scope scope)
{
	return row->stage == stage && (row->scope == SCOPE_ALL || row->scope == scope);
}

/* Is there a way to what row `i` tells, by itself or by its other row? */
static bool row_reachable(const struct probes *probes, size_t i)
{
	const struct probe *row = &probes->row[i];

	if (row->status != PROBE_REFUSED)
		return true;
	if (row->spare_of_before)
		return probes->row[i - 1].status != PROBE_REFUSED;
	return i + 1 < probes->count && row[1].spare_of_before && row[1].status != PROBE_REFUSED;
}

/* The first rank of a stage that the kernel accepts as a whole for packets of `scope`, or -1. */
static int whole_rank(const struct probes *probes, uint8_t stage, enum probe_scope scope)
{
	int last = -1, best = -1;

	for (size_t i = 0; i < probes->count; i++) {
		const struct probe *row = &probes->row[i];

		if (!row_serves(row, stage, scope))
			continue;
		if (row->rank != last && best < 0)
			best = last = row->rank; /* until a row of it proves otherwise */
		else if (row->rank != last)
			break;
		if (row->rank == best && !row_reachable(probes, i))
			best = -1;
	}
	return best;
}

static void choose_stage(struct probes *probes, uint8_t stage, enum probe_scope scope)
{
	int rank = whole_rank(probes, stage, scope);

	for (size_t i = 0; i < probes->count; i++) {
		struct probe *row = &probes->row[i];
		bool better = row->spare_of_before && probes->row[i - 1].status != PROBE_REFUSED;

		if (row_serves(row, stage, scope) && row->status != PROBE_REFUSED && !better && (rank < 0 || row->rank == rank))
			row->status = PROBE_USED;
	}
}

/* The stages a capture cannot do without: packets begin and are recognised there. */
#define STAGES_ALWAYS (SC_BIT(SC_RX_DRIVER) | SC_BIT(SC_RX_NETIF) | SC_BIT(SC_RX_LOCAL) | SC_BIT(SC_RX_L4) | SC_BIT(SC_TX_NETDEV) | SC_BIT(SC_TX_DRIVER))

/* Datagram reads are counted from where datagrams are queued; of segments out of order, only the wake-up tells that they are. */
static uint32_t stages_needed(uint32_t wanted)
{
	if (wanted & (SC_BIT(SC_RX_READ) | SC_BIT(SC_RX_WAKEUP)))
		wanted |= SC_BIT(SC_RX_SOCKET);
	if (wanted & SC_BIT(SC_RX_SOCKET))
		wanted |= SC_BIT(SC_RX_WAKEUP);
	return wanted | STAGES_ALWAYS;
}

/* One event is one stamp: where it stamps `socket`, it is no wake-up. */
static void choose_wakeup(struct probes *probes)
{
	for (size_t i = 0; i < probes->count; i++) {
		struct probe *row = &probes->row[i];

		if (row->stage != SC_RX_WAKEUP || row->status != PROBE_USED || !probes_used(probes, SC_RX_SOCKET, row->target))
			continue;
		row->status = PROBE_AVAILABLE;
		snprintf(row->why, sizeof(row->why), "stamps rx.socket on this kernel");
	}
}

void probes_choose(struct probes *probes)
{
	for (size_t i = 0; i < probes->count; i++) {
		struct probe *row = &probes->row[i];

		if (row->status == PROBE_USED)
			row->status = PROBE_AVAILABLE;
		if (row->status == PROBE_AVAILABLE)
			row->why[0] = '\0';
		if (row->status != PROBE_REFUSED && row->stage == SC_STAGE_NONE && !(row->spare_of_before && row[-1].status != PROBE_REFUSED))
			row->status = PROBE_USED;
	}
	for (uint8_t stage = 0; stage < SC_STAGE_COUNT; stage++) {
		if (!(stages_needed(probes->stages) & SC_BIT(stage)))
			continue;
		choose_stage(probes, stage, SCOPE_TCP);
		choose_stage(probes, stage, SCOPE_DGRAM);
	}
	choose_wakeup(probes);
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

const struct probe *probes_program(const struct probes *probes, const char *program)
{
	for (size_t i = 0; i < probes->count; i++)
		if (probes->row[i].status == PROBE_USED && probes->row[i].program && !strcmp(probes->row[i].program, program))
			return &probes->row[i];
	return NULL;
}

bool probes_program_used(const struct probes *probes, const char *program)
{
	return probes_program(probes, program);
}

bool probes_kind_used(const struct probes *probes, enum probe_kind kind)
{
	for (size_t i = 0; i < probes->count; i++)
		if (probes->row[i].status == PROBE_USED && probes->row[i].kind == kind)
			return true;
	return false;
}

bool probes_function_used(const struct probes *probes, const char *function)
{
	for (size_t i = 0; i < probes->count; i++)
		if (probes->row[i].status == PROBE_USED && row_is_function(&probes->row[i]) && !strcmp(probes->row[i].target, function))
			return true;
	return false;
}

const char *probes_missing(const struct probes *probes, uint8_t stage)
{
	const char *why = NULL;

	if (!(probes->stages & SC_BIT(stage)) || probes_used(probes, stage, NULL))
		return NULL;
	for (size_t i = 0; i < probes->count; i++)
		if (probes->row[i].stage == stage)
			why = probes->row[i].left_out ? NULL : probes->row[i].why;
	return why;
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

const char *probes_text(const struct probes *probes, int stage, char *buf, size_t size)
{
	int kind = PROBE_KIND_COUNT;
	size_t at = 0;

	for (size_t i = 0; i < probes->count; i++) {
		const struct probe *row = &probes->row[i];

		if (row->status != PROBE_USED || row->stage != stage || !(probes->stages & SC_BIT(stage)))
			continue;
		at += snprintf(buf + at, size - at, "%s%s%s%s", at ? ", " : "", row->kind == kind ? "" : probe_kind_names[row->kind],
			       row->kind == kind ? "" : ":", row->target);
		kind = row->kind;
		if (at >= size)
			return NULL;
	}
	return at ? buf : NULL;
}
