// SPDX-License-Identifier: GPL-2.0-only
/*
 * Empty programs for the hooks of a recording: what the kernel takes for calling a program there, before it does anything. One per row of stages.def,
 * called e<line of the row>_<program of the row>: a program that stands in several rows gives several, of which empty_hooks loads the first.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#define NF_ACCEPT 1
#define VERDICT_NEXT -1 /* TCX_NEXT and TC_ACT_UNSPEC */
#define CGROUP_PASS 1

/* Also read the clock, as a program that stamps does; 0: the verifier takes the call out. */
const volatile __u32 conf_clock = 0;

static __always_inline int pass(int verdict)
{
	__u64 now_ns;

	if (conf_clock) {
		now_ns = bpf_ktime_get_ns();
		asm volatile("" : : "r"(now_ns));
	}
	return verdict;
}

/* Two steps, so that the line number is put in before it is pasted. */
#define NAME_PASTED(line, prog) e##line##_##prog
#define NAME(line, prog) NAME_PASTED(line, prog)
#define EMPTY(section, line, prog, verdict)                                                        \
	SEC(section)                                                                               \
	int NAME(line, prog)(void *ctx)                                                            \
	{                                                                                          \
		return pass(verdict);                                                              \
	}

#define EMPTY_TP(target, line, prog) EMPTY("tp_btf/" target, line, prog, 0)
#define EMPTY_NETFILTER(target, line, prog) EMPTY("netfilter/" target, line, prog, NF_ACCEPT)
#define EMPTY_TCX(target, line, prog) EMPTY("tc", line, prog, VERDICT_NEXT)
#define EMPTY_CLS(target, line, prog) EMPTY("tc", line, prog, VERDICT_NEXT)
#define EMPTY_CGROUP(target, line, prog) EMPTY(target, line, prog, CGROUP_PASS)
#define EMPTY_XDP(target, line, prog) EMPTY("xdp.frags", line, prog, XDP_PASS)
/* Kernel functions: the machines that measure with tracepoints alone are the ones compared. XDPMETA has no program. */
#define EMPTY_FUNC(target, line, prog)
#define EMPTY_XDPMETA(target, line, prog)

#define PROBE(dir, id, scope, rank, kind, target, prog) EMPTY_##kind(target, __LINE__, prog)
#define SUPPORT(kind, target, prog, why) EMPTY_##kind(target, __LINE__, prog)
#include "tracing/stages.def"

char _license[] SEC("license") = "GPL";
