// SPDX-License-Identifier: GPL-2.0-only
/* Attaching the tracing programs: see attach.h. */
#include "tracing/attach.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/netfilter.h>
#include <string.h>

#include "tracing/bpf_link.h"
#include "tracing/cleanup.h"
#include "tracing/kprobe.h"

#define SECTION_NETFILTER "netfilter/"
/* enum bpf_prog_type and bpf_attach_type of Linux 6.4, newer than the headers we may be built with. */
#define PROG_TYPE_NETFILTER 32
#define ATTACH_NETFILTER 45

/*
 * Where a hook's program stands among the others: at the entry of the layer first, at its exit last. The very ends are reserved by the kernel
 * (nf_bpf_link.c), and a priority holds one link: others of our kind, a second stampcap, stand next to us.
 */
static const struct hook {
	const char *name;
	unsigned int number;
	int priority, step;
} hooks[] = {
	{ "PRE_ROUTING", NF_INET_PRE_ROUTING, INT_MIN + 1, 1 },
	{ "LOCAL_IN", NF_INET_LOCAL_IN, INT_MAX - 1, -1 },
	{ "LOCAL_OUT", NF_INET_LOCAL_OUT, INT_MIN + 1, 1 },
	{ "POST_ROUTING", NF_INET_POST_ROUTING, INT_MAX - 1, -1 },
};
#define HOOK_TRIES 16

void sc_program_prepare(struct bpf_program *program)
{
	if (strncmp(bpf_program__section_name(program), SECTION_NETFILTER, strlen(SECTION_NETFILTER)))
		return;
	bpf_program__set_type(program, (enum bpf_prog_type)PROG_TYPE_NETFILTER);
	bpf_program__set_expected_attach_type(program, (enum bpf_attach_type)ATTACH_NETFILTER);
}

void sc_program_prepare_multi(struct bpf_program *program)
{
	bpf_program__set_expected_attach_type(program, BPF_TRACE_KPROBE_MULTI);
}

int sc_attach_tracepoint(const struct bpf_program *program)
{
	int fd = bpf_raw_tracepoint_open(NULL, bpf_program__fd(program));

	return fd < 0 ? -errno : fd;
}

int sc_attach_netfilter(const struct bpf_program *program, const char *hook, unsigned int family)
{
	for (size_t i = 0; i < sizeof(hooks) / sizeof(*hooks); i++) {
		int fd = -EBUSY;

		if (strcmp(hooks[i].name, hook))
			continue;
		for (int n = 0; n < HOOK_TRIES && (fd == -EBUSY || fd == -EEXIST); n++)
			fd = sc_link_create_netfilter(bpf_program__fd(program), family, hooks[i].number,
						      hooks[i].priority + n * hooks[i].step);
		return fd;
	}
	return -EINVAL;
}

int sc_attach_kprobe(const struct bpf_program *program, const char *symbol, bool multi)
{
	int fd = bpf_program__fd(program);

	return multi ? sc_kprobe_multi_open(fd, symbol) : sc_kprobe_open(fd, symbol);
}

int sc_attach_cgroup(const struct bpf_program *program, const char *cgroup_root)
{
	_cleanup_close_ int cgroup_fd = open(cgroup_root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int fd;

	if (cgroup_fd < 0)
		return -errno;
	fd = bpf_link_create(bpf_program__fd(program), cgroup_fd, BPF_CGROUP_INET_INGRESS, NULL);
	return fd < 0 ? -errno : fd;
}
