/* SPDX-License-Identifier: GPL-2.0-only */
/* TC attachment: the only place that knows TCX and clsact. Everything here acts in the caller's network namespace. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct tc_request {
	const char *ifname;
	int ifindex;
	int prog_fd; /* BPF_PROG_TYPE_SCHED_CLS */
	bool egress;
};

struct tc_attachment;

/* Can this kernel do TCX (6.6+)? Probed without attaching anywhere. 0 or a negative errno. */
int tcx_supported(void);

/*
 * TCX: a bpf link in front of the existing programs (BPF_F_BEFORE), gone with its file descriptor. CLS: cls_bpf in direct-action mode on clsact, with a
 * handle and priority that no other filter has; clsact is created only if the device has none, and removed on detach only if it was created here
 * and no filter of others hangs on it. 0 and *out, or a negative errno with one sentence in `why`.
 */
int tcx_attach(struct tc_attachment **out, const struct tc_request *request, char *why, size_t why_size);
int cls_attach(struct tc_attachment **out, const struct tc_request *request, char *why, size_t why_size);

void tc_detach(struct tc_attachment *a); /* NULL is fine */
