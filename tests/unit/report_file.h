/* SPDX-License-Identifier: GPL-2.0-only */
/* A capture file of 17 packets for tests of the report. */
#pragma once

#include "fixture.h"

#include "user/capture_comment.h"
#include "user/sink.h"

#define START_NS 1700000000000000000ull
#define RX_READ                                                                              \
	(SC_BIT(SC_RX_HARDIRQ) | SC_BIT(SC_RX_SOFTIRQ) | SC_BIT(SC_RX_DRIVER) | SC_BIT(SC_RX_NETIF) | \
	 SC_BIT(SC_RX_TC) | SC_BIT(SC_RX_IP) | SC_BIT(SC_RX_L4) | SC_BIT(SC_RX_SOCKET) |            \
	 SC_BIT(SC_RX_READ))
#define RX_L4 (RX_READ & ~(SC_BIT(SC_RX_SOCKET) | SC_BIT(SC_RX_READ)))
#define TX_DRIVER                                                                          \
	(SC_BIT(SC_TX_WRITE) | SC_BIT(SC_TX_IP) | SC_BIT(SC_TX_TC) | SC_BIT(SC_TX_NETDEV) | \
	 SC_BIT(SC_TX_DRIVER))

static const uint8_t tcp_frame[60] = {
	2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0, 0, 46, 0, 1, 0, 0, 64, 6, 0, 0,
	10, 0, 0, 2, 10, 0, 0, 1, 1, 0xbb, 0xc7, 0x38, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x18,
};
static const uint8_t udp_frame[60] = {
	2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0, 0, 46, 0, 1, 0, 0, 64, 17, 0, 0,
	10, 0, 0, 3, 10, 0, 0, 1, 0, 53, 0x10, 0, 0, 26,
};
static const uint8_t arp_frame[42] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 6 };

struct build {
	struct sink *sink;
	struct capture_end end;
	uint64_t id;
};

static inline void packet_put(struct build *b, struct packet p, const uint8_t *bytes, uint32_t wire_len)
{
	struct account_dir *account = &b->end.account.dir[p.dir - 1];

	p.id = ++b->id;
	p.anchor_ns = p.wall_ns = START_NS + p.id * 1000000;
	p.bytes = bytes;
	p.cap_len_bytes = bytes == arp_frame ? sizeof(arp_frame) : sizeof(tcp_frame);
	p.wire_len_bytes = wire_len;
	account->seen++;
	if (p.flags & PACKET_PARTIAL)
		account->partial[ACCOUNT_PARTIAL_TIMEOUT]++;
	else
		account->complete++;
	assert_int_equal(b->sink->ops->packet(b->sink, &p), 0);
}

static inline struct packet packet_make(uint8_t dir, uint32_t stages, uint64_t step_ns, const char *end)
{
	struct packet p = fixture_packet(dir, stages, step_ns);

	strcpy(p.end, end);
	return p;
}

static inline void packets_put(struct build *b)
{
	struct packet p;
	unsigned int i;

	for (i = 1; i <= 10; i++) {
		p = packet_make(SC_DIR_RX, RX_READ, i * 1000, "read");
		p.cpu = i & 1;
		p.irq = 33;
		p.queue = i & 1;
		p.pid = 812;
		strcpy(p.comm, "nginx");
		packet_put(b, p, tcp_frame, 100);
	}
	/* 50 ms behind a lost segment, in the transport and until the read */
	p = packet_make(SC_DIR_RX, RX_READ, 2000, "read");
	p.stamp_ns[SC_RX_SOCKET] += 50000000;
	p.stamp_ns[SC_RX_READ] += 60000000;
	p.flags = PACKET_HOL;
	packet_put(b, p, tcp_frame, 100);
	/* never came to its socket: neither total nor stack are whole */
	p = packet_make(SC_DIR_RX, RX_L4, 3000, "timeout");
	p.flags = PACKET_PARTIAL;
	strcpy(p.at, "l4");
	packet_put(b, p, tcp_frame, 100);
	packet_put(b, packet_make(SC_DIR_RX, RX_READ, 1500, "read"), udp_frame, 60);
	packet_put(b, packet_make(SC_DIR_RX, SC_BIT(SC_RX_DRIVER) | SC_BIT(SC_RX_NETIF) | SC_BIT(SC_RX_TC), 700, "tc"),
		   arp_frame, 42);
	p = packet_make(SC_DIR_RX, SC_BIT(SC_RX_DRIVER) | SC_BIT(SC_RX_IP) | SC_BIT(SC_TX_OUT) |
					       SC_BIT(SC_TX_NETDEV) | SC_BIT(SC_TX_DRIVER),
			900, "forward");
	strcpy(p.via, "eth1");
	packet_put(b, p, udp_frame, 60);
	packet_put(b, packet_make(SC_DIR_TX, TX_DRIVER, 400, "driver"), tcp_frame, 100);
	packet_put(b, packet_make(SC_DIR_TX, TX_DRIVER | SC_BIT(SC_TX_L4), 600, "driver"), tcp_frame, 100);
}

static inline void comment_make(char *comment)
{
	struct capture_comment c = { .version = "0.1.0", .match = "none", .clock_error_ns = 250 };

	c.probes[SC_RX_SOFTIRQ] = "tp:softirq_entry";
	c.probes[SC_RX_DRIVER] = "tp:napi_gro_receive_entry, netif_rx_entry";
	c.probes[SC_RX_IP] = "netfilter:PRE_ROUTING";
	c.probes[SC_TX_IP] = "netfilter:LOCAL_OUT";
	c.probes[SC_TX_WRITE] = "tp:tcp_sendmsg_locked";
	assert_true(capture_comment_format(&c, comment, CAPTURE_COMMENT_MAX) > 0);
}

/* What file_build() leaves out or adds. */
enum build_flag { BUILD_NO_END = 1, BUILD_LOST = 2, BUILD_WRONG_COUNT = 4, BUILD_NO_PACKETS = 8 };

static inline void file_build(char path[FIXTURE_PATH_MAX], unsigned int flags)
{
	struct capture_interface interface = { .name = "ens33", .description = "veth", .link_type = 1 };
	char comment[CAPTURE_COMMENT_MAX];
	struct capture_info info = {
		.interfaces = &interface,
		.interface_count = 1,
		.snaplen_bytes = 256,
		.filter = "tcp or udp",
		.hardware = "x86_64",
		.os = "Linux",
		.app = "stampcap 0.1.0",
		.comment = comment,
	};
	struct build b = { .end = { .start_ns = START_NS, .end_ns = START_NS + 1500000000 } };

	comment_make(comment);
	assert_int_equal(sink_pcapng_new(&b.sink, fixture_file(path), &info), 0);
	if (!(flags & BUILD_NO_PACKETS))
		packets_put(&b);
	b.end.account.dir[0].rejected[ACCOUNT_REJECTED_BACKWARDS] = 2;
	if (flags & BUILD_LOST) {
		b.end.account.dir[0].seen += 4;
		b.end.account.dir[0].lost[ACCOUNT_LOST_RING] = 4;
	}
	if (flags & BUILD_WRONG_COUNT) {
		b.end.account.dir[0].seen++;
		b.end.account.dir[0].complete++;
	}
	if (flags & BUILD_NO_END)
		assert_int_equal(b.sink->ops->flush(b.sink), 0);
	else
		assert_int_equal(b.sink->ops->end(b.sink, &b.end), 0);
	b.sink->ops->free(b.sink);
}
