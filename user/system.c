// SPDX-License-Identifier: GPL-2.0-only
/* Machine facts: see system.h. */
#include "user/system.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

void system_os(char *buf, size_t size)
{
	struct utsname u = {};

	uname(&u);
	snprintf(buf, size, "%s %s %s", u.sysname, u.release, u.machine);
}

void system_hardware(char *buf, size_t size)
{
	char line[512], model[256] = "unknown CPU";
	struct utsname u = {};
	FILE *f = fopen("/proc/cpuinfo", "re");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "model name : %255[^\n]", model) == 1)
			break;
	if (f)
		fclose(f);
	uname(&u);
	snprintf(buf, size, "%s, %s, %ld CPUs", u.machine, model, sysconf(_SC_NPROCESSORS_ONLN));
}
