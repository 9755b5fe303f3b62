/* SPDX-License-Identifier: GPL-2.0-only */
/* One UDP socket that is connected to nobody: COUNT datagrams each to PORT and to the port after it, in turn. */
#include <arpa/inet.h>
#include <netinet/in.h>

#include "traffic.h"

static char buffer[65536];

int main(int argc, char **argv)
{
	uint64_t count, size, i;
	struct sockaddr_in to = { .sin_family = AF_INET };
	uint16_t port;
	int fd;

	if (argc != 5)
		die("usage: udp_sendto IPV4 PORT COUNT SIZE");
	if (inet_pton(AF_INET, argv[1], &to.sin_addr) != 1)
		die("%s: no IPv4 address", argv[1]);
	port = number(argv[2], 1, 65534);
	count = number(argv[3], 1, 100000);
	size = number(argv[4], 1, sizeof(buffer));
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		die("socket: %s", strerror(errno));
	for (i = 0; i < 2 * count; i++) {
		to.sin_port = htons(port + i % 2);
		if (sendto(fd, buffer, size, 0, (struct sockaddr *)&to, sizeof(to)) < 0)
			die("sendto: %s", strerror(errno));
		sleep_ns(200000);
	}
	printf("sent=%llu\n", (unsigned long long)(2 * count));
	return 0;
}
