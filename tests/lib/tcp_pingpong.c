/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * TCP request and answer on one connection. The server answers each SIZE bytes with SIZE bytes, after a delay if asked; the client counts
 * transactions for COUNT of them or for SECONDS and prints rate, p50 and p99.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "traffic.h"

#define MAX_SAMPLES (4u << 20)

static char buffer[65536];
static uint32_t samples_ns[MAX_SAMPLES];

static void no_delay(int fd)
{
	int one = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

/* Blocking on purpose: the ping-pong is what a plain program does, one read and one write each way. */
static int exchange(int fd, size_t size)
{
	size_t have = 0;
	ssize_t n;

	if (write(fd, buffer, size) != (ssize_t)size)
		return 0;
	while (have < size) {
		n = read(fd, buffer + have, size - have);
		if (n <= 0)
			return 0;
		have += n;
	}
	return 1;
}

static int serve(const char *host, const char *port, size_t size, uint64_t deadline_ns, uint64_t delay_ns)
{
	struct timeval limit = { .tv_sec = MAX_SECONDS };
	int listener = open_socket(host, port, SOCK_STREAM, 1), fd;

	if (listen(listener, 8))
		die("listen: %s", strerror(errno));
	puts("ready");
	fflush(stdout);
	while (wait_fd(listener, POLLIN, deadline_ns)) {
		fd = accept(listener, NULL, NULL);
		if (fd < 0)
			continue;
		no_delay(fd);
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
		while (delay_ns ? wait_fd(fd, POLLIN, deadline_ns) : now_ns() < deadline_ns) {
			size_t have = 0;
			ssize_t n = 1;

			if (delay_ns)
				sleep_ns(delay_ns);
			while (have < size && (n = read(fd, buffer + have, size - have)) > 0)
				have += n;
			if (n <= 0 || write(fd, buffer, size) != (ssize_t)size)
				break;
		}
		close(fd);
	}
	return 0;
}

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static int ask(const char *host, const char *port, size_t size, uint64_t count, uint64_t seconds)
{
	struct timeval limit = { .tv_sec = 10 };
	uint64_t start, deadline, before, done = 0, lasted;
	int fd = open_socket(host, port, SOCK_STREAM, 0);
	size_t n;

	no_delay(fd);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	start = now_ns();
	deadline = start + seconds * NS_PER_S;
	while (done < count && now_ns() < deadline) {
		before = now_ns();
		if (!exchange(fd, size))
			die("exchange %llu failed: %s", (unsigned long long)done, strerror(errno));
		samples_ns[done++ % MAX_SAMPLES] = (uint32_t)(now_ns() - before);
	}
	lasted = now_ns() - start;
	n = done < MAX_SAMPLES ? done : MAX_SAMPLES;
	if (!n)
		die("no exchange within the time");
	qsort(samples_ns, n, sizeof(samples_ns[0]), by_value);
	printf("count=%llu tps=%llu p50_ns=%u p99_ns=%u\n", (unsigned long long)done,
	       (unsigned long long)(done * NS_PER_S / lasted), samples_ns[n / 2], samples_ns[n * 99 / 100]);
	return seconds != 0 && count != UINT64_MAX && done < count;
}

int main(int argc, char **argv)
{
	uint64_t delay_ns = 0, count = UINT64_MAX, seconds = 30;
	int option, server = 0;
	size_t size = 1;

	while ((option = getopt(argc, argv, "ld:n:t:s:")) != -1) {
		if (option == 'l')
			server = 1;
		else if (option == 'd')
			delay_ns = number(optarg, 0, 10000) * NS_PER_MS;
		else if (option == 'n')
			count = number(optarg, 1, 100000000);
		else if (option == 't')
			seconds = number(optarg, 1, MAX_SECONDS);
		else if (option == 's')
			size = number(optarg, 1, sizeof(buffer));
		else
			return 2;
	}
	if (argc - optind != 2)
		die("usage: tcp_pingpong [-l] [-d DELAY_MS] [-n COUNT] [-t SECONDS] [-s SIZE] ADDRESS PORT");
	if (server)
		return serve(argv[optind], argv[optind + 1], size, now_ns() + seconds * NS_PER_S, delay_ns);
	return ask(argv[optind], argv[optind + 1], size, count, seconds);
}
