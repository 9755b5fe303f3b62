/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The process that cleans up after a killed parent: waits on a socket pair whose other end only the
 * parent holds.
 */
#include "user/guardian.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user/cleanup.h"

struct guardian {
	pid_t child;
	int line; /* a byte dismisses; its end, closed by the kernel in whatever way we die, does
		     not */
};

/*
 * What an interactive shell, a service manager or a closed pipe sends to whole groups must not end
 * the one that cleans up.
 */
static void signals_ignore(void)
{
	static const int ignored[] = { SIGINT,	SIGTERM, SIGHUP,  SIGQUIT,
				       SIGPIPE, SIGUSR1, SIGUSR2, SIGTSTP };
	size_t i;

	for (i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
}

/* Readers of the parent's output must see it end with the parent, and its terminal must be free. */
static void output_leave(void)
{
	_cleanup_close_ int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int fd;

	for (fd = 0; fd <= STDERR_FILENO; fd++)
		if (null < 0 || dup2(null, fd) < 0)
			close(fd);
	if (null >= 0 && null <= STDERR_FILENO)
		null = -1;
}

static _Noreturn void child_main(int line, void (*work)(void *context), void (*undo)(void *context), void *context)
{
	ssize_t got;
	char byte = 'r';

	prctl(PR_SET_NAME, "stampcap-guard");
	signals_ignore();
	setsid();
	output_leave();
	work(context);
	send(line, &byte, sizeof(byte), MSG_NOSIGNAL); /* a parent that has gone is seen below */
	do
		got = read(line, &byte, sizeof(byte));
	while (got < 0 && errno == EINTR);
	undo(context);
	_exit(0);
}

/* Waits until the child's work is done, or the child has gone. */
static int work_wait(int line)
{
	ssize_t got;
	char byte;

	do
		got = read(line, &byte, sizeof(byte));
	while (got < 0 && errno == EINTR);
	return got == sizeof(byte) ? 0 : -ECHILD;
}

int guardian_start(struct guardian **out, void (*work)(void *context), void (*undo)(void *context), void *context)
{
	_cleanup_free_ struct guardian *g = calloc(1, sizeof(*g));
	_cleanup_close_ int ours = -1, childs = -1;
	int ends[2];

	assert(out && work && undo);
	if (!g)
		return -ENOMEM;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	childs = ends[0];
	ours = ends[1];
	g->child = fork();
	if (g->child < 0)
		return -errno;
	if (g->child == 0) {
		close(ours);
		child_main(childs, work, undo, context);
	}
	close(TAKE_FD(childs));
	g->line = TAKE_FD(ours);
	if (work_wait(g->line)) {
		guardian_dismiss(TAKE_PTR(g));
		return -ECHILD;
	}
	*out = TAKE_PTR(g);
	return 0;
}

void guardian_dismiss(struct guardian *g)
{
	static const char byte = 'q';
	ssize_t put;
	pid_t waited;

	if (!g)
		return;
	do
		put = send(g->line, &byte, sizeof(byte), MSG_NOSIGNAL);
	while (put < 0 && errno == EINTR);
	close(g->line);
	do
		waited = waitpid(g->child, NULL, 0);
	while (waited < 0 && errno == EINTR);
	free(g);
}
