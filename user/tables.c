// SPDX-License-Identifier: GPL-2.0-only
/* Tables for the programs: see tables.h. */
#include "user/tables.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool irq_is_shared(unsigned int irq)
{
	FILE *f = fopen("/proc/interrupts", "re");
	bool shared = false;
	char *line = NULL;
	size_t size = 0;

	while (f && getline(&line, &size, f) > 0) {
		char *end;
		unsigned long n = strtoul(line, &end, 10);

		if (end != line && *end == ':' && n == irq)
			shared = strchr(end, ',') != NULL;
	}
	free(line);
	if (f)
		fclose(f);
	return shared;
}

bool devices_have_irqs(const struct net_device_info *devices, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (devices[i].irq_count)
			return true;
	return false;
}

bool device_put(struct sc_device *table, uint32_t ifindex, uint32_t flags)
{
	for (unsigned int i = 0; i < SC_DEVICE_PROBES; i++) {
		struct sc_device *d = &table[(ifindex + i) & (SC_MAX_DEVICES - 1)];

		if (!d->ifindex || d->ifindex == ifindex) {
			d->ifindex = ifindex;
			d->flags |= flags;
			return true;
		}
	}
	return false;
}
