/* SPDX-License-Identifier: GPL-2.0-only */
/* The other end of a veth pair, in whichever network namespace it lives. */
#pragma once

#include <net/if.h>

struct veth_peer {
	int ifindex; /* in its own namespace */
	char ifname[IFNAMSIZ];
	int sock; /* for ethtool.h, in the peer's namespace; closed by veth_peer_close() */
};

/*
 * 0 and *out; -ENODEV: not a veth (out->sock is -1); -ENOENT: its peer is in a namespace that has
 * neither a process nor a name in /run/netns that we may open; or another negative errno. The
 * calling thread visits the peer's namespace and is back on return.
 */
int veth_peer_open(struct veth_peer *out, int ifindex);
void veth_peer_close(struct veth_peer *p);
