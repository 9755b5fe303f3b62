/* SPDX-License-Identifier: GPL-2.0-only */
/* A packet on its way from the kernel's record to the sinks: what is known, and what it still waits for. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <uthash.h>

#include "user/account.h"
#include "user/packet.h"

enum pending_wait {
	WAIT_NONE,    /* its story is told */
	WAIT_PARENT,  /* merged by GRO, or a fragment: the later stages are the parent's */
	WAIT_SOCKET,  /* TCP payload: until the socket's sequence numbers reach it, then WAIT_READ */
	WAIT_READ,    /* queued: until the application takes it */
	WAIT_PASS,    /* sent: one more pass over the rings, for the send call that a ring behind us may hold */
};

/* The packets that GRO made one skb of; each of them that is still held points here. */
struct merged {
	uint32_t count, told, users; /* of them all, handed on, pointing here */
};

struct pending {
	struct packet p;
	uint8_t wait;	    /* enum pending_wait */
	uint8_t partial;    /* enum account_partial, if `incomplete` */
	bool incomplete;
	bool datagram;
	bool first, gone; /* SC_FLAG_FIRST, SC_FLAG_GONE */
	bool consumed;	  /* datagram: freed before anything told that its socket had it; a read may still say that it took it */
	bool in_order;	    /* TCP queued it the moment it came: no byte before it was missing */
	bool copy;	    /* TCP had been given all of its bytes before, and nothing tells that it was this one that was queued */
	bool readable;	    /* this kernel can tell when it is read */
	bool ended;	    /* its record told how the story ended in the kernel: children may take it over */
	uint64_t sock;
	uint64_t sock_index, read_id, told_ns; /* datagrams: see sc_packet.sock_index; the packet whose read is this one's too; when that was noted */
	uint64_t deadline_ns;
	uint64_t pass;	    /* of the rings in which it came */
	uint32_t seq, end_seq, payload_bytes; /* TCP: host order */
	uint32_t flow_hash;
	uint16_t l3_off, l4_off;
	uint8_t ip_version, l4_proto, tcp_flags;
	struct merged *merged; /* NULL: alone */
	struct pending *next, **link; /* in the list of those that wait for the same: a socket's, or the children's; link NULL: in none */
	UT_hash_handle by_id;
	uint8_t bytes[];
};

static inline void pending_list_add(struct pending **list, struct pending *n)
{
	n->next = *list;
	n->link = list;
	if (n->next)
		n->next->link = &n->next;
	*list = n;
}

static inline void pending_list_remove(struct pending *n)
{
	if (!n->link)
		return;
	*n->link = n->next;
	if (n->next)
		n->next->link = n->link;
	n->link = NULL;
}

/* Serial number arithmetic of TCP (RFC 793, 3.3): a - b as a signed distance. */
static inline int32_t seq_diff(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b);
}
