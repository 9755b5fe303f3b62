/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is known of a packet before a device has it. LOCAL_OUT and POST_ROUTING come before it is certain by which device a packet leaves and what the filter
 * says of it, so they leave their times here, and the story begins where its link-layer bytes and its device stand: at TC egress. There is one entry per hash
 * value, anybody's last note counts, and an entry proves by `check` that two writers did not meet in it. Its key is the skb's; the socket is the other
 * half of the identity, for an skb that comes back as another socket's packet without having passed LOCAL_OUT.
 */
#pragma once

#include "timeline.bpf.h"

struct early {
	__u64 key;
	__u64 sock;
	__u64 write_ns;
	__u64 l4_ns;
	__u64 ip_ns;
	__u64 out_ns;
	__u64 pid; /* whose send call it was, 0 unknown */
	char comm[16];
	__u64 check;
};
#define EARLY_ENTRIES 4096
struct map_earlies {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, EARLY_ENTRIES);
	__type(key, __u32);
	__type(value, struct early);
};
extern struct map_earlies earlies SEC(".maps");

#define EARLY_SETTLED (~0ull)

static __always_inline struct early *early_of(__u64 key)
{
	__u32 index = key_place(key, EARLY_ENTRIES - 1);

	return bpf_map_lookup_elem(&earlies, &index);
}

static __always_inline __u64 early_check(const struct early *e)
{
	return (e->key * 3) ^ (e->sock * 5) ^ (e->ip_ns * 7) ^ (e->out_ns * 11) ^ (e->l4_ns * 13) ^ (e->write_ns * 17) ^ (e->pid * 19);
}

static __always_inline void early_put(struct early *note)
{
	struct early *e = early_of(note->key);

	note->check = early_check(note);
	if (e)
		*e = *note;
}

/* A copy of what is noted about this packet; false: nothing. */
static __always_inline bool early_get(__u64 key, __u64 sock, struct early *note)
{
	const struct early *e = early_of(key);

	if (!e || e->key != key || e->sock != sock)
		return false;
	*note = *e;
	return note->key == key && note->sock == sock && note->check == early_check(note);
}

/* The skb is somebody else's from now on. */
static __always_inline void early_forget(__u64 key)
{
	struct early *e = early_of(key);

	if (e && e->key == key)
		e->key = 0;
}

/* Not to be recorded, whatever stages follow: the driver's would take it for a packet that nobody has seen. */
static __always_inline void tx_settle(struct cpu_state *cpu, __u64 key, __u64 sock)
{
	struct early note = { .key = key, .sock = sock, .ip_ns = EARLY_SETTLED };

	early_put(&note);
	timeline_evict(cpu, key);
}

/* true once for a packet that was settled. */
static __always_inline bool tx_settled(__u64 key, __u64 sock)
{
	struct early note;

	if (!early_get(key, sock, &note) || note.ip_ns != EARLY_SETTLED)
		return false;
	early_forget(key);
	return true;
}

static __always_inline void early_apply(struct cpu_state *cpu, struct sc_packet *p, __u64 key, __u64 sock)
{
	struct early note;

	if (!early_get(key, sock, &note))
		return;
	if (note.write_ns) {
		timeline_stamp(cpu, p, SC_TX_WRITE, note.write_ns);
		p->pid = note.pid;
		__builtin_memcpy(p->comm, note.comm, sizeof(p->comm));
	}
	if (note.l4_ns)
		timeline_stamp(cpu, p, SC_TX_L4, note.l4_ns);
	if (note.ip_ns && note.ip_ns != EARLY_SETTLED)
		timeline_stamp(cpu, p, SC_TX_IP, note.ip_ns);
	if (note.out_ns)
		timeline_stamp(cpu, p, SC_TX_OUT, note.out_ns);
	early_forget(key);
}
