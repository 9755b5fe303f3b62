/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One connection, one direction, one special way to send or to receive, and a log of the calls (stream.h): "read ..." or "write ...", and what is no read
 * under a name of its own ("peek ..."). COUNT is the number of send calls, or of bytes that a receiver reads before it does what is special about it.
 * SIGUSR1 ends what `steady` sends and goes on with what `stalled` reads.
 */
#include <fcntl.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>

#include "stream.h"

#include <linux/errqueue.h> /* wants struct timespec */

#define COUNT_MAX 100000000
#define BUFFER_BYTES 262144
#define PAGE_BYTES 4096
#define READERS 4
#define PACING_BYTES_PER_S 1000000
#define STEADY_BUFFER_BYTES 300000
#define WAIT_S 60

struct path {
	int fd;
	unsigned int seed;
	uint64_t count;
	struct stream stream;
	struct call_log log, peeks;
	char *buffer; /* BUFFER_BYTES */
};

static volatile sig_atomic_t told;

static void on_signal(int signal)
{
	(void)signal;
	told = 1;
}

static size_t random_up_to(struct path *p, size_t max)
{
	return 1 + (size_t)rand_r(&p->seed) % max;
}

static void random_pause(struct path *p, uint64_t max_ns)
{
	if (!(rand_r(&p->seed) % 4))
		sleep_ns((uint64_t)rand_r(&p->seed) % max_ns);
}

static void set(int fd, int level, int option, int value)
{
	if (setsockopt(fd, level, option, &value, sizeof(value)))
		die("setsockopt %d %d: %s", level, option, strerror(errno));
}

/* What a whole stream of this length holds. */
static void *stream_new(const struct path *p, size_t size, int *fd)
{
	void *at;

	*fd = memfd_create("stream", 0);
	if (*fd < 0 || ftruncate(*fd, (off_t)size))
		die("memfd: %s", strerror(errno));
	at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
	if (at == MAP_FAILED)
		die("mmap: %s", strerror(errno));
	stream_fill(&p->stream, at, size);
	return at;
}

/* ---- ways to receive; each returns at the end of the stream */

/* One recv(); 0 at the end of the stream. */
static size_t receive(struct path *p, size_t size)
{
	uint64_t before_ns = wall_ns();
	ssize_t n = recv(p->fd, p->buffer, size, 0);
	uint64_t after_ns = wall_ns();

	if (n < 0)
		die("recv: %s", strerror(errno));
	stream_check(&p->stream, p->buffer, (size_t)n);
	if (n)
		log_call(&p->log, &p->stream, (size_t)n, before_ns, after_ns);
	return (size_t)n;
}

static void receive_plain(struct path *p)
{
	while (receive(p, random_up_to(p, rand_r(&p->seed) % 2 ? 64 : 20000)))
		random_pause(p, 300000);
}

static void receive_slow(struct path *p)
{
	while (receive(p, random_up_to(p, 4000)))
		sleep_ns(NS_PER_MS);
}

/* Looks at each byte, at some of them more than once, long before it takes them. */
static void receive_peek(struct path *p)
{
	size_t n;

	do {
		for (unsigned int i = 1 + rand_r(&p->seed) % 2; i; i--) {
			struct stream same = p->stream;
			uint64_t before_ns = wall_ns();
			ssize_t peeked = recv(p->fd, p->buffer, random_up_to(p, 20000), MSG_PEEK);

			if (peeked < 0)
				die("recv: %s", strerror(errno));
			stream_check(&same, p->buffer, (size_t)peeked);
			log_call(&p->peeks, &same, (size_t)peeked, before_ns, wall_ns());
		}
		sleep_ns(500000);
		n = receive(p, random_up_to(p, 20000));
	} while (n);
}

static void receive_splice(struct path *p)
{
	int ends[2];

	if (pipe(ends))
		die("pipe: %s", strerror(errno));
	for (;;) {
		uint64_t before_ns = wall_ns(), after_ns;
		ssize_t n = splice(p->fd, NULL, ends[1], NULL, random_up_to(p, 20000), SPLICE_F_MOVE), done;

		after_ns = wall_ns();
		if (n < 0)
			die("splice: %s", strerror(errno));
		if (!n)
			return;
		sleep_ns(200000); /* what is done with the pipe is no read of the socket */
		for (ssize_t got = 0; got < n; got += done) {
			done = read(ends[0], p->buffer + got, (size_t)(n - got));
			if (done <= 0)
				die("read of a pipe: %s", strerror(errno));
		}
		stream_check(&p->stream, p->buffer, (size_t)n);
		log_call(&p->log, &p->stream, (size_t)n, before_ns, after_ns);
	}
}

/* Several threads, in turn: the stream is one, so the call is made with the lock held. */
struct turns {
	struct path *path;
	pthread_mutex_t lock;
	int ended;
};

static void *take_turns(void *context)
{
	static unsigned int threads;
	struct turns *t = context;
	char name[16];

	snprintf(name, sizeof(name), "reader%u", __atomic_fetch_add(&threads, 1, __ATOMIC_RELAXED));
	prctl(PR_SET_NAME, name);
	for (int ended = 0; !ended;) {
		pthread_mutex_lock(&t->lock);
		if (!t->ended) {
			log_by(&t->path->log, name);
			t->ended = !receive(t->path, random_up_to(t->path, 3000));
		}
		ended = t->ended;
		pthread_mutex_unlock(&t->lock);
		sleep_ns(100000);
	}
	return NULL;
}

static void receive_turns(struct path *p)
{
	struct turns t = { .path = p, .lock = PTHREAD_MUTEX_INITIALIZER };
	pthread_t threads[READERS];

	for (int i = 0; i < READERS; i++)
		if (pthread_create(&threads[i], NULL, take_turns, &t))
			die("no thread");
	for (int i = 0; i < READERS; i++)
		pthread_join(threads[i], NULL);
}

/* linux/tcp.h, which cannot be had beside netinet/tcp.h (Linux 5.11). */
struct zerocopy_receive {
	uint64_t address;
	uint32_t length, recv_skip_hint, inq;
	int32_t err;
	uint64_t copybuf_address;
	int32_t copybuf_len;
	uint32_t flags;
	uint64_t msg_control, msg_controllen;
	uint32_t msg_flags, reserved;
};
#define ZEROCOPY_RECEIVE 35

/* Maps whole pages where the kernel can; what it cannot map it copies into the fallback buffer, or it asks for a plain recv() of so many bytes. */
static void receive_zerocopy(struct path *p)
{
	char *window = mmap(NULL, BUFFER_BYTES, PROT_READ, MAP_SHARED, p->fd, 0);
	uint64_t mapped = 0, copied = 0;

	if (window == MAP_FAILED)
		die("mmap of a socket: %s", strerror(errno));
	for (int fallback = 1;; fallback = !fallback) {
		struct zerocopy_receive z = { .address = (uintptr_t)window, .length = BUFFER_BYTES };
		socklen_t size = sizeof(z);
		uint64_t before_ns, after_ns;
		struct stream at = p->stream;

		if (!wait_fd(p->fd, POLLIN, now_ns() + WAIT_S * NS_PER_S))
			die("nothing comes");
		if (fallback) {
			z.copybuf_address = (uintptr_t)p->buffer;
			z.copybuf_len = (int32_t)random_up_to(p, 6000);
		}
		before_ns = wall_ns();
		if (getsockopt(p->fd, IPPROTO_TCP, ZEROCOPY_RECEIVE, &z, &size)) {
			if (errno == EIO) /* the end of the stream has been passed */
				break;
			die("TCP_ZEROCOPY_RECEIVE: %s", strerror(errno));
		}
		after_ns = wall_ns();
		if (z.copybuf_len < 0 || !fallback)
			z.copybuf_len = 0;
		stream_check(&at, window, z.length);
		at.place += z.length;
		stream_check(&at, p->buffer, (size_t)z.copybuf_len);
		if (z.length || z.copybuf_len)
			log_call(&p->log, &p->stream, z.length + (size_t)z.copybuf_len, before_ns, after_ns);
		mapped += z.length;
		copied += (uint64_t)z.copybuf_len;
		madvise(window, BUFFER_BYTES, MADV_DONTNEED);
		if ((z.recv_skip_hint || (!z.length && !z.copybuf_len)) &&
		    !receive(p, z.recv_skip_hint && z.recv_skip_hint < BUFFER_BYTES ? z.recv_skip_hint : 64))
			break;
		random_pause(p, 300000);
	}
	printf("mapped %llu copied %llu\n", (unsigned long long)mapped, (unsigned long long)copied);
}

/* Something has come, and it begins with an urgent byte. First of all: a recv() that waits would pass one that comes then. */
static int at_mark(int fd)
{
	int mark = 0;

	if (!wait_fd(fd, POLLIN | POLLPRI, now_ns() + WAIT_S * NS_PER_S))
		die("nothing comes");
	if (ioctl(fd, SIOCATMARK, &mark))
		die("SIOCATMARK: %s", strerror(errno));
	return mark;
}

static void answer(int fd)
{
	if (send(fd, "", 1, MSG_NOSIGNAL) != 1)
		die("send: %s", strerror(errno));
}

/* The urgent byte is asked for by itself; the stream passes it in the read after that. */
static void receive_urgent(struct path *p)
{
	size_t n;

	do {
		int mark = at_mark(p->fd);
		uint64_t before_ns = wall_ns();

		if (mark) {
			if (recv(p->fd, p->buffer, 1, MSG_OOB) != 1)
				die("recv of the urgent byte: %s", strerror(errno));
			stream_check(&p->stream, p->buffer, 1);
			log_call(&p->log, &p->stream, 1, before_ns, 0);
			answer(p->fd);
		}
		n = receive(p, random_up_to(p, 2000));
		if (mark)
			p->log.call[p->log.count - (n ? 2 : 1)].after_ns = wall_ns();
	} while (n);
}

static void receive_inline(struct path *p)
{
	set(p->fd, SOL_SOCKET, SO_OOBINLINE, 1);
	do {
		if (at_mark(p->fd))
			answer(p->fd);
	} while (receive(p, random_up_to(p, 2000)));
}

/* Reads `count` bytes, no more, and closes. */
static void receive_some(struct path *p)
{
	uint64_t end = p->stream.place + p->count;
	int waiting = 0;

	while (p->stream.place < end)
		receive(p, random_up_to(p, end - p->stream.place));
	for (uint64_t until_ns = now_ns() + WAIT_S * NS_PER_S; waiting < 20000 && now_ns() < until_ns; sleep_ns(NS_PER_MS))
		ioctl(p->fd, FIONREAD, &waiting);
	printf("unread %d\n", waiting);
	close(p->fd);
}

/* Reads `count` bytes, then nothing until it is told to. */
static void receive_stalled(struct path *p)
{
	uint64_t end = p->stream.place + p->count;

	while (p->stream.place < end)
		receive(p, random_up_to(p, end - p->stream.place));
	puts("stalled");
	fflush(stdout);
	for (uint64_t until_ns = now_ns() + WAIT_S * NS_PER_S; !told && now_ns() < until_ns;)
		sleep_ns(10 * NS_PER_MS);
	receive_plain(p);
}

/* ---- ways to send */

/* One send call of the stream's next bytes; 0: the other end is gone. */
static int transmit(struct path *p, size_t size, int flags)
{
	uint64_t before_ns;
	ssize_t n;

	stream_fill(&p->stream, p->buffer, size);
	before_ns = wall_ns();
	n = send(p->fd, p->buffer, size, flags | MSG_NOSIGNAL);
	if (n < 0 && errno != EPIPE && errno != ECONNRESET)
		die("send: %s", strerror(errno));
	if (n > 0)
		log_call(&p->log, &p->stream, (size_t)n, before_ns, wall_ns());
	return n > 0;
}

static void send_plain(struct path *p)
{
	for (uint64_t i = 0; i < p->count && transmit(p, random_up_to(p, rand_r(&p->seed) % 4 ? 2000 : 40000), 0); i++)
		random_pause(p, 300000);
}

/* One call for everything. */
static void send_once(struct path *p)
{
	transmit(p, p->count < BUFFER_BYTES ? p->count : BUFFER_BYTES, 0);
}

static void send_steady(struct path *p)
{
	set(p->fd, IPPROTO_TCP, TCP_NODELAY, 1);
	set(p->fd, SOL_SOCKET, SO_SNDBUF, STEADY_BUFFER_BYTES);
	for (uint64_t until_ns = now_ns() + WAIT_S * NS_PER_S; !told && now_ns() < until_ns; sleep_ns(300000))
		transmit(p, random_up_to(p, p->count), 0);
}

/* The last bytes wait for more and get the end of the stream. */
static void send_fin(struct path *p)
{
	send_plain(p);
	set(p->fd, IPPROTO_TCP, TCP_CORK, 1);
	transmit(p, random_up_to(p, 1000), 0);
	transmit(p, random_up_to(p, 100), 0);
}

/* Each urgent byte waits for the one before to be seen: the receiver answers with a byte. */
static void send_urgent(struct path *p)
{
	for (uint64_t i = 0; i < p->count; i++) {
		transmit(p, random_up_to(p, 1000), 0);
		transmit(p, random_up_to(p, 20), MSG_OOB);
		if (i % 2)
			transmit(p, random_up_to(p, 5000), 0);
		if (recv(p->fd, p->buffer, 1, 0) != 1)
			die("no answer to an urgent byte: %s", strerror(errno));
	}
}

static void send_sendfile(struct path *p)
{
	size_t size = p->count * 20000;
	off_t done = 0;
	int fd;

	munmap(stream_new(p, size, &fd), size);
	while ((size_t)done < size) {
		size_t wanted = random_up_to(p, rand_r(&p->seed) % 4 ? 8000 : 200000);
		uint64_t before_ns = wall_ns();
		ssize_t n = sendfile(p->fd, fd, &done, wanted);

		if (n <= 0)
			die("sendfile: %s", strerror(errno));
		log_call(&p->log, &p->stream, (size_t)n, before_ns, wall_ns());
		random_pause(p, 300000);
	}
}

/* Whole pages out of a pipe. They belong to no file, so that a receiver may map them. */
static void send_spliced(struct path *p)
{
	int ends[2];

	if (pipe(ends) || fcntl(ends[1], F_SETPIPE_SZ, BUFFER_BYTES) < 0)
		die("pipe: %s", strerror(errno));
	for (uint64_t i = 0; i < p->count; i++) {
		size_t size = PAGE_BYTES * random_up_to(p, 32), done = 0;

		stream_fill(&p->stream, p->buffer, size);
		if (write(ends[1], p->buffer, size) != (ssize_t)size)
			die("write to a pipe: %s", strerror(errno));
		while (done < size) {
			uint64_t before_ns = wall_ns();
			ssize_t n = splice(ends[0], NULL, p->fd, NULL, size - done, 0);

			if (n <= 0)
				die("splice: %s", strerror(errno));
			log_call(&p->log, &p->stream, (size_t)n, before_ns, wall_ns());
			done += (size_t)n;
		}
		random_pause(p, 300000);
	}
}

/* Takes what is there of the kernel's word that it needs the pages no longer. */
static unsigned int completions(int fd)
{
	unsigned int count = 0;

	for (;;) {
		char control[256];
		struct msghdr msg = { .msg_control = control, .msg_controllen = sizeof(control) };
		struct sock_extended_err *err;

		if (recvmsg(fd, &msg, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
			return count;
		if (!CMSG_FIRSTHDR(&msg))
			continue;
		err = (void *)CMSG_DATA(CMSG_FIRSTHDR(&msg));
		if (err->ee_origin == SO_EE_ORIGIN_ZEROCOPY)
			count += err->ee_data - err->ee_info + 1;
	}
}

static void send_zerocopy(struct path *p)
{
	size_t size = p->count * 20000, done = 0;
	unsigned int calls = 0, completed = 0;
	char *bytes;
	int fd;

	set(p->fd, SOL_SOCKET, SO_ZEROCOPY, 1);
	bytes = stream_new(p, size, &fd);
	while (done < size) {
		size_t wanted = random_up_to(p, rand_r(&p->seed) % 4 ? 8000 : 200000);
		uint64_t before_ns = wall_ns();
		ssize_t n = send(p->fd, bytes + done, wanted < size - done ? wanted : size - done, MSG_ZEROCOPY | MSG_NOSIGNAL);

		if (n < 0 && errno != ENOBUFS)
			die("send: %s", strerror(errno));
		if (n > 0) {
			log_call(&p->log, &p->stream, (size_t)n, before_ns, wall_ns());
			done += (size_t)n;
			calls++;
		}
		completed += completions(p->fd);
		random_pause(p, 300000);
	}
	for (uint64_t until_ns = now_ns() + 10 * NS_PER_S; completed < calls && now_ns() < until_ns; sleep_ns(NS_PER_MS))
		completed += completions(p->fd);
	printf("zerocopy %u completed %u\n", calls, completed);
}

static void send_more(struct path *p)
{
	for (uint64_t i = 0; i < p->count; i++) {
		if (i % 100 < 50) {
			transmit(p, random_up_to(p, 100), i % 10 == 9 ? 0 : MSG_MORE);
		} else {
			if (i % 10 == 0)
				set(p->fd, IPPROTO_TCP, TCP_CORK, 1);
			transmit(p, random_up_to(p, 100), 0);
			if (i % 10 == 9)
				set(p->fd, IPPROTO_TCP, TCP_CORK, 0);
		}
		random_pause(p, 300000);
	}
}

static void send_nodelay(struct path *p)
{
	set(p->fd, IPPROTO_TCP, TCP_NODELAY, 1);
	for (uint64_t i = 0; i < p->count; i++) {
		transmit(p, random_up_to(p, 60), 0);
		random_pause(p, 300000);
	}
}

/* `count` bytes in one call, which the socket lets go at its own rate. */
static void send_paced(struct path *p)
{
	set(p->fd, SOL_SOCKET, SO_MAX_PACING_RATE, PACING_BYTES_PER_S);
	set(p->fd, SOL_SOCKET, SO_SNDBUF, 1 << 20);
	send_once(p);
}

static const struct {
	const char *role, *name;
	void (*run)(struct path *p);
} modes[] = {
	{ "receive", "plain", receive_plain },	   { "receive", "slow", receive_slow },	      { "receive", "peek", receive_peek },
	{ "receive", "splice", receive_splice },   { "receive", "turns", receive_turns },     { "receive", "zerocopy", receive_zerocopy },
	{ "receive", "urgent", receive_urgent },   { "receive", "inline", receive_inline },   { "receive", "some", receive_some },
	{ "receive", "stalled", receive_stalled }, { "send", "plain", send_plain },	      { "send", "once", send_once },
	{ "send", "steady", send_steady },	   { "send", "fin", send_fin },		      { "send", "urgent", send_urgent },
	{ "send", "sendfile", send_sendfile },	   { "send", "zerocopy", send_zerocopy },     { "send", "more", send_more },
	{ "send", "nodelay", send_nodelay },	   { "send", "paced", send_paced },	      { "send", "spliced", send_spliced },
};

static void run(struct path *p, const char *role, const char *name)
{
	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++)
		if (!strcmp(modes[i].role, role) && !strcmp(modes[i].name, name)) {
			modes[i].run(p);
			return;
		}
	die("there is no mode %s %s", role, name);
}

int main(int argc, char **argv)
{
	int server = argc > 1 && !strcmp(argv[1], "serve"), sends = argc > 4 && !strcmp(argv[4], "send");
	struct path p = { .log.name = sends ? "write" : "read", .peeks.name = "peek" };
	char rest[64];

	if (argc != 8 || (!server && strcmp(argv[1], "connect")))
		die("usage: tcp_paths serve|connect ADDRESS PORT receive|send MODE COUNT SEED");
	signal(SIGUSR1, on_signal);
	p.count = number(argv[6], 0, COUNT_MAX);
	p.seed = (unsigned int)number(argv[7], 0, 4095); /* and the number of the stream */
	p.stream = stream_begin(MARK_CLIENT, p.seed);
	p.buffer = malloc(BUFFER_BYTES);
	if (!p.buffer)
		die("no memory");
	if (server)
		accept_streams(argv[2], argv[3], &p.fd, 1);
	else
		p.fd = open_socket(argv[2], argv[3], SOCK_STREAM, 0);
	limit_waits(p.fd, WAIT_S);
	run(&p, argv[4], argv[5]);
	if (sends) { /* until the other end has read everything, or is gone */
		shutdown(p.fd, SHUT_WR);
		while (recv(p.fd, rest, sizeof(rest), 0) > 0)
			;
	}
	log_print(&p.log);
	log_print(&p.peeks);
	puts("done");
	return 0;
}
