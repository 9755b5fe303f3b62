// SPDX-License-Identifier: GPL-2.0-only
/* Retransmissions and holes: see flow_order.h. */
#include "user/flow_order.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define IPPROTO_TCP_NUMBER 6
#define TCP_FLAG_FIN 1
#define TCP_FLAG_SYN 2
#define RANGES_MAX 4096 /* beyond as many holes of a flow; a quarter of them, the lowest, goes when there is no room */
#define RANGES_FIRST 4
#define RANGES_OF_ALL (1u << 20) /* of all flows together: 8 MiB */
#define NEAR_BYTES (1 << 20)
#define WINDOW_MAX_BYTES (1 << 30) /* RFC 7323, 2.3 */
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
	uint32_t next;	     /* every byte before it was seen */
	struct range *ahead; /* seen beyond holes: in order, apart from each other */
	unsigned int ahead_count, ahead_room;
	bool gives_up;	     /* without room, the lowest holes are taken to be filled; else it is forgotten what lies between them */
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
	uint32_t first;		/* byte that was seen; what came before the recording is not known */
	bool whole;		/* its begin was seen, or is too far back to matter */
	uint32_t far_next;	/* where the newest segment ended that no window reaches */
	UT_hash_handle hh;
};

struct flow_order {
	struct flow *flows;
	struct first *firsts; /* number n is at n % FIRSTS_MAX */
	uint64_t first_count; /* numbers begin with 1 */
	size_t ranges_room;   /* of all flows */
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

static void ranges_free(struct flow_order *f, struct seen *seen)
{
	f->ranges_room -= seen->ahead_room;
	free(seen->ahead);
	seen->ahead = NULL;
	seen->ahead_count = seen->ahead_room = 0;
}

static void flow_free(struct flow_order *f, struct flow *flow)
{
	HASH_DELETE(hh, f->flows, flow);
	ranges_free(f, &flow->wire);
	ranges_free(f, &flow->delivered);
	free(flow);
}

void flow_order_free(struct flow_order *f)
{
	struct flow *flow, *next;

	if (!f)
		return;
	HASH_ITER(hh, f->flows, flow, next) {
		flow_free(f, flow);
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
		flow_free(f, flow);
	}
	flow = calloc(1, sizeof(*flow));
	if (!flow)
		return NULL;
	flow->key = *key;
	flow->first = flow->wire.next = flow->delivered.next = first;
	flow->delivered.gives_up = true;
	HASH_ADD(hh, f->flows, key, sizeof(flow->key), flow);
	return flow;
}

/* The first range that ends beyond `byte`: its index, or ahead_count. */
static unsigned int range_ending_after(const struct seen *seen, uint32_t byte)
{
	unsigned int low = 0, high = seen->ahead_count;

	while (low < high) {
		unsigned int middle = low + (high - low) / 2;

		if (seq_diff(seen->ahead[middle].to, byte) > 0)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static bool seen_before(const struct seen *seen, uint32_t from, uint32_t to)
{
	unsigned int i = range_ending_after(seen, from);

	if (seq_diff(to, seen->next) <= 0)
		return true;
	return i < seen->ahead_count && seq_diff(from, seen->ahead[i].from) >= 0 && seq_diff(to, seen->ahead[i].to) <= 0;
}

static void ranges_remove(struct seen *seen, unsigned int at, unsigned int count)
{
	seen->ahead_count -= count;
	memmove(seen->ahead + at, seen->ahead + at + count, (seen->ahead_count - at) * sizeof(*seen->ahead));
}

/* `next` moves over every range it has reached. */
static void absorb(struct seen *seen)
{
	unsigned int reached = 0;

	while (reached < seen->ahead_count && seq_diff(seen->ahead[reached].from, seen->next) <= 0) {
		if (seq_diff(seen->ahead[reached].to, seen->next) > 0)
			seen->next = seen->ahead[reached].to;
		reached++;
	}
	if (reached)
		ranges_remove(seen, 0, reached);
}

/* Room for one more: a larger array, or the place of the lowest ranges. */
static int ranges_make_room(struct flow_order *f, struct seen *seen)
{
	unsigned int room = seen->ahead_room ? seen->ahead_room * 2 : RANGES_FIRST, drop = seen->ahead_count / 4 + 1;
	struct range *grown;

	if (seen->ahead_count < seen->ahead_room)
		return 0;
	if (seen->ahead_room && (room > RANGES_MAX || f->ranges_room + room > RANGES_OF_ALL)) {
		if (seen->gives_up)
			seen->next = seen->ahead[drop - 1].to;
		ranges_remove(seen, 0, drop);
		return 0;
	}
	grown = realloc(seen->ahead, room * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	f->ranges_room += room - seen->ahead_room;
	seen->ahead = grown;
	seen->ahead_room = room;
	return 0;
}

/* Enters bytes beyond a hole: joins the ranges that they touch, or is one of its own. */
static int see_ahead(struct flow_order *f, struct seen *seen, uint32_t from, uint32_t to)
{
	unsigned int at = range_ending_after(seen, from - 1), last = at;
	int err;

	while (last < seen->ahead_count && seq_diff(seen->ahead[last].from, to) <= 0)
		last++;
	if (last > at) {
		struct range *r = &seen->ahead[at];

		r->from = seq_diff(from, r->from) < 0 ? from : r->from;
		to = seq_diff(to, seen->ahead[last - 1].to) > 0 ? to : seen->ahead[last - 1].to;
		r->to = to;
		ranges_remove(seen, at + 1, last - at - 1);
		return 0;
	}
	err = ranges_make_room(f, seen);
	if (err)
		return err;
	at = range_ending_after(seen, from - 1);
	memmove(seen->ahead + at + 1, seen->ahead + at, (seen->ahead_count - at) * sizeof(*seen->ahead));
	seen->ahead[at] = (struct range){ from, to };
	seen->ahead_count++;
	return 0;
}

/* What is further behind than any window cannot come any more: a hole that is left there was a packet lost to us. Keeps numbers comparable, too. */
static void leave_behind(struct seen *seen, uint32_t front)
{
	uint32_t oldest = front - WINDOW_MAX_BYTES;

	if (seq_diff(oldest, seen->next) <= 0)
		return;
	seen->next = oldest;
	absorb(seen);
}

/* Enters bytes. 1: in order; 0: earlier ones are missing; or -ENOMEM. */
static int see(struct flow_order *f, struct seen *seen, uint32_t from, uint32_t to)
{
	if (seq_diff(from, seen->next) > 0)
		return see_ahead(f, seen, from, to);
	if (seq_diff(to, seen->next) > 0)
		seen->next = to;
	absorb(seen);
	return 1;
}

/* After the highest byte that was seen. */
static uint32_t front_of(const struct seen *seen)
{
	return seen->ahead_count ? seen->ahead[seen->ahead_count - 1].to : seen->next;
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

/*
 * No window reaches these bytes, so they are not the flow's; unless others follow soon: then it is another connection, of which the begin was not seen. With a filter
 * much may have passed that nobody wanted.
 */
static bool is_far_off(const struct flow_order *f, struct flow *flow, uint32_t from, uint32_t to)
{
	int32_t distance = seq_diff(to, front_of(&flow->wire)), beyond = seq_diff(from, flow->far_next);

	if (distance <= WINDOW_MAX_BYTES && distance >= -WINDOW_MAX_BYTES)
		return false;
	if (!f->filtered && (beyond < 0 || beyond > NEAR_BYTES)) {
		flow->far_next = to;
		return true;
	}
	restart(&flow->wire, from);
	restart(&flow->delivered, from);
	flow->newest = 0;
	flow->first = from;
	flow->whole = false;
	return false;
}

/* Sent before the first byte that was seen: not known to be sent again, even if it is. */
static bool is_before_first(struct flow *flow, uint32_t from)
{
	if (seq_diff(front_of(&flow->wire), flow->first) > WINDOW_MAX_BYTES)
		flow->whole = true;
	if (flow->whole || seq_diff(from, flow->first) >= 0)
		return false;
	flow->first = from;
	return true;
}

int flow_order_mark(struct flow_order *f, struct pending *n)
{
	bool syn = n->tcp_flags & TCP_FLAG_SYN, fin = n->tcp_flags & TCP_FLAG_FIN;
	bool dropped = !strncmp(n->p.end, "drop:", 5) || !strcmp(n->p.end, "xdp"), received = n->p.dir == SC_DIR_RX;
	uint32_t from = n->seq, data_to = n->end_seq + syn, to = data_to + fin; /* SYN and FIN take a number each (RFC 793, 3.3) */
	struct flow_key key;
	struct flow *flow;
	int seen;

	if (n->l4_proto != IPPROTO_TCP_NUMBER || from == to || !key_of(n, &key))
		return 0;
	flow = flow_get(f, &key, from);
	if (!flow)
		return -ENOMEM;
	if (syn && data_to != flow->wire.next) { /* the ports are in use again */
		restart(&flow->wire, to);
		restart(&flow->delivered, to);
		flow->newest = 0;
		flow->whole = true;
		first_add(f, flow, n, from, to);
		return 0;
	}
	if (is_far_off(f, flow, from, to))
		return 0;
	/* A FIN may join bytes that are sent again. */
	if (!is_before_first(flow, from) && seen_before(&flow->wire, from, data_to == from ? to : data_to)) {
		n->p.flags |= PACKET_RETRANS;
		n->p.first_id = first_with(f, flow, from);
	} else {
		first_add(f, flow, n, from, to);
	}
	n->copy = n->p.flags & PACKET_RETRANS && n->payload_bytes && received && !dropped && !n->in_order &&
		  (f->filtered || seen_before(&flow->delivered, from, data_to));
	/* What nobody wanted leaves holes that say nothing. */
	seen = f->filtered ? see_ahead(f, &flow->wire, from, to) : see(f, &flow->wire, from, to);
	leave_behind(&flow->wire, front_of(&flow->wire));
	leave_behind(&flow->delivered, front_of(&flow->wire));
	if (seen < 0 || f->filtered)
		return seen;
	if (n->in_order && seq_diff(to, flow->delivered.next) > 0) /* holes that seemed to be there were packets lost to us */
		flow->delivered.next = to;
	if (n->in_order) {
		absorb(&flow->delivered);
		return 0;
	}
	if (!received || dropped || seen_before(&flow->delivered, from, to))
		return 0;
	seen = see(f, &flow->delivered, from, to);
	if (!seen)
		n->p.flags |= PACKET_HOL;
	return seen < 0 ? seen : 0;
}
