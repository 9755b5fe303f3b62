/* SPDX-License-Identifier: GPL-2.0-only */
/* Records as the kernel side writes them. */
#pragma once

#include "fixture.h"

#include <errno.h>
#include <netinet/in.h>

#include "tracing/stamp.h"

#define BASE_NS	     1000000000000ull /* monotonic time of the first event of a test */
#define STEP_NS	     100	      /* between two stages of a record */
#define SOCK	     77
#define IFINDEX	     3
#define L3_OFF	     14
#define L4_OFF	     34
#define RECORD_BYTES 64
#define ALL_STAGES   (SC_BIT(SC_STAGE_COUNT) - 1)
#define FOREVER	     UINT64_MAX

struct record {
	struct sc_packet p;
	uint8_t bytes[RECORD_BYTES];
};

/* Stamps the stages of `mask` STEP_NS apart, from at_ns on. */
static inline void record_stamps(struct record *r, uint32_t mask, uint64_t at_ns)
{
	for (int stage = 0; stage < SC_STAGE_COUNT; stage++) {
		if (!(mask & SC_BIT(stage)))
			continue;
		r->p.stages |= SC_BIT(stage);
		r->p.stamp_ns[stage] = r->p.last_ns = at_ns;
		r->p.last_stage = stage;
		at_ns += STEP_NS;
	}
}

/* An IPv4 packet with its first RECORD_BYTES bytes. */
static inline struct record record_new(uint8_t dir, uint64_t id, uint8_t proto, uint8_t end)
{
	static const uint8_t addresses[] = { 10, 0, 0, 1, 10, 0, 0, 2 };
	static const uint8_t ports[] = { 0x30, 0x39, 0x01, 0xbb };
	struct record r = { .p = { .type = SC_REC_PACKET,
				   .size_bytes = sizeof(r),
				   .id = id,
				   .dir = dir,
				   .end = end,
				   .sock = SOCK } };

	r.p.l4_proto = proto;
	r.p.ip_version = 4;
	r.p.l3_off = L3_OFF;
	r.p.l4_off = L4_OFF;
	r.p.ifindex = IFINDEX;
	r.p.irq = -1;
	r.p.cap_len_bytes = RECORD_BYTES;
	r.p.wire_len_bytes = 1514;
	r.p.flow_hash = 0x5eed;
	r.p.last_stage = SC_STAGE_NONE;
	r.bytes[L3_OFF] = 0x45;
	memcpy(r.bytes + L3_OFF + 12, addresses, sizeof(addresses));
	memcpy(r.bytes + L4_OFF, ports, sizeof(ports));
	return r;
}

/* The stages of a received packet up to `last`, without the optional ones. */
static inline uint32_t record_rx_stages(uint8_t last)
{
	return (SC_BIT(last + 1) - 1) & ~(SC_BIT(SC_RX_DRIVER) - 1) & ~SC_BIT(SC_RX_BACKLOG) &
	       ~SC_BIT(SC_RX_WAKEUP);
}

/* Received: `driver` at at_ns, and on to the stage that `end` needs. */
static inline struct record record_rx(uint64_t id, uint8_t proto, uint8_t end, uint64_t at_ns)
{
	struct record r = record_new(SC_DIR_RX, id, proto, end);

	record_stamps(&r,
		      record_rx_stages(end == SC_END_MERGED   ? SC_RX_DRIVER
				       : end == SC_END_SOCKET ? SC_RX_SOCKET
							      : SC_RX_L4),
		      at_ns);
	return r;
}

static inline struct record record_tcp_rx(uint64_t id, uint32_t seq, uint32_t len, uint8_t end,
					  uint64_t at_ns)
{
	struct record r = record_rx(id, IPPROTO_TCP, end, at_ns);

	r.p.seq = seq;
	r.p.payload_len_bytes = len;
	return r;
}

/* Sent: `l4` at at_ns, and on to `driver`. */
static inline struct record record_tcp_tx(uint64_t id, uint32_t seq, uint32_t len, uint64_t at_ns)
{
	struct record r = record_new(SC_DIR_TX, id, IPPROTO_TCP, SC_END_DRIVER);

	r.p.seq = seq;
	r.p.payload_len_bytes = len;
	record_stamps(&r,
		      ALL_STAGES & ~(SC_BIT(SC_TX_L4) - 1) & ~SC_BIT(SC_TX_TXDONE) &
			      ~SC_BIT(SC_TX_PACED) & ~SC_BIT(SC_TX_QDISC),
		      at_ns);
	return r;
}

static inline struct sc_call record_call(uint32_t type, uint32_t from, uint32_t to, uint64_t at_ns)
{
	struct sc_call c = { .type = type,
			     .size_bytes = sizeof(c),
			     .sock = SOCK,
			     .from = from,
			     .to = to,
			     .time_ns = at_ns,
			     .pid = 812,
			     .tid = 813 };

	strcpy(c.comm, "app");
	return c;
}
