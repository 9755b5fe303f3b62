/* SPDX-License-Identifier: GPL-2.0-only */
/* Command-line options as tables: a row is an option's name, help and what it sets. */
#pragma once

#include <stddef.h>

#include "user/record.h"

struct option_row {
	char letter;	      /* 0: long only */
	const char *name;     /* long name, NULL: short only */
	const char *argument; /* what the help calls it, NULL: takes none */
	const char *help;
	int (*set)(struct record_options *o, const char *argument); /* 0, or a negative errno after logging what is wrong */
};

/*
 * Parses argv[1..]; *rest is the index of the first argument that is no option (options end there, as in tcpdump). 0; -EINVAL after logging; -ECANCELED after
 * printing the help that was asked for.
 */
int options_parse(const struct option_row *rows, size_t count, const char *usage, struct record_options *o, int argc, char **argv, int *rest);

/* The rows of `record` and of `list`. */
extern const struct option_row record_rows[];
extern const size_t record_row_count;
