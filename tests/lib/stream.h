/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * TCP streams that carry their own identity, and a log of the calls that moved them.
 *
 * A place is one number: flow << PLACE_BITS | byte of the stream. Every 16 bytes of a stream say their place, "<mark>" and 15 hexadecimal digits; the mark
 * tells the direction. Whoever has 31 bytes in a row, from a socket or from a packet, knows where they belong; a shorter piece can at least be compared.
 * A log line is "NAME FROM TO BEFORE AFTER [THREAD]": half-open range of places, wall clock in ns, the name of the thread where several share a stream.
 */
#pragma once

#include <sys/uio.h>

#include "traffic.h"

#define UNIT_BYTES 16
#define PLACE_BITS 40
#define MARK_CLIENT '>' /* what the client sends */
#define MARK_SERVER '<'

struct stream {
	char mark;
	uint64_t place; /* of the next byte */
};

struct call {
	uint64_t from, to, before_ns, after_ns;
	char by[16];
};

struct call_log {
	const char *name;
	struct call *call;
	size_t count, room;
	char by[16];
};

__attribute__((unused)) static uint64_t wall_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

__attribute__((unused)) static struct stream stream_begin(char mark, unsigned int flow)
{
	return (struct stream){ .mark = mark, .place = (uint64_t)flow << PLACE_BITS };
}

static void unit_format(char *text, char mark, uint64_t place)
{
	text[0] = mark;
	for (int i = UNIT_BYTES - 1; i; i--, place >>= 4)
		text[i] = "0123456789abcdef"[place & 15];
}

/* The stream's next bytes, which stay the next ones. */
static void stream_fill(const struct stream *s, char *buffer, size_t size)
{
	uint64_t unit = s->place - s->place % UNIT_BYTES;
	size_t skip = s->place - unit, done = 0;
	char text[UNIT_BYTES];

	while (done < size) {
		size_t n = UNIT_BYTES - skip < size - done ? UNIT_BYTES - skip : size - done;

		unit_format(text, s->mark, unit);
		memcpy(buffer + done, text + skip, n);
		done += n;
		unit += UNIT_BYTES;
		skip = 0;
	}
}

/* These bytes are the stream's next ones, or the program ends. */
__attribute__((unused)) static void stream_check(const struct stream *s, const char *buffer, size_t size)
{
	static __thread char expected[4096];
	struct stream at = *s;

	for (size_t done = 0, n; done < size; done += n) {
		n = size - done < sizeof(expected) ? size - done : sizeof(expected);
		stream_fill(&at, expected, n);
		if (memcmp(buffer + done, expected, n))
			die("place %llu: other bytes than were sent", (unsigned long long)at.place);
		at.place += n;
	}
}

/* The calls that follow are this thread's. */
__attribute__((unused)) static void log_by(struct call_log *log, const char *name)
{
	snprintf(log->by, sizeof(log->by), "%s", name);
}

/* A call moved the next `bytes` of s. */
__attribute__((unused)) static void log_call(struct call_log *log, struct stream *s, size_t bytes, uint64_t before_ns, uint64_t after_ns)
{
	if (log->count == log->room) {
		log->room = log->room ? 2 * log->room : 1024;
		log->call = realloc(log->call, log->room * sizeof(*log->call));
		if (!log->call)
			die("no memory for the log");
	}
	log->call[log->count++] = (struct call){ s->place, s->place + bytes, before_ns, after_ns, "" };
	memcpy(log->call[log->count - 1].by, log->by, sizeof(log->by));
	s->place += bytes;
}

__attribute__((unused)) static void log_print(const struct call_log *log)
{
	for (size_t i = 0; i < log->count; i++) {
		const struct call *c = &log->call[i];

		printf("%s %llu %llu %llu %llu %s\n", log->name, (unsigned long long)c->from, (unsigned long long)c->to,
		       (unsigned long long)c->before_ns, (unsigned long long)c->after_ns, c->by);
	}
}

/* Says "ready", then waits for `count` clients, in the order in which they come. */
__attribute__((unused)) static void accept_streams(const char *host, const char *port, int *fds, unsigned int count)
{
	int listener = open_socket(host, port, SOCK_STREAM, 1);

	if (listen(listener, (int)count))
		die("listen: %s", strerror(errno));
	puts("ready");
	fflush(stdout);
	for (unsigned int i = 0; i < count; i++) {
		if (!wait_fd(listener, POLLIN, now_ns() + 30 * NS_PER_S))
			die("nobody came");
		fds[i] = accept(listener, NULL, NULL);
		if (fds[i] < 0)
			die("accept: %s", strerror(errno));
	}
	close(listener);
}

/* Calls that do not return end the program. */
__attribute__((unused)) static void limit_waits(int fd, unsigned int seconds)
{
	struct timeval limit = { .tv_sec = seconds };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
}
