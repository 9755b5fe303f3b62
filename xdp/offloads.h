/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The offloads of a device and, for a veth, of its peer: what native XDP would turn off, and what
 * it has changed.
 */
#pragma once

#include <stddef.h>

#include "tracing/ethtool.h"
#include "xdp/peer.h"

struct offloads {
	const char *ifname;
	int sock;
	struct veth_peer peer;
	int peer_err; /* 0: veth and peer are open; -ENODEV: no veth; else why the peer cannot be
			 inspected */
	struct feature_set device_before;
	struct feature_set peer_before;
};

/*
 * Opens and remembers the present features. 0 and *out (with offloads_free()), or a negative errno.
 */
int offloads_new(struct offloads **out, const char *ifname, int ifindex);
void offloads_free(struct offloads *o);

/*
 * Reason, as one sentence, why native XDP on this device would change an offload for sure, before
 * anything is attached. 0 and nothing written if there is none, else -EOPNOTSUPP.
 */
int offloads_refuse(const struct offloads *o, char *why, size_t why_size);

/*
 * Writes what stops without any feature changing, natively or generically attached: "rx-gro on
 * veth0 without effect", or nothing.
 */
void offloads_unseen(const struct offloads *o, bool native, char *text, size_t size);

/*
 * Writes "off on veth1 (peer): tx-tcp-segmentation tx-gso-list; on on veth0: rx-gro" of all that
 * differs from what was remembered. How many, or a negative errno.
 */
int offloads_changed(const struct offloads *o, char *text, size_t size);
