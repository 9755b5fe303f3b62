/* SPDX-License-Identifier: GPL-2.0-only */
/* The far end of a tun device: answers IPv4 and IPv6 echo requests and UDP datagrams by turning them round; ends after SECONDS. */
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <netinet/in.h>
#include <sys/ioctl.h>

#include "traffic.h"

static unsigned char packet[65536];

static void swap(unsigned char *a, unsigned char *b, size_t len)
{
	unsigned char keep;
	size_t i;

	for (i = 0; i < len; i++) {
		keep = a[i];
		a[i] = b[i];
		b[i] = keep;
	}
}

/* An ICMP type changed by `delta` in the high byte of its word: RFC 1624 update of the checksum at `sum`. */
static void fix_checksum(unsigned char *sum, unsigned char from, unsigned char to)
{
	uint32_t value = (uint32_t)(sum[0] << 8 | sum[1]);

	value = (~value & 0xffff) + (~((uint32_t)from << 8) & 0xffff) + ((uint32_t)to << 8);
	while (value >> 16)
		value = (value & 0xffff) + (value >> 16);
	value = ~value & 0xffff;
	sum[0] = value >> 8;
	sum[1] = value & 0xff;
}

/* 1: `packet` is now its own answer. */
static int turn_round(size_t len)
{
	unsigned char *l4;
	int v6, proto;

	if (len < 28)
		return 0;
	v6 = packet[0] >> 4 == 6;
	if (v6 && len < 48)
		return 0;
	l4 = v6 ? packet + 40 : packet + 4 * (packet[0] & 15);
	proto = v6 ? packet[6] : packet[9];
	if (v6)
		swap(packet + 8, packet + 24, 16);
	else
		swap(packet + 12, packet + 16, 4);
	if (proto == IPPROTO_UDP) {
		swap(l4, l4 + 2, 2);
		return 1;
	}
	if (proto == IPPROTO_ICMP && l4[0] == 8) {
		fix_checksum(l4 + 2, 8, 0);
		l4[0] = 0;
		return 1;
	}
	if (proto == IPPROTO_ICMPV6 && l4[0] == 128) {
		fix_checksum(l4 + 2, 128, 129);
		l4[0] = 129;
		return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct ifreq request = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	uint64_t deadline, turned = 0;
	ssize_t n;
	int fd;

	if (argc != 3)
		die("usage: tun_peer DEVICE SECONDS");
	fd = open("/dev/net/tun", O_RDWR);
	if (fd < 0)
		die("/dev/net/tun: %s", strerror(errno));
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", argv[1]);
	if (ioctl(fd, TUNSETIFF, &request))
		die("%s: %s", argv[1], strerror(errno));
	deadline = now_ns() + number(argv[2], 1, MAX_SECONDS) * NS_PER_S;
	puts("ready");
	fflush(stdout);
	while (wait_fd(fd, POLLIN, deadline)) {
		n = read(fd, packet, sizeof(packet));
		if (n > 0 && turn_round((size_t)n) && write(fd, packet, (size_t)n) == n)
			turned++;
	}
	printf("count=%llu\n", (unsigned long long)turned);
	return 0;
}
