/* SPDX-License-Identifier: GPL-2.0-only */
/* UDP client: COUNT exchanges with an echo server, one after the other; -o adds IP options or a destination options header. */
#include <netinet/in.h>
#include <netinet/ip6.h>

#include "traffic.h"

static char buffer[65536];

/* IPv4: a NOP, padded. IPv6: destination options with PadN in front of UDP. */
static void add_options(int fd)
{
	unsigned char v4[4] = { 1, 1, 1, 0 }, v6[8] = { 0, 0, 1, 4 };

	int v4_err, v6_err;

	/* An IPv6 socket takes both, for it may talk IPv4 too. */
	v4_err = setsockopt(fd, IPPROTO_IP, IP_OPTIONS, v4, sizeof(v4));
	v6_err = setsockopt(fd, IPPROTO_IPV6, IPV6_DSTOPTS, v6, sizeof(v6));
	if (v4_err && v6_err)
		die("options: %s", strerror(errno));
}

int main(int argc, char **argv)
{
	uint64_t count, size, pause_ns = 0, i, lost = 0;
	int fd, option, with_options = 0;

	while ((option = getopt(argc, argv, "op:")) != -1) {
		if (option == 'o')
			with_options = 1;
		else if (option == 'p')
			pause_ns = number(optarg, 0, 1000000) * 1000;
		else
			return 2;
	}
	if (argc - optind != 4)
		die("usage: udp_client [-o] [-p PAUSE_US] ADDRESS PORT COUNT SIZE");
	fd = open_socket(argv[optind], argv[optind + 1], SOCK_DGRAM, 0);
	count = number(argv[optind + 2], 1, 1000000);
	size = number(argv[optind + 3], 0, 65000);
	if (with_options)
		add_options(fd);
	for (i = 0; i < count; i++) {
		snprintf(buffer, sizeof(buffer), "exchange %llu", (unsigned long long)i);
		if (send(fd, buffer, size, 0) < 0 || !wait_fd(fd, POLLIN, now_ns() + NS_PER_S) ||
		    recv(fd, buffer, sizeof(buffer), 0) < 0)
			lost++;
		if (lost > 5)
			die("gave up after %llu exchanges, %llu lost", (unsigned long long)i, (unsigned long long)lost);
		if (pause_ns)
			sleep_ns(pause_ns);
	}
	printf("count=%llu lost=%llu\n", (unsigned long long)count, (unsigned long long)lost);
	return lost != 0;
}
