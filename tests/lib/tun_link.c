/* SPDX-License-Identifier: GPL-2.0-only */
/* Gives a tun device that is down another link type: 512 PPP, 768 IPIP, 778 GRE. */
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>

#include "traffic.h"

int main(int argc, char **argv)
{
	struct ifreq request = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	int fd;

	if (argc != 3)
		die("usage: tun_link DEVICE ARPHRD");
	fd = open("/dev/net/tun", O_RDWR);
	if (fd < 0)
		die("/dev/net/tun: %s", strerror(errno));
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", argv[1]);
	if (ioctl(fd, TUNSETIFF, &request) || ioctl(fd, TUNSETLINK, (int)number(argv[2], 0, 65535)))
		die("%s: %s", argv[1], strerror(errno));
	return 0;
}
