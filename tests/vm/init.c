/* SPDX-License-Identifier: GPL-2.0-only */
/* First process of a test VM: loads what the root file system needs, mounts everything, runs tests/vm/guest.sh, reports its exit status, powers off. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

/* Where tests/vm/boot and guest.sh expect them. */
#define OUTPUT "/dev/ttyS1"
#define CONTROL "/run/vm"
#define ROOT "/root"

#define P9_OPTIONS "trans=virtio,version=9p2000.L,msize=512000"

/* In the order of mounting. A kernel may lack those that are not needed. */
static const struct {
	const char *source, *target, *type, *options;
	unsigned long flags;
	int needed;
} mounts[] = {
	{ "proc", ROOT "/proc", "proc", NULL, 0, 1 },
	{ "sysfs", ROOT "/sys", "sysfs", NULL, 0, 1 },
	{ "devtmpfs", ROOT "/dev", "devtmpfs", NULL, 0, 1 },
	{ "devpts", ROOT "/dev/pts", "devpts", "mode=620,ptmxmode=666", 0, 0 },
	{ "tmpfs", ROOT "/dev/shm", "tmpfs", "mode=1777", 0, 1 },
	{ "tmpfs", ROOT "/run", "tmpfs", "mode=755", 0, 1 },
	{ "tmpfs", ROOT "/tmp", "tmpfs", "mode=1777", 0, 1 },
	{ "debugfs", ROOT "/sys/kernel/debug", "debugfs", NULL, 0, 1 },
	{ "tracefs", ROOT "/sys/kernel/tracing", "tracefs", NULL, 0, 1 },
	{ "securityfs", ROOT "/sys/kernel/security", "securityfs", NULL, 0, 0 },
	{ "bpffs", ROOT "/sys/fs/bpf", "bpf", "mode=700", 0, 1 },
	{ "cgroup2", ROOT "/sys/fs/cgroup", "cgroup2", NULL, 0, 1 },
	{ "control", ROOT CONTROL, "9p", P9_OPTIONS, 0, 1 },
	{ "out", ROOT "/out", "9p", P9_OPTIONS, 0, 1 },
};

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
	FILE *kmsg = fopen("/dev/kmsg", "we");
	va_list args;

	if (!kmsg)
		return;
	fputs("<2>init: ", kmsg);
	va_start(args, format);
	vfprintf(kmsg, format, args);
	va_end(args);
	fclose(kmsg);
}

static void power_off(void)
{
	sync();
	reboot(RB_POWER_OFF);
	for (;;)
		pause();
}

/* Without a status in the control folder, tests/vm/boot takes this for the death of the guest. */
static void give_up(const char *what, const char *which)
{
	say("%s %s: %s", what, which, strerror(errno));
	power_off();
}

static void mount_or_die(const char *source, const char *target, const char *type, unsigned long flags, const char *options)
{
	mkdir(target, 0755);
	if (mount(source, target, type, flags, options) < 0)
		give_up("cannot mount", target);
}

/* The initramfs lists them in the order in which they need each other. */
static void load_modules(void)
{
	FILE *list = fopen("/modules/order", "re");
	char line[256], path[300];
	int fd;

	if (!list)
		give_up("cannot open", "/modules/order");
	while (fgets(line, sizeof(line), list)) {
		line[strcspn(line, "\n")] = 0;
		snprintf(path, sizeof(path), "/modules/%s", line);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || (syscall(SYS_finit_module, fd, "", 0) < 0 && errno != EEXIST))
			give_up("cannot load", path);
		close(fd);
	}
	fclose(list);
}

/* The machine's root, below what this guest writes. */
static void mount_root(void)
{
	mount_or_die("root", "/lower", "9p", MS_RDONLY, P9_OPTIONS ",cache=loose");
	mount_or_die("upper", "/upper", "tmpfs", 0, NULL);
	mkdir("/upper/files", 0755);
	mkdir("/upper/work", 0755);
	mount_or_die("overlay", ROOT, "overlay", 0, "lowerdir=/lower,upperdir=/upper/files,workdir=/upper/work");
}

static void make_folders(char *path)
{
	char *slash = path;

	while ((slash = strchr(slash + 1, '/'))) {
		*slash = 0;
		mkdir(path, 0755);
		*slash = '/';
	}
	mkdir(path, 0755);
}

/* A checkout or a kernel below /tmp or /run would be hidden by the guest's own: shows it again. */
static void show_again(void)
{
	FILE *list = fopen(ROOT CONTROL "/keep", "re");
	char line[4096], hidden[4200], target[4200];

	if (!list)
		return;
	while (fgets(line, sizeof(line), list)) {
		line[strcspn(line, "\n")] = 0;
		snprintf(hidden, sizeof(hidden), "/whole%s", line);
		snprintf(target, sizeof(target), ROOT "%s", line);
		make_folders(target);
		mount_or_die(hidden, target, NULL, MS_BIND, NULL);
	}
	fclose(list);
}

static void mount_all(void)
{
	size_t i;

	mount_root();
	mount_or_die(ROOT, "/whole", NULL, MS_BIND, NULL);
	for (i = 0; i < sizeof(mounts) / sizeof(*mounts); i++) {
		mkdir(mounts[i].target, 0755);
		if (mount(mounts[i].source, mounts[i].target, mounts[i].type, mounts[i].flags, mounts[i].options) < 0 && mounts[i].needed)
			give_up("cannot mount", mounts[i].target);
	}
	show_again();
}

/* Done by the first process itself, the kernel's helpers see it too: they find /sbin/modprobe. */
static void enter_root(void)
{
	if (chdir(ROOT) < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 || chdir("/") < 0)
		give_up("cannot enter", ROOT);
}

static int open_output(void)
{
	struct termios raw;
	int fd = open(OUTPUT, O_WRONLY | O_NOCTTY | O_CLOEXEC);

	if (fd < 0 || tcgetattr(fd, &raw) < 0)
		give_up("cannot open", OUTPUT);
	cfmakeraw(&raw);
	cfsetospeed(&raw, B115200);
	tcsetattr(fd, TCSANOW, &raw);
	return fd;
}

static pid_t start_script(int output)
{
	static char *const argv[] = { "/bin/bash", CONTROL "/guest.sh", NULL };
	static char *const envp[] = { "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "TERM=dumb", NULL };
	sigset_t none;
	pid_t pid = fork();

	if (pid)
		return pid;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	close(0);
	open("/dev/null", O_RDONLY);
	dup2(output, 1);
	dup2(output, 2);
	execve(argv[0], argv, envp);
	_exit(127);
}

/* Moves what there is to the output; returns 0 once nothing is left for now. */
static int pass_on(int from, int to)
{
	char buffer[4096];
	ssize_t n = read(from, buffer, sizeof(buffer)), done = 0, written;

	while (done < n) {
		written = write(to, buffer + done, n - done);
		if (written < 0)
			give_up("cannot write to", OUTPUT);
		done += written;
	}
	return n > 0;
}

/* Returns the exit status of the script, or -1 while it runs. Everybody's orphans are reaped here. */
static int reap(pid_t script)
{
	int status, result = -1;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (pid == script)
			result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	return result;
}

/* What the script leaves running may keep the pipe open: its own end counts, not the pipe's. */
static int run_script(void)
{
	struct signalfd_siginfo info;
	int ends[2], output, status = -1;
	struct pollfd fds[2];
	sigset_t child;
	pid_t script;

	output = open_output();
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	if (pipe2(ends, O_CLOEXEC) < 0)
		give_up("cannot make", "a pipe");
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	fds[0] = (struct pollfd){ .fd = ends[0], .events = POLLIN };
	fds[1] = (struct pollfd){ .fd = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK), .events = POLLIN };
	script = start_script(ends[1]);
	while (status < 0) {
		poll(fds, 2, -1);
		pass_on(ends[0], output);
		while (read(fds[1].fd, &info, sizeof(info)) > 0)
			continue;
		status = reap(script);
	}
	while (pass_on(ends[0], output))
		continue;
	tcdrain(output);
	return status;
}

static void report(int status)
{
	FILE *file = fopen(CONTROL "/status", "we");

	if (!file || fprintf(file, "%d\n", status) < 0 || fclose(file) < 0)
		give_up("cannot write", CONTROL "/status");
}

int main(void)
{
	mount_or_die("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	load_modules();
	mount_all();
	enter_root();
	report(run_script());
	power_off();
}
