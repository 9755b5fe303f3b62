// SPDX-License-Identifier: GPL-2.0-only
/* Messages about filter expressions: filter_error.h. */
#include "user/filter_error.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "pcap/filter.h"
#include "user/log.h"

#define WINDOW_COLUMNS 70
#define BEFORE_COLUMNS 40 /* of a window that is not at the beginning: how much of it is before the caret */
#define CUT "..."

/* Expressions come from anywhere, a script or a web form too: nothing of them may steer a terminal. */
static char printable(char c)
{
	if (c == '\t' || c == '\n')
		return ' ';
	return c >= ' ' && c < 0x7f ? c : '?';
}

static void mask(char *text)
{
	for (; *text; text++)
		*text = printable(*text);
}

/* First column of the part of an expression of `len` bytes that is shown. */
static size_t window_begin(size_t len, size_t column)
{
	if (len <= WINDOW_COLUMNS || column <= BEFORE_COLUMNS)
		return 0;
	if (len - column < WINDOW_COLUMNS - BEFORE_COLUMNS)
		return len - WINDOW_COLUMNS;
	return column - BEFORE_COLUMNS;
}

static void caret_print(const char *expression, size_t column)
{
	size_t len = strlen(expression), begin = window_begin(len, column), i;
	size_t end = len - begin > WINDOW_COLUMNS ? begin + WINDOW_COLUMNS : len;

	fprintf(stderr, "  %s", begin ? CUT : "");
	for (i = begin; i < end; i++)
		fputc(printable(expression[i]), stderr);
	fprintf(stderr, "%s\n  %*s^\n", end < len ? CUT : "", (int)(column - begin + (begin ? strlen(CUT) : 0)), "");
}

int filter_refuse(int err, const char *expression, const struct filter_problem *problem)
{
	char text[sizeof(problem->text)];

	snprintf(text, sizeof(text), "%s", problem->text);
	mask(text);
	flockfile(stderr);
	log_refuse(err, "filter: %s", text);
	if (problem->column >= 0 && (size_t)problem->column <= strlen(expression))
		caret_print(expression, (size_t)problem->column);
	funlockfile(stderr);
	return err;
}
