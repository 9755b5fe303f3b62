/* SPDX-License-Identifier: GPL-2.0-only */
/* The file that a recording goes to. It is emptied only when the recording stands: one that cannot start leaves what was there. */
#pragma once

#include <stdbool.h>

struct output {
	const char *path; /* borrowed; NULL: standard output */
	bool is_new;	  /* we made it */
};

/* `path`: NULL and "-" are standard output. A descriptor of the caller's, or a negative errno after logging why. */
int output_open(struct output *o, const char *path);

/* Takes away what an older file held; a pipe or a device holds nothing. 0, or a negative errno after logging why. */
int output_empty(const struct output *o, int fd);

/* Nothing came of it: a file that we made goes. */
void output_undo(const struct output *o);
