// SPDX-License-Identifier: GPL-2.0-only
/*
 * replay FILE [PACKETS]: what user space does with a recording, without the kernel: records of a TCP ping-pong over many connections, made in memory, go through decode, join
 * and the pcapng writer into FILE. Prints records= and packets= a second of CPU time, and how much memory it took at most.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "tracing/stamp.h"
#include "user/account.h"
#include "user/join.h"
#include "user/sink.h"

#define CONNECTIONS 64
#define BYTES 66
#define IFINDEX 3
#define GAP_NS 5000	       /* from one transaction to the next */
#define PASS_NS 20000000ull    /* as record does it */
#define SETTLE_NS 1000000ull
#define DEADLINE_NS 3000000000ull
#define WINDOW 65536
#define START_NS 1000000000000ull
#define WALL_NS 1700000000000000000ull

struct record {
	struct sc_packet p;
	uint8_t bytes[BYTES + 6]; /* padded; size_bytes tells */
};

struct replay {
	struct join *join;
	struct sink *sink;
	struct account account;
	uint64_t records, packets, id; /* id: of the next packet */
	uint32_t rx_seq[CONNECTIONS], tx_seq[CONNECTIONS];
};

static const uint32_t rx_stages = SC_BIT(SC_RX_SOFTIRQ) | SC_BIT(SC_RX_XDP) | SC_BIT(SC_RX_DRIVER) | SC_BIT(SC_RX_NETIF) | SC_BIT(SC_RX_TC) | SC_BIT(SC_RX_IP) |
				  SC_BIT(SC_RX_LOCAL) | SC_BIT(SC_RX_L4) | SC_BIT(SC_RX_SOCKET);
static const uint32_t tx_stages = SC_BIT(SC_TX_IP) | SC_BIT(SC_TX_OUT) | SC_BIT(SC_TX_TC) | SC_BIT(SC_TX_NETDEV) | SC_BIT(SC_TX_DRIVER);

static int interface_of(void *context, uint32_t ifindex)
{
	(void)context;
	return ifindex == IFINDEX ? 0 : -ENODEV;
}

static const char *device_name_of(void *context, uint32_t ifindex)
{
	(void)context, (void)ifindex;
	return "eth0";
}

static int on_packet(void *context, struct packet *p)
{
	struct replay *r = context;

	p->wall_ns = WALL_NS + p->anchor_ns;
	r->packets++;
	return r->sink->ops->packet(r->sink, p);
}

static void feed(struct replay *r, const void *record, size_t size)
{
	int err = join_record(r->join, record, size);

	if (err) {
		fprintf(stderr, "a record of %zu bytes is refused: %s\n", size, strerror(-err));
		exit(1);
	}
	r->records++;
}

static void feed_packet(struct replay *r, uint8_t dir, unsigned int connection, uint32_t seq, uint64_t at_ns)
{
	struct record m = { .p = { .type = SC_REC_PACKET, .size_bytes = sizeof(m.p) + BYTES, .id = r->id << 16 | (r->id & 0xfff), .dir = dir, .sock = connection + 1,
				   .ifindex = IFINDEX, .irq = -1, .l3_off = 14, .l4_off = 34, .l4_proto = IPPROTO_TCP, .ip_version = 4, .tcp_flags = 0x18, .seq = seq,
				   .payload_len_bytes = 1, .cap_len_bytes = BYTES, .wire_len_bytes = BYTES + 1, .flow_hash = connection * 2654435761u + dir,
				   .end = dir == SC_DIR_RX ? SC_END_SOCKET : SC_END_DRIVER, .begin_ns = at_ns, .last_stage = SC_STAGE_NONE } };
	uint32_t stages = dir == SC_DIR_RX ? rx_stages : tx_stages;

	r->id++;
	for (int stage = 0; stage < SC_STAGE_COUNT; stage++) {
		if (!(stages & SC_BIT(stage)))
			continue;
		m.p.stamp_ns[stage] = m.p.last_ns = at_ns;
		m.p.stages |= SC_BIT(stage);
		m.p.last_stage = stage;
		at_ns += 150 + (r->id * 7 + (unsigned int)stage) % 100;
	}
	m.bytes[12] = 0x08;
	m.bytes[14] = 0x45;
	m.bytes[23] = IPPROTO_TCP;
	memcpy(m.bytes + 34, &connection, sizeof(uint16_t));
	feed(r, &m, m.p.size_bytes);
}

static void feed_call(struct replay *r, uint32_t type, unsigned int connection, uint32_t from, uint64_t at_ns)
{
	struct sc_call c = { .type = type, .size_bytes = sizeof(c), .time_ns = at_ns, .sock = connection + 1, .from = from, .to = from + 1, .pid = 100, .tid = 100, .comm = "server" };

	feed(r, &c, sizeof(c));
}

static void transaction(struct replay *r, unsigned int connection, uint64_t at_ns)
{
	feed_packet(r, SC_DIR_RX, connection, r->rx_seq[connection], at_ns);
	feed_call(r, SC_REC_READ, connection, r->rx_seq[connection]++, at_ns + 2500);
	feed_call(r, SC_REC_WRITE, connection, r->tx_seq[connection], at_ns + 2900);
	feed_packet(r, SC_DIR_TX, connection, r->tx_seq[connection]++, at_ns + 3300);
}

static int run(struct replay *r, uint64_t packets)
{
	uint64_t at_ns = START_NS, pass_ns = at_ns;
	int err = 0;

	for (uint64_t i = 0; !err && i < packets / 2; i++, at_ns += GAP_NS) {
		transaction(r, i % CONNECTIONS, at_ns);
		if (at_ns - pass_ns < PASS_NS)
			continue;
		pass_ns = at_ns;
		err = join_pass(r->join, at_ns, at_ns - SETTLE_NS, at_ns - SETTLE_NS);
		err = err ?: r->sink->ops->flush(r->sink);
	}
	err = err ?: join_finish(r->join);
	for (int dir = 0; dir < 2; dir++)
		r->account.dir[dir].seen = packets / 2;
	return err ?: r->sink->ops->end(r->sink, &(struct capture_end){ .account = r->account, .start_ns = WALL_NS, .end_ns = WALL_NS + at_ns });
}

static double cpu_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	static const struct capture_interface interface = { .name = "eth0", .description = "replay", .link_type = 1 };
	struct capture_info info = { .interfaces = &interface, .interface_count = 1, .snaplen_bytes = 256, .hardware = "", .os = "", .app = "stampcap replay",
				     .comment = "stampcap format=1 version=0 match=skb clock_error=0ns" };
	struct replay r = { .id = 1 };
	struct join_config config = {
		.rules = { .tcp_stages = rx_stages | tx_stages | SC_BIT(SC_RX_READ) | SC_BIT(SC_TX_WRITE) }, .deadline_ns = DEADLINE_NS, .window = WINDOW, .interface = interface_of,
		.device_name = device_name_of, .packet = on_packet, .context = &r,
	};
	uint64_t packets = argc > 2 ? strtoull(argv[2], NULL, 10) : 2000000;
	int fd = argc > 1 ? open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644) : -1, err;
	struct rusage usage;
	double before, took;

	if (fd < 0 || packets < 2) {
		fprintf(stderr, "usage: replay FILE [PACKETS]\n");
		return 2;
	}
	err = join_new(&r.join, &config, &r.account);
	err = err ?: sink_pcapng_new(&r.sink, fd, &info);
	before = cpu_s();
	err = err ?: run(&r, packets);
	took = cpu_s() - before;
	if (err || r.account.dir[0].complete != packets / 2 || r.account.dir[1].complete != packets / 2) {
		fprintf(stderr, "replay: %s; %llu and %llu of %llu complete\n", strerror(-err), (unsigned long long)r.account.dir[0].complete,
			(unsigned long long)r.account.dir[1].complete, (unsigned long long)packets / 2);
		return 1;
	}
	getrusage(RUSAGE_SELF, &usage);
	printf("records=%.0f packets=%.0f ns_per_record=%.0f max_kib=%ld\n", (double)r.records / took, (double)r.packets / took, took * 1e9 / (double)r.records, usage.ru_maxrss);
	join_free(r.join);
	r.sink->ops->free(r.sink);
	return 0;
}
