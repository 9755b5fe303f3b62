// SPDX-License-Identifier: GPL-2.0-only
/* Joining and ordering: see join.h. */
#include "user/join.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "user/cleanup.h"
#include "user/conn.h"
#include "user/decode.h"
#include "user/drop_reason.h"
#include "user/ends.h"
#include "user/flow_order.h"

#define REASSEMBLED_MAX 8192 /* datagrams remembered for their fragments; the oldest go first */
#define IPPROTO_TCP_NUMBER 6
#define IPPROTO_UDP_NUMBER 17
#define EXPIRE_EVERY_PASSES 64
#define CALLS_KEPT_NS 1000000000ull /* beyond the deadline */

/* What makes fragments of one datagram (RFC 791, RFC 8200). */
struct fragment_key {
	uint8_t address[32];
	uint32_t identification;
	uint8_t ip_version, proto;
};

struct reassembled {
	struct fragment_key key;
	uint64_t id; /* of the fragment that carried the datagram on */
	UT_hash_handle hh;
};

/* The time beside the pointer: looking for a place does not touch the packets. */
struct held_packet {
	uint64_t anchor_ns;
	struct pending *n;
};

struct join {
	struct join_config config;
	struct account *account;
	struct conns *conns;
	struct flow_order *order;
	struct held_packet *heap; /* by anchor_ns, smallest first */
	size_t count, room;
	struct pending *ids; /* all held packets, by id */
	struct pending *children; /* WAIT_PARENT */
	struct pending *sent;	  /* WAIT_PASS */
	uint64_t pass, matched_pass;
	struct reassembled *reassembled;
	struct ends *ends;
	bool reassembled_new, stopping;
	bool grown; /* memory was asked for since it was given back last */
};

static void heap_up(struct join *j, size_t i)
{
	struct held_packet h = j->heap[i];

	while (i && j->heap[(i - 1) / 2].anchor_ns > h.anchor_ns) {
		j->heap[i] = j->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	j->heap[i] = h;
}

static void heap_down(struct join *j, size_t i)
{
	struct held_packet h = j->heap[i];

	for (;;) {
		size_t child = 2 * i + 1;

		if (child + 1 < j->count && j->heap[child + 1].anchor_ns < j->heap[child].anchor_ns)
			child++;
		if (child >= j->count || j->heap[child].anchor_ns >= h.anchor_ns)
			break;
		j->heap[i] = j->heap[child];
		i = child;
	}
	j->heap[i] = h;
}

static int heap_add(struct join *j, struct pending *n)
{
	if (j->count == j->room) {
		size_t room = j->room ? j->room * 2 : 1024;
		struct held_packet *grown = realloc(j->heap, room * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		j->heap = grown;
		j->room = room;
	}
	j->heap[j->count] = (struct held_packet){ n->p.anchor_ns, n };
	heap_up(j, j->count++);
	j->grown = true;
	return 0;
}

static void pending_free(struct pending *n)
{
	if (n && n->merged && !--n->merged->users)
		free(n->merged);
	free(n);
}

CLEANUP_DEFINE(cleanup_pending, struct pending, pending_free);

static struct pending *heap_take(struct join *j)
{
	struct pending *n = j->heap[0].n;

	j->heap[0] = j->heap[--j->count];
	if (j->count)
		heap_down(j, 0);
	return n;
}

CLEANUP_DEFINE(cleanup_join, struct join, join_free);

int join_new(struct join **out, const struct join_config *config, struct account *account)
{
	_cleanup_(cleanup_join) struct join *j = calloc(1, sizeof(*j));
	int err;

	if (!j)
		return -ENOMEM;
	j->config = *config;
	j->account = account;
	err = conns_new(&j->conns, config->doubt_ns, config->rules.drops);
	err = err ?: flow_order_new(&j->order, config->filtered);
	if (err)
		return err;
	*out = TAKE_PTR(j);
	return 0;
}

void join_free(struct join *j)
{
	struct reassembled *r, *next;

	if (!j)
		return;
	HASH_CLEAR(by_id, j->ids);
	HASH_ITER(hh, j->reassembled, r, next) {
		HASH_DELETE(hh, j->reassembled, r);
		free(r);
	}
	ends_expire(&j->ends, UINT64_MAX);
	for (size_t i = 0; i < j->count; i++)
		pending_free(j->heap[i].n);
	free(j->heap);
	conns_free(j->conns);
	flow_order_free(j->order);
	free(j);
}

static struct account_dir *account_of(struct join *j, uint8_t dir)
{
	return &j->account->dir[dir - 1];
}

/* Where a packet's headers lie, whether it is still in the table or already held. */
struct fragment {
	const uint8_t *bytes;
	size_t len;
	uint16_t l3_off, l4_off;
	uint8_t ip_version, l4_proto;
};

static bool fragment_key_of(const struct fragment *f, struct fragment_key *key)
{
	memset(key, 0, sizeof(*key));
	key->ip_version = f->ip_version;
	key->proto = f->l4_proto;
	if (f->ip_version == 4 && f->l3_off + 20u <= f->len) {
		memcpy(key->address, f->bytes + f->l3_off + 12, 8);
		memcpy(&key->identification, f->bytes + f->l3_off + 4, 2);
		return true;
	}
	/* The fragment header is the last before the transport's. */
	if (f->ip_version == 6 && f->l4_off >= 8 && f->l4_off <= f->len && f->l3_off + 40u <= f->len) {
		memcpy(key->address, f->bytes + f->l3_off + 8, 32);
		memcpy(&key->identification, f->bytes + f->l4_off - 4, 4);
		return true;
	}
	return false;
}

/* The id of the newest datagram a fragment can have gone into, 0 unknown. */
static uint64_t fragment_parent(const struct join *j, const struct fragment *f)
{
	struct reassembled *found;
	struct fragment_key key;

	if (!fragment_key_of(f, &key))
		return 0;
	HASH_FIND(hh, j->reassembled, &key, sizeof(key), found);
	return found ? found->id : 0;
}

/* Remembers which fragment carried a datagram on; an identification that comes again means the newer one. */
static void remember_reassembled(struct join *j, const struct fragment *f, uint64_t id)
{
	struct reassembled *r;
	struct fragment_key key;

	if (!fragment_key_of(f, &key))
		return;
	HASH_FIND(hh, j->reassembled, &key, sizeof(key), r);
	if (r)
		HASH_DELETE(hh, j->reassembled, r);
	else if (HASH_COUNT(j->reassembled) >= REASSEMBLED_MAX) {
		r = j->reassembled; /* iteration begins with the oldest */
		HASH_DELETE(hh, j->reassembled, r);
	} else {
		r = calloc(1, sizeof(*r));
	}
	if (!r)
		return; /* its other fragments will be partial, and say so */
	r->key = key;
	r->id = id;
	HASH_ADD(hh, j->reassembled, key, sizeof(key), r);
	j->reassembled_new = true;
}

static struct fragment fragment_of_record(const struct sc_packet *p, const uint8_t *bytes)
{
	return (struct fragment){ bytes, p->cap_len_bytes, p->l3_off, p->l4_off, p->ip_version, p->l4_proto };
}

static struct fragment fragment_of_pending(const struct pending *n)
{
	return (struct fragment){ n->bytes, n->p.cap_len_bytes, n->l3_off, n->l4_off, n->ip_version, n->l4_proto };
}

bool join_owns_fragment(void *join, const struct sc_packet *p)
{
	struct fragment f = fragment_of_record(p, (const uint8_t *)(p + 1));

	return p->flags & SC_FLAG_FRAG && p->dir == SC_DIR_RX && p->last_stage >= SC_RX_NETIF && p->last_stage < SC_RX_L4 &&
	       fragment_parent(join, &f);
}

bool join_reassembled(const struct join *j)
{
	return j->reassembled_new;
}

/*
 * Reassembly (before `local` in IPv4, after it in IPv6) frees all fragments but one, often without telling. Did that happen to p? Its skb was seen
 * consumed, or in use for something else, or p is still in the table though its datagram got through.
 */
static bool fragment_vanished(const struct join *j, const struct sc_packet *p, const struct fragment *f)
{
	const char *name;
	bool transport = p->l4_proto == IPPROTO_TCP_NUMBER || p->l4_proto == IPPROTO_UDP_NUMBER;

	switch (p->end) {
	case SC_END_CONSUMED:
	case SC_END_RECYCLED:
		return true;
	case SC_END_OPEN:
		return fragment_parent(j, f);
	case SC_END_L4:
		return p->last_stage == SC_RX_LOCAL && transport;
	case SC_END_DROP: /* the list of fragments is freed with the datagram, as a drop without a reason */
		name = drop_reason_name(j->config.rules.drops, p->drop_reason);
		return p->last_stage < SC_RX_L4 && name && !strcmp(name, "NOT_SPECIFIED") && fragment_parent(j, f);
	}
	return false;
}

/* Fragments: the one that got through carries on for all, the others are its children. */
static void note_fragment(struct join *j, struct pending *n, const struct decoded *d)
{
	const struct sc_packet *p = d->packet;
	struct fragment f = fragment_of_record(p, d->bytes);

	if (!(p->flags & SC_FLAG_FRAG) || p->dir != SC_DIR_RX)
		return;
	if (fragment_vanished(j, p, &f)) {
		story_await_parent(n);
	} else if (p->last_stage >= SC_RX_LOCAL) {
		remember_reassembled(j, &f, p->id);
	}
}

static int hold(struct join *j, struct pending *n)
{
	int err = heap_add(j, n);

	if (err)
		return err;
	HASH_ADD(by_id, j->ids, p.id, sizeof(n->p.id), n);
	if (n->wait == WAIT_PARENT)
		pending_list_add(&j->children, n);
	if (n->wait == WAIT_PASS)
		pending_list_add(&j->sent, n);
	/* It is in the heap by now: without memory to wait with, it goes as what is known of it. */
	if ((n->wait == WAIT_SOCKET || n->wait == WAIT_READ) && conns_wait(j->conns, n))
		story_partial(n, ACCOUNT_PARTIAL_TIMEOUT);
	return 0;
}

static int add_packet(struct join *j, const struct decoded *d)
{
	const struct sc_packet *p = d->packet;
	_cleanup_free_ struct pending *n = calloc(1, sizeof(*n) + p->cap_len_bytes);
	int interface = j->config.interface(j->config.context, p->ifindex);
	int err;

	if (!n)
		return -ENOMEM;
	if (interface < 0)
		return -EBADMSG;
	memcpy(n->bytes, d->bytes, p->cap_len_bytes);
	n->p.bytes = n->bytes;
	n->p.interface = interface;
	n->pass = j->pass;
	story_begin(n, d, &j->config.rules);
	if (p->end == SC_END_OPEN && !j->stopping)
		story_partial(n, ACCOUNT_PARTIAL_TIMEOUT);
	n->deadline_ns = n->p.anchor_ns + j->config.deadline_ns;
	/* On the way to a socket the device may be one of another namespace: a socket that was told of it is of ours. */
	if (p->out_ifindex && (p->end == SC_END_FORWARD || p->stages & (SC_BIT(SC_RX_SOCKET) | SC_BIT(SC_RX_READ)) || p->stages >> SC_TX_FIRST || n->consumed)) {
		const char *name = j->config.device_name(j->config.context, p->out_ifindex);

		if (name)
			strncpy(n->p.via, name, sizeof(n->p.via) - 1);
	}
	note_fragment(j, n, d);
	err = hold(j, n);
	if (!err)
		TAKE_PTR(n);
	return err;
}

/* A record that cannot be used still was a packet of some direction, or a call. */
static void count_lost(struct join *j, const void *data, size_t size, int err)
{
	const struct sc_packet *p = data;
	bool packet = size >= sizeof(*p) && p->type == SC_REC_PACKET;
	struct account_dir *account = account_of(j, packet && p->dir == SC_DIR_TX ? SC_DIR_TX : SC_DIR_RX);

	if (packet)
		account->lost[err == -ENOMEM ? ACCOUNT_LOST_QUEUE : ACCOUNT_LOST_DECODE]++;
	else
		account->rejected[ACCOUNT_REJECTED_CALLS]++;
}

static int add_call(struct join *j, const struct sc_call *call)
{
	struct pending *n;

	switch (call->type) {
	case SC_REC_ALSO:
		return ends_add(&j->ends, call->packet, call->time_ns);
	case SC_REC_DROPPED:
		HASH_FIND(by_id, j->ids, &call->packet, sizeof(call->packet), n);
		return conns_dropped(j->conns, call, n);
	default:
		return conns_call(j->conns, call);
	}
}

int join_record(struct join *j, const void *data, size_t size)
{
	struct decoded d;
	int err = decode(&d, data, size);

	if (!err && d.call)
		return add_call(j, d.call);
	if (!err)
		err = add_packet(j, &d);
	if (err)
		count_lost(j, data, size, err);
	return err;
}

static struct pending *parent_of(struct join *j, struct pending *n)
{
	struct pending *parent;

	if (!n->p.parent_id && n->p.flags & PACKET_FRAG) {
		struct fragment f = fragment_of_pending(n);

		n->p.parent_id = fragment_parent(j, &f);
	}
	HASH_FIND(by_id, j->ids, &n->p.parent_id, sizeof(n->p.parent_id), parent);
	return parent;
}

/* Children whose parent's story is known take it over; they then wait for their own bytes to be read. */
static int match_children(struct join *j)
{
	struct pending *n, *next;
	int err = 0;

	for (n = j->children; n && !err; n = next) {
		struct pending *parent = parent_of(j, n);

		next = n->next;
		if (!parent || !parent->ended)
			continue;
		pending_list_remove(n);
		story_adopt(n, parent);
		if (n->wait != WAIT_NONE)
			err = conns_wait(j->conns, n);
	}
	return err;
}

/* Out of patience: what n waited for says what is missing. */
static void give_up(struct pending *n, enum account_partial why)
{
	pending_list_remove(n);
	story_partial(n, n->wait == WAIT_PARENT ? ACCOUNT_PARTIAL_PARENT : why);
}

static int hand_on(struct join *j, struct pending *n)
{
	struct account_dir *account = account_of(j, n->p.dir);
	int err = flow_order_mark(j->order, n);

	if (n->copy && n->p.stages & (SC_BIT(SC_RX_SOCKET) | SC_BIT(SC_RX_READ)))
		story_doubt(n);
	if (n->merged) {
		n->p.gro_index = ++n->merged->told;
		n->p.gro_count = n->merged->count;
	}
	if (j->ends && n->datagram)
		n->p.ends = ends_of(j->ends, n->read_id);
	if (n->incomplete)
		account->partial[n->partial]++;
	else
		account->complete++;
	return err ?: j->config.packet(j->config.context, &n->p);
}

/* Is the packet with the smallest anchor ready to go? */
static bool ready(struct join *j, struct pending *n, uint64_t now_ns, uint64_t complete_ns)
{
	bool full = j->count > j->config.window; /* memory goes before order */

	/* A parent stays until its children, which may come by another ring, have had a full pass to find it. */
	if (n->wait == WAIT_NONE && n->pass < j->pass && (n->p.anchor_ns < complete_ns || full))
		return true;
	if (n->wait != WAIT_NONE && n->wait != WAIT_PASS && (now_ns > n->deadline_ns || full)) {
		give_up(n, now_ns > n->deadline_ns ? ACCOUNT_PARTIAL_TIMEOUT : ACCOUNT_PARTIAL_WINDOW);
		return n->p.anchor_ns < complete_ns || full;
	}
	return false;
}

/* Send calls came before their packets; after another pass over the rings they have all been handed in. */
static void match_writes(struct join *j)
{
	struct pending *n, *next;

	for (n = j->sent; n; n = next) {
		next = n->next;
		if (n->pass >= j->pass)
			continue;
		conns_write(j->conns, n);
		n->wait = WAIT_NONE;
		pending_list_remove(n);
	}
}

static int drain_heap(struct join *j, uint64_t now_ns, uint64_t complete_ns)
{
	int err = 0;

	while (!err && j->count && ready(j, j->heap[0].n, now_ns, complete_ns)) {
		_cleanup_(cleanup_pending) struct pending *n = heap_take(j);

		HASH_DELETE(by_id, j->ids, n);
		err = hand_on(j, n);
	}
	return err;
}

static uint64_t *rejected_matches(struct join *j)
{
	return &account_of(j, SC_DIR_RX)->rejected[ACCOUNT_REJECTED_MATCH];
}

/* After a burst: nobody is waited for, so what it took goes back to the system. */
static void give_back(struct join *j)
{
	if (!j->grown || j->count || !conns_quiet(j->conns))
		return;
	free(j->heap);
	j->heap = NULL;
	j->room = 0;
	malloc_trim(0);
	j->grown = false;
}

int join_pass(struct join *j, uint64_t now_ns, uint64_t settled_ns, uint64_t complete_ns)
{
	int err = match_children(j);

	if (err)
		return err;
	conns_match(j->conns, settled_ns, rejected_matches(j));
	match_writes(j);
	err = drain_heap(j, now_ns, complete_ns);
	if (j->pass++ % EXPIRE_EVERY_PASSES == 0 && now_ns > j->config.deadline_ns + CALLS_KEPT_NS) {
		conns_expire(j->conns, now_ns - j->config.deadline_ns - CALLS_KEPT_NS);
		ends_expire(&j->ends, now_ns - j->config.deadline_ns - CALLS_KEPT_NS);
		give_back(j);
	}
	j->reassembled_new = false;
	return err;
}

int join_finish(struct join *j)
{
	int err = match_children(j);

	conns_match(j->conns, UINT64_MAX, rejected_matches(j));
	while (j->count) {
		_cleanup_(cleanup_pending) struct pending *n = heap_take(j);
		int failed;

		HASH_DELETE(by_id, j->ids, n);
		if (n->wait == WAIT_PASS) {
			pending_list_remove(n);
			conns_write(j->conns, n);
		} else if (n->wait != WAIT_NONE)
			give_up(n, ACCOUNT_PARTIAL_UNREAD);
		failed = hand_on(j, n);
		err = err ?: failed;
	}
	return err;
}

void join_stop(struct join *j)
{
	j->stopping = true;
}

size_t join_waiting(const struct join *j)
{
	size_t waiting = 0;

	for (size_t i = 0; i < j->count; i++)
		waiting += j->heap[i].n->wait != WAIT_NONE && j->heap[i].n->wait != WAIT_PASS;
	return waiting;
}
