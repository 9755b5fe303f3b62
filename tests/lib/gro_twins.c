/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * TCP segments for GRO to merge, of flows that differ in nothing but their source port: the same sequence numbers, the same bytes, in turn. ROUNDS times FLOWS flows of SEGMENTS
 * segments; a segment's payload is its letter, 'A' the first; the last one has PUSH, which ends the merged skb.
 */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>

#include "traffic.h"

#define PORT 7070
#define FIRST_PORT 10000u
#define ROUNDS_MAX 500
#define SEQ 1000u
#define PAYLOAD 100u
#define HEADERS 54

static unsigned char frame[HEADERS + PAYLOAD];

/* Every other round's flows have ports that are the same in their lowest nine bits: a table of parents by a weak hash mixes them up. */
static unsigned int port_of(uint64_t round, uint64_t flow)
{
	return FIRST_PORT + (unsigned int)(round + flow * (round % 2 ? 512 : 600));
}

static void set_be16(size_t at, unsigned int value)
{
	frame[at] = value >> 8;
	frame[at + 1] = value & 0xff;
}

static void set_be32(size_t at, uint32_t value)
{
	set_be16(at, value >> 16);
	set_be16(at + 2, value & 0xffff);
}

/* RFC 1071, over the bytes from `at` to `end`, beginning with `sum`. */
static unsigned int checksum(size_t at, size_t end, uint32_t sum)
{
	for (; at < end; at += 2)
		sum += (uint32_t)(frame[at] << 8 | frame[at + 1]);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum & 0xffff;
}

static void frame_begin(const char *mac, const char *from, const char *to)
{
	if (sscanf(mac, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", frame, frame + 1, frame + 2, frame + 3, frame + 4, frame + 5) != 6)
		die("%s: not a MAC address", mac);
	frame[6] = 2;
	set_be16(12, ETH_P_IP);
	frame[14] = 0x45;
	set_be16(16, sizeof(frame) - ETH_HLEN);
	set_be16(20, 0x4000); /* DF */
	frame[22] = 64;
	frame[23] = IPPROTO_TCP;
	if (inet_pton(AF_INET, from, frame + 26) != 1 || inet_pton(AF_INET, to, frame + 30) != 1)
		die("%s, %s: IPv4 addresses are needed", from, to);
	set_be16(24, checksum(14, 34, 0));
	set_be16(36, PORT);
	set_be32(42, 1);
	frame[46] = 5 << 4;
	set_be16(48, 1000);
}

static void frame_end(unsigned int port, uint64_t segment, int last)
{
	set_be16(34, port);
	set_be32(38, SEQ + (uint32_t)segment * PAYLOAD);
	frame[47] = last ? 0x18 : 0x10; /* ACK, and PUSH */
	memset(frame + HEADERS, 'A' + (int)segment, PAYLOAD);
	set_be16(50, 0);
	/* The pseudo header: addresses, protocol, length. */
	set_be16(50, checksum(34, sizeof(frame), (uint32_t)IPPROTO_TCP + 20 + PAYLOAD + (0xffff & ~checksum(26, 34, 0))));
}

int main(int argc, char **argv)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_halen = 6 };
	uint64_t flows, segments, rounds, round, segment, flow;
	int fd;

	if (argc != 8)
		die("usage: gro_twins IF TO_MAC FROM_IP TO_IP FLOWS SEGMENTS ROUNDS");
	to.sll_ifindex = (int)if_nametoindex(argv[1]);
	if (!to.sll_ifindex)
		die("%s: no such device", argv[1]);
	flows = number(argv[5], 1, 64);
	segments = number(argv[6], 1, 16);
	rounds = number(argv[7], 1, ROUNDS_MAX);
	frame_begin(argv[2], argv[3], argv[4]);
	memcpy(to.sll_addr, frame, 6);
	fd = socket(AF_PACKET, SOCK_RAW, 0);
	if (fd < 0)
		die("packet socket: %s", strerror(errno));
	for (round = 0; round < rounds; round++) {
		for (segment = 0; segment < segments; segment++)
			for (flow = 0; flow < flows; flow++) {
				frame_end(port_of(round, flow), segment, segment + 1 == segments);
				if (sendto(fd, frame, sizeof(frame), 0, (struct sockaddr *)&to, sizeof(to)) != sizeof(frame))
					die("send: %s", strerror(errno));
			}
		sleep_ns(1000000);
	}
	printf("sent=%llu\n", (unsigned long long)(rounds * flows * segments));
	return 0;
}
