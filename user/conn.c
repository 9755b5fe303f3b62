// SPDX-License-Identifier: GPL-2.0-only
/* Sockets and matching: see conn.h. */
#include "user/conn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/calls.h"
#include "user/story.h"
#include "user/takings.h"

#define IPPROTO_UDP_NUMBER 17
#define WRITES_KEPT_NS 60000000000ull /* after a socket's last send call */
#define WRITES_MAX 4096 /* kept per socket however old: data may wait long in a send buffer */

struct conn {
	uint64_t cookie;
	struct calls reads, sockets, writes;
	struct pending *waiting;
	struct calls doubts;	/* datagram reads by one of several threads */
	uint64_t last_expired;	/* index of the newest datagram read that is not kept any more */
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
	uint64_t doubt_ns;
	const struct drop_reasons *drops;
	struct taking *takings;
	struct pending *homeless; /* wait, but their socket is not known yet */
	struct conn *all;
	struct conn *changed;
	struct flow_sock *flows;
};

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

/* Before anybody looks for a call. */
static void conn_sort(struct conn *conn)
{
	calls_sort(&conn->reads);
	calls_sort(&conn->sockets);
	calls_sort(&conn->writes);
	calls_sort(&conn->doubts);
}

static void conn_changed(struct conns *c, struct conn *conn)
{
	if (conn->changed)
		return;
	conn->changed = true;
	conn->next_changed = c->changed;
	c->changed = conn;
}

int conns_new(struct conns **out, uint64_t doubt_ns, const struct drop_reasons *drops)
{
	struct conns *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->doubt_ns = doubt_ns;
	c->drops = drops;
	*out = c;
	return 0;
}

static void conn_free(struct conns *c, struct conn *conn)
{
	HASH_DELETE(hh, c->all, conn);
	calls_free(&conn->reads);
	calls_free(&conn->sockets);
	calls_free(&conn->writes);
	calls_free(&conn->doubts);
	free(conn);
}

void conns_free(struct conns *c)
{
	struct flow_sock *flow, *next_flow;
	struct conn *conn, *next;

	if (!c)
		return;
	takings_expire(&c->takings, UINT64_MAX);
	HASH_ITER(hh, c->all, conn, next)
		conn_free(c, conn);
	HASH_ITER(hh, c->flows, flow, next_flow) {
		HASH_DELETE(hh, c->flows, flow);
		free(flow);
	}
	free(c);
}

/* This read took packet `id`. */
static void taken_by(struct conns *c, uint64_t id, const struct sc_call *read)
{
	takings_add(&c->takings, &(struct taking){ .id = id, .index = read->index, .time_ns = read->time_ns });
}

int conns_call(struct conns *c, const struct sc_call *call)
{
	struct conn *conn = conn_get(c, call->sock);

	if (!conn)
		return -ENOMEM;
	conn_changed(c, conn);
	switch (call->type) {
	case SC_REC_READ:
		if (call->index == SC_READ_SEVERAL)
			return calls_add(&conn->doubts, call);
		if (call->packet && call->packet != SC_NEXT_OTHER)
			taken_by(c, call->packet, call);
		return calls_add(&conn->reads, call);
	case SC_REC_SOCKET:
		return calls_add(&conn->sockets, call);
	default:
		return calls_add(&conn->writes, call);
	}
}

int conns_dropped(struct conns *c, const struct sc_call *call, const struct pending *n)
{
	struct conn *conn = NULL;

	if (n)
		HASH_FIND(hh, c->all, &n->sock, sizeof(n->sock), conn);
	if (conn)
		conn_changed(c, conn);
	return takings_add(&c->takings, &(struct taking){ .id = call->packet, .index = call->index, .time_ns = call->time_ns, .dropped = true });
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
	uint64_t doubtless_ns; /* datagram reads up to here will not become doubtful any more */
	uint64_t emptied_ns;   /* datagrams that were queued before this have been read, and by which call would be known by now */
	bool deferred;	   /* the packet at hand has to wait because of that */
};

static uint64_t newest_stamp(const struct packet *p)
{
	for (int stage = SC_STAGE_COUNT - 1; stage >= 0; stage--)
		if (p->stages & SC_BIT(stage))
			return p->stamp_ns[stage];
	return 0;
}

/* The first call that reached `end` and is not older than `after_ns`; NULL, too, and *deferred, if that is newer than what is known for certain. */
static const struct sc_call *reached(const struct calls *c, uint32_t end, uint64_t after_ns, struct matching *m)
{
	size_t low = calls_after(c, after_ns ? after_ns - 1 : 0), high = low, last = c->head + c->count, step = 1;

	/* In growing steps: sequence numbers of calls that lie far from each other cannot be compared. */
	for (; high < last && seq_diff(c->call[high].to, end) < 0; step *= 2) {
		low = high + 1;
		high += step;
	}
	low = calls_reaching(c, low, high < last ? high : last, end);
	if (low == last)
		return NULL;
	if (c->call[low].time_ns > m->until_ns) {
		m->deferred = true;
		return NULL;
	}
	return &c->call[low];
}

/* Was the byte before `end` there, or gone, before that time? */
static bool reached_before(const struct calls *c, uint32_t end, uint64_t at_ns)
{
	size_t i = calls_after(c, at_ns ? at_ns - 1 : 0);

	return i > c->head && seq_diff(c->call[i - 1].to, end) >= 0;
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

/* Can this read have begun before that time? */
static bool begun_before(const struct sc_call *read, uint64_t time_ns)
{
	return read->gap_ns == UINT32_MAX || read->time_ns - read->gap_ns <= time_ns;
}

/*
 * The queue was empty when n was told of: one of the reads that returned since it came took it, up to number sock_index. Each datagram has one: if all of these but one are
 * known to have taken others, that one has taken n.
 */
static struct sc_call *only_read_left(const struct conn *conn, const struct pending *n, struct matching *m)
{
	uint64_t came_ns = 0, index;
	const struct calls *c = &conn->reads;
	size_t end = c->head + c->count, i;
	struct sc_call *found = NULL;

	for (int stage = 0; stage < SC_RX_SOCKET; stage++)
		if (n->p.stages & SC_BIT(stage) && n->p.stamp_ns[stage] > came_ns)
			came_ns = n->p.stamp_ns[stage];
	i = calls_after(c, came_ns);
	/* Of one that the kernel told nothing of, it is not known either that reads were counted when it came. */
	if (n->consumed && i == c->head && !conn->last_expired)
		return NULL;
	index = i > c->head ? c->call[i - 1].index : conn->last_expired;
	for (; i < end && c->call[i].index <= n->sock_index; i++) {
		if (c->call[i].index != ++index)
			return NULL; /* the record of a read was lost */
		if (c->call[i].packet || !begun_before(&c->call[i], n->told_ns))
			continue;
		if (found || (n->consumed && c->call[i].gap_ns == UINT32_MAX))
			return NULL;
		found = &c->call[i];
	}
	if (index >= n->sock_index)
		return found;
	/* Number sock_index is not there, because it never began by then, or has not come to us. */
	m->deferred |= n->told_ns > m->doubtless_ns;
	return i < end || m->deferred ? NULL : found;
}

/* The read that took n, as far as that is certain. */
static struct sc_call *read_of(const struct conn *conn, const struct pending *n, const struct taking *taking, struct matching *m)
{
	struct sc_call *read;

	if (taking)
		return calls_numbered(&conn->reads, taking->index);
	if (n->gone)
		return only_read_left(conn, n, m);
	if (!n->first)
		return NULL;
	read = calls_numbered(&conn->reads, n->sock_index);
	return read && !read->packet && read->next && read->next != n->read_id ? read : NULL;
}

/* Did a thread other than the usual one read at about that time? */
static bool doubtful(const struct conn *conn, uint64_t time_ns, uint64_t doubt_ns)
{
	size_t i = calls_after(&conn->doubts, time_ns);

	return i < conn->doubts.head + conn->doubts.count && conn->doubts.call[i].time_ns - time_ns <= doubt_ns;
}

/* The last time after `since_ns` and up to `until_ns` that a read left the socket's queue empty; 0: none. */
static uint64_t emptied(const struct calls *c, uint64_t since_ns, uint64_t until_ns)
{
	for (size_t i = calls_after(c, until_ns); i-- > c->head && c->call[i].time_ns > since_ns;)
		if (c->call[i].next == SC_NEXT_NONE)
			return c->call[i].time_ns;
	return 0;
}

static void match_datagram(struct conns *c, struct conn *conn, struct pending *n, struct matching *m, uint64_t *rejected)
{
	bool whole = n->l4_proto == IPPROTO_UDP_NUMBER && !(n->p.flags & (PACKET_FRAG | PACKET_GRO));
	const struct taking *taking = takings_find(c->takings, n->read_id);
	uint64_t socket_ns = n->p.stamp_ns[SC_RX_SOCKET];
	struct sc_call *read;

	if (taking && taking->dropped && taking->index) {
		story_drop(n, c->drops, taking->index);
		return;
	}
	if (taking && taking->dropped) {
		story_partial(n, ACCOUNT_PARTIAL_UNMATCHED);
		return;
	}
	read = read_of(conn, n, taking, m);
	if (!read || m->doubtless_ns < read->time_ns) {
		m->deferred |= !!read;
		if (m->emptied_ns > n->told_ns) /* it has been taken, whatever by */
			story_partial(n, ACCOUNT_PARTIAL_UNMATCHED);
		return;
	}
	if (doubtful(conn, read->time_ns, c->doubt_ns)) {
		story_partial(n, ACCOUNT_PARTIAL_UNMATCHED);
		return;
	}
	/* A reader on another CPU may be back before the kernel gets to tell that there is something to read: then that event is the late one. */
	if (read->time_ns < socket_ns && n->p.stages & SC_BIT(SC_RX_SOCKET))
		n->p.stages &= ~SC_BIT(SC_RX_SOCKET);
	/* A read never returns more than its datagram, and never before the transport had it. */
	if (read->time_ns < newest_stamp(&n->p) || (whole && read->len_bytes > (int64_t)n->payload_bytes)) {
		++*rejected;
		n->p.stages |= socket_ns ? SC_BIT(SC_RX_SOCKET) : 0;
		story_partial(n, ACCOUNT_PARTIAL_UNMATCHED);
		return;
	}
	read->packet = n->read_id;
	taken_by(c, n->read_id, read);
	story_read(n, read);
}

static uint64_t before(uint64_t time_ns, uint64_t by_ns)
{
	return time_ns == UINT64_MAX ? time_ns : time_ns > by_ns ? time_ns - by_ns : 0;
}

static struct matching matching_of(const struct conns *c, const struct conn *conn, uint64_t until_ns)
{
	struct matching m = { .until_ns = until_ns, .doubtless_ns = before(until_ns, c->doubt_ns) };
	uint64_t oldest_ns = UINT64_MAX, emptied_ns, doubt_ns;

	for (const struct pending *n = conn->waiting; n; n = n->next)
		if (n->datagram && n->told_ns < oldest_ns)
			oldest_ns = n->told_ns;
	if (oldest_ns == UINT64_MAX)
		return m;
	emptied_ns = emptied(&conn->reads, oldest_ns, before(m.doubtless_ns, c->doubt_ns));
	doubt_ns = emptied(&conn->doubts, oldest_ns, before(m.doubtless_ns, c->doubt_ns));
	m.emptied_ns = emptied_ns > doubt_ns ? emptied_ns : doubt_ns;
	return m;
}

/* True if something has to wait for the next round. */
static bool conn_match(struct conns *c, struct conn *conn, uint64_t until_ns, uint64_t *rejected)
{
	struct matching m;
	struct pending *n, *next;
	bool again = false;

	conn_sort(conn);
	m = matching_of(c, conn, until_ns);
	for (n = conn->waiting; n; n = next) {
		next = n->next;
		m.deferred = false;
		if (n->datagram)
			match_datagram(c, conn, n, &m, rejected);
		else
			match_tcp(conn, n, &m);
		if (n->wait == WAIT_NONE)
			pending_list_remove(n);
		again |= m.deferred || (n->datagram && n->wait != WAIT_NONE);
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
		if (conn_match(c, conn, until_ns, rejected))
			conn_changed(c, conn);
	}
}

/* The call that sent n's last byte. */
static const struct sc_call *write_of(const struct calls *writes, const struct pending *n, size_t first)
{
	uint64_t sent_ns = UINT64_MAX;
	const struct sc_call *found = NULL;

	for (int stage = SC_TX_FIRST; stage < SC_STAGE_COUNT && sent_ns == UINT64_MAX; stage++)
		if (n->p.stages & SC_BIT(stage))
			sent_ns = n->p.stamp_ns[stage];
	/* A call that sent less than it was asked to is followed by one that covers the rest: the newest that is old enough counts. */
	for (size_t i = first; i < writes->head + writes->count; i++) {
		const struct sc_call *w = &writes->call[i];

		if (w->time_ns > sent_ns || seq_diff(n->end_seq - 1, w->from) < 0)
			break;
		found = w;
	}
	return found;
}

void conns_write(struct conns *c, struct pending *n)
{
	const struct sc_call *write;
	struct conn *conn;
	size_t first;

	HASH_FIND(hh, c->all, &n->sock, sizeof(n->sock), conn);
	if (!conn)
		return;
	conn_sort(conn);
	first = calls_reaching_newest(&conn->writes, n->end_seq);
	write = write_of(&conn->writes, n, first);
	if (write)
		story_write(n, write);
	else if (first > conn->writes.head) /* an earlier call is known, so this one was not before the recording: its record was lost */
		story_unwritten(n);
}

bool conns_quiet(const struct conns *c)
{
	const struct conn *conn;

	for (conn = c->all; conn; conn = conn->hh.next)
		if (conn->waiting || conn->changed || conn->reads.count || conn->doubts.count || conn->sockets.count)
			return false;
	return !c->takings;
}

void conns_expire(struct conns *c, uint64_t before_ns)
{
	struct flow_sock *flow, *next_flow;
	struct conn *conn, *next;

	takings_expire(&c->takings, before_ns);
	HASH_ITER(hh, c->all, conn, next) {
		conn_sort(conn);
		if (conn->reads.count && conn->reads.call[conn->reads.head].time_ns < before_ns)
			conn->last_expired = conn->reads.call[calls_after(&conn->reads, before_ns - 1) - 1].index;
		calls_expire(&conn->reads, before_ns);
		calls_expire(&conn->doubts, before_ns);
		calls_expire(&conn->sockets, before_ns);
		while (conn->writes.count > WRITES_MAX && conn->writes.call[conn->writes.head].time_ns < before_ns)
			calls_expire(&conn->writes, conn->writes.call[conn->writes.head].time_ns + 1);
		if (conn->writes.count && conn->writes.call[conn->writes.head + conn->writes.count - 1].time_ns + WRITES_KEPT_NS < before_ns)
			calls_expire(&conn->writes, UINT64_MAX);
		if (!conn->waiting && !conn->changed && !conn->reads.count && !conn->doubts.count && !conn->sockets.count && !conn->writes.count)
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
