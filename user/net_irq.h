/* SPDX-License-Identifier: GPL-2.0-only */
/* Which interrupts belong to a network device. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* What identifies the device outside its namespace; empty strings where unknown. */
struct net_irq_device {
	const char *ifname;
	int ifindex;
	const char *bus;    /* of the parent device: "pci", "virtio" */
	const char *parent; /* its name there: "0000:00:03.0", "virtio2" */
};

/*
 * Interrupt numbers into irqs[max]; how many. Sources, until one gives something: the parent's
 * msi_irqs, its irq, both for the parent's parent (virtio on PCI); rows of /proc/interrupts that
 * name the device or its parent are added to those.
 */
size_t net_irq_find(const struct net_irq_device *device, unsigned int *irqs, size_t max);

/*
 * Takes out the vectors that serve transmit queues alone, by their names in the table in `path` (form of /proc/interrupts), and says which receive queue + 1 each of
 * the others serves, 0 unknown: drivers name vectors DEVICE-rx-0, DEVICE-TxRx-0, DEVICE-rxtx-0, virtio2-input.0 ... New count.
 */
size_t net_irq_sort(const char *path, unsigned int *irqs, uint16_t *queues, size_t count);

/*
 * For tests: adds the rows of the table in `path` (form of /proc/interrupts) whose text names one
 * of names[] as a whole word. New count.
 */
size_t net_irq_scan(const char *path, const char *const *names, size_t name_count,
		    unsigned int *irqs, size_t count, size_t max);
