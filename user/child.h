/* SPDX-License-Identifier: GPL-2.0-only */
/* Programs run by ours: started in a network namespace, ended with us, waited for without missing a signal. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

struct child_spec {
	const char *const *argv; /* NULL-terminated; argv[0] is looked up in PATH */
	const char *netns;	 /* name of a network namespace, NULL: ours */
	const char *input;	 /* file for standard input, NULL: /dev/null */
	int out_fd, err_fd;	 /* -1: /dev/null. Not closed here. */
	bool shielded;		 /* keeps the caller's signal mask: a second Ctrl-C does not end it */
};

/* Starts the program; it dies with SIGTERM when this process ends without child_stop(). Returns its process id or a negative errno. */
pid_t child_start(const struct child_spec *spec);

/*
 * Waits up to timeout_ms for the end of `pid`; signal_fd (a signalfd, -1: none) interrupts the wait. Returns the exit status (128 + signal
 * for one that was killed), -EINTR when a signal came first, -ETIMEDOUT. The child goes on running after an error.
 */
int child_wait(pid_t pid, int signal_fd, int timeout_ms);

/* Sends `signal`, then SIGKILL if it has not ended within two seconds, and reaps it. Nothing if pid is 0. */
void child_stop(pid_t pid, int signal);
