/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Connections with records of random sizes and random pauses both ways, read in random pieces, and a log of who was where when (stream.h), in places: for each
 * send call one line "write ...", for each receive call one line "read ...". Every connection has a thread that writes and one that reads. Ends when all have.
 *
 * Styles: `plain` sends each record with one send() and reads with recv(). `mixed` has records of a few bytes, many of which share a segment (Nagle on every
 * other flow, MSG_MORE, sendmsg of several pieces), sends that are cut short by a full buffer, and reads of a few bytes, of many segments, into several pieces.
 */
#include <netinet/tcp.h>
#include <pthread.h>

#include "stream.h"

#define FLOWS_MAX 64
#define STREAMS_MAX 4096
#define RECORDS_MAX 400000
#define RECORD_MAX 1400
#define RECORD_SMALL_MAX 48
#define RECORD_LARGE_MAX 60000
#define READ_MAX 8192
#define READ_SMALL_MAX 48
#define READ_LARGE_MAX 65536
#define LARGE_ONE_IN 100
#define PAUSE_ONE_IN 8
#define PAUSE_MAX_NS 400000
#define SMALL_BUFFER_BYTES 24576
#define PIECES 3

struct side {
	int fd, mixed;
	unsigned int seed, flow;
	struct stream stream;
	struct call_log log;
	uint64_t records; /* of a writer */
	pthread_t thread;
};

static size_t random_size(struct side *s, size_t usual_max, size_t small_max, size_t large_max)
{
	size_t max = usual_max;

	if (!(rand_r(&s->seed) % LARGE_ONE_IN))
		max = large_max;
	else if (s->mixed && rand_r(&s->seed) % 2)
		max = small_max;
	return 1 + (size_t)rand_r(&s->seed) % max;
}

static void random_pause(struct side *s)
{
	if (!(rand_r(&s->seed) % PAUSE_ONE_IN))
		sleep_ns((uint64_t)rand_r(&s->seed) % PAUSE_MAX_NS);
}

/* One to PIECES pieces that are together `size` bytes at `buffer`. */
static size_t cut(struct side *s, struct iovec *pieces, char *buffer, size_t size)
{
	size_t count = 0, done = 0;

	while (done < size) {
		size_t n = count == PIECES - 1 ? size - done : 1 + (size_t)rand_r(&s->seed) % (size - done);

		pieces[count++] = (struct iovec){ buffer + done, n };
		done += n;
	}
	return count;
}

static ssize_t send_once(struct side *s, char *buffer, size_t size, int flags)
{
	struct iovec pieces[PIECES];
	struct msghdr msg = { .msg_iov = pieces };

	if (!s->mixed || rand_r(&s->seed) % 2)
		return send(s->fd, buffer, size, flags);
	msg.msg_iovlen = cut(s, pieces, buffer, size);
	return sendmsg(s->fd, &msg, flags);
}

/* A record that a full buffer cuts short is followed by a call for the rest, which waits for room. */
static void write_record(struct side *s, char *buffer, size_t size, int flags)
{
	size_t done = 0;

	while (done < size) {
		uint64_t before_ns = wall_ns();
		ssize_t n = send_once(s, buffer + done, size - done, flags | MSG_NOSIGNAL);

		if (n < 0 && (errno != EAGAIN || !(flags & MSG_DONTWAIT)))
			die("send: %s", strerror(errno));
		if (n > 0) {
			log_call(&s->log, &s->stream, (size_t)n, before_ns, wall_ns());
			done += (size_t)n;
		}
		if (n < 0)
			flags &= ~MSG_DONTWAIT;
	}
}

static void *write_stream(void *context)
{
	char *buffer = malloc(RECORD_LARGE_MAX);
	struct side *s = context;

	if (!buffer)
		die("no memory");
	for (uint64_t i = 0; i < s->records; i++) {
		size_t size = random_size(s, RECORD_MAX, RECORD_SMALL_MAX, RECORD_LARGE_MAX);
		int flags = 0;

		if (s->mixed)
			flags = (rand_r(&s->seed) % 8 ? 0 : MSG_MORE) | (rand_r(&s->seed) % 2 ? 0 : MSG_DONTWAIT);
		stream_fill(&s->stream, buffer, size);
		write_record(s, buffer, size, flags);
		random_pause(s);
	}
	shutdown(s->fd, SHUT_WR);
	free(buffer);
	return NULL;
}

static ssize_t receive_once(struct side *s, char *buffer, size_t size)
{
	struct iovec pieces[PIECES];

	if (!s->mixed || rand_r(&s->seed) % 2)
		return recv(s->fd, buffer, size, 0);
	return readv(s->fd, pieces, (int)cut(s, pieces, buffer, size));
}

static void *read_stream(void *context)
{
	char *buffer = malloc(READ_LARGE_MAX);
	struct side *s = context;
	ssize_t n = 1;

	if (!buffer)
		die("no memory");
	while (n > 0) {
		size_t size = random_size(s, READ_MAX, READ_SMALL_MAX, READ_LARGE_MAX);
		uint64_t before_ns = wall_ns(), after_ns;

		n = receive_once(s, buffer, size);
		after_ns = wall_ns();
		if (n < 0)
			die("recv: %s", strerror(errno));
		if (n > 0) {
			stream_check(&s->stream, buffer, (size_t)n);
			log_call(&s->log, &s->stream, (size_t)n, before_ns, after_ns);
		}
		random_pause(s);
	}
	free(buffer);
	return NULL;
}

static void start_side(struct side *s, void *(*run)(void *))
{
	if (pthread_create(&s->thread, NULL, run, s))
		die("no thread");
}

static void tune(const struct side *s)
{
	int one = 1, bytes = SMALL_BUFFER_BYTES;

	limit_waits(s->fd, 20);
	if (s->mixed && s->flow % 2)
		setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (s->mixed && s->flow % 4 > 1)
		setsockopt(s->fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
}

int main(int argc, char **argv)
{
	static struct side readers[FLOWS_MAX], writers[FLOWS_MAX];
	int fds[FLOWS_MAX], server = argc > 1 && !strcmp(argv[1], "serve"), mixed = argc > 7 && !strcmp(argv[7], "mixed");
	unsigned int flows = argc > 6 ? (unsigned int)number(argv[6], 1, FLOWS_MAX) : 1;
	unsigned int first = argc > 8 ? (unsigned int)number(argv[8], 0, STREAMS_MAX) : 0; /* number of its first stream */

	if (argc < 6 || argc > 9 || (!server && strcmp(argv[1], "connect")) || (argc >= 8 && !mixed && strcmp(argv[7], "plain")))
		die("usage: tcp_oracle serve|connect ADDRESS PORT RECORDS_PER_FLOW SEED [FLOWS [plain|mixed [FIRST_FLOW]]]");
	if (server)
		accept_streams(argv[2], argv[3], fds, flows);
	for (unsigned int i = 0; i < flows; i++) {
		unsigned int seed = (unsigned int)number(argv[5], 0, 1000000) + 7919 * i;
		int fd = server ? fds[i] : open_socket(argv[2], argv[3], SOCK_STREAM, 0);

		readers[i] = (struct side){ .fd = fd, .mixed = mixed, .seed = seed, .flow = i, .log.name = "read" };
		writers[i] = readers[i];
		writers[i].seed += 1000;
		writers[i].log.name = "write";
		writers[i].records = number(argv[4], 1, RECORDS_MAX);
		readers[i].stream = stream_begin(server ? MARK_CLIENT : MARK_SERVER, first + i);
		writers[i].stream = stream_begin(server ? MARK_SERVER : MARK_CLIENT, first + i);
		tune(&readers[i]);
	}
	for (unsigned int i = 0; i < flows; i++) {
		start_side(&readers[i], read_stream);
		start_side(&writers[i], write_stream);
	}
	for (unsigned int i = 0; i < flows; i++) {
		pthread_join(readers[i].thread, NULL);
		pthread_join(writers[i].thread, NULL);
	}
	for (unsigned int i = 0; i < flows; i++) {
		log_print(&readers[i].log);
		log_print(&writers[i].log);
	}
	puts("done");
	return 0;
}
