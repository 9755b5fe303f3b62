/* SPDX-License-Identifier: GPL-2.0-only */
/* Programs run by ours: child.h. */
#include "user/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user/cleanup.h"
#include "user/net.h"

#define CHILD_STOP_MS 2000
#define CHILD_CANNOT_RUN 127 /* what a shell says of a command it cannot start */

/* In the child: `fd`, or `path` opened with `flags`, becomes file descriptor `to`. */
static int redirect(int to, int fd, const char *path, int flags)
{
	if (fd < 0)
		fd = open(path, flags | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fd == to)
		return 0;
	return dup2(fd, to) < 0 ? -errno : 0;
}

static _Noreturn void child_main(const struct child_spec *spec, pid_t parent)
{
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(CHILD_CANNOT_RUN);
	if (redirect(STDIN_FILENO, -1, spec->input ? spec->input : "/dev/null", O_RDONLY) ||
	    redirect(STDOUT_FILENO, spec->out_fd, "/dev/null", O_WRONLY) ||
	    redirect(STDERR_FILENO, spec->err_fd, "/dev/null", O_WRONLY) ||
	    (spec->netns && net_namespace_enter(spec->netns, NULL)))
		_exit(CHILD_CANNOT_RUN);
	sigemptyset(&none);
	if (!spec->shielded)
		sigprocmask(SIG_SETMASK, &none, NULL);
	execvp(spec->argv[0], (char *const *)spec->argv);
	_exit(CHILD_CANNOT_RUN);
}

pid_t child_start(const struct child_spec *spec)
{
	pid_t parent = getpid(), pid = fork();

	if (pid < 0)
		return -errno;
	if (!pid)
		child_main(spec, parent);
	return pid;
}

static int child_reap(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) < 0)
		return -errno;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int child_wait(pid_t pid, int signal_fd, int timeout_ms)
{
	_cleanup_close_ int pid_fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd fds[2] = {
		{ .fd = pid_fd, .events = POLLIN },
		{ .fd = signal_fd, .events = POLLIN },
	};
	int n;

	if (pid_fd < 0)
		return -errno;
	do
		n = poll(fds, 2, timeout_ms);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (fds[0].revents)
		return child_reap(pid);
	return n ? -EINTR : -ETIMEDOUT;
}

void child_stop(pid_t pid, int signal)
{
	if (pid <= 0)
		return;
	kill(pid, signal);
	if (child_wait(pid, -1, CHILD_STOP_MS) != -ETIMEDOUT)
		return;
	kill(pid, SIGKILL);
	child_reap(pid);
}
