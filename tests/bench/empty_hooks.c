// SPDX-License-Identifier: GPL-2.0-only
/*
 * empty_hooks -i IF [-x] [-k]: attaches empty programs at the hooks that a recording on IF uses and holds them until SIGINT or SIGTERM. The floor of the
 * benchmark. -x: native XDP too (as the recording decided); -k: the programs read the clock. Acts in the caller's network namespace.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/capability.h>
#include <linux/if_link.h>
#include <linux/netfilter.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "empty.skel.h"
#include "tc/attach.h"
#include "tracing/attach.h"
#include "user/cleanup.h"
#include "user/log.h"
#include "user/probes.h"
#include "user/tables.h"

#define EXIT_USAGE 2
#define LINKS_MAX 64
#define WHY_MAX 256
#define STAGES_ALL UINT32_MAX

struct options {
	const char *ifname;
	int ifindex;
	bool xdp, clock;
};

struct hooks {
	struct empty *skel;
	struct probes probes;
	int links[LINKS_MAX];
	size_t link_count;
	struct tc_attachment *tc[2]; /* by egress */
	size_t attached;	     /* programs */
};

static void hooks_close(struct hooks *h)
{
	while (h->link_count)
		close(h->links[--h->link_count]);
	for (size_t i = 0; i < 2; i++)
		tc_detach(TAKE_PTR(h->tc[i]));
	empty__destroy(TAKE_PTR(h->skel));
}

/* The first empty program made from a row with `program`: what stands before its name ends with the first underline. */
static struct bpf_program *find_program(const struct hooks *h, const char *program)
{
	struct bpf_program *p;

	bpf_object__for_each_program(p, h->skel->obj) {
		const char *tail = strchr(bpf_program__name(p), '_');

		if (tail && !strcmp(tail + 1, program))
			return p;
	}
	return NULL;
}

/* Does this row ask for an attachment that no earlier row has asked for? */
static bool row_counts(const struct hooks *h, size_t at, const struct options *o)
{
	const struct probe *row = &h->probes.row[at];

	if (row->status != PROBE_USED || !row->program || (row->kind == PROBE_XDP && !o->xdp))
		return false;
	for (const struct probe *r = h->probes.row; r < row; r++)
		if (r->status == PROBE_USED && r->program && !strcmp(r->program, row->program) && !strcmp(r->target, row->target))
			return false;
	return true;
}

static int load(struct hooks *h, const struct options *o)
{
	struct bpf_program *p;
	int err;

	h->skel = empty__open();
	if (!h->skel)
		return log_err(-errno, "cannot open the object of empty programs");
	h->skel->rodata->conf_clock = o->clock;
	bpf_object__for_each_program(p, h->skel->obj) {
		bpf_program__set_autoload(p, false);
		sc_program_prepare(p);
	}
	for (size_t i = 0; i < h->probes.count; i++) {
		if (!row_counts(h, i, o))
			continue;
		p = find_program(h, h->probes.row[i].program);
		if (!p)
			return log_refuse(-ENOENT, "no empty program for %s", h->probes.row[i].program);
		bpf_program__set_autoload(p, true);
	}
	err = empty__load(h->skel);
	if (err == -EPERM)
		return log_refuse(err, "the kernel does not permit loading BPF programs");
	return err ? log_err(err, "cannot load the empty programs") : 0;
}

static int keep_link(struct hooks *h, int fd)
{
	if (fd < 0)
		return fd;
	if (h->link_count == LINKS_MAX) {
		close(fd);
		return -E2BIG;
	}
	h->links[h->link_count++] = fd;
	return 0;
}

/* A link, so that nothing stays on the device whatever becomes of us. */
static int attach_xdp(struct hooks *h, const struct bpf_program *program, int ifindex)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = XDP_FLAGS_DRV_MODE);
	int fd = bpf_link_create(bpf_program__fd(program), ifindex, BPF_XDP, &opts);

	return keep_link(h, fd < 0 ? -errno : fd);
}

static int attach_row(struct hooks *h, const struct probe *row, const struct options *o, char *why)
{
	struct bpf_program *program = find_program(h, row->program);
	struct tc_request tc = { .ifname = o->ifname, .ifindex = o->ifindex, .prog_fd = bpf_program__fd(program),
				 .egress = row->stage == SC_TX_TC };
	int err;

	switch (row->kind) {
	case PROBE_TP:
		return keep_link(h, sc_attach_tracepoint(program));
	case PROBE_NETFILTER:
		err = keep_link(h, sc_attach_netfilter(program, row->target, NFPROTO_IPV4));
		return err ?: keep_link(h, sc_attach_netfilter(program, row->target, NFPROTO_IPV6));
	case PROBE_CGROUP:
		return keep_link(h, sc_attach_cgroup(program, h->probes.cgroup_root));
	case PROBE_TCX:
		return tcx_attach(&h->tc[tc.egress], &tc, why, WHY_MAX);
	case PROBE_CLS:
		return cls_attach(&h->tc[tc.egress], &tc, why, WHY_MAX);
	case PROBE_XDP:
		return attach_xdp(h, program, o->ifindex);
	}
	return -EINVAL;
}

static int attach(struct hooks *h, const struct options *o)
{
	for (size_t i = 0; i < h->probes.count; i++) {
		const struct probe *row = &h->probes.row[i];
		char why[WHY_MAX] = "";
		int err;

		if (!row_counts(h, i, o))
			continue;
		err = attach_row(h, row, o, why);
		if (err && *why)
			return log_refuse(err, "%s", why);
		if (err)
			return log_err(err, "cannot attach an empty program to %s %s", probe_kind_names[row->kind], row->target);
		h->attached++;
	}
	return 0;
}

static int hooks_open(struct hooks *h, const struct options *o)
{
	static struct net_device_info device;
	char unknown[64];
	int err = probes_init(&h->probes, &(struct probes_request){ .stages = STAGES_ALL }, unknown, sizeof(unknown));

	if (err)
		return log_err(err, "cannot ask the kernel for its probes (/sys/kernel/btf/vmlinux)");
	/* As the loader does. */
	if (!net_device_query(o->ifname, &device) && !devices_have_irqs(&device, 1))
		probes_refuse(&h->probes, "sc_sirq_raise", -1, "no interrupt");
	probes_choose(&h->probes);
	err = load(h, o);
	return err ?: attach(h, o);
}

static int hold(const struct options *o)
{
	_cleanup_(hooks_close) struct hooks h = {};
	sigset_t ends;
	int signal, err;

	/* Blocked before anything is attached: none comes too early to be seen, nor is one ignored because a shell had it so for its background. */
	sigemptyset(&ends);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGTERM);
	sigprocmask(SIG_BLOCK, &ends, NULL);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	err = hooks_open(&h, o);
	if (err)
		return err;
	printf("ready: %zu programs\n", h.attached);
	fflush(stdout);
	return -sigwait(&ends, &signal);
}

/* Without one of them some hooks would only be left out as not available. */
static int need_capabilities(void)
{
	static const struct {
		int number;
		const char *name;
	} needed[] = { { CAP_BPF, "CAP_BPF" }, { CAP_PERFMON, "CAP_PERFMON" }, { CAP_NET_ADMIN, "CAP_NET_ADMIN" } };
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct have[2] = {};

	if (syscall(SYS_capget, &header, have))
		return log_err(-errno, "cannot read the capabilities");
	for (size_t i = 0; i < sizeof(needed) / sizeof(*needed); i++)
		if (!(have[needed[i].number / 32].effective >> (needed[i].number % 32) & 1))
			return log_refuse(-EPERM, "attaching programs needs %s: run as root", needed[i].name);
	return 0;
}

static int usage(void)
{
	log_refuse(0, "usage: empty_hooks -i IF [-x] [-k]");
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	struct options o = {};
	int option;

	while ((option = getopt(argc, argv, "i:xk")) != -1) {
		if (option == 'i')
			o.ifname = optarg;
		else if (option == 'x')
			o.xdp = true;
		else if (option == 'k')
			o.clock = true;
		else
			return usage();
	}
	if (!o.ifname || optind != argc)
		return usage();
	if (need_capabilities())
		return 1;
	o.ifindex = if_nametoindex(o.ifname);
	if (!o.ifindex) {
		log_err(-errno, "no interface %s", o.ifname);
		return 1;
	}
	libbpf_set_print(NULL);
	return hold(&o) ? 1 : 0;
}
