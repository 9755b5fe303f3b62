/* SPDX-License-Identifier: GPL-2.0-only */
/* A cable between two tun devices that are there, each in a network namespace: what one sends the other receives; ends after SECONDS. */
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sched.h>
#include <sys/ioctl.h>

#include "traffic.h"

static unsigned char packet[65536];

static int open_tun(const char *netns, const char *device)
{
	struct ifreq request = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	char path[256];
	int ns, fd;

	snprintf(path, sizeof(path), "/run/netns/%s", netns);
	ns = open(path, O_RDONLY | O_CLOEXEC);
	if (ns < 0 || setns(ns, CLONE_NEWNET))
		die("%s: %s", path, strerror(errno));
	close(ns);
	fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		die("/dev/net/tun: %s", strerror(errno));
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", device);
	if (ioctl(fd, TUNSETIFF, &request))
		die("%s: %s", device, strerror(errno));
	return fd;
}

static void carry(int from, int to)
{
	ssize_t n = read(from, packet, sizeof(packet));

	if (n < 0 && errno != EAGAIN)
		die("read: %s", strerror(errno));
	if (n > 0 && write(to, packet, n) != n)
		die("write: %s", strerror(errno));
}

int main(int argc, char **argv)
{
	uint64_t deadline_ns;
	struct pollfd end[2] = { { .events = POLLIN }, { .events = POLLIN } };

	if (argc != 6)
		die("usage: tun_relay NETNS DEVICE NETNS DEVICE SECONDS");
	deadline_ns = now_ns() + number(argv[5], 1, MAX_SECONDS) * NS_PER_S;
	end[0].fd = open_tun(argv[1], argv[2]);
	end[1].fd = open_tun(argv[3], argv[4]);
	puts("ready");
	fflush(stdout);
	while (now_ns() < deadline_ns) {
		if (poll(end, 2, 100) < 0 && errno != EINTR)
			die("poll: %s", strerror(errno));
		for (int i = 0; i < 2; i++)
			if (end[i].revents & POLLIN)
				carry(end[i].fd, end[!i].fd);
	}
	return 0;
}
