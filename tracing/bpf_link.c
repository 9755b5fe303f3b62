/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bpf(2) link calls for attach types newer than the headers: own copies of the attributes, which
 * are kernel ABI.
 */
#include "tracing/bpf_link.h"

#include <errno.h>
#include <limits.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* enum bpf_attach_type of Linux 6.6 */
enum { SC_BPF_NETFILTER = 45, SC_BPF_TCX_INGRESS = 46, SC_BPF_TCX_EGRESS = 47 };

#define SC_BPF_F_BEFORE (1u << 3) /* with no relative program: first of all */

/* bpf_attr.link_create */
struct link_create_attr {
	uint32_t prog_fd;
	uint32_t target; /* ifindex or 0 */
	uint32_t attach_type;
	uint32_t flags;
	union {
		struct {
			uint32_t pf;
			uint32_t hooknum;
			int32_t priority;
			uint32_t flags;
		} netfilter;
		struct {
			uint32_t relative_fd;
			uint32_t pad;
			uint64_t expected_revision;
		} tcx;
	};
};
_Static_assert(sizeof(struct link_create_attr) == 32, "kernel ABI");

/* bpf_attr.query, as far as every kernel since 4.15 knows it */
struct prog_query_attr {
	uint32_t target_ifindex;
	uint32_t attach_type;
	uint32_t query_flags;
	uint32_t attach_flags;
	uint64_t prog_ids;
	uint32_t prog_cnt;
	uint32_t pad;
};
_Static_assert(sizeof(struct prog_query_attr) == 32, "kernel ABI");

static int bpf_call(int command, void *attr, unsigned int size)
{
	long ret = syscall(__NR_bpf, command, attr, size);
	int err = errno;

	return ret < 0 ? -err : (int)ret;
}

int sc_link_create_tcx(int prog_fd, int ifindex, bool egress)
{
	struct link_create_attr attr = {
		.prog_fd = prog_fd,
		.target = ifindex,
		.attach_type = egress ? SC_BPF_TCX_EGRESS : SC_BPF_TCX_INGRESS,
		.flags = SC_BPF_F_BEFORE,
	};

	return bpf_call(BPF_LINK_CREATE, &attr, sizeof(attr));
}

int sc_link_create_netfilter(int prog_fd, unsigned int pf, unsigned int hook, int priority)
{
	struct link_create_attr attr = {
		.prog_fd = prog_fd,
		.attach_type = SC_BPF_NETFILTER,
		.netfilter = { .pf = pf, .hooknum = hook, .priority = priority },
	};

	return bpf_call(BPF_LINK_CREATE, &attr, sizeof(attr));
}

int sc_link_detach(int link_fd)
{
	uint32_t attr = link_fd; /* bpf_attr.link_detach.link_fd */

	return bpf_call(BPF_LINK_DETACH, &attr, sizeof(attr));
}

int sc_tcx_probe(void)
{
	struct prog_query_attr attr = {
		.target_ifindex = INT_MAX,
		.attach_type = SC_BPF_TCX_INGRESS,
	};
	int err = bpf_call(BPF_PROG_QUERY, &attr, sizeof(attr));

	/* A kernel without TCX rejects the attach type before it looks for the device. */
	return err == -ENODEV ? 0 : err;
}
