// SPDX-License-Identifier: GPL-2.0-only
/* Capability probes: see capability.h. */
#include "tracing/capability.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tracing/bpf_link.h"
#include "tracing/cleanup.h"

/* Return `value` and exit: the smallest program. */
#define MINIMAL(value)                                                           \
	{                                                                        \
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = (value) }, \
		{ .code = BPF_JMP | BPF_EXIT },                                  \
	}

__attribute__((format(printf, 3, 4))) static bool refuse(char *why, size_t size, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, size, fmt, args);
	va_end(args);
	return false;
}

bool sc_can_fentry(char *why, size_t size)
{
	struct bpf_insn insns[] = MINIMAL(0);
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_TRACE_FENTRY);
	_cleanup_close_ int prog_fd = -1, link_fd = -1;
	int id = libbpf_find_vmlinux_btf_id("eth_type_trans", BPF_TRACE_FENTRY);

	if (id < 0)
		return refuse(why, size, "no BTF of eth_type_trans");
	opts.attach_btf_id = id;
	prog_fd = bpf_prog_load(BPF_PROG_TYPE_TRACING, NULL, "GPL", insns, 2, &opts);
	if (prog_fd < 0)
		return refuse(why, size, "kernel refuses fentry programs: %s", strerror(errno));
	link_fd = bpf_raw_tracepoint_open(NULL, prog_fd);
	if (link_fd < 0)
		return refuse(why, size, "kernel refuses to attach fentry: %s", strerror(errno));
	return true;
}

#define PROG_TYPE_NETFILTER 32
#define ATTACH_NETFILTER 45

bool sc_can_netfilter(char *why, size_t size)
{
	struct bpf_insn insns[] = MINIMAL(1);
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = ATTACH_NETFILTER);
	_cleanup_close_ int prog_fd = -1;

	prog_fd = bpf_prog_load(PROG_TYPE_NETFILTER, NULL, "GPL", insns, 2, &opts);
	if (prog_fd < 0)
		return refuse(why, size, "no netfilter programs (Linux 6.4+): %s", strerror(errno));
	return true;
}

bool sc_has_tracepoint(const struct btf *vmlinux, const char *name, char *why, size_t size)
{
	char type[96];

	snprintf(type, sizeof(type), "btf_trace_%s", name);
	if (btf__find_by_name_kind(vmlinux, type, BTF_KIND_TYPEDEF) < 0)
		return refuse(why, size, "this kernel has no tracepoint %s", name);
	return true;
}

bool sc_cgroup2_root(char *path, size_t path_size, char *why, size_t size)
{
	char line[4096], mount[1024], root[1024];
	FILE *f = fopen("/proc/self/mountinfo", "re");
	bool found = false;

	if (!f)
		return refuse(why, size, "cannot read /proc/self/mountinfo: %s", strerror(errno));
	while (!found && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%*s %*s %*s %1023s %1023s", root, mount) == 2 && strstr(line, " - cgroup2 ") && !strcmp(root, "/")) {
			snprintf(path, path_size, "%s", mount);
			found = true;
		}
	}
	fclose(f);
	return found || refuse(why, size, "no cgroup v2 hierarchy is mounted");
}
