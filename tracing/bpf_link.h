/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Kinds of bpf links that the headers and the libbpf of older distributions lack, made with the
 * bare bpf(2) call.
 */
#pragma once

#include <stdbool.h>

/*
 * Each returns a file descriptor that owns the link (closing the last one detaches), or a negative
 * errno: -EINVAL where the kernel does not know the kind, else what the kernel says. The device is
 * looked up in the caller's network namespace, and netfilter hooks belong to it.
 */

/* TCX (6.6+), in front of every program that is there already. */
int sc_link_create_tcx(int prog_fd, int ifindex, bool egress);

/*
 * Netfilter (6.4+): `pf` is NFPROTO_*, `hook` NF_INET_*; no two links of a hook share a `priority`,
 * lower ones run first.
 */
int sc_link_create_netfilter(int prog_fd, unsigned int pf, unsigned int hook, int priority);

/* Detaches what link_fd owns although others may hold the descriptor too. 0 or a negative errno. */
int sc_link_detach(int link_fd);

/* Does this kernel know TCX? Asks about a device that cannot exist. 0 or a negative errno. */
int sc_tcx_probe(void);
