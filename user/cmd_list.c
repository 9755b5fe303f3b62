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

static void print_row(const char *stage, const char *state, const struct probe *row)
{
	char probe[128];

	snprintf(probe, sizeof(probe), "%s:%s", probe_kind_names[row->kind], row->target);
	printf("%-11s %-9s %s%s%s\n", stage, state, probe, row->why[0] ? "\n                        " : "", row->why);
}

static const char *state_name(const struct probe *row)
{
	static const char *const names[] = { [PROBE_AVAILABLE] = "spare", [PROBE_USED] = "in use", [PROBE_REFUSED] = "no" };

	return names[row->status];
}

static void print_stage(const struct probes *probes, uint8_t stage)
{
	char name[32];

	snprintf(name, sizeof(name), "%s.%s", stage_info[stage].dir == SC_DIR_RX ? "rx" : "tx", stage_info[stage].name);
	for (size_t i = 0; i < probes->count; i++) {
		if (probes->row[i].stage != stage)
			continue;
		print_row(name, state_name(&probes->row[i]), &probes->row[i]);
		name[0] = '\0';
	}
}

static void print_table(const struct loader *l, const char *interface)
{
	const struct probes *probes = loader_probes(l);

	printf("%-11s %-9s %s\n", "STAGE", "STATE", "PROBE, best first (why not, below it)");
	for (uint8_t stage = 0; stage < SC_STAGE_COUNT; stage++)
		print_stage(probes, stage);
	for (size_t i = 0; i < probes->count; i++)
		if (probes->row[i].stage == SC_STAGE_NONE)
			print_row("(support)", state_name(&probes->row[i]), &probes->row[i]);
	printf("\nXDP on %s: %s\n", interface, loader_xdp_note(l, 0));
}

static int list(const struct record_options *o)
{
	_cleanup_(cleanup_loader) struct loader *l = NULL;
	const char *interface = o->interface_count ? o->interfaces[0] : LOOPBACK;
	struct net_device_info device;
	struct loader_config config = {
		.devices = &device, .device_count = 1, .stages = o->stages, .dirs = o->dirs, .snaplen_bytes = o->snaplen_bytes,
		.ring_bytes = o->ring_bytes, .xdp = o->interface_count ? o->xdp : XDP_MODE_OFF, .without = o->without,
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
