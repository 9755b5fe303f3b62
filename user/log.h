/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Messages to the user, on stderr, each one line: "stampcap: ...". A message says what failed, on what, and what to try; whoever has that
 * context logs it once and callers pass the error code on.
 */
#pragma once

/* Verbosity: -1 errors only (-q), 0 also warnings, 1 and more (-v) the log_info() lines up to that level. */
extern int log_level;

/* Prints "stampcap: MESSAGE: strerror(err)" and returns err, a negative errno. */
int log_err(int err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* As log_err(), for errors whose errno would say nothing: prints "stampcap: MESSAGE". */
int log_refuse(int err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(int level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
