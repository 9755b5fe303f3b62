/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The verb `stampcap demo`: two throw-away namespaces and a veth pair, real TCP, UDP and ping traffic by ordinary programs, recorded on the server's
 * side and reported. Everything it makes carries this process's number, so that a later run knows what a killed one left behind.
 */
#include "user/cmd_demo.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "user/child.h"
#include "user/cleanup.h"
#include "user/log.h"

#define DEMO_PREFIX "stampcap-demo-"
#define NETNS_DIR "/run/netns"
#define CLIENT4 "10.123.0.1"
#define SERVER4 "10.123.0.2"
#define CLIENT6 "fd00:5ca9::1"
#define SERVER6 "fd00:5ca9::2"

#define SETUP_MS 10000
#define TRAFFIC_MS 30000
#define RECORD_START_MS 20000
#define RECORD_STOP_MS 15000
#define SETTLE_MS 300 /* for servers to listen, for the last packets to be read */

#define SMALL_BYTES 2000
#define LARGE_BYTES 1000000
#define MAX_SERVERS 4

struct demo {
	char client[64], server[64]; /* namespaces; empty: not made yet */
	char dir[PATH_MAX];	     /* what the web server serves; empty: not made yet */
	char file[PATH_MAX];	     /* the recording, kept */
	pid_t servers[MAX_SERVERS], record;
	int record_err; /* read end of its stderr */
	int signal_fd;
	sigset_t old_mask;
};

/* What a step says when it fails; `argv` is a program with its arguments. */
#define ARGV(...) ((const char *const[]){ __VA_ARGS__, NULL })

/* ---- programs */

struct program {
	const char *name, *package;
};

static const struct program programs[] = {
	{ "ip", "iproute2" },	   { "ethtool", "ethtool" }, { "ping", "iputils-ping" },
	{ "busybox", "busybox" }, { "curl", "curl" },	     { "socat", "socat" },
};

static bool program_exists(const char *name)
{
	_cleanup_free_ char *path = strdup(getenv("PATH") ? getenv("PATH") : "/usr/sbin:/usr/bin:/sbin:/bin");
	char *save = NULL, *dir, full[PATH_MAX];

	if (!path)
		return false;
	for (dir = strtok_r(path, ":", &save); dir; dir = strtok_r(NULL, ":", &save)) {
		snprintf(full, sizeof(full), "%s/%s", dir, name);
		if (!access(full, X_OK))
			return true;
	}
	return false;
}

static int programs_check(void)
{
	char names[128] = "", packages[256] = "";
	size_t i;

	for (i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		if (program_exists(programs[i].name))
			continue;
		snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s", *names ? ", " : "", programs[i].name);
		snprintf(packages + strlen(packages), sizeof(packages) - strlen(packages), " %s", programs[i].package);
	}
	if (!*names)
		return 0;
	return log_refuse(-ENOENT, "demo: cannot find %s; try: apt-get install -y%s", names, packages);
}

/* Runs a program to its end. Anything but exit status 0 is an error and logged; a signal to us is -EINTR and is not. */
static int run(struct demo *d, const char *netns, const char *input, int timeout_ms, const char *const *argv)
{
	struct child_spec spec = { .argv = argv, .netns = netns, .input = input, .out_fd = -1, .err_fd = STDERR_FILENO };
	pid_t pid = child_start(&spec);
	int status;

	if (pid < 0)
		return log_err(pid, "demo: cannot start %s", argv[0]);
	status = child_wait(pid, d->signal_fd, timeout_ms);
	if (!status)
		return 0;
	if (status < 0)
		child_stop(pid, SIGTERM);
	if (status == -EINTR)
		return status;
	if (status < 0)
		return log_err(status, "demo: %s %s", argv[0], argv[1]);
	return log_refuse(-EIO, "demo: %s %s failed with exit status %d", argv[0], argv[1], status);
}

/* For cleaning up: not to be interrupted, and silent, for what it removes may be gone. */
static void run_quietly(const char *const *argv)
{
	struct child_spec spec = { .argv = argv, .out_fd = -1, .err_fd = -1, .shielded = true };
	pid_t pid = child_start(&spec);

	if (pid > 0 && child_wait(pid, -1, SETUP_MS) < 0)
		child_stop(pid, SIGKILL);
}

/* Waits; -EINTR if a signal comes. */
static int pause_ms(struct demo *d, int ms)
{
	struct pollfd p = { .fd = d->signal_fd, .events = POLLIN };

	return poll(&p, 1, ms) > 0 ? -EINTR : 0;
}

/* ---- namespaces */

/* Is `name` a namespace of a demo that runs no more? */
static bool is_leftover(const char *name)
{
	int pid, end = 0;

	if (sscanf(name, DEMO_PREFIX "%d-%n", &pid, &end) != 1 || !end || pid <= 0)
		return false;
	return kill(pid, 0) < 0 && errno == ESRCH;
}

static void leftovers_remove(void)
{
	DIR *dir = opendir(NETNS_DIR);
	struct dirent *entry;

	if (!dir)
		return;
	while ((entry = readdir(dir)))
		if (is_leftover(entry->d_name))
			run_quietly(ARGV("ip", "netns", "del", entry->d_name));
	closedir(dir);
}

static int namespace_make(struct demo *d, char *name, size_t size, const char *role)
{
	char wanted[64];
	int err;

	snprintf(wanted, sizeof(wanted), DEMO_PREFIX "%d-%s", (int)getpid(), role);
	err = run(d, NULL, NULL, SETUP_MS, ARGV("ip", "netns", "add", wanted));
	if (err)
		return err;
	snprintf(name, size, "%s", wanted);
	return run(d, NULL, NULL, SETUP_MS, ARGV("ip", "-n", wanted, "link", "set", "lo", "up"));
}

/* One end of the pair: addresses, no address of its own making, up. */
static int end_make(struct demo *d, const char *ns, const char *dev, const char *v4, const char *v6)
{
	char v4_net[32], v6_net[64];
	int err;

	snprintf(v4_net, sizeof(v4_net), "%s/24", v4);
	snprintf(v6_net, sizeof(v6_net), "%s/64", v6);
	err = run(d, NULL, NULL, SETUP_MS, ARGV("ip", "-n", ns, "link", "set", dev, "addrgenmode", "none", "up"));
	if (err)
		return err;
	err = run(d, NULL, NULL, SETUP_MS, ARGV("ip", "-n", ns, "addr", "add", v4_net, "dev", dev));
	if (err)
		return err;
	return run(d, NULL, NULL, SETUP_MS, ARGV("ip", "-n", ns, "addr", "add", v6_net, "dev", dev, "nodad"));
}

/* Turns off at the client what native XDP at the server would turn off there; kernels know different ones, so failures say nothing. */
static void offloads_off(const struct demo *d)
{
	static const char *const features[] = { "tso", "tx-udp-segmentation", "tx-sctp-segmentation", "tx-gso-list" };
	size_t i;

	for (i = 0; i < sizeof(features) / sizeof(features[0]); i++)
		run_quietly(ARGV("ip", "netns", "exec", d->client, "ethtool", "-K", "client0", features[i], "off"));
}

/* GRO at the server and no TSO at the client: NAPI delivers, and native XDP changes no offload. */
static int network_make(struct demo *d)
{
	int err;

	err = namespace_make(d, d->client, sizeof(d->client), "client");
	if (err)
		return err;
	err = namespace_make(d, d->server, sizeof(d->server), "server");
	if (err)
		return err;
	err = run(d, NULL, NULL, SETUP_MS,
		  ARGV("ip", "-n", d->client, "link", "add", "client0", "type", "veth", "peer", "name", "server0", "netns", d->server));
	if (err)
		return err;
	err = run(d, d->server, NULL, SETUP_MS, ARGV("ethtool", "-K", "server0", "gro", "on"));
	if (err)
		return err;
	offloads_off(d);
	err = end_make(d, d->client, "client0", CLIENT4, CLIENT6);
	if (err)
		return err;
	return end_make(d, d->server, "server0", SERVER4, SERVER6);
}

/* ---- servers and traffic */

/* A file of `size` bytes in the folder that is served; its path into `path`. */
static int content_make(const struct demo *d, const char *name, size_t size, char *path, size_t path_size)
{
	FILE *f;
	size_t i;
	int err = 0;

	if ((size_t)snprintf(path, path_size, "%s/%s", d->dir, name) >= path_size)
		return -ENAMETOOLONG;
	f = fopen(path, "we");
	if (!f)
		return log_err(-errno, "demo: cannot write %s", path);
	for (i = 0; i < size; i++)
		fputc('a' + (int)(i % 26), f);
	if (fclose(f))
		err = log_err(-errno, "demo: cannot write %s", path);
	return err;
}

static int server_start(struct demo *d, size_t slot, const char *const *argv)
{
	struct child_spec spec = { .argv = argv, .netns = d->server, .out_fd = -1, .err_fd = -1 };
	pid_t pid = child_start(&spec);

	if (pid < 0)
		return log_err(pid, "demo: cannot start %s", argv[0]);
	d->servers[slot] = pid;
	return 0;
}

static int servers_start(struct demo *d)
{
	int err;

	err = server_start(d, 0, ARGV("busybox", "httpd", "-f", "-p", "80", "-h", d->dir));
	if (err)
		return err;
	err = server_start(d, 1, ARGV("socat", "-T", "2", "UDP4-LISTEN:9000,fork,reuseaddr", "PIPE"));
	if (err)
		return err;
	err = server_start(d, 2, ARGV("socat", "-T", "2", "UDP6-LISTEN:9000,fork,reuseaddr,ipv6only=1", "PIPE"));
	if (err)
		return err;
	err = server_start(d, 3, ARGV("socat", "-u", "TCP6-LISTEN:9001,fork,reuseaddr,ipv6only=0", "OPEN:/dev/null"));
	return err ? err : pause_ms(d, SETTLE_MS);
}

/* Requests, datagrams and pings to one of the server's addresses; `host` is the address as a URL has it. */
static int traffic_make(struct demo *d, const char *address, const char *host, const char *small, const char *large)
{
	char requests[96], download[96], datagrams[96], upload[96];
	int err;

	snprintf(requests, sizeof(requests), "http://%s/small?[1-50]", host);
	snprintf(download, sizeof(download), "http://%s/large", host);
	snprintf(datagrams, sizeof(datagrams), "UDP:%s:9000", host);
	snprintf(upload, sizeof(upload), "TCP:%s:9001", host);
	err = run(d, d->client, NULL, TRAFFIC_MS, ARGV("curl", "-sSf", "-o", "/dev/null", "--retry", "3", "--retry-connrefused", requests));
	if (err)
		return err;
	err = run(d, d->client, NULL, TRAFFIC_MS, ARGV("curl", "-sSf", "-o", "/dev/null", download));
	if (err)
		return err;
	err = run(d, d->client, NULL, TRAFFIC_MS, ARGV("socat", "-u", large, upload));
	if (err)
		return err;
	err = run(d, d->client, small, TRAFFIC_MS, ARGV("socat", "-b", "100", "-t", "0.3", "-", datagrams));
	if (err)
		return err;
	return run(d, d->client, NULL, TRAFFIC_MS, ARGV("ping", "-q", "-c", "10", "-i", "0.02", "-W", "2", address));
}

/* ---- record and report */

/* Our own program, as the kernel started it. */
static const char *self_path(char *buf, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", buf, size - 1);

	if (n <= 0)
		return "stampcap";
	buf[n] = '\0';
	return buf;
}

static int record_fork(struct demo *d, const char *self)
{
	struct child_spec spec = { .out_fd = -1 };
	int pipe_fds[2];
	pid_t pid;

	if (pipe2(pipe_fds, O_CLOEXEC))
		return log_err(-errno, "demo: cannot make a pipe");
	d->record_err = pipe_fds[0];
	spec.argv = ARGV(self, "record", "--netns", d->server, "-i", "server0", "-w", d->file);
	spec.err_fd = pipe_fds[1];
	fprintf(stderr, "+ stampcap record --netns %s -i server0 -w %s\n", d->server, d->file);
	pid = child_start(&spec);
	close(pipe_fds[1]);
	if (pid < 0)
		return log_err(pid, "demo: cannot start %s", self);
	d->record = pid;
	return 0;
}

/* Passes what record says on to our stderr until it says `mark` (NULL: until it ends). 0, -EINTR, -ETIMEDOUT, or -EPIPE: it ended before. */
static int record_listen(struct demo *d, const char *mark, int timeout_ms)
{
	struct pollfd fds[2] = { { .fd = d->record_err, .events = POLLIN }, { .fd = d->signal_fd, .events = POLLIN } };
	char said[4096] = "", buf[512];
	size_t len = 0;
	ssize_t n;

	while (!mark || !strstr(said, mark)) {
		if (poll(fds, mark ? 2 : 1, timeout_ms) <= 0)
			return -ETIMEDOUT;
		if (mark && fds[1].revents)
			return -EINTR;
		n = read(d->record_err, buf, sizeof(buf) - 1);
		if (n <= 0)
			return mark ? -EPIPE : 0;
		fwrite(buf, 1, (size_t)n, stderr);
		if (len + (size_t)n < sizeof(said)) {
			memcpy(said + len, buf, (size_t)n);
			len += (size_t)n;
			said[len] = '\0';
		}
	}
	return 0;
}

static int record_start(struct demo *d, const char *self)
{
	int err = record_fork(d, self);

	if (err)
		return err;
	err = record_listen(d, "recording on", RECORD_START_MS);
	if (err == -ETIMEDOUT)
		return log_err(err, "demo: record does not start");
	if (err == -EPIPE)
		return log_refuse(err, "demo: record failed; its message stands above");
	return err;
}

static int record_stop(struct demo *d)
{
	int status;

	kill(d->record, SIGINT);
	record_listen(d, NULL, RECORD_STOP_MS);
	status = child_wait(d->record, -1, RECORD_STOP_MS);
	if (status == -ETIMEDOUT)
		child_stop(d->record, SIGKILL);
	d->record = 0;
	return status ? log_refuse(-EIO, "demo: record ended with status %d", status) : 0;
}

static int report_run(struct demo *d, const char *self, const char *by)
{
	struct child_spec spec = { .argv = ARGV(self, "report", d->file, "--by", by), .out_fd = STDOUT_FILENO, .err_fd = STDERR_FILENO };
	pid_t pid;
	int status;

	fprintf(stderr, "+ stampcap report %s --by %s\n", d->file, by);
	fflush(NULL);
	pid = child_start(&spec);
	if (pid < 0)
		return log_err(pid, "demo: cannot start %s", self);
	status = child_wait(pid, d->signal_fd, TRAFFIC_MS);
	if (status < 0)
		child_stop(pid, SIGTERM);
	return status > 0 ? -EIO : status;
}

/* ---- the whole */

static void demo_end(struct demo *d)
{
	struct signalfd_siginfo taken;
	size_t i;

	/* record first: it must find its device to detach from. */
	child_stop(d->record, SIGTERM);
	for (i = 0; i < MAX_SERVERS; i++)
		child_stop(d->servers[i], SIGTERM);
	if (d->record_err >= 0)
		close(d->record_err);
	if (*d->client)
		run_quietly(ARGV("ip", "netns", "del", d->client));
	if (*d->server)
		run_quietly(ARGV("ip", "netns", "del", d->server));
	if (*d->dir)
		run_quietly(ARGV("rm", "-rf", "--", d->dir));
	/* A signal left in the queue would end us when it is unblocked. */
	while (d->signal_fd >= 0 && read(d->signal_fd, &taken, sizeof(taken)) > 0)
		;
	if (d->signal_fd >= 0)
		close(d->signal_fd);
	sigprocmask(SIG_SETMASK, &d->old_mask, NULL);
}

static int demo_prepare(struct demo *d)
{
	const char *tmp = getenv("TMPDIR") && *getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp";
	char dir[PATH_MAX];
	sigset_t mask;
	int fd;

	sigemptyset(&mask);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGHUP);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	d->signal_fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	if (d->signal_fd < 0)
		return log_err(-errno, "demo: cannot listen to signals");
	snprintf(dir, sizeof(dir), "%s/" DEMO_PREFIX "XXXXXX", tmp);
	if (!mkdtemp(dir))
		return log_err(-errno, "demo: cannot make a folder in %s", tmp);
	memcpy(d->dir, dir, sizeof(dir));
	snprintf(d->file, sizeof(d->file), "%s/" DEMO_PREFIX "XXXXXX.pcapng", tmp);
	fd = mkstemps(d->file, (int)strlen(".pcapng"));
	if (fd < 0)
		return log_err(-errno, "demo: cannot make a file in %s", tmp);
	close(fd);
	return 0;
}

static int demo_run(struct demo *d)
{
	char self_buf[PATH_MAX], small[PATH_MAX], large[PATH_MAX], large_input[PATH_MAX + 8];
	const char *self = self_path(self_buf, sizeof(self_buf));
	int err;

	err = content_make(d, "small", SMALL_BYTES, small, sizeof(small));
	if (err)
		return err;
	err = content_make(d, "large", LARGE_BYTES, large, sizeof(large));
	if (err)
		return err;
	snprintf(large_input, sizeof(large_input), "OPEN:%s", large);
	err = network_make(d);
	if (err)
		return err;
	err = servers_start(d);
	if (err)
		return err;
	err = record_start(d, self);
	if (err)
		return err;
	fprintf(stderr, "+ curl, socat and ping over IPv4 and IPv6, to busybox httpd and socat\n");
	err = traffic_make(d, SERVER4, SERVER4, small, large_input);
	if (err)
		return err;
	err = traffic_make(d, SERVER6, "[" SERVER6 "]", small, large_input);
	if (err)
		return err;
	err = pause_ms(d, SETTLE_MS);
	if (err)
		return err;
	err = record_stop(d);
	if (err)
		return err;
	err = report_run(d, self, "stage");
	return err ? err : report_run(d, self, "flow");
}

static void usage_print(FILE *to)
{
	fprintf(to, "usage: stampcap demo\n"
		    "Builds two throw-away network namespaces, records real traffic between them and prints the report (root).\n"
		    "The recording is kept in $TMPDIR (/tmp) and named at the end. Everything else is removed, also after Ctrl-C.\n");
}

int cmd_demo(int argc, char **argv)
{
	struct demo d = { .record_err = -1, .signal_fd = -1 };
	int err;

	if (argc == 2 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		usage_print(stdout);
		return 0;
	}
	if (argc != 1) {
		log_refuse(-EINVAL, "demo takes no argument, not even %s; try: stampcap demo --help", argv[1]);
		return 2;
	}
	if (geteuid()) {
		log_refuse(-EPERM, "demo makes network namespaces and needs root; try: sudo stampcap demo");
		return 1;
	}
	if (programs_check())
		return 1;
	sigprocmask(SIG_SETMASK, NULL, &d.old_mask);
	leftovers_remove();
	err = demo_prepare(&d);
	if (!err)
		err = demo_run(&d);
	demo_end(&d);
	if (err == -EINTR)
		log_refuse(err, "demo interrupted; everything it made is removed again");
	if (err) {
		if (*d.file)
			unlink(d.file);
		return 1;
	}
	printf("\nRecording: %s\n"
	       "  wireshark %s\n"
	       "  tshark -r %s -T fields -e frame.number -e frame.comment\n",
	       d.file, d.file, d.file);
	return fflush(stdout) ? 1 : 0;
}
