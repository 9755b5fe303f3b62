/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One connection, records of random sizes with random pauses both ways, and a log of who was where when: for each call one line
 * "read|write FROM TO BEFORE AFTER", byte range of the stream and wall clock in ns. Ends when both directions have.
 */
#include <pthread.h>

#include "traffic.h"

#define CALLS_MAX 400000
#define RECORD_MAX 1400
#define RECORD_LARGE_MAX 60000
#define READ_MAX 8192
#define READ_LARGE_MAX 65536
#define LARGE_ONE_IN 100
#define PAUSE_ONE_IN 8
#define PAUSE_MAX_NS 400000

struct log {
	const char *name;
	int fd;
	unsigned int seed;
	uint64_t records, count;
	struct {
		uint64_t to, before_ns, after_ns;
	} call[CALLS_MAX];
};

static struct log reads = { .name = "read" }, writes = { .name = "write" };

static uint64_t wall_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static uint64_t reached(const struct log *log)
{
	return log->count ? log->call[log->count - 1].to : 0;
}

static void note(struct log *log, uint64_t bytes, uint64_t before_ns, uint64_t after_ns)
{
	uint64_t to = reached(log) + bytes;

	if (log->count == CALLS_MAX)
		die("too many calls");
	log->call[log->count].to = to;
	log->call[log->count].before_ns = before_ns;
	log->call[log->count++].after_ns = after_ns;
}

static size_t random_size(unsigned int *seed, size_t usual_max, size_t large_max)
{
	size_t max = rand_r(seed) % LARGE_ONE_IN ? usual_max : large_max;

	return 1 + (size_t)rand_r(seed) % max;
}

static void random_pause(unsigned int *seed)
{
	if (!(rand_r(seed) % PAUSE_ONE_IN))
		sleep_ns((uint64_t)rand_r(seed) % PAUSE_MAX_NS);
}

static void *write_records(void *context)
{
	static char buffer[RECORD_LARGE_MAX + 32];
	struct log *log = context;

	for (uint64_t i = 0; i < log->records; i++) {
		size_t size = random_size(&log->seed, RECORD_MAX, RECORD_LARGE_MAX);
		uint64_t before_ns;
		ssize_t n;

		snprintf(buffer, sizeof(buffer), "record %llu", (unsigned long long)i);
		before_ns = wall_ns();
		n = send(log->fd, buffer, size, MSG_NOSIGNAL);
		if (n <= 0)
			die("send: %s", strerror(errno));
		note(log, n, before_ns, wall_ns());
		random_pause(&log->seed);
	}
	shutdown(log->fd, SHUT_WR);
	return NULL;
}

static void read_stream(struct log *log)
{
	static char buffer[READ_LARGE_MAX];
	uint64_t before_ns;
	ssize_t n = 1;

	while (n > 0) {
		size_t size = random_size(&log->seed, READ_MAX, READ_LARGE_MAX);

		before_ns = wall_ns();
		n = recv(log->fd, buffer, size, 0);
		if (n < 0)
			die("recv: %s", strerror(errno));
		if (n > 0)
			note(log, n, before_ns, wall_ns());
		random_pause(&log->seed);
	}
}

static void print_log(const struct log *log)
{
	uint64_t from = 0;

	for (uint64_t i = 0; i < log->count; i++) {
		printf("%s %llu %llu %llu %llu\n", log->name, (unsigned long long)from, (unsigned long long)log->call[i].to,
		       (unsigned long long)log->call[i].before_ns, (unsigned long long)log->call[i].after_ns);
		from = log->call[i].to;
	}
}

static int one_connection(const char *host, const char *port)
{
	int listener = open_socket(host, port, SOCK_STREAM, 1), fd;

	if (listen(listener, 1))
		die("listen: %s", strerror(errno));
	puts("ready");
	fflush(stdout);
	if (!wait_fd(listener, POLLIN, now_ns() + 20 * NS_PER_S))
		die("nobody came");
	fd = accept(listener, NULL, NULL);
	if (fd < 0)
		die("accept: %s", strerror(errno));
	return fd;
}

int main(int argc, char **argv)
{
	struct timeval limit = { .tv_sec = 10 };
	int server = argc > 1 && !strcmp(argv[1], "serve"), fd;
	pthread_t writer;

	if (argc != 6 || (!server && strcmp(argv[1], "connect")))
		die("usage: tcp_oracle serve|connect ADDRESS PORT RECORDS SEED");
	writes.records = number(argv[4], 1, CALLS_MAX);
	reads.seed = number(argv[5], 0, 1000000);
	writes.seed = reads.seed + 1000;
	fd = server ? one_connection(argv[2], argv[3]) : open_socket(argv[2], argv[3], SOCK_STREAM, 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	reads.fd = writes.fd = fd;
	if (pthread_create(&writer, NULL, write_records, &writes))
		die("no thread");
	read_stream(&reads);
	pthread_join(writer, NULL);
	print_log(&reads);
	print_log(&writes);
	puts("done");
	return 0;
}
