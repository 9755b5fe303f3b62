/* SPDX-License-Identifier: GPL-2.0-only */
/* libpcap beside <linux/bpf.h>: both have a struct bpf_insn; libpcap's, which is a struct sock_filter, is called pcap_insn here. */
#pragma once

#include <linux/bpf.h>
#include <linux/filter.h>

#define bpf_insn pcap_insn
#include <pcap/pcap.h>
#undef bpf_insn

_Static_assert(sizeof(struct pcap_insn) == sizeof(struct sock_filter), "libpcap's instruction is the kernel's");

static inline const struct pcap_insn *libpcap_code(const struct sock_fprog *program)
{
	return (const struct pcap_insn *)program->filter;
}
