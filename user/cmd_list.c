// SPDX-License-Identifier: GPL-2.0-only
/* `stampcap list`: per stage, the probe this kernel would use and why not a better one. With -i it attaches for a moment, to be sure. */
#include "user/cmd_list.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "user/cleanup.h"
#include "user/loader.h"
#include "user/log.h"
#include "user/options.h"
#include "user/packet.h"

#define EXIT_USAGE 2
#define USAGE "stampcap list [-i IF] [--xdp MODE] [--netns NAME]"
#define LOOPBACK "lo"

CLEANUP_DEFINE(cleanup_loader, struct loader, loader_free);

static const char *state_name(const struct probe *row)
{
	static const char *const names[] = { [PROBE_AVAILABLE] = "spare", [PROBE_USED] = "in use", [PROBE_REFUSED] = "no" };

	return names[row->status];
}

/* Rows that differ only in what they probe are one line. */
static bool rows_alike(const struct probe *a, const struct probe *b)
{
	return a->stage == b->stage && a->kind == b->kind && a->status == b->status && a->rank == b->rank && !strcmp(a->why, b->why);
}

static bool printed_before(const struct probes *probes, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (rows_alike(&probes->row[i], &probes->row[at]))
			return true;
	return false;
}

static void print_rows(const struct probes *probes, size_t first, const char *stage)
{
	const struct probe *row = &probes->row[first];

	printf("%-11s %-9s %s:%s", stage, state_name(row), probe_kind_names[row->kind], row->target);
	for (size_t i = first + 1; i < probes->count; i++)
		if (rows_alike(row, &probes->row[i]))
			printf(", %s", probes->row[i].target);
	printf("%s%s\n", row->why[0] ? "\n                        " : "", row->why);
}

static void print_stage(const struct probes *probes, uint8_t stage)
{
	char name[32] = "(support)";

	if (stage != SC_STAGE_NONE)
		snprintf(name, sizeof(name), "%s.%s", stage_info[stage].dir == SC_DIR_RX ? "rx" : "tx", stage_info[stage].name);
	for (size_t i = 0; i < probes->count; i++) {
		if (probes->row[i].stage != stage || printed_before(probes, i))
			continue;
		print_rows(probes, i, name);
		if (stage != SC_STAGE_NONE)
			name[0] = '\0';
	}
}

static void print_table(const struct loader *l, const char *interface)
{
	const struct probes *probes = loader_probes(l);

	printf("%-11s %-9s %s\n", "STAGE", "STATE", "PROBE, best first (why not, below it)");
	for (uint8_t stage = 0; stage <= SC_STAGE_NONE; stage++)
		print_stage(probes, stage);
	printf("\nXDP on %s: %s\n", interface, loader_xdp_note(l, 0));
}

static int list(const struct record_options *o)
{
	_cleanup_(cleanup_loader) struct loader *l = NULL;
	const char *interface = o->interface_count ? o->interfaces[0] : LOOPBACK;
	struct net_device_info device;
	struct loader_config config = {
		.devices = &device, .device_count = 1, .stages = o->stages, .dirs = o->dirs, .snaplen_bytes = o->snaplen_bytes,
		.ring_bytes = o->ring_bytes, .xdp = o->interface_count ? o->xdp : XDP_MODE_OFF, .family = o->family, .without = o->without,
	};
	int err;

	if (o->netns && net_namespace_enter(o->netns, NULL))
		return log_refuse(1, "no network namespace '%s'", o->netns);
	err = net_device_query(interface, &device);
	if (err) {
		char names[1024];

		net_device_names(names, sizeof(names));
		return log_refuse(1, "no interface '%s' here; there are: %s", interface, names);
	}
	err = loader_start(&l, &config);
	if (err)
		return 1;
	printf("%s: %s\n", interface, device.capture.description);
	print_table(l, interface);
	return 0;
}

int cmd_list(int argc, char **argv)
{
	struct record_options o;
	int rest, err;

	record_options_default(&o);
	log_level = -1;
	err = options_parse(record_rows, record_row_count, USAGE, &o, argc, argv, &rest);
	if (err)
		return err == -ECANCELED ? 0 : EXIT_USAGE;
	if (rest < argc) {
		log_refuse(0, "list: unexpected '%s'; usage: %s", argv[rest], USAGE);
		return EXIT_USAGE;
	}
	if (geteuid()) {
		log_refuse(0, "asking the kernel needs root (CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN): try sudo");
		return 1;
	}
	return list(&o);
}
