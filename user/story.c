// SPDX-License-Identifier: GPL-2.0-only
/* From record to packet: see story.h. */
#include "user/story.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/comment.h"
#include "user/drop_reason.h"

#define IPPROTO_TCP_NUMBER 6

static const struct {
	uint32_t from, to;
} flag_map[] = {
	{ SC_FLAG_POLLED, PACKET_POLLED },   { SC_FLAG_GRO, PACKET_GRO },   { SC_FLAG_GSO, PACKET_GSO },
	{ SC_FLAG_SEGMENT, PACKET_SEGMENT }, { SC_FLAG_FRAG, PACKET_FRAG }, { SC_FLAG_VLAN, PACKET_VLAN },
};

/* Every packet has an end, so without printf(). */
static void set_name(char *to, size_t size, const char *name)
{
	size_t len = strnlen(name, size - 1);

	memcpy(to, name, len);
	to[len] = '\0';
}

static void set_end(struct pending *n, const char *end)
{
	set_name(n->p.end, sizeof(n->p.end), end);
}

static void set_at(struct pending *n, uint8_t stage)
{
	set_name(n->p.at, sizeof(n->p.at), stage < SC_STAGE_COUNT ? stage_info[stage].name : "");
}

static uint8_t last_stamped(const struct packet *p)
{
	for (int stage = SC_STAGE_COUNT - 1; stage >= 0; stage--)
		if (p->stages & SC_BIT(stage))
			return stage;
	return SC_STAGE_NONE;
}

void story_partial(struct pending *n, enum account_partial why)
{
	if (n->consumed) {
		if (why != ACCOUNT_PARTIAL_UNMATCHED)
			why = ACCOUNT_PARTIAL_CONSUMED; /* that is all that is known */
		n->p.via[0] = '\0'; /* nor that its socket was one of this namespace */
	}
	n->wait = WAIT_NONE;
	n->incomplete = true;
	n->partial = why;
	n->p.flags |= PACKET_PARTIAL;
	set_end(n, account_partial_names[why]);
	set_at(n, last_stamped(&n->p));
}

void story_doubt(struct pending *n)
{
	n->p.stages &= ~(SC_BIT(SC_RX_SOCKET) | SC_BIT(SC_RX_WAKEUP) | SC_BIT(SC_RX_READ));
	n->p.pid = 0;
	n->p.comm[0] = '\0';
	story_partial(n, ACCOUNT_PARTIAL_UNMATCHED);
}

static void end_drop(struct pending *n, const struct drop_reasons *drops, uint32_t reason, uint8_t stage)
{
	const char *name = drop_reason_name(drops, reason);

	if (name)
		snprintf(n->p.end, sizeof(n->p.end), "drop:%s", name);
	else
		snprintf(n->p.end, sizeof(n->p.end), "drop:%u", reason);
	set_at(n, stage);
}

/* Queued on a socket or on its way there: is there anything this kernel can still tell us? */
static void end_socket(struct pending *n, uint8_t wait, const struct story_rules *rules)
{
	uint32_t stages = n->datagram ? rules->dgram_stages : rules->tcp_stages;

	if (wait == WAIT_SOCKET && !(stages & (SC_BIT(SC_RX_SOCKET) | SC_BIT(SC_RX_READ)))) {
		set_end(n, "l4");
		return;
	}
	if (wait == WAIT_READ && !(stages & SC_BIT(SC_RX_READ))) {
		set_end(n, "socket");
		return;
	}
	n->wait = wait == WAIT_SOCKET && !(stages & SC_BIT(SC_RX_SOCKET)) ? WAIT_READ : wait;
}

/* Sent, and the driver was the first to see it, though it came through the stack: TCP always does, and what was cut from another packet. */
static bool lost_begin(const struct pending *n, const struct sc_packet *p, const struct story_rules *rules)
{
	const uint32_t before = SC_BIT(SC_TX_IP) | SC_BIT(SC_TX_OUT) | SC_BIT(SC_TX_TC) | SC_BIT(SC_TX_NETDEV);

	if (p->end != SC_END_DRIVER && p->end != SC_END_TXDONE)
		return false;
	if (p->flags & SC_FLAG_ORPHAN)
		return true;
	return p->sock && n->payload_bytes && n->l4_proto == IPPROTO_TCP_NUMBER && !(p->flags & SC_FLAG_SEGMENT) && rules->tcp_stages & SC_BIT(SC_TX_TC) &&
	       !(p->stages & before);
}

/*
 * The transport had this datagram, and then its skb was freed without an error. A reader that is fast enough takes a datagram before the kernel tells of it (since 6.18 one CPU
 * queues for others): one of the reads that began before that and returned since it came.
 */
static bool await_reader(struct pending *n, const struct sc_packet *p, const struct story_rules *rules)
{
	if (p->dir != SC_DIR_RX || !n->datagram || !p->sock || p->last_stage != SC_RX_L4 || p->flags & (SC_FLAG_CLONE | SC_FLAG_FRAG) ||
	    !(rules->dgram_stages & SC_BIT(SC_RX_READ)))
		return false;
	n->consumed = n->gone = true;
	n->sock_index = UINT64_MAX;
	n->wait = WAIT_READ;
	return true;
}

static void begin_end(struct pending *n, const struct sc_packet *p, const struct story_rules *rules)
{
	static const char *const plain[SC_END_COUNT] = {
		[SC_END_TC] = "tc",		  [SC_END_L4] = "l4",		[SC_END_READ] = "read",
		[SC_END_DRIVER] = "driver", [SC_END_TXDONE] = "txdone", [SC_END_FORWARD] = "forward", [SC_END_XDP] = "xdp",
	};

	n->wait = p->dir == SC_DIR_TX && n->payload_bytes && n->l4_proto == IPPROTO_TCP_NUMBER ? WAIT_PASS : WAIT_NONE;
	if (p->end == SC_END_L4 && !n->datagram && rules->l4_sure && rules->tcp_stages & ~p->stages & SC_BIT(SC_RX_L4)) {
		story_partial(n, ACCOUNT_PARTIAL_UNSTAMPED);
		return;
	}
	if (lost_begin(n, p, rules)) {
		story_partial(n, ACCOUNT_PARTIAL_UNSTAMPED);
		return;
	}
	if (plain[p->end]) {
		set_end(n, plain[p->end]);
		return;
	}
	switch (p->end) {
	case SC_END_SOCKET:
		end_socket(n, WAIT_READ, rules);
		break;
	case SC_END_TRANSPORT:
		end_socket(n, WAIT_SOCKET, rules);
		break;
	case SC_END_MERGED:
		n->wait = WAIT_PARENT;
		break;
	case SC_END_DROP:
		end_drop(n, rules->drops, p->drop_reason, p->last_stage);
		break;
	case SC_END_CONSUMED:
		if (!await_reader(n, p, rules))
			story_partial(n, ACCOUNT_PARTIAL_CONSUMED);
		break;
	case SC_END_RECYCLED:
		story_partial(n, ACCOUNT_PARTIAL_RECYCLED);
		break;
	default: /* still open */
		story_partial(n, p->stages & SC_BIT(SC_RX_SOCKET) ? ACCOUNT_PARTIAL_UNREAD : ACCOUNT_PARTIAL_OPEN);
	}
}

void story_begin(struct pending *n, const struct decoded *d, const struct story_rules *rules)
{
	const struct sc_packet *from = d->packet;
	struct packet *p = &n->p;

	p->id = from->id;
	p->parent_id = from->parent_id;
	p->stages = from->stages;
	memcpy(p->stamp_ns, from->stamp_ns, sizeof(p->stamp_ns));
	p->dir = from->dir;
	p->anchor_ns = packet_anchor(p) < SC_STAGE_COUNT ? p->stamp_ns[packet_anchor(p)] : from->begin_ns;
	p->wire_len_bytes = from->wire_len_bytes;
	p->cap_len_bytes = from->cap_len_bytes;
	p->queue = from->queue;
	p->cpu = from->cpu;
	p->irq = from->irq;
	p->segs = from->gso_segs;
	p->pid = from->pid;
	memcpy(p->comm, from->comm, sizeof(p->comm));
	for (size_t i = 0; i < sizeof(flag_map) / sizeof(*flag_map); i++)
		if (from->flags & flag_map[i].from)
			p->flags |= flag_map[i].to;
	n->sock = from->sock;
	n->sock_index = from->sock_index;
	n->read_id = from->id;
	n->told_ns = from->last_ns;
	n->first = from->flags & SC_FLAG_FIRST;
	n->gone = from->flags & SC_FLAG_GONE;
	n->seq = from->seq;
	n->payload_bytes = from->payload_len_bytes;
	n->end_seq = from->seq + from->payload_len_bytes;
	n->flow_hash = from->flow_hash;
	n->l3_off = from->l3_off;
	n->l4_off = from->l4_off;
	n->ip_version = from->ip_version;
	n->l4_proto = from->l4_proto;
	n->tcp_flags = from->tcp_flags;
	n->datagram = from->l4_proto != IPPROTO_TCP_NUMBER;
	n->in_order = !n->datagram && from->end == SC_END_SOCKET;
	n->readable = (n->datagram ? rules->dgram_stages : rules->tcp_stages) & SC_BIT(SC_RX_READ);
	begin_end(n, from, rules);
	n->ended = n->wait != WAIT_PARENT;
}

void story_await_parent(struct pending *n)
{
	n->wait = WAIT_PARENT;
	n->ended = false;
	n->incomplete = false;
	n->p.flags &= ~PACKET_PARTIAL;
	n->p.end[0] = n->p.at[0] = '\0';
}

/* Datagrams that were merged are read together. */
static void adopt_read(struct pending *n, const struct pending *parent)
{
	n->p.stamp_ns[SC_RX_READ] = parent->p.stamp_ns[SC_RX_READ];
	n->p.stages |= SC_BIT(SC_RX_READ);
	n->p.pid = parent->p.pid;
	memcpy(n->p.comm, parent->p.comm, sizeof(n->p.comm));
}

/* Without memory for it nothing is said of how many there are. */
static void merged_join(struct pending *n, struct pending *parent)
{
	if (n->merged) /* others went into it before */
		return;
	if (!parent->merged) {
		parent->merged = calloc(1, sizeof(*parent->merged));
		if (!parent->merged)
			return;
		parent->merged->count = parent->merged->users = 1;
	}
	n->merged = parent->merged;
	n->merged->count++;
	n->merged->users++;
}

void story_adopt(struct pending *n, struct pending *parent)
{
	struct packet *p = &n->p;
	uint8_t last = last_stamped(p);
	uint64_t newest = last < SC_STAGE_COUNT ? p->stamp_ns[last] : 0;

	if (p->flags & PACKET_GRO) {
		parent->p.flags |= PACKET_GRO;
		merged_join(n, parent);
	}
	for (int stage = SC_RX_BACKLOG; stage < SC_STAGE_COUNT; stage++) {
		if (!(parent->p.stages & SC_BIT(stage)) || stage == SC_RX_READ)
			continue;
		if (p->stages & SC_BIT(stage) || parent->p.stamp_ns[stage] < newest)
			continue;
		p->stamp_ns[stage] = newest = parent->p.stamp_ns[stage];
		p->stages |= SC_BIT(stage);
	}
	n->sock = parent->sock;
	n->sock_index = parent->sock_index;
	n->read_id = parent->read_id;
	n->told_ns = parent->told_ns;
	n->first = parent->first;
	n->gone = parent->gone;
	n->consumed = parent->consumed;
	n->incomplete = parent->incomplete;
	n->partial = parent->partial;
	p->flags |= parent->p.flags & PACKET_PARTIAL;
	memcpy(p->end, parent->p.end, sizeof(p->end));
	memcpy(p->at, parent->p.at, sizeof(p->at));
	memcpy(p->via, parent->p.via, sizeof(p->via));
	n->wait = WAIT_NONE;
	n->ended = true;
	if (n->datagram && parent->p.stages & SC_BIT(SC_RX_READ))
		adopt_read(n, parent);
	else if (parent->p.stages & SC_BIT(SC_RX_READ) || parent->wait == WAIT_READ)
		n->wait = WAIT_READ; /* matched by its own bytes, or by the parent's place in the queue */
	else if (parent->wait == WAIT_SOCKET)
		n->wait = WAIT_SOCKET;
}

void story_socket(struct pending *n, const struct sc_call *reached)
{
	n->p.stamp_ns[SC_RX_SOCKET] = reached->time_ns;
	n->p.stages |= SC_BIT(SC_RX_SOCKET);
	n->wait = n->readable ? WAIT_READ : WAIT_NONE;
	if (!n->readable)
		set_end(n, "socket");
}

void story_drop(struct pending *n, const struct drop_reasons *drops, uint32_t reason)
{
	n->wait = WAIT_NONE;
	end_drop(n, drops, reason, last_stamped(&n->p));
}

void story_read(struct pending *n, const struct sc_call *read)
{
	n->p.stamp_ns[SC_RX_READ] = read->time_ns;
	n->p.stages |= SC_BIT(SC_RX_READ);
	n->p.pid = read->pid;
	memcpy(n->p.comm, read->comm, sizeof(n->p.comm));
	n->wait = WAIT_NONE;
	set_end(n, "read");
}

void story_write(struct pending *n, const struct sc_call *write)
{
	n->p.stamp_ns[SC_TX_WRITE] = write->time_ns;
	n->p.stages |= SC_BIT(SC_TX_WRITE);
	n->p.pid = write->pid;
	memcpy(n->p.comm, write->comm, sizeof(n->p.comm));
}

void story_unwritten(struct pending *n)
{
	/* What became of it is worth more than where it began. */
	if (strncmp(n->p.end, "drop:", 5))
		story_partial(n, ACCOUNT_PARTIAL_UNMATCHED);
}
