/* SPDX-License-Identifier: GPL-2.0-only */
/* Small tables the loader fills for the programs. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "tracing/stamp.h"
#include "user/net.h"

/* Do several devices share this interrupt line? /proc/interrupts lists their names separated by commas. */
bool irq_is_shared(unsigned int irq);

/* Has any of them an interrupt that is known? */
bool devices_have_irqs(const struct net_device_info *devices, size_t count);

/* Enters a device into the open-addressed table of the programs; adds to the flags of one that is there. False if the table is full around it. */
bool device_put(struct sc_device *table, uint32_t ifindex, uint32_t flags);
