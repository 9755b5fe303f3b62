/* SPDX-License-Identifier: GPL-2.0-only */
/* What the traffic programs of the tests share: addresses, deadlines, exits. They are bounded in time and count, all of them. */
#pragma once

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_SECONDS 600
#define NS_PER_S 1000000000ull
#define NS_PER_MS 1000000ull

__attribute__((noreturn, format(printf, 1, 2), unused)) static void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

__attribute__((unused)) static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

__attribute__((unused)) static void sleep_ns(uint64_t ns)
{
	struct timespec t = { .tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S };

	while (nanosleep(&t, &t) < 0 && errno == EINTR)
		;
}

/* A number within [low, high], or the end of the program. */
__attribute__((unused)) static uint64_t number(const char *text, uint64_t low, uint64_t high)
{
	char *end = NULL;
	uint64_t value;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || !*text || *end || value < low || value > high)
		die("%s: a number from %llu to %llu is needed", text, (unsigned long long)low, (unsigned long long)high);
	return value;
}

/* Socket of `type` at host and port: bound if `server`, connected if not. */
__attribute__((unused)) static int open_socket(const char *host, const char *port, int type, int server)
{
	struct addrinfo hints = { .ai_socktype = type, .ai_flags = AI_NUMERICHOST | (server ? AI_PASSIVE : 0) };
	struct addrinfo *found = NULL;
	int fd, err, one = 1;

	err = getaddrinfo(host, port, &hints, &found);
	if (err)
		die("%s %s: %s", host, port, gai_strerror(err));
	fd = socket(found->ai_family, found->ai_socktype, found->ai_protocol);
	if (fd < 0)
		die("socket: %s", strerror(errno));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (server ? bind(fd, found->ai_addr, found->ai_addrlen) : connect(fd, found->ai_addr, found->ai_addrlen))
		die("%s %s: %s", host, port, strerror(errno));
	freeaddrinfo(found);
	return fd;
}

/* 1 when fd has one of `events` before the deadline, else 0. */
__attribute__((unused)) static int wait_fd(int fd, short events, uint64_t deadline_ns)
{
	struct pollfd p = { .fd = fd, .events = events };
	uint64_t now = now_ns();
	int n;

	if (now >= deadline_ns)
		return 0;
	n = poll(&p, 1, (int)((deadline_ns - now) / NS_PER_MS) + 1);
	if (n < 0 && errno != EINTR)
		die("poll: %s", strerror(errno));
	return n > 0;
}
