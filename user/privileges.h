/* SPDX-License-Identifier: GPL-2.0-only */
/* Giving up what is no longer needed once everything is attached. */
#pragma once

/*
 * Keeps only what reading maps and detaching need (CAP_BPF, CAP_NET_ADMIN), for good, and forbids gaining more. 0 or a negative errno; a process without
 * capabilities to begin with is fine.
 */
int privileges_drop(void);
