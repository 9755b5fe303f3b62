// SPDX-License-Identifier: GPL-2.0-only
/* Sockets and matching: see conn.h. */
#include "user/conn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/story.h"

#define IPPROTO_UDP_NUMBER 17
#define CALLS_FIRST 16
#define OVERTAKE_MAX 8
#define WRITES_KEPT_NS 60000000000ull /* after a socket's last send call */
#define WRITES_MAX 4096 /* kept per socket however old: data may wait long in a send buffer */

/* Calls of one kind, oldest first. */
struct calls {
	struct sc_call *call;
	size_t head, count, room; /* valid: call[head .. head + count) */
};

struct conn {
	uint64_t cookie;
	struct calls reads, sockets, writes;
	struct pending *waiting;
	uint64_t doubted_ns, trusted_ns; /* datagrams queued in between have wrong numbers; UINT64_MAX: until the queue is seen empty */
	struct conn *next_changed;
	bool changed;
	UT_hash_handle hh;
};

/* Which socket a flow of received packets belongs to, for packets whose `l4` could not tell. */
struct flow_sock {
	uint32_t flow_hash;
	uint64_t cookie;
	UT_hash_handle hh;
};

struct conns {
	struct pending *homeless; /* wait, but their socket is not known yet */
	struct conn *all;
	struct conn *changed;
	struct flow_sock *flows;
};

static int calls_add(struct calls *c, const struct sc_call *call)
{
	size_t at;

	if (c->head + c->count == c->room) {
		if (c->head > c->room / 2) {
			memmove(c->call, c->call + c->head, c->count * sizeof(*c->call));
			c->head = 0;
		} else {
			size_t room = c->room ? c->room * 2 : CALLS_FIRST;
			struct sc_call *grown = realloc(c->call, room * sizeof(*grown));

			if (!grown)
				return -ENOMEM;
			c->call = grown;
			c->room = room;
		}
	}
	/* Rings of several CPUs come one after the other: put it where its time belongs. */
	at = c->head + c->count++;
	while (at > c->head && c->call[at - 1].time_ns > call->time_ns) {
		c->call[at] = c->call[at - 1];
		at--;
	}
	c->call[at] = *call;
	return 0;
}

static void calls_expire(struct calls *c, uint64_t before_ns)
{
	while (c->count && c->call[c->head].time_ns < before_ns) {
		c->head++;
		c->count--;
	}
}

static struct conn *conn_get(struct conns *c, uint64_t cookie)
{
	struct conn *conn;

	HASH_FIND(hh, c->all, &cookie, sizeof(cookie), conn);
	if (conn)
		return conn;
	conn = calloc(1, sizeof(*conn));
	if (!conn)
		return NULL;
	conn->cookie = cookie;
	HASH_ADD(hh, c->all, cookie, sizeof(cookie), conn);
	return conn;
}

static void conn_changed(struct conns *c, struct conn *conn)
{
	if (conn->changed)
		return;
	conn->changed = true;
	conn->next_changed = c->changed;
	c->changed = conn;
}

int conns_new(struct conns **out)
{
	struct conns *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	*out = c;
	return 0;
}

static void conn_free(struct conns *c, struct conn *conn)
{
	HASH_DELETE(hh, c->all, conn);
	free(conn->reads.call);
	free(conn->sockets.call);
	free(conn->writes.call);
	free(conn);
}

void conns_free(struct conns *c)
{
	struct flow_sock *flow, *next_flow;
	struct conn *conn, *next;

	if (!c)
		return;
	HASH_ITER(hh, c->all, conn, next)
		conn_free(c, conn);
	HASH_ITER(hh, c->flows, flow, next_flow) {
		HASH_DELETE(hh, c->flows, flow);
		free(flow);
	}
	free(c);
}

int conns_call(struct conns *c, const struct sc_call *call)
{
	struct conn *conn = conn_get(c, call->sock);

	if (!conn)
		return -ENOMEM;
	conn_changed(c, conn);
	switch (call->type) {
	case SC_REC_READ:
		if (conn->trusted_ns == UINT64_MAX && !call->waiting)
			conn->trusted_ns = call->time_ns;
		return calls_add(&conn->reads, call);
	case SC_REC_SOCKET:
		return calls_add(&conn->sockets, call);
	default:
		return calls_add(&conn->writes, call);
	}
}

/* Learns a flow's socket from packets that know it, and tells it to those that do not. */
static int flow_socket(struct conns *c, struct pending *n)
{
	struct flow_sock *flow;

	HASH_FIND(hh, c->flows, &n->flow_hash, sizeof(n->flow_hash), flow);
	if (!n->sock) {
		n->sock = flow ? flow->cookie : 0;
		return 0;
	}
	if (!flow) {
		flow = calloc(1, sizeof(*flow));
		if (!flow)
			return -ENOMEM;
		flow->flow_hash = n->flow_hash;
		HASH_ADD(hh, c->flows, flow_hash, sizeof(flow->flow_hash), flow);
	}
	flow->cookie = n->sock;
	return 0;
}

int conns_wait(struct conns *c, struct pending *n)
{
	struct conn *conn;
	int err = flow_socket(c, n);

	if (err)
		return err;
	if (!n->sock) {
		pending_list_add(&c->homeless, n);
		return 0;
	}
	conn = conn_get(c, n->sock);
	if (!conn)
		return -ENOMEM;
	pending_list_add(&conn->waiting, n);
	conn_changed(c, conn);
	return 0;
}

struct matching {
	uint64_t until_ns; /* calls newer than this may not be the first of their kind */
	bool deferred;	   /* the packet at hand has to wait because of that */
};

static uint64_t newest_stamp(const struct packet *p)
{
	for (int stage = SC_STAGE_COUNT - 1; stage >= 0; stage--)
		if (p->stages & SC_BIT(stage))
			return p->stamp_ns[stage];
	return 0;
}

/* Index of the first call whose `to` has reached sequence number `end`, or one past the last. A call's `to` only grows with time. */
static size_t calls_reaching(const struct calls *c, uint32_t end)
{
	size_t low = c->head, high = c->head + c->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (seq_diff(c->call[middle].to, end) >= 0)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/* The first call that reached `end` and is not older than `after_ns`; NULL, too, and *deferred, if that is newer than what is known for certain. */
static const struct sc_call *reached(const struct calls *c, uint32_t end, uint64_t after_ns, struct matching *m)
{
	size_t low = calls_reaching(c, end);

	while (low < c->head + c->count && (c->call[low].time_ns < after_ns || seq_diff(c->call[low].to, end) < 0))
		low++;
	if (low == c->head + c->count)
		return NULL;
	if (c->call[low].time_ns > m->until_ns) {
		m->deferred = true;
		return NULL;
	}
	return &c->call[low];
}

/* The call with this number. Numbers grow by one, but for lost records and for readers that overtake each other by a little. */
static const struct sc_call *numbered(const struct calls *c, uint64_t index)
{
	size_t low = c->head, high = c->head + c->count, end = high;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (c->call[middle].index >= index)
			high = middle;
		else
			low = middle + 1;
	}
	low = low < c->head + OVERTAKE_MAX ? c->head : low - OVERTAKE_MAX;
	for (size_t i = low; i < end && i < low + 2 * OVERTAKE_MAX; i++)
		if (c->call[i].index == index)
			return &c->call[i];
	return NULL;
}

/* Was the byte before `end` there, or gone, before that time? */
static bool reached_before(const struct calls *c, uint32_t end, uint64_t at_ns)
{
	size_t i = calls_reaching(c, end);

	return i < c->head + c->count && c->call[i].time_ns < at_ns;
}

/* TCP throws away a copy of bytes that it has had: what becomes of the socket later is not the copy's story. */
static bool came_too_late(const struct conn *conn, const struct pending *n)
{
	uint64_t newest_ns = newest_stamp(&n->p);

	return reached_before(&conn->sockets, n->end_seq, newest_ns) || reached_before(&conn->reads, n->end_seq, newest_ns);
}

static void match_tcp(struct conn *conn, struct pending *n, struct matching *m)
{
	const struct sc_call *call;

	if (n->wait == WAIT_SOCKET && came_too_late(conn, n))
		return;
	if (n->wait == WAIT_SOCKET) {
		call = reached(&conn->sockets, n->end_seq, newest_stamp(&n->p), m);
		if (call)
			story_socket(n, call);
		else if (m->deferred)
			return;
	}
	call = reached(&conn->reads, n->end_seq, newest_stamp(&n->p), m);
	/* The call must have begun before the last byte: else the one that took it was lost, or took it before this copy of it came. */
	if (call && seq_diff(n->end_seq, call->from) > 0)
		story_read(n, call);
}

/* When the socket's queue was next found empty: its numbers start to be right again. UINT64_MAX: not yet. */
static uint64_t empty_after(const struct calls *c, uint64_t after_ns)
{
	for (size_t i = c->head; i < c->head + c->count; i++)
		if (c->call[i].time_ns > after_ns && !c->call[i].waiting)
			return c->call[i].time_ns;
	return UINT64_MAX;
}

static void match_datagram(struct conn *conn, struct pending *n, uint64_t *rejected)
{
	const struct sc_call *call = n->sock_index ? numbered(&conn->reads, n->sock_index) : NULL;
	bool whole = n->l4_proto == IPPROTO_UDP_NUMBER && !(n->p.flags & (PACKET_FRAG | PACKET_GRO));
	uint64_t socket_ns = n->p.stamp_ns[SC_RX_SOCKET];
	bool doubted;

	if (!call)
		return;
	/* A reader on another CPU may be back before the kernel gets to tell that there is something to read: then that event is the late one. */
	if (call->time_ns < socket_ns && n->p.stages & SC_BIT(SC_RX_SOCKET))
		n->p.stages &= ~SC_BIT(SC_RX_SOCKET);
	/* A read never returns more than its datagram, and never before the transport had it. */
	doubted = socket_ns >= conn->doubted_ns && socket_ns < conn->trusted_ns;
	if (doubted || call->time_ns < newest_stamp(&n->p) || (whole && call->len_bytes > (int64_t)n->payload_bytes)) {
		++*rejected;
		n->sock_index = 0;
		n->p.stages |= socket_ns ? SC_BIT(SC_RX_SOCKET) : 0;
		if (!doubted) {
			conn->doubted_ns = socket_ns;
			conn->trusted_ns = empty_after(&conn->reads, call->time_ns);
		}
		return;
	}
	story_read(n, call);
}

/* True if something has to wait for the next round. */
static bool conn_match(struct conn *conn, uint64_t until_ns, uint64_t *rejected)
{
	struct matching m = { .until_ns = until_ns };
	struct pending *n, *next;
	bool again = false;

	for (n = conn->waiting; n; n = next) {
		next = n->next;
		m.deferred = false;
		if (n->datagram)
			match_datagram(conn, n, rejected);
		else
			match_tcp(conn, n, &m);
		if (n->wait == WAIT_NONE)
			pending_list_remove(n);
		again |= m.deferred;
	}
	return again;
}

/* Another packet of the flow may have told its socket by now. */
static void find_homes(struct conns *c)
{
	struct pending *n, *next;

	for (n = c->homeless; n; n = next) {
		next = n->next;
		pending_list_remove(n);
		if (conns_wait(c, n))
			return;
	}
}

void conns_match(struct conns *c, uint64_t until_ns, uint64_t *rejected)
{
	struct conn *conn, *next;

	find_homes(c);
	next = c->changed;
	c->changed = NULL;
	while ((conn = next)) {
		next = conn->next_changed;
		conn->changed = false;
		if (conn_match(conn, until_ns, rejected))
			conn_changed(c, conn);
	}
}

void conns_write(struct conns *c, struct pending *n)
{
	uint32_t last = n->end_seq - 1;
	uint64_t first_ns = UINT64_MAX;
	struct conn *conn;

	HASH_FIND(hh, c->all, &n->sock, sizeof(n->sock), conn);
	if (!conn)
		return;
	for (int stage = SC_TX_FIRST; stage < SC_STAGE_COUNT && first_ns == UINT64_MAX; stage++)
		if (n->p.stages & SC_BIT(stage))
			first_ns = n->p.stamp_ns[stage];
	/* A call that sent less than it was asked to is followed by one that covers the rest: the newest that is old enough counts. */
	for (size_t i = calls_reaching(&conn->writes, n->end_seq); i < conn->writes.head + conn->writes.count; i++) {
		const struct sc_call *w = &conn->writes.call[i];

		if (w->time_ns > first_ns || seq_diff(last, w->from) < 0)
			break;
		n->p.stamp_ns[SC_TX_WRITE] = w->time_ns;
		n->p.stages |= SC_BIT(SC_TX_WRITE);
		n->p.pid = w->pid;
		memcpy(n->p.comm, w->comm, sizeof(n->p.comm));
	}
}

void conns_expire(struct conns *c, uint64_t before_ns)
{
	struct flow_sock *flow, *next_flow;
	struct conn *conn, *next;

	HASH_ITER(hh, c->all, conn, next) {
		calls_expire(&conn->reads, before_ns);
		calls_expire(&conn->sockets, before_ns);
		while (conn->writes.count > WRITES_MAX && conn->writes.call[conn->writes.head].time_ns < before_ns)
			calls_expire(&conn->writes, conn->writes.call[conn->writes.head].time_ns + 1);
		if (conn->writes.count && conn->writes.call[conn->writes.head + conn->writes.count - 1].time_ns + WRITES_KEPT_NS < before_ns)
			conn->writes.count = 0;
		if (!conn->waiting && !conn->changed && !conn->reads.count && !conn->sockets.count && !conn->writes.count)
			conn_free(c, conn);
	}
	HASH_ITER(hh, c->flows, flow, next_flow) {
		HASH_FIND(hh, c->all, &flow->cookie, sizeof(flow->cookie), conn);
		if (!conn) {
			HASH_DELETE(hh, c->flows, flow);
			free(flow);
		}
	}
}
