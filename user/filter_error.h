/* SPDX-License-Identifier: GPL-2.0-only */
/* Says why a filter expression was refused, and under the expression where. */
#pragma once

struct filter_problem;

/* Prints the problem on stderr, where its column is known also the expression and a caret below it, and returns err, a negative errno. */
int filter_refuse(int err, const char *expression, const struct filter_problem *problem);
