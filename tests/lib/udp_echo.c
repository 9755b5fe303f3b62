/* SPDX-License-Identifier: GPL-2.0-only */
/* UDP server: answers each datagram with its own bytes (-q: only counts), after a delay if asked; ends after SECONDS or COUNT. */
#include "traffic.h"

static char buffer[65536];

int main(int argc, char **argv)
{
	uint64_t deadline, delay_ns = 0, limit = UINT64_MAX, done = 0, bytes = 0;
	struct sockaddr_storage from;
	socklen_t from_len;
	int quiet = 0, option, fd, size = 4 << 20;
	ssize_t n;

	while ((option = getopt(argc, argv, "qd:n:")) != -1) {
		if (option == 'q')
			quiet = 1;
		else if (option == 'd')
			delay_ns = number(optarg, 0, 10000) * NS_PER_MS;
		else if (option == 'n')
			limit = number(optarg, 1, UINT64_MAX);
		else
			return 2;
	}
	if (argc - optind != 3)
		die("usage: udp_echo [-q] [-d DELAY_MS] [-n COUNT] ADDRESS PORT SECONDS");
	fd = open_socket(argv[optind], argv[optind + 1], SOCK_DGRAM, 1);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	deadline = now_ns() + number(argv[optind + 2], 1, MAX_SECONDS) * NS_PER_S;
	puts("ready");
	fflush(stdout);
	while (done < limit && wait_fd(fd, POLLIN, deadline)) {
		if (delay_ns)
			sleep_ns(delay_ns);
		from_len = sizeof(from);
		n = recvfrom(fd, buffer, sizeof(buffer), 0, (struct sockaddr *)&from, &from_len);
		if (n < 0)
			continue;
		if (!quiet)
			sendto(fd, buffer, n, 0, (struct sockaddr *)&from, from_len);
		done++;
		bytes += n;
	}
	printf("count=%llu bytes=%llu\n", (unsigned long long)done, (unsigned long long)bytes);
	return 0;
}
