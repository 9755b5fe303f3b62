// SPDX-License-Identifier: GPL-2.0-only
/* Attaching kprobes: see kprobe.h. */
#include "tracing/kprobe.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tracing/cleanup.h"

#define PMU_TYPE "/sys/bus/event_source/devices/kprobe/type"

static int pmu_type(uint32_t *type)
{
	FILE *f = fopen(PMU_TYPE, "re");
	int found;

	if (!f)
		return -ENOENT;
	found = fscanf(f, "%u", type);
	fclose(f);
	return found == 1 ? 0 : -ENOENT;
}

int sc_kprobe_open(int prog_fd, const char *symbol)
{
	struct perf_event_attr attr = { .size = sizeof(attr), .kprobe_func = (uintptr_t)symbol };
	_cleanup_close_ int fd = -1;
	uint32_t type;
	int err = pmu_type(&type);

	if (err)
		return err;
	attr.type = type;
	fd = syscall(__NR_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -EADDRNOTAVAIL : -errno;
	if (ioctl(fd, PERF_EVENT_IOC_SET_BPF, prog_fd) || ioctl(fd, PERF_EVENT_IOC_ENABLE, 0))
		return -errno;
	return TAKE_FD(fd);
}

int sc_kprobe_multi_open(int prog_fd, const char *symbol)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .kprobe_multi.syms = &symbol, .kprobe_multi.cnt = 1);
	int fd = bpf_link_create(prog_fd, 0, BPF_TRACE_KPROBE_MULTI, &opts);

	return fd < 0 ? -errno : fd;
}
