// SPDX-License-Identifier: GPL-2.0-only
/* What the running kernel lets programs do: see kernel.h. */
#include "user/kernel.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>

#include "tracing/capability.h"
#include "user/log.h"
#include "user/probes.h"

/* Calls are joined to packets by the socket's cookie. */
static void refuse_calls(struct probes *probes)
{
	static const char *const programs[] = { "sc_tcp_read", "sc_tcp_send", "sc_tcp_send__kp", "sc_tcp_pages", "sc_tcp_pages__kp" };

	for (size_t i = 0; i < sizeof(programs) / sizeof(*programs); i++)
		probes_refuse(probes, programs[i], -1, "nothing gives sockets their cookies: before Linux 5.12 that takes a mounted cgroup v2 hierarchy");
}

/* How programs get at page fragments of packets. */
static void pages_ask(struct kernel_limits *limits)
{
	struct btf *vmlinux = btf__load_vmlinux_btf();
	struct sc_variable variable[] = { { .name = "vmemmap_base" }, { .name = "page_offset_base" } };

	limits->dynptr = !libbpf_get_error(vmlinux) && sc_can_dynptr(vmlinux);
	if (!libbpf_get_error(vmlinux))
		btf__free(vmlinux);
	if (limits->dynptr)
		return;
	sc_find_variables(variable, 2);
	limits->vmemmap_at = variable[0].address;
	limits->page_offset_at = variable[1].address;
}

int kernel_not_permitted(void)
{
	return log_refuse(-EPERM, "the kernel does not permit loading BPF programs: run as the machine's own root, with CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN");
}

int kernel_ask(struct kernel_limits *limits, struct probes *probes)
{
	char why[128], storage[SC_SYMBOL_MAX], cookie[SC_SYMBOL_MAX];
	const struct sc_function helpers[] = { { "bpf_sk_storage_get_tracing", storage }, { "bpf_get_socket_ptr_cookie", cookie } };
	int err = sc_can_read_kernel(why, sizeof(why));

	if (err == -EPERM)
		return kernel_not_permitted();
	if (err)
		return log_refuse(-EACCES, "this kernel lets no BPF program read kernel memory, which every stage needs: %s", why);
	limits->atomics = sc_can_atomics();
	sc_find_functions(helpers, 2);
	limits->sk_storage = *storage;
	limits->cookies = *cookie;
	pages_ask(limits);
	if (!limits->cookies && !probes_program_used(probes, "sc_l4_cgroup"))
		refuse_calls(probes);
	return 0;
}
