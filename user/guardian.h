/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A small child process that outlives us for as long as it takes to undo what no bpf link holds (XDP by libxdp, cls_bpf): it waits for the
 * end of its parent (a pipe's hang-up, so kill -9 too), runs the undo function, and exits. It is in a session of its own, ignores terminal signals and does
 * nothing at all while the parent lives.
 */
#pragma once

struct guardian;

/* Starts it. `undo(context)` runs in the child, once, when the parent has gone without guardian_dismiss(). 0 or a negative errno. */
int guardian_start(struct guardian **out, void (*undo)(void *context), void *context);
/* The parent has cleaned up itself: the child exits without running undo. Waits for it. NULL is fine. */
void guardian_dismiss(struct guardian *g);
