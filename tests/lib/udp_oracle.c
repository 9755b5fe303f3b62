/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Numbered datagrams and a reader that knows when it got which: one line "NUMBER NUMBER+1 BEFORE AFTER" per recvfrom(), wall clock in ns.
 * `spin` never sleeps in the call. `rest` now and then does between calls: a read ascribed to a neighbour is then off by more than any clock.
 * A sender keeps to one CPU and sends in bursts; with SEGMENTS over 1 that many datagrams in one call (UDP_SEGMENT).
 */
#include <netinet/udp.h>
#include <sched.h>

#include "traffic.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#define DIGITS 10
#define READS_MAX 200000
#define BURST_MAX 24
#define PAUSE_MAX_NS 2000000
#define REST_ONE_IN 8
#define REST_MIN_NS 150000
#define REST_MAX_NS 400000
#define SEGMENT_BYTES 200
#define SEGMENTS_MAX 40
#define PAYLOAD_MIN 32
#define PAYLOAD_MAX 600

static char buffer[65536];
static struct {
	uint64_t number, before_ns, after_ns;
} reads[READS_MAX];

static uint64_t wall_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static void keep_to(uint64_t cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("CPU %llu: %s", (unsigned long long)cpu, strerror(errno));
}

static uint64_t read_all(int fd, const char *mode, uint64_t count, uint64_t deadline_ns)
{
	struct timeval limit = { .tv_usec = 200000 };
	int flags = !strcmp(mode, "spin") ? MSG_DONTWAIT : 0, rests = !strcmp(mode, "rest");
	uint64_t done = 0;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	while (done < count && now_ns() < deadline_ns) {
		uint64_t before_ns = wall_ns();
		ssize_t n = recvfrom(fd, buffer, sizeof(buffer), flags, NULL, NULL);

		if (n < DIGITS)
			continue;
		reads[done].before_ns = before_ns;
		reads[done].after_ns = wall_ns();
		buffer[DIGITS] = '\0';
		reads[done++].number = number(buffer, 0, UINT32_MAX);
		if (rests && !(random() % REST_ONE_IN))
			sleep_ns(REST_MIN_NS + (uint64_t)random() % (REST_MAX_NS - REST_MIN_NS));
	}
	return done;
}

static int read_datagrams(int fd, const char *mode, uint64_t count, uint64_t deadline_ns)
{
	int size = 8 << 20;
	uint64_t done;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	puts("ready");
	fflush(stdout);
	done = read_all(fd, mode, count, deadline_ns);
	for (uint64_t i = 0; i < done; i++)
		printf("%llu %llu %llu %llu\n", (unsigned long long)reads[i].number, (unsigned long long)reads[i].number + 1,
		       (unsigned long long)reads[i].before_ns, (unsigned long long)reads[i].after_ns);
	puts("done");
	return 0;
}

static void put_number(char *at, uint64_t value)
{
	char digits[DIGITS + 1];

	snprintf(digits, sizeof(digits), "%0*llu", DIGITS, (unsigned long long)value % 10000000000ull);
	memcpy(at, digits, DIGITS);
}

static int send_datagrams(int fd, uint64_t first, uint64_t count, uint64_t segments, uint64_t deadline_ns)
{
	int segment_bytes = SEGMENT_BYTES;
	uint64_t sent = 0, i, burst;
	size_t size;

	if (segments > 1 && setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &segment_bytes, sizeof(segment_bytes)))
		die("UDP_SEGMENT: %s", strerror(errno));
	srandom(first + 1);
	while (sent < count && now_ns() < deadline_ns) {
		for (burst = 1 + random() % BURST_MAX; burst && sent < count; burst--) {
			for (i = 0; i < segments; i++)
				put_number(buffer + i * SEGMENT_BYTES, first + sent + i);
			size = segments > 1 ? segments * SEGMENT_BYTES : PAYLOAD_MIN + (size_t)random() % (PAYLOAD_MAX - PAYLOAD_MIN);
			if (send(fd, buffer, size, 0) < 0)
				die("send: %s", strerror(errno));
			sent += segments;
		}
		sleep_ns((uint64_t)random() % PAUSE_MAX_NS);
	}
	printf("sent=%llu\n", (unsigned long long)sent);
	return sent < count;
}

int main(int argc, char **argv)
{
	int server = argc > 1 && strcmp(argv[1], "send");
	uint64_t start = now_ns();
	int fd;

	if (server ? argc != 6 : argc != 8)
		die("usage: udp_oracle read|spin|rest ADDRESS PORT COUNT SECONDS, or send ADDRESS PORT FIRST COUNT CPU SEGMENTS");
	fd = open_socket(argv[2], argv[3], SOCK_DGRAM, server);
	memset(buffer, 'x', sizeof(buffer));
	if (server)
		return read_datagrams(fd, argv[1], number(argv[4], 1, READS_MAX), start + number(argv[5], 1, MAX_SECONDS) * NS_PER_S);
	keep_to(number(argv[6], 0, CPU_SETSIZE - 1));
	return send_datagrams(fd, number(argv[4], 0, UINT32_MAX), number(argv[5], 1, READS_MAX), number(argv[7], 1, SEGMENTS_MAX),
			      start + MAX_SECONDS * NS_PER_S);
}
