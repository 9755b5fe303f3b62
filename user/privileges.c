// SPDX-License-Identifier: GPL-2.0-only
/* Dropping capabilities: see privileges.h. */
#include "user/privileges.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static void keep(struct __user_cap_data_struct data[2], int capability)
{
	unsigned int word = capability / 32, bit = 1u << (capability % 32);

	data[word].permitted |= bit;
	data[word].effective |= bit;
}

int privileges_drop(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct now[2] = {}, data[2] = {};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	if (syscall(SYS_capget, &header, now))
		return -errno;
	keep(data, CAP_BPF);
	keep(data, CAP_NET_ADMIN);
	for (int i = 0; i < 2; i++) {
		data[i].permitted &= now[i].permitted;
		data[i].effective = data[i].permitted;
	}
	return syscall(SYS_capset, &header, data) ? -errno : 0;
}
