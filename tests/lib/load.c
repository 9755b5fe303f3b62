/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Traffic to measure with. Every kind is bounded in time and prints what it reached on one line.
 *
 *   echo tcp|udp ADDRESS PORT CONNECTIONS SECONDS      answers with what came, until it is killed
 *   ask tcp|udp ADDRESS PORT CONNECTIONS SIZE SECONDS  SIZE bytes out and back on each connection, again and again: rate= a second, p50_ns= p99_ns= of one
 *   sink tcp|udp ADDRESS PORT SECONDS                  reads and throws away
 *   bulk ADDRESS PORT SECONDS                          TCP as fast as it goes: rate= bytes a second
 *   flood ADDRESS PORT SIZE SECONDS                    UDP as fast as it goes: rate= datagrams a second that were sent, sent= in all
 *
 * One connection is served as a plain program does it, by calls that block; several by epoll. A datagram that was lost is sent again after a while, and counts as one.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>

#include "traffic.h"

#define CONNECTIONS_MAX 1024
#define SAMPLES_MAX (8u << 20)
#define BULK_BYTES (128 * 1024)
#define LOST_MS 200

static char buffer[BULK_BYTES];
static uint32_t samples_ns[SAMPLES_MAX];
static uint64_t done, deadline_ns;

struct connection {
	int fd;
	size_t have;
	uint64_t since_ns;
};
static struct connection connections[CONNECTIONS_MAX];

static int kind_of(const char *text)
{
	if (!strcmp(text, "tcp"))
		return SOCK_STREAM;
	if (!strcmp(text, "udp"))
		return SOCK_DGRAM;
	die("%s: tcp or udp", text);
}

static void prepare(int fd, int kind)
{
	struct timeval limit = { .tv_usec = LOST_MS * 1000 };
	int one = 1, size = 8 << 20;

	if (kind == SOCK_STREAM)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	else
		setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
}

static void watch(int epoll, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event))
		die("epoll: %s", strerror(errno));
}

/* ---- servers */

/* One read and its answer; false at the end of a connection. */
static int answer(int fd, int kind)
{
	struct sockaddr_storage from;
	socklen_t from_len = sizeof(from);
	ssize_t n = recvfrom(fd, buffer, sizeof(buffer), 0, (struct sockaddr *)&from, &from_len);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 1;
	if (kind == SOCK_DGRAM)
		return n < 0 || sendto(fd, buffer, n, 0, (struct sockaddr *)&from, from_len) >= 0;
	return n > 0 && write(fd, buffer, n) == n;
}

static void answer_many(int listener, int kind)
{
	struct epoll_event events[64];
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	watch(epoll, listener);
	while (now_ns() < deadline_ns) {
		int count = epoll_wait(epoll, events, 64, LOST_MS);

		for (int i = 0; i < count; i++) {
			int fd = events[i].data.fd;

			if (kind == SOCK_STREAM && fd == listener) {
				fd = accept(listener, NULL, NULL);
				if (fd < 0)
					continue;
				prepare(fd, kind);
				watch(epoll, fd);
			} else if (!answer(fd, kind)) {
				close(fd);
			}
		}
	}
}

static int serve(int kind, const char *host, const char *port, uint64_t count)
{
	int listener = open_socket(host, port, kind, 1), fd;

	prepare(listener, kind);
	if (kind == SOCK_STREAM && listen(listener, 128))
		die("listen: %s", strerror(errno));
	puts("ready");
	fflush(stdout);
	if (count > 1) {
		answer_many(listener, kind);
		return 0;
	}
	while (now_ns() < deadline_ns) {
		fd = kind == SOCK_STREAM ? accept(listener, NULL, NULL) : listener;
		if (fd < 0)
			continue;
		prepare(fd, kind);
		while (now_ns() < deadline_ns && answer(fd, kind))
			;
		if (fd != listener)
			close(fd);
	}
	return 0;
}

static int sink(int kind, const char *host, const char *port)
{
	int listener = open_socket(host, port, kind, 1), fd;

	prepare(listener, kind);
	if (kind == SOCK_STREAM && listen(listener, 8))
		die("listen: %s", strerror(errno));
	puts("ready");
	fflush(stdout);
	while (now_ns() < deadline_ns) {
		fd = kind == SOCK_STREAM ? accept(listener, NULL, NULL) : listener;
		if (fd < 0)
			continue;
		while (now_ns() < deadline_ns && (recv(fd, buffer, sizeof(buffer), 0) > 0 || (kind == SOCK_DGRAM && errno == EAGAIN)))
			;
		if (fd != listener)
			close(fd);
	}
	return 0;
}

/* ---- clients */

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void begin(struct connection *c, size_t size)
{
	c->have = 0;
	c->since_ns = now_ns();
	if (send(c->fd, buffer, size, 0) != (ssize_t)size)
		die("send: %s", strerror(errno));
}

/* What is there of the answer; true when that is all of it. */
static int proceed(struct connection *c, size_t size)
{
	ssize_t n = recv(c->fd, buffer, size - c->have, 0);

	if (n < 0 && errno == EAGAIN)
		return 0;
	if (n <= 0)
		die("the server went away: %s", n ? strerror(errno) : "end");
	c->have += n;
	if (c->have < size)
		return 0;
	samples_ns[done++ % SAMPLES_MAX] = (uint32_t)(now_ns() - c->since_ns);
	return 1;
}

static void ask_one(int kind, size_t size)
{
	struct connection *c = &connections[0];

	while (now_ns() < deadline_ns) {
		begin(c, size);
		while (!proceed(c, size) && now_ns() < deadline_ns)
			if (kind == SOCK_DGRAM)
				break;
	}
}

static void ask_many(int kind, uint64_t count, size_t size)
{
	struct epoll_event events[64];
	int epoll = epoll_create1(EPOLL_CLOEXEC), first = connections[0].fd;
	static struct connection *of_fd[CONNECTIONS_MAX * 2];

	for (uint64_t i = 0; i < count; i++) {
		if (connections[i].fd >= CONNECTIONS_MAX * 2 || connections[i].fd < first)
			die("too many descriptors");
		of_fd[connections[i].fd] = &connections[i];
		watch(epoll, connections[i].fd);
		begin(&connections[i], size);
	}
	while (now_ns() < deadline_ns) {
		int n = epoll_wait(epoll, events, 64, LOST_MS);

		for (int i = 0; i < n; i++)
			if (proceed(of_fd[events[i].data.fd], size))
				begin(of_fd[events[i].data.fd], size);
		for (uint64_t i = 0; !n && kind == SOCK_DGRAM && i < count; i++)
			begin(&connections[i], size);
	}
}

static int ask(int kind, const char *host, const char *port, uint64_t count, size_t size, uint64_t seconds)
{
	uint64_t start_ns;
	size_t n;

	for (uint64_t i = 0; i < count; i++) {
		connections[i].fd = open_socket(host, port, kind, 0);
		prepare(connections[i].fd, kind);
	}
	start_ns = now_ns();
	deadline_ns = start_ns + seconds * NS_PER_S;
	if (count > 1)
		ask_many(kind, count, size);
	else
		ask_one(kind, size);
	n = done < SAMPLES_MAX ? done : SAMPLES_MAX;
	if (!n)
		die("no exchange within the time");
	qsort(samples_ns, n, sizeof(samples_ns[0]), by_value);
	printf("rate=%llu count=%llu p50_ns=%u p99_ns=%u\n", (unsigned long long)(done * NS_PER_S / (now_ns() - start_ns)), (unsigned long long)done,
	       samples_ns[n / 2], samples_ns[n * 99 / 100]);
	return 0;
}

static int bulk(const char *host, const char *port, uint64_t seconds)
{
	int fd = open_socket(host, port, SOCK_STREAM, 0);
	uint64_t start_ns = now_ns(), sent = 0;

	deadline_ns = start_ns + seconds * NS_PER_S;
	while (now_ns() < deadline_ns) {
		ssize_t n = write(fd, buffer, sizeof(buffer));

		if (n < 0)
			die("write: %s", strerror(errno));
		sent += n;
	}
	printf("rate=%llu\n", (unsigned long long)(sent * NS_PER_S / (now_ns() - start_ns)));
	return 0;
}

static int flood(const char *host, const char *port, size_t size, uint64_t seconds)
{
	int fd = open_socket(host, port, SOCK_DGRAM, 0);
	uint64_t start_ns = now_ns(), sent = 0;

	deadline_ns = start_ns + seconds * NS_PER_S;
	while (now_ns() < deadline_ns)
		for (int i = 0; i < 64; i++)
			sent += send(fd, buffer, size, 0) >= 0;
	printf("rate=%llu sent=%llu\n", (unsigned long long)(sent * NS_PER_S / (now_ns() - start_ns)), (unsigned long long)sent);
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (!strcmp(what, "echo") && argc == 7) {
		deadline_ns = now_ns() + number(argv[6], 1, MAX_SECONDS) * NS_PER_S;
		return serve(kind_of(argv[2]), argv[3], argv[4], number(argv[5], 1, CONNECTIONS_MAX));
	}
	if (!strcmp(what, "sink") && argc == 6) {
		deadline_ns = now_ns() + number(argv[5], 1, MAX_SECONDS) * NS_PER_S;
		return sink(kind_of(argv[2]), argv[3], argv[4]);
	}
	if (!strcmp(what, "ask") && argc == 8)
		return ask(kind_of(argv[2]), argv[3], argv[4], number(argv[5], 1, CONNECTIONS_MAX), number(argv[6], 1, 60000), number(argv[7], 1, MAX_SECONDS));
	if (!strcmp(what, "bulk") && argc == 5)
		return bulk(argv[2], argv[3], number(argv[4], 1, MAX_SECONDS));
	if (!strcmp(what, "flood") && argc == 6)
		return flood(argv[2], argv[3], number(argv[4], 1, 60000), number(argv[5], 1, MAX_SECONDS));
	die("usage: load echo|ask|sink|bulk|flood ...");
}
