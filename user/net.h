/* SPDX-License-Identifier: GPL-2.0-only */
/* Questions to the kernel about network devices and namespaces. They act in the caller's network namespace unless they say otherwise. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "user/sink.h"

#define NET_MAX_IRQS 256
#define NET_MAX_UPPERS 16

struct net_device_info {
	int ifindex;
	bool raw;	   /* no link-layer header (ARPHRD_NONE, tun, ipip ...) */
	bool inserts_tags; /* a VLAN tag of a sent packet stands beside the bytes when the driver gets it; else the stack has put it in */
	bool physical;	   /* has a parent device: its driver reports TX completion */
	struct capture_interface capture; /* name, description, MAC, speed, link type */
	unsigned int irqs[NET_MAX_IRQS];  /* from msi_irqs, device irq, or names in /proc/interrupts */
	uint16_t irq_queues[NET_MAX_IRQS]; /* receive queue each serves + 1, 0 unknown */
	size_t irq_count;
	int uppers[NET_MAX_UPPERS]; /* ifindexes of devices stacked on it, recursively: bridge, bond, VLAN ... */
	size_t upper_count;
};

/* By name or decimal index. 0, -ENODEV, -EPROTONOSUPPORT (neither Ethernet nor raw IP: why), or another negative errno. */
int net_device_query(const char *name_or_index, struct net_device_info *out);

/* Writes "eth0, lo, veth1" (at most size) of all devices here: for error messages and -D. */
int net_device_names(char *buf, size_t size);

/* Enters the network namespace called NAME (/run/netns/NAME), of process PID, or at a path. The old one: *old_fd (caller closes), may be NULL. */
int net_namespace_enter(const char *name_or_pid, int *old_fd);

/* Inode number of the current network namespace: what the BPF side compares. */
int net_namespace_inum(uint32_t *inum);
