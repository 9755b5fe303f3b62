/* SPDX-License-Identifier: GPL-2.0-only */
/* Messages to the user on stderr: log.h. */
#include "user/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int log_level;

/* `prefix` and `suffix` surround the message; one stdio lock, so that lines of threads do not mix. */
static void log_line(const char *prefix, const char *suffix, const char *fmt, va_list args)
{
	flockfile(stderr);
	fprintf(stderr, "stampcap: %s", prefix);
	vfprintf(stderr, fmt, args);
	if (suffix)
		fprintf(stderr, ": %s", suffix);
	fputc('\n', stderr);
	funlockfile(stderr);
}

int log_err(int err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	log_line("", strerror(-err), fmt, args);
	va_end(args);
	return err;
}

int log_refuse(int err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	log_line("", NULL, fmt, args);
	va_end(args);
	return err;
}

void log_warn(const char *fmt, ...)
{
	va_list args;

	if (log_level < 0)
		return;
	va_start(args, fmt);
	log_line("warning: ", NULL, fmt, args);
	va_end(args);
}

void log_info(int level, const char *fmt, ...)
{
	va_list args;

	if (log_level < level)
		return;
	va_start(args, fmt);
	log_line("", NULL, fmt, args);
	va_end(args);
}
