// SPDX-License-Identifier: GPL-2.0-only
/* What the programs are told before they are loaded: see constants.h and tracing/conf.bpf.h. */
#include "user/constants.h"

#include <stdio.h>

#include "stampcap.skel.h"
#include "tracing/histogram.h"
#include "user/log.h"
#include "user/packet.h"
#include "user/tables.h"

static void set_devices(struct stampcap_bpf *skel, const struct loader_config *config)
{
	size_t names = 0;

	for (size_t i = 0; i < config->device_count; i++) {
		const struct net_device_info *d = &config->devices[i];
		uint32_t flags = SC_DEV_CAPTURE | (d->physical ? SC_DEV_TXDONE : 0) | (d->raw ? SC_DEV_RAW : 0) |
				 (d->irq_count ? SC_DEV_IRQ : 0) | (d->inserts_tags ? 0 : SC_DEV_TAG_BYTES);

		device_put(skel->rodata->conf_devices, d->ifindex, flags);
		for (size_t u = 0; u < d->upper_count; u++)
			device_put(skel->rodata->conf_devices, d->uppers[u], SC_DEV_UPPER);
		if (names < SC_MAX_IRQ_NAMES)
			snprintf(skel->rodata->conf_irq_names[names++], 16, "%s", d->capture.name);
		for (size_t n = 0; n < d->irq_count; n++) {
			unsigned int irq = d->irqs[n];

			if (irq >= SC_MAX_IRQ)
				continue;
			skel->rodata->conf_irqs[irq / 64] |= 1ull << (irq & 63);
			skel->rodata->conf_irq_queues[irq] = d->irq_queues[n];
			if (irq_is_shared(irq))
				skel->rodata->conf_irqs_shared[irq / 64] |= 1ull << (irq & 63);
		}
	}
}

static void set_sides(struct stampcap_bpf *skel)
{
	for (int from = 0; from < SC_STAGE_COUNT; from++)
		for (int to = from + 1; to < SC_STAGE_COUNT; to++)
			skel->rodata->conf_hist_sides[from * SC_HIST_STAGES + to] = interval_side(from, to);
}

int constants_set(struct stampcap_bpf *skel, const struct constants_from *from)
{
	const struct loader_config *config = from->config;
	const struct probes *probes = from->probes;
	const struct kernel_limits *kernel = from->kernel;
	uint32_t inum;
	int err = net_namespace_inum(&inum);

	if (err)
		return log_err(err, "cannot read the network namespace's inode number");
	skel->rodata->conf_netns_inum = inum;
	skel->rodata->conf_stages = probes_stages(probes, SCOPE_ALL);
	skel->rodata->conf_snaplen = config->snaplen_bytes;
	skel->rodata->conf_room = from->sizes->slot_bytes - sizeof(struct sc_packet);
	skel->rodata->conf_set_mask = from->sizes->sets - 1;
	skel->rodata->conf_limit = config->limit;
	skel->rodata->conf_slower_ns = config->slower_ns;
	skel->rodata->conf_wake_bytes = from->sizes->ring_bytes / 4;
	skel->rodata->conf_softirq_raise = probes_program_used(probes, "sc_sirq_raise");
	skel->rodata->conf_poll_function = probes_function_used(probes, "__napi_schedule") &&
					   probes_function_used(probes, "__napi_schedule_irqoff") && probes_function_used(probes, "__napi_poll") &&
					   probes_program_used(probes, "sc_irq_exit");
	skel->rodata->conf_gro_entry = probes_program_used(probes, "sc_gro_entry");
	skel->rodata->conf_xdp_generic = config->xdp == XDP_MODE_SKB;
	skel->rodata->conf_l4_cgroup = probes_program_used(probes, "sc_l4_cgroup");
	skel->rodata->conf_l4_function = probes_function_used(probes, "tcp_v4_rcv");
	skel->rodata->conf_tcp_queue = probes_function_used(probes, "tcp_queue_rcv");
	skel->rodata->conf_dgram_queue = probes_function_used(probes, "__udp_enqueue_schedule_skb");
	skel->rodata->conf_data_ready = probes_program_used(probes, "sc_data_ready") || probes_function_used(probes, "sock_def_readable");
	skel->rodata->conf_dgram_ready = probes_program_used(probes, "sc_data_ready");
	skel->rodata->conf_consume_udp = probes_function_used(probes, "skb_consume_udp");
	skel->rodata->conf_atomics = kernel->atomics;
	skel->rodata->conf_sk_storage = kernel->sk_storage && !probes_kind_used(probes, PROBE_KPROBE) && !probes_kind_used(probes, PROBE_KPROBE_MULTI);
	skel->rodata->conf_cookies = kernel->cookies;
	skel->rodata->conf_dynptr = kernel->dynptr;
	skel->rodata->conf_vmemmap_at = kernel->vmemmap_at;
	skel->rodata->conf_page_offset_at = kernel->page_offset_at;
	skel->rodata->conf_recv_length = probes_program_used(probes, "sc_recv_len");
	skel->rodata->conf_filter = !!config->filter;
	skel->rodata->conf_flow_filter = config->filter && config->filter_flow;
	skel->rodata->conf_sock_gate = config->filter && skel->rodata->conf_l4_cgroup;
	set_sides(skel);
	set_devices(skel, config);
	return 0;
}
