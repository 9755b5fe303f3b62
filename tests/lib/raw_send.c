/* SPDX-License-Identifier: GPL-2.0-only */
/* Sends frames of its own making through a packet socket: what no ordinary socket can produce. KIND names the frame. */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>

#include "traffic.h"

struct frame {
	unsigned char bytes[2048];
	size_t len;
};

static void put(struct frame *f, const void *bytes, size_t len)
{
	if (f->len + len > sizeof(f->bytes))
		die("frame too long");
	memcpy(f->bytes + f->len, bytes, len);
	f->len += len;
}

static void put_be16(struct frame *f, uint16_t value)
{
	uint16_t be = htons(value);

	put(f, &be, sizeof(be));
}

static void parse_mac(const char *text, unsigned char mac[6])
{
	if (sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", mac, mac + 1, mac + 2, mac + 3, mac + 4, mac + 5) != 6)
		die("%s: not a MAC address", text);
}

static uint16_t checksum(const unsigned char *bytes, size_t len)
{
	uint32_t sum = 0;
	size_t i;

	for (i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)(bytes[i] << 8 | bytes[i + 1]);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* IPv4 and UDP with `payload_len` bytes, UDP checksum left out. */
static void put_udp(struct frame *f, const char *from, const char *to, uint16_t port, size_t payload_len)
{
	unsigned char ip[20] = { 0x45, 0, 0, 0, 0, 1, 0, 0, 64, IPPROTO_UDP };
	size_t total = sizeof(ip) + 8 + payload_len, i;
	uint16_t sum;

	ip[2] = total >> 8;
	ip[3] = total & 0xff;
	if (inet_pton(AF_INET, from, ip + 12) != 1 || inet_pton(AF_INET, to, ip + 16) != 1)
		die("%s, %s: IPv4 addresses are needed", from, to);
	sum = checksum(ip, sizeof(ip));
	ip[10] = sum >> 8;
	ip[11] = sum & 0xff;
	put(f, ip, sizeof(ip));
	put_be16(f, 40000);
	put_be16(f, port);
	put_be16(f, (uint16_t)(8 + payload_len));
	put_be16(f, 0);
	for (i = 0; i < payload_len; i++)
		put(f, "v", 1);
}

int main(int argc, char **argv)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_halen = 6 };
	struct frame f = { .len = 0 };
	unsigned char mac[6];
	uint64_t count, i;
	const char *kind;
	int fd;

	if (argc != 8)
		die("usage: raw_send IF TO_MAC FROM_IP TO_IP PORT COUNT udp|vlan:VID|qinq:VID|ethertype:N|short");
	to.sll_ifindex = (int)if_nametoindex(argv[1]);
	if (!to.sll_ifindex)
		die("%s: no such device", argv[1]);
	parse_mac(argv[2], mac);
	memcpy(to.sll_addr, mac, 6);
	count = number(argv[6], 1, 10000);
	kind = argv[7];
	put(&f, mac, 6);
	put(&f, "\x02\x00\x00\x00\x00\x99", 6);
	if (!strncmp(kind, "vlan:", 5)) {
		put_be16(&f, ETH_P_8021Q);
		put_be16(&f, (uint16_t)number(kind + 5, 0, 4094));
	} else if (!strncmp(kind, "qinq:", 5)) {
		put_be16(&f, ETH_P_8021AD);
		put_be16(&f, (uint16_t)number(kind + 5, 0, 4094));
		put_be16(&f, ETH_P_8021Q);
		put_be16(&f, 7);
	}
	if (!strncmp(kind, "ethertype:", 10)) {
		put_be16(&f, (uint16_t)number(kind + 10, 1536, 65535));
		put(&f, "an experimental protocol, padded to the least length of a frame", 60);
	} else if (!strcmp(kind, "short")) {
		put_be16(&f, ETH_P_IP);
		put(&f, "\x45\x00", 2);
	} else {
		put_be16(&f, ETH_P_IP);
		put_udp(&f, argv[3], argv[4], (uint16_t)number(argv[5], 1, 65535), 100);
	}
	fd = socket(AF_PACKET, SOCK_RAW, 0);
	if (fd < 0)
		die("packet socket: %s", strerror(errno));
	for (i = 0; i < count; i++)
		if (sendto(fd, f.bytes, f.len, 0, (struct sockaddr *)&to, sizeof(to)) != (ssize_t)f.len)
			die("send: %s", strerror(errno));
	printf("sent=%llu\n", (unsigned long long)count);
	return 0;
}
