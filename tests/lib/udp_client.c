/* SPDX-License-Identifier: GPL-2.0-only */
/* UDP client: COUNT exchanges with an echo server, one after the other, and their median time; -o adds IP options or a destination options header. */
#include <netinet/in.h>
#include <netinet/ip6.h>

#include "traffic.h"

#define MAX_SAMPLES 65536

static char buffer[65536];
static uint64_t samples_ns[MAX_SAMPLES]; /* the newest */

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

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static uint64_t median_ns(uint64_t count)
{
	size_t n = count < MAX_SAMPLES ? count : MAX_SAMPLES;

	qsort(samples_ns, n, sizeof(samples_ns[0]), by_value);
	return samples_ns[n / 2];
}

int main(int argc, char **argv)
{
	uint64_t count, size, pause_ns = 0, before, i, lost = 0;
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
		before = now_ns();
		if (send(fd, buffer, size, 0) < 0 || !wait_fd(fd, POLLIN, now_ns() + NS_PER_S) ||
		    recv(fd, buffer, sizeof(buffer), 0) < 0)
			lost++;
		samples_ns[i % MAX_SAMPLES] = now_ns() - before;
		if (lost > 5)
			die("gave up after %llu exchanges, %llu lost", (unsigned long long)i, (unsigned long long)lost);
		if (pause_ns)
			sleep_ns(pause_ns);
	}
	printf("count=%llu lost=%llu p50_ns=%llu\n", (unsigned long long)count, (unsigned long long)lost, (unsigned long long)median_ns(count));
	return lost != 0;
}
