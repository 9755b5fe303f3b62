// SPDX-License-Identifier: GPL-2.0-only
/* Retransmissions and holes: see flow_order.h. */
#include "user/flow_order.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define IPPROTO_TCP_NUMBER 6
#define TCP_FLAG_SYN 2
#define RANGES_MAX 8
#define FLOWS_MAX 65536 /* the oldest go first; a flow that comes back starts anew */
#define FIRSTS_MAX (1u << 17) /* packets remembered for their retransmissions, of all flows together: 3 MiB */

struct flow_key {
	uint8_t address[32]; /* source, destination; IPv4 in the first four bytes of each half */
	uint8_t ports[4];
	uint32_t interface;
	uint8_t ip_version, dir, pad[2];
};

struct range {
	uint32_t from, to;
};

/* Bytes of a flow that were seen. */
struct seen {
	uint32_t next;			/* every byte before it was seen */
	struct range ahead[RANGES_MAX]; /* seen beyond a hole, unordered */
	unsigned int ahead_count;
};

/* A packet that was no retransmission. All flows share one ring of them; each has a chain through it. */
struct first {
	uint64_t id;
	uint64_t before; /* number of the flow's packet before it, 0 none */
	uint32_t from, to;
};

struct flow {
	struct flow_key key;
	struct seen wire;	/* by the device */
	struct seen delivered;	/* by TCP: what was dropped on the way to it is missing */
	uint64_t newest;	/* number of its newest packet in the ring, 0 none */
	UT_hash_handle hh;
};

struct flow_order {
	struct flow *flows;
	struct first *firsts; /* number n is at n % FIRSTS_MAX */
	uint64_t first_count; /* numbers begin with 1 */
	bool filtered;
};

int flow_order_new(struct flow_order **out, bool filtered)
{
	struct flow_order *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	f->firsts = calloc(FIRSTS_MAX, sizeof(*f->firsts));
	if (!f->firsts) {
		free(f);
		return -ENOMEM;
	}
	f->filtered = filtered;
	*out = f;
	return 0;
}

void flow_order_free(struct flow_order *f)
{
	struct flow *flow, *next;

	if (!f)
		return;
	HASH_ITER(hh, f->flows, flow, next) {
		HASH_DELETE(hh, f->flows, flow);
		free(flow);
	}
	free(f->firsts);
	free(f);
}

static bool key_of(const struct pending *n, struct flow_key *key)
{
	size_t address_bytes = n->ip_version == 4 ? 4 : 16, at = n->l3_off + (n->ip_version == 4 ? 12 : 8);

	memset(key, 0, sizeof(*key));
	if (!n->ip_version || at + 2 * address_bytes > n->p.cap_len_bytes || n->l4_off + 4u > n->p.cap_len_bytes)
		return false;
	memcpy(key->address, n->bytes + at, address_bytes);
	memcpy(key->address + 16, n->bytes + at + address_bytes, address_bytes);
	memcpy(key->ports, n->bytes + n->l4_off, 4);
	key->interface = n->p.interface;
	key->ip_version = n->ip_version;
	key->dir = n->p.dir;
	return true;
}

static struct flow *flow_get(struct flow_order *f, const struct flow_key *key, uint32_t first)
{
	struct flow *flow;

	HASH_FIND(hh, f->flows, key, sizeof(*key), flow);
	if (flow)
		return flow;
	if (HASH_COUNT(f->flows) >= FLOWS_MAX) {
		flow = f->flows;
		HASH_DELETE(hh, f->flows, flow);
		free(flow);
	}
	flow = calloc(1, sizeof(*flow));
	if (!flow)
		return NULL;
	flow->key = *key;
	flow->wire.next = flow->delivered.next = first;
	HASH_ADD(hh, f->flows, key, sizeof(flow->key), flow);
	return flow;
}

/* `next` moves over every range it has reached. */
static void absorb(struct seen *seen)
{
	for (unsigned int i = 0; i < seen->ahead_count;) {
		struct range *r = &seen->ahead[i];

		if (seq_diff(r->from, seen->next) > 0) {
			i++;
			continue;
		}
		if (seq_diff(r->to, seen->next) > 0)
			seen->next = r->to;
		*r = seen->ahead[--seen->ahead_count];
		i = 0;
	}
}

static bool seen_before(const struct seen *seen, uint32_t from, uint32_t to)
{
	if (seq_diff(to, seen->next) <= 0)
		return true;
	for (unsigned int i = 0; i < seen->ahead_count; i++)
		if (seq_diff(from, seen->ahead[i].from) >= 0 && seq_diff(to, seen->ahead[i].to) <= 0)
			return true;
	return false;
}

static void see_ahead(struct seen *seen, uint32_t from, uint32_t to)
{
	for (unsigned int i = 0; i < seen->ahead_count; i++) {
		struct range *r = &seen->ahead[i];

		if (seq_diff(from, r->to) <= 0 && seq_diff(to, r->from) >= 0) {
			r->from = seq_diff(from, r->from) < 0 ? from : r->from;
			r->to = seq_diff(to, r->to) > 0 ? to : r->to;
			return;
		}
	}
	if (seen->ahead_count < RANGES_MAX)
		seen->ahead[seen->ahead_count++] = (struct range){ from, to };
}

/* Where holes mean nothing: enters bytes in the place of the lowest ones, if there is no room. */
static void see_any(struct seen *seen, uint32_t from, uint32_t to)
{
	struct range *lowest = &seen->ahead[0];

	for (unsigned int i = 1; i < seen->ahead_count; i++)
		if (seq_diff(seen->ahead[i].from, lowest->from) < 0)
			lowest = &seen->ahead[i];
	if (seen->ahead_count == RANGES_MAX)
		*lowest = seen->ahead[--seen->ahead_count];
	see_ahead(seen, from, to);
}

/* Enters bytes; false if earlier ones are missing. */
static bool see(struct seen *seen, uint32_t from, uint32_t to)
{
	if (seq_diff(from, seen->next) > 0) {
		see_ahead(seen, from, to);
		return false;
	}
	if (seq_diff(to, seen->next) > 0)
		seen->next = to;
	absorb(seen);
	return true;
}

static void first_add(struct flow_order *f, struct flow *flow, const struct pending *n, uint32_t from, uint32_t to)
{
	f->firsts[++f->first_count % FIRSTS_MAX] = (struct first){ n->p.id, flow->newest, from, to };
	flow->newest = f->first_count;
}

/* The flow's newest packet in the ring that had this byte; 0 if there is none. */
static uint64_t first_with(const struct flow_order *f, const struct flow *flow, uint32_t byte)
{
	uint64_t number = flow->newest;

	while (number && f->first_count - number < FIRSTS_MAX) {
		const struct first *first = &f->firsts[number % FIRSTS_MAX];

		if (seq_diff(byte, first->from) >= 0 && seq_diff(byte, first->to) < 0)
			return first->id;
		number = first->before;
	}
	return 0;
}

static void restart(struct seen *seen, uint32_t next)
{
	seen->next = next;
	seen->ahead_count = 0;
}

int flow_order_mark(struct flow_order *f, struct pending *n)
{
	bool syn = n->tcp_flags & TCP_FLAG_SYN, dropped = !strncmp(n->p.end, "drop:", 5), received = n->p.dir == SC_DIR_RX;
	uint32_t from = n->seq, to = n->end_seq + syn;
	struct flow_key key;
	struct flow *flow;

	if (n->l4_proto != IPPROTO_TCP_NUMBER || (!n->payload_bytes && !syn) || !key_of(n, &key))
		return 0;
	flow = flow_get(f, &key, from);
	if (!flow)
		return -ENOMEM;
	if (syn && to != flow->wire.next) { /* the ports are in use again */
		restart(&flow->wire, to);
		restart(&flow->delivered, to);
		flow->newest = 0;
		first_add(f, flow, n, from, to);
		return 0;
	}
	if (seen_before(&flow->wire, from, to)) {
		n->p.flags |= PACKET_RETRANS;
		n->p.first_id = first_with(f, flow, from);
	} else {
		first_add(f, flow, n, from, to);
	}
	if (f->filtered) {
		see_any(&flow->wire, from, to);
		return 0;
	}
	see(&flow->wire, from, to);
	if (n->in_order && seq_diff(to, flow->delivered.next) > 0) /* holes that seemed to be there were packets lost to us */
		flow->delivered.next = to;
	if (n->in_order)
		absorb(&flow->delivered);
	else if (received && !dropped && !seen_before(&flow->delivered, from, to) && !see(&flow->delivered, from, to))
		n->p.flags |= PACKET_HOL;
	return 0;
}
