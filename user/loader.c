// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loading: choose probes, open, load, attach. Whatever the kernel refuses on the way is struck out with its reason and the whole round starts again
 * without it, so a missing probe never ends a capture as long as packets can be seen at all.
 */
#include "user/loader.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/netfilter.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stampcap.skel.h"
#include "stampcap_hist.skel.h"
#include "tc/attach.h"
#include "tracing/atomics.h"
#include "tracing/attach.h"
#include "tracing/histogram.h"
#include "tracing/inject.h"
#include "user/cleanup.h"
#include "user/constants.h"
#include "user/held.h"
#include "user/kernel.h"
#include "user/log.h"
#include "user/sizes.h"
#include "user/tables.h"

#define ROUNDS_MAX 64
#define MAX_LINKS 128
#define BEGIN_IN_FLIGHT_US 20000 /* from TC egress to the driver, when nothing holds packets on purpose */
#define WHY_MAX 256
#define HIST_RING_BYTES 65536
#define KERNEL_ENOTSUPP 524 /* the kernel's own, of which strerror() knows nothing */

struct loader {
	struct stampcap_bpf *skel;
	void *object; /* as this kernel and this filter need it, NULL: as it was built */
	size_t object_bytes;
	bool hist;
	struct probes probes;
	struct held *held;
	int links[MAX_LINKS];
	size_t link_count;
	struct tc_attachment *tc[LOADER_MAX_DEVICES * 2];
	size_t device_count;
	int *ring_fds;
	int cpus;
	struct sizes sizes;
	struct kernel_limits kernel;
};

/* libbpf tells which program the verifier refused only by printing it. */
static char refused_program[64];
static char refused_text[WHY_MAX];

static int print_listen(enum libbpf_print_level level, const char *fmt, va_list args)
{
	char line[4096], program[64];
	va_list again;

	if (level == LIBBPF_DEBUG)
		return 0;
	if (log_level >= 3) {
		va_copy(again, args);
		vfprintf(stderr, fmt, again);
		va_end(again);
	}
	vsnprintf(line, sizeof(line), fmt, args);
	if (sscanf(line, "libbpf: prog '%63[^']': failed to load: ", program) == 1)
		snprintf(refused_program, sizeof(refused_program), "%s", program);
	else if (strstr(line, "libbpf: prog '") && !*refused_text)
		snprintf(refused_text, sizeof(refused_text), "%.*s", (int)strcspn(line, "\n"), line);
	return 0;
}

static int set_maps(struct loader *l)
{
	struct stampcap_bpf *skel = l->skel;
	int err = bpf_map__set_max_entries(skel->maps.sets, l->sizes.sets);

	err = err ?: bpf_map__set_max_entries(skel->maps.timelines, l->sizes.sets * SC_WAYS);
	err = err ?: bpf_map__set_value_size(skel->maps.timelines, l->sizes.slot_bytes);
	err = err ?: bpf_map__set_max_entries(skel->maps.rings, l->cpus);
	if (l->kernel.vmemmap_at && l->kernel.page_offset_at) { /* room for a last piece of any length, whose bound the verifier cannot see */
		err = err ?: bpf_map__set_max_entries(skel->maps.pieces, l->cpus);
		err = err ?: bpf_map__set_value_size(skel->maps.pieces, (l->sizes.slot_bytes + UINT16_MAX + 7) & ~7u);
	}
	if (skel->rodata->conf_recv_length)
		err = err ?: bpf_map__set_max_entries(skel->maps.queued_skbs, SC_QUEUED_SETS);
	if (l->hist) {
		err = err ?: bpf_map__set_max_entries(skel->maps.hist_rows, l->cpus * SC_HIST_ROWS);
		err = err ?: bpf_map__set_max_entries(skel->maps.hist_socks, SC_HIST_SOCKS);
		err = err ?: bpf_map__set_max_entries(skel->maps.hist_datagrams, SC_HIST_DATAGRAMS);
	}
	return err ? log_err(err, "cannot size the maps") : 0;
}

/* The object as it was built: there is one that keeps histograms. Both have the same maps and programs, so one skeleton serves them. */
static const void *object_built(const struct loader *l, size_t *size)
{
	return l->hist ? stampcap_hist_bpf__elf_bytes(size) : stampcap_bpf__elf_bytes(size);
}

/* What stampcap_bpf__open() does, with the object that is wanted. */
static int skeleton_open(struct loader *l)
{
	l->skel = calloc(1, sizeof(*l->skel));
	if (!l->skel || stampcap_bpf__create_skeleton(l->skel))
		return -ENOMEM;
	l->skel->skeleton->data = l->object ?: (void *)object_built(l, &l->skel->skeleton->data_sz);
	if (l->object)
		l->skel->skeleton->data_sz = l->object_bytes;
	return bpf_object__open_skeleton(l->skel->skeleton, NULL);
}

static int open_round(struct loader *l, const struct loader_config *config)
{
	struct bpf_program *program;
	int err = skeleton_open(l);

	if (err)
		return log_err(err, "cannot open the BPF object");
	bpf_object__for_each_program(program, l->skel->obj) {
		const struct probe *row = probes_program(&l->probes, bpf_program__name(program));

		bpf_program__set_autoload(program, row);
		sc_program_prepare(program);
		if (row && row->kind == PROBE_KPROBE_MULTI)
			sc_program_prepare_multi(program);
	}
	err = constants_set(l->skel, &(struct constants_from){ config, &l->probes, &l->kernel, &l->sizes });
	return err ?: set_maps(l);
}

/* The object as this kernel and this filter need it; none if that is how it was built. */
static int object_make(struct loader *l, const struct injection *filter)
{
	size_t size;
	const void *object = object_built(l, &size);
	int err = filter ? inject_function(object, size, filter, &l->object, &l->object_bytes) : 0;

	if (err)
		return log_err(err, "cannot put the filter into the BPF object");
	if (l->kernel.atomics)
		return 0;
	if (!l->object) {
		l->object = malloc(size);
		if (!l->object)
			return log_err(-ENOMEM, "no memory for the BPF object");
		l->object_bytes = size;
		memcpy(l->object, object, size);
	}
	err = atomics_remove(l->object, l->object_bytes);
	return err < 0 ? log_err(err, "cannot adapt the BPF object to this kernel") : 0;
}

/* Is it the filter's code in it that makes the kernel refuse a program? Then the program alone loads. */
static bool filter_is_refused(struct loader *l, const struct loader_config *config, const char *name)
{
	struct loader plain = *l; /* what it needs to know; it owns nothing of it */
	struct loader_config no_filter = *config;
	struct bpf_program *program;
	bool loads;

	if (!config->filter)
		return false;
	no_filter.filter = NULL;
	plain.skel = NULL;
	plain.object = NULL;
	loads = !object_make(&plain, NULL) && !open_round(&plain, &no_filter);
	if (loads) {
		bpf_object__for_each_program(program, plain.skel->obj)
			bpf_program__set_autoload(program, !strcmp(bpf_program__name(program), name));
		loads = !stampcap_bpf__load(plain.skel);
	}
	stampcap_bpf__destroy(plain.skel);
	free(plain.object);
	return loads;
}

/* 0, 1 to go round again without what was refused, or a negative errno. */
static int load_round(struct loader *l, const struct loader_config *config)
{
	char program[sizeof(refused_program)];
	char why[WHY_MAX];
	int err;

	*refused_program = *refused_text = '\0';
	err = stampcap_bpf__load(l->skel);
	if (!err)
		return 0;
	snprintf(program, sizeof(program), "%s", refused_program);
	snprintf(why, sizeof(why), "kernel refuses the program: %s", strerror(-err));
	if (*program && filter_is_refused(l, config, program))
		return log_refuse(-EACCES, "the kernel's verifier refuses the filter (%zu instructions, %s): a shorter expression may do; -vvv shows its reasons",
				  config->filter->count, err == -E2BIG ? "too many paths through them" : strerror(-err));
	if (*program && probes_refuse(&l->probes, program, -1, why)) {
		log_info(1, "%s: %s", program, why);
		return 1;
	}
	if (err == -EPERM)
		return kernel_not_permitted();
	return log_err(err, "cannot load the BPF programs (%s)", *refused_text ? refused_text : "no details");
}

static int make_rings(struct loader *l)
{
	l->ring_fds = calloc(l->cpus, sizeof(*l->ring_fds));
	if (!l->ring_fds)
		return log_err(-ENOMEM, "no memory for the rings");
	for (int cpu = 0; cpu < l->cpus; cpu++)
		l->ring_fds[cpu] = -1;
	for (int cpu = 0; cpu < l->cpus; cpu++) {
		l->ring_fds[cpu] = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "ring", 0, 0, l->sizes.ring_bytes, NULL);
		if (l->ring_fds[cpu] < 0)
			return log_err(-errno, "cannot create a ring buffer of %u bytes per CPU: try a smaller -B", l->sizes.ring_bytes);
		if (bpf_map_update_elem(bpf_map__fd(l->skel->maps.rings), &cpu, &l->ring_fds[cpu], BPF_ANY))
			return log_err(-errno, "cannot install the ring buffer of CPU %d", cpu);
	}
	return 0;
}

static int keep_link(struct loader *l, int fd)
{
	if (fd < 0)
		return fd;
	if (l->link_count == MAX_LINKS) {
		close(fd);
		return -E2BIG;
	}
	l->links[l->link_count++] = fd;
	return 0;
}

static int attach_tcx(struct loader *l, const struct probe *row, const struct loader_config *config, int prog_fd, char *why)
{
	bool egress = row->stage == SC_TX_TC;

	for (size_t i = 0; i < config->device_count; i++) {
		struct tc_request request = { .ifname = config->devices[i].capture.name, .ifindex = config->devices[i].ifindex,
					      .prog_fd = prog_fd, .egress = egress };
		struct tc_attachment **slot = &l->tc[i * 2 + egress];
		int err = tcx_attach(slot, &request, why, WHY_MAX);

		if (err)
			return err;
	}
	return 0;
}

static int attach_row(struct loader *l, const struct probe *row, const struct loader_config *config, char *why)
{
	struct bpf_program *program = bpf_object__find_program_by_name(l->skel->obj, row->program);
	int err = -EINVAL;

	*why = '\0';
	if (!program)
		return -ENOENT;
	switch (row->kind) {
	case PROBE_TP:
	case PROBE_FENTRY:
		err = keep_link(l, sc_attach_tracepoint(program));
		break;
	case PROBE_KPROBE:
	case PROBE_KPROBE_MULTI:
		err = keep_link(l, sc_attach_kprobe(program, row->symbol, row->kind == PROBE_KPROBE_MULTI));
		break;
	case PROBE_NETFILTER:
		err = keep_link(l, sc_attach_netfilter(program, row->target, NFPROTO_IPV4));
		err = err ?: keep_link(l, sc_attach_netfilter(program, row->target, NFPROTO_IPV6));
		break;
	case PROBE_CGROUP:
		err = keep_link(l, sc_attach_cgroup(program, l->probes.cgroup_root));
		break;
	case PROBE_TCX:
		err = attach_tcx(l, row, config, bpf_program__fd(program), why);
		break;
	}
	if (err && !*why)
		snprintf(why, WHY_MAX, "cannot attach: %s", strerror(err == -KERNEL_ENOTSUPP ? EOPNOTSUPP : -err));
	return err;
}

/* Was this program attached by an earlier row? One program per tracepoint, several stages. */
static bool attached_before(const struct probes *probes, size_t at)
{
	const struct probe *row = &probes->row[at];

	for (size_t i = 0; i < at; i++)
		if (probes->row[i].status == PROBE_USED && probes->row[i].program && !strcmp(probes->row[i].program, row->program) &&
		    !strcmp(probes->row[i].target, row->target))
			return true;
	return false;
}

/* 0, 1 to go round again, or a negative errno. */
static int attach_round(struct loader *l, const struct loader_config *config)
{
	for (size_t i = 0; i < l->probes.count; i++) {
		const struct probe *row = &l->probes.row[i];
		char why[WHY_MAX];

		if (row->status != PROBE_USED || row->kind == PROBE_XDP || row->kind == PROBE_CLS || attached_before(&l->probes, i))
			continue;
		if (attach_row(l, row, config, why)) {
			log_info(1, "%s: %s", row->target, why);
			if (row->kind == PROBE_KPROBE_MULTI) {
				l->probes.row[i].kind = PROBE_KPROBE;
				return 1;
			}
			probes_refuse(&l->probes, row->program, row->kind, why);
			return 1;
		}
	}
	return 0;
}

static int cls_fd(const struct loader *l, uint8_t stage)
{
	const struct probe *row = probes_used(&l->probes, stage, NULL);

	return row && row->kind == PROBE_CLS ? bpf_program__fd(bpf_object__find_program_by_name(l->skel->obj, row->program)) : -1;
}

/* The stage `tc` is at hand on every ordinary kernel and device: where it is not, that is worth a word. */
static void tc_tell(const struct loader *l, const struct loader_config *config)
{
	const char *rx = config->dirs & 1u << (SC_DIR_RX - 1) ? probes_missing(&l->probes, SC_RX_TC) : NULL;
	const char *tx = config->dirs & 1u << (SC_DIR_TX - 1) ? probes_missing(&l->probes, SC_TX_TC) : NULL;
	bool same = rx && tx && !strcmp(rx, tx);

	if (rx)
		log_warn("without the stage%s: %s", same ? "s rx.tc and tx.tc" : " rx.tc", rx);
	if (tx && !same)
		log_warn("without the stage tx.tc: %s", tx);
}

static int attach_held(struct loader *l, const struct loader_config *config)
{
	struct held_request request = {
		.devices = config->devices, .device_count = config->device_count, .xdp = probes_program_used(&l->probes, "sc_xdp"),
		.mode = config->xdp, .filter = config->filter_late ? NULL : config->filter, .marks_fd = bpf_map__fd(l->skel->maps.xdp_marks),
		.frames_fd = bpf_map__fd(l->skel->maps.xdp_frames), .keep = !config->filter || !config->filter_late,
		.cls_fd = { cls_fd(l, SC_RX_TC), cls_fd(l, SC_TX_TC) }, .links = l->links, .link_count = l->link_count,
	};
	int err;

	/* Every skb has to be seen to take its frame. */
	request.keep &= probes_program_used(&l->probes, "sc_gro_entry") && probes_program_used(&l->probes, "sc_frags_entry");
	err = held_start(&l->held, &request);
	if (err)
		return log_err(err, "cannot start the guardian process");
	held_tell(l->held, &l->probes);
	tc_tell(l, config);
	return 0;
}

static void links_close(struct loader *l)
{
	while (l->link_count)
		close(l->links[--l->link_count]);
	for (size_t i = 0; i < LOADER_MAX_DEVICES * 2; i++)
		tc_detach(TAKE_PTR(l->tc[i]));
}

static void round_close(struct loader *l)
{
	links_close(l);
	for (int cpu = 0; l->ring_fds && cpu < l->cpus; cpu++)
		if (l->ring_fds[cpu] >= 0)
			close(l->ring_fds[cpu]);
	free(TAKE_PTR(l->ring_fds));
	stampcap_bpf__destroy(TAKE_PTR(l->skel));
}

static int round_start(struct loader *l, const struct loader_config *config)
{
	int err;

	probes_choose(&l->probes);
	err = open_round(l, config);
	err = err ?: load_round(l, config);
	err = err ?: make_rings(l);
	return err ?: attach_round(l, config);
}

static int rounds(struct loader *l, const struct loader_config *config)
{
	for (int round = 0; round < ROUNDS_MAX; round++) {
		int err = round_start(l, config);

		if (err <= 0)
			return err;
		round_close(l);
	}
	return log_refuse(-ENOTSUP, "the kernel refused too many programs: run with -v to see which");
}

static int choose_sizes(struct loader *l, const struct loader_config *config)
{
	struct sizes_request request = {
		.memory_bytes = config->memory_bytes, .ring_bytes = config->ring_bytes, .snaplen_bytes = config->snaplen_bytes, .cpus = l->cpus,
	};
	int err;

	if (config->hist) /* nothing is sent */
		request.ring_bytes = HIST_RING_BYTES;
	err = sizes_choose(&l->sizes, &request);
	if (err)
		return log_refuse(err, "--memory: rings of %u KiB for %d CPUs and %u bytes of each packet need at least %" PRIu64 " MiB: try a smaller -s%s",
				  l->sizes.ring_bytes / 1024, l->cpus, config->snaplen_bytes, (sizes_bytes(&l->sizes, l->cpus) >> 20) + 1, config->ring_bytes ? " or -B" : "");
	return 0;
}

CLEANUP_DEFINE(cleanup_loader, struct loader, loader_free);

int loader_start(struct loader **out, const struct loader_config *config)
{
	_cleanup_(cleanup_loader) struct loader *l = calloc(1, sizeof(*l));
	struct probes_request probes = { .stages = config->stages, .family = config->family, .without = config->without };
	char unknown[64];
	int err;

	if (!l)
		return log_err(-ENOMEM, "no memory for the loader");
	l->cpus = libbpf_num_possible_cpus();
	l->device_count = config->device_count;
	l->hist = config->hist;
	libbpf_set_print(print_listen);
	err = choose_sizes(l, config);
	if (err)
		return err;
	err = probes_init(&l->probes, &probes, unknown, sizeof(unknown));
	if (err == -EINVAL)
		return log_refuse(-EBADRQC, "--without %s: no such probe; `stampcap list` shows them", unknown);
	if (err)
		return log_refuse(err, "this kernel has no BTF (/sys/kernel/btf/vmlinux), which stampcap needs to read its structures: run one with CONFIG_DEBUG_INFO_BTF=y");
	if (!devices_have_irqs(config->devices, config->device_count))
		probes_refuse(&l->probes, "sc_sirq_raise", -1, "not needed: no interrupt of these devices is known");
	probes_choose(&l->probes);
	err = kernel_ask(&l->kernel, &l->probes);
	if (!err && config->hist && !l->kernel.atomics)
		return log_refuse(-ENOTSUP, "--hist needs atomic operations in programs (Linux 5.12): record to a file and see `stampcap report`");
	err = err ?: object_make(l, config->filter);
	err = err ?: rounds(l, config);
	if (err)
		return err;
	if (!(probes_stages(&l->probes, SCOPE_ALL) & (SC_BIT(SC_RX_DRIVER) | SC_BIT(SC_TX_DRIVER))) && config->stages & (SC_BIT(SC_RX_DRIVER) | SC_BIT(SC_TX_DRIVER)))
		return log_refuse(-ENOTSUP, "no probe of this kernel sees packets: `stampcap list` says why");
	err = attach_held(l, config);
	if (err)
		return err;
	*out = TAKE_PTR(l);
	return 0;
}

void loader_begin(struct loader *l, uint32_t dirs)
{
	/* Does every captured device have its TC egress program? What was refused later, by a device, still stands in its row. */
	__atomic_store_n(&l->skel->bss->begin_at_tc, !!probes_used(&l->probes, SC_TX_TC, NULL), __ATOMIC_SEQ_CST);
	__atomic_store_n(&l->skel->bss->begin_dirs, dirs, __ATOMIC_SEQ_CST);
	usleep(BEGIN_IN_FLIGHT_US);
	__atomic_store_n(&l->skel->bss->begin_at_driver, 1, __ATOMIC_SEQ_CST);
}

void loader_detach(struct loader *l)
{
	held_stop(TAKE_PTR(l->held));
	links_close(l);
}

void loader_free(struct loader *l)
{
	if (!l)
		return;
	held_stop(l->held);
	round_close(l);
	free(l->object);
	free(l);
}

const struct probes *loader_probes(const struct loader *l)
{
	return &l->probes;
}

const char *loader_xdp_note(const struct loader *l, size_t i)
{
	return i < l->device_count ? held_result(l->held)->xdp_why[i] : "";
}

const char *loader_xdp_refused(const struct loader *l)
{
	return held_xdp_refused(l->held);
}

uint64_t loader_missed(const struct loader *l)
{
	struct bpf_program *program;
	uint64_t missed = 0;

	bpf_object__for_each_program(program, l->skel->obj) {
		struct bpf_prog_info info = {};
		uint32_t size = sizeof(info);

		if (bpf_program__fd(program) >= 0 && !bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size))
			missed += info.recursion_misses;
	}
	return missed;
}

static uint64_t map_bytes(const struct bpf_map *map)
{
	return (uint64_t)bpf_map__max_entries(map) * bpf_map__value_size(map);
}

void loader_maps(const struct loader *l, struct loader_maps *out)
{
	const struct bpf_map *cpu_states = l->skel->maps.cpu_states;
	uint32_t state_bytes = (bpf_map__value_size(cpu_states) + 7) & ~7u;

	*out = (struct loader_maps){
		.ring_fds = l->ring_fds,
		.cpus = l->cpus,
		.sets_fd = bpf_map__fd(l->skel->maps.sets),
		.timelines_fd = bpf_map__fd(l->skel->maps.timelines),
		.cpu_states_fd = bpf_map__fd(cpu_states),
		.sets = l->sizes.sets,
		.slot_bytes = l->sizes.slot_bytes,
		.cpu_state_bytes = state_bytes,
		.counters_offset = state_bytes - SC_CNT_COUNT * 2 * sizeof(uint64_t),
		.locks_fd = l->kernel.atomics ? -1 : bpf_map__fd(l->skel->maps.slot_locks),
		.hist_rows_fd = bpf_map__fd(l->skel->maps.hist_rows),
		.hist_index_fd = bpf_map__fd(l->skel->maps.hist_index),
		.open_total = l->skel->rodata->conf_filter ? &l->skel->bss->open_total : NULL,
		.memory_bytes = sizes_bytes(&l->sizes, l->cpus) + map_bytes(l->skel->maps.queued_skbs) + map_bytes(l->skel->maps.pieces) +
				map_bytes(l->skel->maps.hist_rows) + map_bytes(l->skel->maps.hist_socks) + map_bytes(l->skel->maps.hist_datagrams),
	};
}
