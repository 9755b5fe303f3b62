/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Numbered datagrams or records and the kernel's own times of their packets (SO_TIMESTAMPING), both ways: `connect` sends bursts of random length, `serve`
 * sends each one back as it was. Lines at the end, times of the wall clock in ns:
 *
 *   sent NUMBER FIRST LAST    what a send call took: bytes of the stream; for datagrams the number is all there is
 *   rx FIRST LAST TIME        what a receive call returned, and its RX software time, 0 if there was none
 *   sched|snd|ack LAST TIME   TX times, by the number of a datagram or of a record's last byte
 *   clock OFFSET              wall clock less CLOCK_MONOTONIC, at both ends of the program
 */
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "traffic.h"

#include <linux/errqueue.h> /* wants struct timespec */
#include <linux/net_tstamp.h>

#define DIGITS 10
#define RECORDS_MAX 20000
#define EVENTS_MAX (RECORDS_MAX * 8)
#define SIZE_MIN 32
#define DATAGRAM_MAX 1200
#define RECORD_MAX 3000
#define BURST_MAX 8
#define LONG_BURST 24 /* of a stream in as few buffers as can be (MSG_MORE): records share them, and segments are cut from them */
#define LONG_ONE_IN 32
#define QUEUE_BYTES (8 << 20) /* times that find no room in the receive buffer are lost without a word */
#define PAUSE_MAX_NS 1000000
#define BRACKETS 16
#define FLAGS_RX (SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_RX_SOFTWARE)
#define FLAGS_TX (SOF_TIMESTAMPING_TX_SCHED | SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_TX_ACK | SOF_TIMESTAMPING_OPT_ID | \
		  SOF_TIMESTAMPING_OPT_TSONLY)

struct peer {
	int fd, stream;
	uint64_t records, sent, received;     /* records */
	uint64_t sent_bytes, received_bytes;
	uint64_t wait_for;                    /* TX times of the last record that are still to come */
};

struct event {
	const char *name;
	uint64_t first, last, time_ns;
};

static char buffer[1 << 18];
static struct event events[EVENTS_MAX];
static uint64_t event_count;
static uint64_t datagram[RECORDS_MAX]; /* number of each, in the order of the send calls */
static int64_t clock_at_start;

static void event_add(const char *name, uint64_t first, uint64_t last, uint64_t time_ns)
{
	if (event_count == EVENTS_MAX)
		die("too many events");
	events[event_count++] = (struct event){ name, first, last, time_ns };
}

static uint64_t time_of(const struct timespec *t)
{
	return (uint64_t)t->tv_sec * NS_PER_S + (uint64_t)t->tv_nsec;
}

/* Wall clock less CLOCK_MONOTONIC, from the narrowest of several brackets. */
static int64_t clock_offset(void)
{
	uint64_t narrowest = UINT64_MAX;
	int64_t offset = 0;

	for (int i = 0; i < BRACKETS; i++) {
		uint64_t before = now_ns(), after;
		struct timespec wall;

		clock_gettime(CLOCK_REALTIME, &wall);
		after = now_ns();
		if (after - before >= narrowest)
			continue;
		narrowest = after - before;
		offset = (int64_t)(time_of(&wall) - before - narrowest / 2);
	}
	return offset;
}

static uint64_t size_of(const struct peer *p, uint64_t number)
{
	uint32_t mixed = (uint32_t)number * 2654435761u;

	return SIZE_MIN + (mixed >> 8) % ((p->stream ? RECORD_MAX : DATAGRAM_MAX) - SIZE_MIN);
}

static void ask_for_times(int fd, int flags)
{
	if (setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING, &flags, sizeof(flags)))
		die("SO_TIMESTAMPING: %s", strerror(errno));
}

static void send_record(struct peer *p, uint64_t number, int flags)
{
	static char record[RECORD_MAX];
	uint64_t size = size_of(p, number);
	char digits[DIGITS + 1];

	memset(record, 'x', sizeof(record));
	snprintf(digits, sizeof(digits), "%0*u", DIGITS, (unsigned int)number);
	memcpy(record, digits, DIGITS);
	if (send(p->fd, record, size, flags) != (ssize_t)size)
		die("send: %s", strerror(errno));
	datagram[p->sent++] = number;
	if (p->stream)
		event_add("sent", p->sent_bytes, p->sent_bytes + size - 1, number);
	else
		event_add("sent", number, number, number);
	p->sent_bytes += size;
	p->wait_for = p->stream ? 3 : 2;
}

/* The software time among the control messages, 0 if there is none, and what the error queue says of it. */
static uint64_t software_time(struct msghdr *message, const struct sock_extended_err **error)
{
	uint64_t time_ns = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPING)
			time_ns = time_of(&((const struct scm_timestamping *)CMSG_DATA(c))->ts[0]);
		if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) || (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR))
			*error = (const struct sock_extended_err *)CMSG_DATA(c);
	}
	return time_ns;
}

static void take_errors(struct peer *p)
{
	static const char *const names[] = { [SCM_TSTAMP_SND] = "snd", [SCM_TSTAMP_SCHED] = "sched", [SCM_TSTAMP_ACK] = "ack" };
	char control[512], byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };

	for (;;) {
		struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
		const struct sock_extended_err *error = NULL;
		uint64_t time_ns, last;

		if (recvmsg(p->fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
			return;
		time_ns = software_time(&message, &error);
		if (!error || error->ee_origin != SO_EE_ORIGIN_TIMESTAMPING || error->ee_info > SCM_TSTAMP_ACK || !time_ns)
			die("the error queue has something else");
		if (!p->stream && error->ee_data >= p->sent)
			die("a time of datagram %u that was not sent", error->ee_data);
		last = p->stream ? error->ee_data : datagram[error->ee_data];
		event_add(names[error->ee_info], last, last, time_ns);
		if (p->wait_for && error->ee_data + 1 == (p->stream ? p->sent_bytes : p->sent))
			p->wait_for--;
	}
}

/* 1 if something was received. */
static int take_data(struct peer *p)
{
	char control[512];
	struct sockaddr_storage from;
	struct iovec iov = { .iov_base = buffer, .iov_len = sizeof(buffer) };
	struct msghdr message = { .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
				  .msg_controllen = sizeof(control) };
	const struct sock_extended_err *error = NULL;
	ssize_t n = recvmsg(p->fd, &message, MSG_DONTWAIT);
	uint64_t time_ns;

	if (n <= 0 || (!p->stream && n < DIGITS))
		return 0;
	time_ns = software_time(&message, &error);
	if (p->stream) {
		event_add("rx", p->received_bytes, p->received_bytes + (uint64_t)n - 1, time_ns);
		p->received_bytes += (uint64_t)n;
		return 1;
	}
	if (!p->received && connect(p->fd, (struct sockaddr *)&from, message.msg_namelen))
		die("connect: %s", strerror(errno));
	buffer[DIGITS] = '\0';
	p->received++;
	event_add("rx", number(buffer, 0, RECORDS_MAX), number(buffer, 0, RECORDS_MAX), time_ns);
	return 1;
}

/* Reads what there is, sends it back if `answers`; waits for something first. 0 when it is too late. */
static int turn(struct peer *p, int answers, uint64_t deadline_ns)
{
	uint64_t left = 0;

	if (!wait_fd(p->fd, POLLIN, deadline_ns))
		return 0;
	take_errors(p);
	while (take_data(p)) {
		/* Records of a stream that are there to their last byte. */
		if (p->stream) {
			for (left = p->received_bytes, p->received = 0; p->received < p->records && left >= size_of(p, p->received); p->received++)
				left -= size_of(p, p->received);
		}
		while (answers && p->sent < p->received)
			send_record(p, p->stream ? p->sent : events[event_count - 1].last, 0);
	}
	return 1;
}

static void send_burst(struct peer *p)
{
	int together = !(random() % LONG_ONE_IN);
	uint64_t length = random() % 2 ? 1 : 1 + (uint64_t)random() % BURST_MAX;
	uint64_t end = p->sent + (together ? LONG_BURST : length);

	if (end > p->records)
		end = p->records;
	while (p->sent < end)
		send_record(p, p->sent, p->stream && together && p->sent + 1 < end ? MSG_MORE : 0);
}

/* The client closes first: the kernel adds an end of the stream to the last buffer, with its time. */
static void await_end(struct peer *p, uint64_t deadline_ns)
{
	char byte;

	while (wait_fd(p->fd, POLLIN, deadline_ns)) {
		take_errors(p);
		if (recv(p->fd, &byte, 1, MSG_DONTWAIT) == 0)
			return;
	}
	die("the client does not close");
}

static void exchange(struct peer *p, int server, uint64_t deadline_ns)
{
	while (p->received < p->records) {
		if (!server)
			send_burst(p);
		while (p->received < (server ? p->records : p->sent))
			if (!turn(p, server, deadline_ns))
				die("%llu of %llu records came", (unsigned long long)p->received, (unsigned long long)p->records);
		if (!server && !(random() % 2))
			sleep_ns((uint64_t)random() % PAUSE_MAX_NS);
	}
	while (p->wait_for && turn(p, server, deadline_ns))
		;
	if (p->wait_for)
		die("the last record's times did not come");
	if (server && p->stream)
		await_end(p, deadline_ns);
}

/* The kernel begins to take RX times some time after the first socket asked for them: this one keeps asking until the program ends. */
static void warm_up(const char *host)
{
	const char *self = strchr(host, ':') ? "::1" : "127.0.0.1";
	int fd = open_socket(self, "0", SOCK_DGRAM, 1);
	struct peer p = { .fd = fd, .records = 1 };
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);
	uint64_t deadline_ns = now_ns() + 10 * NS_PER_S;

	ask_for_times(fd, FLAGS_RX);
	if (getsockname(fd, (struct sockaddr *)&address, &len) || connect(fd, (struct sockaddr *)&address, len))
		die("%s: %s", self, strerror(errno));
	do {
		if (send(fd, "0000000000", DIGITS, 0) < 0)
			die("send: %s", strerror(errno));
		if (!turn(&p, 0, deadline_ns))
			die("no RX software times");
	} while (!events[--event_count].time_ns);
}

static void open_peer(struct peer *p, const char *host, const char *port, int server)
{
	int one = 1, size = QUEUE_BYTES, listener;

	p->fd = open_socket(host, port, p->stream ? SOCK_STREAM : SOCK_DGRAM, server);
	setsockopt(p->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if (server && p->stream && listen(p->fd, 1))
		die("listen: %s", strerror(errno));
	if (server) {
		warm_up(host);
		puts("ready");
		fflush(stdout);
	}
	if (server && p->stream) {
		listener = p->fd;
		p->fd = accept(listener, NULL, NULL);
		if (p->fd < 0)
			die("accept: %s", strerror(errno));
		close(listener);
	}
	if (p->stream)
		setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	ask_for_times(p->fd, FLAGS_RX | FLAGS_TX);
}

int main(int argc, char **argv)
{
	struct peer p = { 0 };
	int server;

	if (argc != 6)
		die("usage: ktimes serve|connect udp|tcp ADDRESS PORT RECORDS");
	server = !strcmp(argv[1], "serve");
	p.stream = !strcmp(argv[2], "tcp");
	p.records = number(argv[5], 1, RECORDS_MAX);
	alarm(MAX_SECONDS);
	clock_at_start = clock_offset();
	open_peer(&p, argv[3], argv[4], server);
	exchange(&p, server, now_ns() + MAX_SECONDS * NS_PER_S);
	for (const struct event *e = events; e < events + event_count; e++) {
		if (!strcmp(e->name, "sent"))
			printf("sent %llu %llu %llu\n", (unsigned long long)e->time_ns, (unsigned long long)e->first, (unsigned long long)e->last);
		else if (!strcmp(e->name, "rx"))
			printf("rx %llu %llu %llu\n", (unsigned long long)e->first, (unsigned long long)e->last, (unsigned long long)e->time_ns);
		else
			printf("%s %llu %llu\n", e->name, (unsigned long long)e->last, (unsigned long long)e->time_ns);
	}
	printf("clock %lld\nclock %lld\n", (long long)clock_at_start, (long long)clock_offset());
	puts("done");
	return 0;
}
