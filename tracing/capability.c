// SPDX-License-Identifier: GPL-2.0-only
/* Capability probes: see capability.h. */
#include "tracing/capability.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/bpf.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tracing/bpf_link.h"
#include "tracing/cleanup.h"
#include "tracing/kprobe.h"

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

bool sc_can_kprobe(char *why, size_t size)
{
	struct bpf_insn insns[] = MINIMAL(0);
	_cleanup_close_ int prog_fd = bpf_prog_load(BPF_PROG_TYPE_KPROBE, NULL, "GPL", insns, 2, NULL);
	_cleanup_close_ int event_fd = -1;

	if (prog_fd < 0)
		return refuse(why, size, "kernel refuses kprobe programs: %s", strerror(errno));
	event_fd = sc_kprobe_open(prog_fd, "eth_type_trans");
	if (event_fd == -ENOENT)
		return refuse(why, size, "this kernel has no kprobes (CONFIG_KPROBE_EVENTS)");
	if (event_fd < 0)
		return refuse(why, size, "kernel refuses kprobes: %s", strerror(-event_fd));
	return true;
}

bool sc_can_kprobe_multi(void)
{
	struct bpf_insn insns[] = MINIMAL(0);
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_TRACE_KPROBE_MULTI);
	_cleanup_close_ int prog_fd = bpf_prog_load(BPF_PROG_TYPE_KPROBE, NULL, "GPL", insns, 2, &opts), link_fd = -1;

	if (prog_fd < 0)
		return false;
	link_fd = sc_kprobe_multi_open(prog_fd, "eth_type_trans");
	return link_fd >= 0;
}

bool sc_can_atomics(void)
{
	struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_1 },
		{ .code = BPF_STX | BPF_MEM | BPF_DW, .dst_reg = BPF_REG_10, .src_reg = BPF_REG_1, .off = -8 },
		{ .code = BPF_STX | BPF_ATOMIC | BPF_DW, .dst_reg = BPF_REG_10, .src_reg = BPF_REG_1, .off = -8, .imm = BPF_CMPXCHG },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	_cleanup_close_ int prog_fd = bpf_prog_load(BPF_PROG_TYPE_KPROBE, NULL, "GPL", insns, sizeof(insns) / sizeof(*insns), NULL);

	return prog_fd >= 0;
}

/* "none integrity [confidentiality]"; also false where securityfs is not mounted */
static bool locked_down(void)
{
	char line[128] = "";
	FILE *f = fopen("/sys/kernel/security/lockdown", "re");

	if (!f)
		return false;
	if (!fgets(line, sizeof(line), f))
		*line = '\0';
	fclose(f);
	return strstr(line, "[confidentiality]");
}

int sc_can_read_kernel(char *why, size_t size)
{
	/* bpf_probe_read_kernel(stack - 8, 8, stack - 8) */
	struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_1, .src_reg = BPF_REG_10 },
		{ .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = BPF_REG_1, .imm = -8 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_2, .imm = 8 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_3, .src_reg = BPF_REG_1 },
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_probe_read_kernel },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	_cleanup_close_ int prog_fd = bpf_prog_load(BPF_PROG_TYPE_RAW_TRACEPOINT, NULL, "GPL", insns, sizeof(insns) / sizeof(*insns), NULL);
	int err = prog_fd < 0 ? -errno : 0;

	/* A program without a mistake is invalid when this helper is not to be had. */
	if (err == -EINVAL)
		refuse(why, size, "%s; boot it with lockdown=integrity, which permits it",
		       locked_down() ? "it is locked down (lockdown=confidentiality)" : "it acts as if locked down (lockdown=confidentiality)");
	else if (err)
		refuse(why, size, "%s", strerror(-err));
	return err;
}

bool sc_symbol_is(const char *symbol, const char *name)
{
	size_t len = strlen(name);

	if (strncmp(symbol, name, len))
		return false;
	for (symbol += len; *symbol; symbol += strcspn(symbol + 1, ".") + 1)
		if (strncmp(symbol, ".isra.", 6) && strncmp(symbol, ".constprop.", 11) && !(symbol[0] == '.' && symbol[1] >= '0' && symbol[1] <= '9'))
			return false;
	return true;
}

void sc_find_variables(struct sc_variable *variables, size_t count)
{
	FILE *f = fopen("/proc/kallsyms", "re");
	char line[512], symbol[SC_SYMBOL_MAX], type;
	uint64_t address;

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%" SCNx64 " %c %63s", &address, &type, symbol) != 3 || strchr("tTwW", type))
			continue;
		for (size_t i = 0; i < count; i++)
			if (!strcmp(variables[i].name, symbol))
				variables[i].address = address;
	}
	if (f)
		fclose(f);
}

bool sc_can_dynptr(const struct btf *vmlinux)
{
	int trace = btf__find_by_name_kind(vmlinux, "btf_trace_kfree_skb", BTF_KIND_TYPEDEF), function = btf__find_by_name_kind(vmlinux, "bpf_dynptr_from_skb", BTF_KIND_FUNC);
	/* bpf_dynptr_from_skb(the event's skb, 0, stack - 16) */
	struct bpf_insn insns[] = {
		{ .code = BPF_LDX | BPF_MEM | BPF_DW, .dst_reg = BPF_REG_1, .src_reg = BPF_REG_1 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_2 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_3, .src_reg = BPF_REG_10 },
		{ .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = BPF_REG_3, .imm = -16 },
		{ .code = BPF_JMP | BPF_CALL, .src_reg = BPF_PSEUDO_KFUNC_CALL, .imm = function },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_TRACE_RAW_TP);
	_cleanup_close_ int prog_fd = -1;

	if (trace < 0 || function < 0)
		return false;
	opts.attach_btf_id = trace;
	prog_fd = bpf_prog_load(BPF_PROG_TYPE_TRACING, NULL, "GPL", insns, sizeof(insns) / sizeof(*insns), &opts);
	return prog_fd >= 0;
}

void sc_find_functions(const struct sc_function *functions, size_t count)
{
	FILE *f = fopen("/proc/kallsyms", "re");
	char line[512], symbol[SC_SYMBOL_MAX], type;

	for (size_t i = 0; i < count; i++)
		functions[i].symbol[0] = '\0';
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%*s %c %63s", &type, symbol) != 2 || !strchr("tTwW", type))
			continue;
		for (size_t i = 0; i < count; i++)
			if (functions[i].name[0] == symbol[0] && functions[i].name[1] == symbol[1] && sc_symbol_is(symbol, functions[i].name) &&
			    strcmp(functions[i].symbol, functions[i].name))
				snprintf(functions[i].symbol, SC_SYMBOL_MAX, "%s", symbol);
	}
	if (f)
		fclose(f);
}

#define PROG_TYPE_NETFILTER 32
#define ATTACH_NETFILTER 45

bool sc_can_netfilter(char *why, size_t size)
{
	struct bpf_insn insns[] = MINIMAL(1);
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = ATTACH_NETFILTER);
	_cleanup_close_ int prog_fd = -1;

	prog_fd = bpf_prog_load(PROG_TYPE_NETFILTER, NULL, "GPL", insns, 2, &opts);
	if (prog_fd < 0 && errno == EINVAL)
		return refuse(why, size, "no netfilter programs (Linux 6.4+, CONFIG_NETFILTER_BPF_LINK)");
	if (prog_fd < 0)
		return refuse(why, size, "kernel refuses netfilter programs: %s", strerror(errno));
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
