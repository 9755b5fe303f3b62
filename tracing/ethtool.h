/* SPDX-License-Identifier: GPL-2.0-only */
/* ethtool's questions by ioctl. The socket decides the network namespace: the one it was made in. */
#pragma once

#include <linux/ethtool.h>
#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ETHTOOL_MAX_FEATURES 256

/* A device's features: which are on now, under the names that the kernel gives them. */
struct feature_set {
	size_t count;
	uint32_t active[ETHTOOL_MAX_FEATURES / 32];
	char name[ETHTOOL_MAX_FEATURES][ETH_GSTRING_LEN];
};

/* A socket for the calls below, close-on-exec; a descriptor or a negative errno. */
int ethtool_open(void);

/* Name of device `ifindex` in the socket's namespace. 0 or a negative errno. */
int ethtool_ifname(int sock, int ifindex, char name[IFNAMSIZ]);

/* -EOPNOTSUPP where the device has no such answer. */
int ethtool_features(int sock, const char *ifname, struct feature_set *out);
int ethtool_driver(int sock, const char *ifname, struct ethtool_drvinfo *out);
int ethtool_speed(int sock, const char *ifname, uint64_t *bits_per_second); /* 0 unknown */

bool feature_active(const struct feature_set *f, size_t index);
/* Is the feature called `name` on? False if there is none. */
bool feature_named(const struct feature_set *f, const char *name);
