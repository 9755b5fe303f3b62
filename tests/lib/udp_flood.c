/* SPDX-License-Identifier: GPL-2.0-only */
/* UDP sender without answers: at most COUNT datagrams, at most RATE a second (0: as fast as it goes), at most SECONDS. */
#include "traffic.h"

static char buffer[65536];

int main(int argc, char **argv)
{
	uint64_t size, count, rate, start, deadline, now, due, sent = 0, failed = 0;
	int fd;

	if (argc != 7)
		die("usage: udp_flood ADDRESS PORT SIZE COUNT RATE SECONDS");
	fd = open_socket(argv[1], argv[2], SOCK_DGRAM, 0);
	size = number(argv[3], 0, 65000);
	count = number(argv[4], 1, 10000000);
	rate = number(argv[5], 0, 1000000);
	start = now_ns();
	deadline = start + number(argv[6], 1, MAX_SECONDS) * NS_PER_S;
	while (sent + failed < count && now_ns() < deadline) {
		memcpy(buffer, &sent, sizeof(sent));
		if (send(fd, buffer, size, 0) < 0)
			failed++;
		else
			sent++;
		due = rate ? start + sent * NS_PER_S / rate : 0;
		now = now_ns();
		if (due > now)
			sleep_ns(due - now);
	}
	printf("sent=%llu failed=%llu ns=%llu\n", (unsigned long long)sent, (unsigned long long)failed,
	       (unsigned long long)(now_ns() - start));
	return 0;
}
