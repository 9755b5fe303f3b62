/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Numbered datagrams over several sockets, and readers that know which call returned which: one line "FROM TO BEFORE AFTER" per call, numbers [FROM, TO), wall clock
 * in ns. Senders log their calls likewise.
 *
 *   read ADDRESS PORT COUNT SECONDS SOCKETS THREADS HOW [PEER]   sockets at PORT, PORT + 1, ...; THREADS share each; PEER: connected to PEER, their own port + 1000.
 *     A group's ADDRESS is joined.
 *   send ADDRESS PORT FIRST COUNT SOCKETS SEGMENTS CPU HOW       keeps to a CPU; SEGMENTS over 1: that many datagrams in one call (UDP_SEGMENT)
 *
 * HOW of a reader: g UDP_GRO, m recvmmsg(), p peeks first now and then, t now and then a buffer too short, r rests between calls now and then, s never sleeps in a call,
 * w a small buffer, and waits until nothing more comes before it reads at all; - none. It says how many datagrams each socket dropped.
 * HOW of a sender: b sends one with a wrong checksum and no number before some, c connected from port + 1000, e all of equal size, f without pauses; - none.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <pthread.h>
#include <sched.h>

#include "traffic.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif
#define SO_MEMINFO_NUMBER 55
#define MEMINFO_VALUES 9
#define MEMINFO_DROPS 8
#define DIGITS 10
#define COUNT_MAX 400000
#define SOCKETS_MAX 16
#define THREADS_MAX 8
#define BATCH 8
#define BURST_MAX 32 /* datagrams; of more than one segment: four calls. The ring of a veth device holds 256 packets */
#define PAUSE_MAX_NS 2000000
#define ONE_IN 8
#define REST_MIN_NS 150000
#define REST_MAX_NS 400000
#define SEGMENT_BYTES 200
#define SEGMENTS_MAX 40
#define PAYLOAD_MIN 32
#define PAYLOAD_MAX 600
#define SHORT_BYTES 16
#define QUIET_MS 300
#define SILENT_NS (5 * NS_PER_S)
#define PEER_PORT_OFFSET 1000
#define BROKEN_BYTES 200 /* over 76, CHECKSUM_BREAK: the kernel leaves it to the reader to find out */

struct call {
	uint64_t from, to, before_ns, after_ns;
};

struct reader {
	int fd;
	const char *how;
	unsigned int seed;
	struct call *calls;
	size_t count;
	pthread_t thread;
};

static uint64_t wanted, deadline_ns;
static uint64_t got, newest_ns; /* atomic */

static uint64_t wall_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static uint64_t number_at(const char *at)
{
	char digits[DIGITS + 1] = "";

	memcpy(digits, at, DIGITS);
	return number(digits, 0, UINT32_MAX);
}

static void call_print(const struct call *c)
{
	printf("%llu %llu %llu %llu\n", (unsigned long long)c->from, (unsigned long long)c->to, (unsigned long long)c->before_ns,
	       (unsigned long long)c->after_ns);
}

/* What one message holds: a datagram, or several of one size that follow each other. */
static void note(struct reader *r, const char *bytes, size_t len, size_t segment, uint64_t before_ns, uint64_t after_ns)
{
	struct call *c = &r->calls[r->count];
	size_t n = segment ? (len + segment - 1) / segment : 1;

	if (len < DIGITS)
		die("%zu bytes are no datagram of ours", len);
	if (r->count == COUNT_MAX)
		die("more datagrams than were sent");
	*c = (struct call){ number_at(bytes), 0, before_ns, after_ns };
	c->to = c->from + n;
	for (size_t i = 1; i < n; i++)
		if (number_at(bytes + i * segment) != c->from + i)
			die("merged datagrams do not follow each other");
	r->count++;
	__atomic_add_fetch(&got, n, __ATOMIC_RELAXED);
	__atomic_store_n(&newest_ns, now_ns(), __ATOMIC_RELAXED);
}

static size_t segment_of(struct msghdr *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c))
		if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO) {
			int size = 0;

			memcpy(&size, CMSG_DATA(c), sizeof(size));
			return (size_t)size;
		}
	return 0;
}

/* One call: false if nothing came. */
static int read_once(struct reader *r, char *buffer, size_t room)
{
	static __thread char control[BATCH][CMSG_SPACE(sizeof(int))];
	int many = !!strchr(r->how, 'm'), flags = strchr(r->how, 's') ? MSG_DONTWAIT : 0, n, cut;
	struct mmsghdr messages[BATCH] = {};
	struct iovec parts[BATCH];
	uint64_t before_ns, after_ns;

	if (strchr(r->how, 'p') && !(rand_r(&r->seed) % ONE_IN) && recv(r->fd, buffer, room, MSG_PEEK | MSG_DONTWAIT) < 0)
		return 0;
	cut = strchr(r->how, 't') && !(rand_r(&r->seed) % ONE_IN);
	for (int i = 0; i < BATCH; i++) {
		parts[i] = (struct iovec){ buffer + i * room, cut ? SHORT_BYTES : room };
		messages[i].msg_hdr = (struct msghdr){ .msg_iov = &parts[i], .msg_iovlen = 1, .msg_control = control[i], .msg_controllen = sizeof(control[i]) };
	}
	before_ns = wall_ns();
	if (many) {
		n = recvmmsg(r->fd, messages, BATCH, flags | MSG_WAITFORONE, NULL);
	} else {
		ssize_t len = recvmsg(r->fd, &messages[0].msg_hdr, flags | (cut ? MSG_TRUNC : 0));

		messages[0].msg_len = cut && len > SHORT_BYTES ? SHORT_BYTES : (unsigned int)len;
		n = len < 0 ? -1 : 1;
	}
	after_ns = wall_ns();
	for (int i = 0; i < n; i++)
		note(r, buffer + i * room, messages[i].msg_len, segment_of(&messages[i].msg_hdr), before_ns, after_ns);
	return n > 0;
}

/* What is missing will not come any more. */
static int silent(void)
{
	uint64_t since_ns = __atomic_load_n(&newest_ns, __ATOMIC_RELAXED);

	return since_ns && now_ns() > since_ns + SILENT_NS;
}

static void *read_all(void *context)
{
	struct timeval limit = { .tv_usec = 100000 };
	struct reader *r = context;
	size_t room = 65536;
	char *buffer = calloc(BATCH, room);

	if (!buffer)
		die("no memory");
	setsockopt(r->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	while (__atomic_load_n(&got, __ATOMIC_RELAXED) < wanted && now_ns() < deadline_ns && !silent()) {
		if (read_once(r, buffer, room) && strchr(r->how, 'r') && !(rand_r(&r->seed) % ONE_IN))
			sleep_ns(REST_MIN_NS + (uint64_t)rand_r(&r->seed) % (REST_MAX_NS - REST_MIN_NS));
	}
	free(buffer);
	return NULL;
}

static uint32_t drops(int fd)
{
	uint32_t info[MEMINFO_VALUES] = {};
	socklen_t len = sizeof(info);

	if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO_NUMBER, info, &len))
		die("SO_MEMINFO: %s", strerror(errno));
	return info[MEMINFO_DROPS];
}

static int open_reader(const char *host, unsigned int port, const char *how, const char *peer)
{
	int fd, size = strchr(how, 'w') ? 1 << 14 : 64 << 20, one = 1;
	struct addrinfo hints = { .ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICHOST }, *found = NULL;
	char text[16];

	struct ip_mreq group = {};

	snprintf(text, sizeof(text), "%u", port);
	fd = open_socket(host, text, SOCK_DGRAM, 1);
	if (inet_pton(AF_INET, host, &group.imr_multiaddr) == 1 && IN_MULTICAST(ntohl(group.imr_multiaddr.s_addr)) &&
	    setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group)))
		die("group %s: %s", host, strerror(errno));
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		die("SO_RCVBUFFORCE: %s", strerror(errno));
	if (strchr(how, 'g') && setsockopt(fd, IPPROTO_UDP, UDP_GRO, &one, sizeof(one)))
		die("UDP_GRO: %s", strerror(errno));
	if (!peer)
		return fd;
	snprintf(text, sizeof(text), "%u", port + PEER_PORT_OFFSET);
	if (getaddrinfo(peer, text, &hints, &found) || connect(fd, found->ai_addr, found->ai_addrlen))
		die("connect %s: %s", peer, strerror(errno));
	freeaddrinfo(found);
	return fd;
}

/* Until datagrams have come to the first socket, and then none for a while. */
static void wait_quiet(int fd)
{
	uint32_t before, now;

	wait_fd(fd, POLLIN, deadline_ns);
	now = drops(fd);
	do {
		before = now;
		sleep_ns(QUIET_MS * NS_PER_MS);
		now = drops(fd);
	} while (now != before && now_ns() < deadline_ns);
}

static int read_datagrams(int argc, char **argv)
{
	unsigned int port = number(argv[3], 1, 60000), sockets = number(argv[6], 1, SOCKETS_MAX), threads = number(argv[7], 1, THREADS_MAX);
	struct reader *readers = calloc(sockets * threads, sizeof(*readers));
	const char *how = argv[8];

	wanted = number(argv[4], 1, COUNT_MAX);
	deadline_ns = now_ns() + number(argv[5], 1, MAX_SECONDS) * NS_PER_S;
	for (unsigned int i = 0; readers && i < sockets * threads; i++) {
		readers[i] = (struct reader){ .how = how, .seed = i + 1, .calls = malloc(COUNT_MAX * sizeof(struct call)) };
		readers[i].fd = i % threads ? readers[i - 1].fd : open_reader(argv[2], port + i / threads, how, argc > 9 ? argv[9] : NULL);
		if (!readers[i].calls)
			die("no memory");
	}
	puts("ready");
	fflush(stdout);
	if (strchr(how, 'w'))
		wait_quiet(readers[0].fd);
	for (unsigned int i = 0; i < sockets * threads; i++)
		if (pthread_create(&readers[i].thread, NULL, read_all, &readers[i]))
			die("no thread");
	for (unsigned int i = 0; i < sockets * threads; i++)
		pthread_join(readers[i].thread, NULL);
	for (unsigned int i = 0; i < sockets * threads; i++) {
		for (size_t n = 0; n < readers[i].count; n++)
			call_print(&readers[i].calls[n]);
		if (i % threads == 0)
			printf("drops=%u\n", drops(readers[i].fd));
	}
	printf("pid=%d\ndone=%llu\n", (int)getpid(), (unsigned long long)got);
	return 0;
}

/* A sender's socket: unconnected but for its address, or connected from the port that a connected reader expects. */
static int open_sender(const char *host, unsigned int port, const char *how, struct addrinfo **to)
{
	struct addrinfo hints = { .ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICHOST };
	char text[16];
	int fd;

	snprintf(text, sizeof(text), "%u", port);
	if (getaddrinfo(host, text, &hints, to))
		die("%s: no address", host);
	fd = socket((*to)->ai_family, SOCK_DGRAM, 0);
	if (fd < 0)
		die("socket: %s", strerror(errno));
	if (strchr(how, 'c')) {
		struct sockaddr_in6 own = { .sin6_family = AF_INET6, .sin6_port = htons(port + PEER_PORT_OFFSET) };
		struct sockaddr_in own4 = { .sin_family = AF_INET, .sin_port = own.sin6_port };
		int four = (*to)->ai_family == AF_INET;

		if (bind(fd, four ? (void *)&own4 : (void *)&own, four ? sizeof(own4) : sizeof(own)) ||
		    connect(fd, (*to)->ai_addr, (*to)->ai_addrlen))
			die("port %u: %s", port + PEER_PORT_OFFSET, strerror(errno));
	}
	return fd;
}

static void put_number(char *at, uint64_t value)
{
	char digits[DIGITS + 1];

	snprintf(digits, sizeof(digits), "%0*llu", DIGITS, (unsigned long long)value % 10000000000ull);
	memcpy(at, digits, DIGITS);
}

/* A datagram that its reader drops. IPv4 only. */
static void send_broken(const struct addrinfo *to, unsigned int port)
{
	struct {
		struct udphdr header;
		char payload[BROKEN_BYTES];
	} broken = { .header = { .uh_sport = htons(port), .uh_dport = htons(port), .uh_ulen = htons(sizeof(broken)), .uh_sum = 1 } };
	static int raw = -1;

	if (raw < 0)
		raw = socket(AF_INET, SOCK_RAW, IPPROTO_UDP);
	memset(broken.payload, 'b', sizeof(broken.payload));
	if (raw < 0 || sendto(raw, &broken, sizeof(broken), 0, to->ai_addr, to->ai_addrlen) < 0)
		die("a datagram with a wrong checksum: %s", strerror(errno));
}

static void keep_to(uint64_t cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("CPU %llu: %s", (unsigned long long)cpu, strerror(errno));
}

static int send_datagrams(char **argv)
{
	uint64_t first = number(argv[4], 0, UINT32_MAX), count = number(argv[5], 1, COUNT_MAX), segments = number(argv[7], 1, SEGMENTS_MAX), sent = 0;
	unsigned int port = number(argv[3], 1, 60000), sockets = number(argv[6], 1, SOCKETS_MAX), calls = 0, broken = 0, i;
	struct call *log = malloc(count * sizeof(*log));
	struct addrinfo *to[SOCKETS_MAX];
	static char buffer[65536];
	const char *how = argv[9];
	int fd[SOCKETS_MAX], segment_bytes = SEGMENT_BYTES, connected = !!strchr(how, 'c');
	size_t size;

	keep_to(number(argv[8], 0, CPU_SETSIZE - 1));
	memset(buffer, 'x', sizeof(buffer));
	srandom(first + 1);
	for (i = 0; i < sockets; i++) {
		fd[i] = open_sender(argv[2], port + i, how, &to[i]);
		if (segments > 1 && setsockopt(fd[i], IPPROTO_UDP, UDP_SEGMENT, &segment_bytes, sizeof(segment_bytes)))
			die("UDP_SEGMENT: %s", strerror(errno));
	}
	while (log && sent < count) {
		for (long burst = 1 + random() % (segments > 1 ? 4 : BURST_MAX); burst && sent < count; burst--) {
			for (i = 0; i < segments; i++)
				put_number(buffer + i * SEGMENT_BYTES, first + sent + i);
			size = segments > 1 ? segments * SEGMENT_BYTES : strchr(how, 'e') ? SEGMENT_BYTES : PAYLOAD_MIN + (size_t)random() % (PAYLOAD_MAX - PAYLOAD_MIN);
			i = (unsigned int)random() % sockets;
			if (strchr(how, 'b') && !(random() % ONE_IN)) {
				send_broken(to[i], port + i);
				broken++;
			}
			log[calls] = (struct call){ first + sent, first + sent + segments, wall_ns(), 0 };
			if (sendto(fd[i], buffer, size, 0, connected ? NULL : to[i]->ai_addr, connected ? 0 : to[i]->ai_addrlen) < 0)
				die("send: %s", strerror(errno));
			log[calls++].after_ns = wall_ns();
			sent += segments;
		}
		if (!strchr(how, 'f'))
			sleep_ns((uint64_t)random() % PAUSE_MAX_NS);
	}
	for (i = 0; i < calls; i++)
		call_print(&log[i]);
	free(log);
	printf("broken=%u\nsent=%llu\n", broken, (unsigned long long)sent);
	return 0;
}

int main(int argc, char **argv)
{
	if ((argc == 9 || argc == 10) && !strcmp(argv[1], "read"))
		return read_datagrams(argc, argv);
	if (argc == 10 && !strcmp(argv[1], "send"))
		return send_datagrams(argv);
	die("usage: udp_identity read ADDRESS PORT COUNT SECONDS SOCKETS THREADS HOW [PEER], or send ADDRESS PORT FIRST COUNT SOCKETS SEGMENTS CPU HOW");
}
