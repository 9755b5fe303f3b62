/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A small child process that does what must be undone, and undoes it when its parent asks, or has gone (a hang-up, so kill -9 too). It is in a session of
 * its own, ignores terminal signals and, once its work is done, does nothing while the parent lives.
 */
#pragma once

struct guardian;

/*
 * Starts it: `work(context)` runs in the child at once, `undo(context)` when the parent has gone or dismisses it. Returns when `work` has. 0 or a
 * negative errno. The child has copies of all open descriptors.
 */
int guardian_start(struct guardian **out, void (*work)(void *context), void (*undo)(void *context), void *context);
/* Has it run undo, and waits for its end. NULL is fine. */
void guardian_dismiss(struct guardian *g);
