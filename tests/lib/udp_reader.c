/* SPDX-License-Identifier: GPL-2.0-only */
/* Reads COUNT datagrams in one of the ways there are; peek looks at each for 50 ms before it takes it. */
#include "traffic.h"

#define BATCH 4

static char buffer[BATCH][4096];

static int read_many(int fd)
{
	struct mmsghdr message[BATCH] = { 0 };
	struct iovec iov[BATCH];
	int i;

	for (i = 0; i < BATCH; i++) {
		iov[i] = (struct iovec){ .iov_base = buffer[i], .iov_len = sizeof(buffer[i]) };
		message[i].msg_hdr.msg_iov = &iov[i];
		message[i].msg_hdr.msg_iovlen = 1;
	}
	return recvmmsg(fd, message, BATCH, MSG_DONTWAIT, NULL);
}

/* Datagrams taken from the socket, or -1. */
static int read_some(int fd, const char *mode)
{
	struct iovec iov = { .iov_base = buffer[0], .iov_len = sizeof(buffer[0]) };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (!strcmp(mode, "recvmmsg"))
		return read_many(fd);
	if (!strcmp(mode, "recvmsg"))
		return recvmsg(fd, &message, 0) < 0 ? -1 : 1;
	if (!strcmp(mode, "read"))
		return read(fd, buffer[0], sizeof(buffer[0])) < 0 ? -1 : 1;
	if (!strcmp(mode, "truncate"))
		return recv(fd, buffer[0], 10, 0) < 0 ? -1 : 1;
	if (!strcmp(mode, "peek")) {
		if (recv(fd, buffer[0], sizeof(buffer[0]), MSG_PEEK) < 0)
			return -1;
		sleep_ns(50 * NS_PER_MS);
		if (recv(fd, buffer[0], 10, MSG_PEEK | MSG_TRUNC) < 0)
			return -1;
	}
	return recv(fd, buffer[0], sizeof(buffer[0]), 0) < 0 ? -1 : 1;
}

int main(int argc, char **argv)
{
	uint64_t deadline, count, done = 0;
	int fd, n;

	if (argc != 6)
		die("usage: udp_reader recv|peek|truncate|recvmmsg|recvmsg|read ADDRESS PORT COUNT SECONDS");
	fd = open_socket(argv[2], argv[3], SOCK_DGRAM, 1);
	count = number(argv[4], 1, 100000);
	deadline = now_ns() + number(argv[5], 1, MAX_SECONDS) * NS_PER_S;
	puts("ready");
	fflush(stdout);
	while (done < count && wait_fd(fd, POLLIN, deadline)) {
		n = read_some(fd, argv[1]);
		if (n < 0)
			die("%s: %s", argv[1], strerror(errno));
		done += (uint64_t)n;
	}
	printf("count=%llu\n", (unsigned long long)done);
	return 0;
}
