/* SPDX-License-Identifier: GPL-2.0-only */
/* Maps and per-CPU state that most programs share; what belongs to one matter stands with it. All are defined in maps.bpf.c. */
#pragma once

#include "conf.bpf.h"
#include "verifier.bpf.h"

/* An interrupt of a captured device that may have led to a softirq. Several: devices have a vector per queue. */
struct irq_seen {
	__u64 time_ns; /* entry of its newest handler, 0: none, or spent */
	__u32 irq;
	__u16 queue; /* that the vector is for + 1, 0 unknown */
	__u8 raised; /* its handler raised NET_RX: handlers also run for other reasons */
	__u8 threaded; /* a thread does the handler's work, and raises it later */
};
#define IRQS_SEEN 4

/* What is going on on this CPU. Written by programs of this CPU only; interrupt handlers write only `pending*`. */
struct cpu_state {
	struct irq_seen pending[IRQS_SEEN]; /* not yet claimed by a softirq */
	struct irq_seen current[IRQS_SEEN]; /* led to the one that runs now */
	__u64 softirq_ns;     /* entry of the NET_RX softirq that runs now, 0 none */
	__u64 handler_ns;     /* entry of the interrupt handler of a captured device that runs, 0 none */
	__u64 poll_begin_ns;  /* of the poll of a captured device that goes on, 0 none, or nothing tells */
	__u64 poll_irq_ns;    /* the interrupt that asked for it, 0 none */
	__u64 poll_end_ns;    /* end of the newest NAPI poll, so the earliest begin of the next */
	__u64 dequeued_ns;    /* newest dequeue from a qdisc, once packets were cut */
	__u64 dequeued_ifindex; /* and whose */
	__u64 gro_id;	      /* packet inside napi_gro_receive, 0 none */
	__u64 gro_parent_id;  /* packet of its flow that GRO held when it came, 0 none */
	__u64 replaced_id;    /* packet whose skb generic XDP freed, its copy comes next; 0 none */
	__u64 local_id;	      /* packet the transport works on, 0 none */
	__u64 out_ip_ns;      /* of the packet longer than its device's MTU that passed POST_ROUTING last: */
	__u64 out_ns;	      /* its stamps there, which its fragments share */
	__u64 out_l4_ns;
	__u64 out_write_ns;
	__u32 out_key;	      /* and what its fragments are known by, 0 none */
	__u32 gro_slot;
	__u32 local_slot;
	__u32 replaced_slot;
	__u32 records;
	__u32 poll_irq;
	__u32 handler_irq;
	__u16 poll_queue; /* of the newest packet of the poll that goes on + 1, 0 unknown */
	__u8 handler;	     /* index in `pending` + 1 of the interrupt whose handler runs, 0 none */
	__u8 pending_more;   /* there were more than fit */
	__u8 current_doubt;  /* interrupts that may, or may not, have led to this softirq */
	__u8 poll_scheduled; /* something else than an interrupt handler asked for the poll that goes on */
	__u8 crowded;	     /* the ring has room for calls only */
	__u8 pad[5];
	__u64 counter[SC_CNT_COUNT * 2];
};

struct map_cpu {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct cpu_state);
};
extern struct map_cpu cpu_states SEC(".maps");

struct map_sets { /* which skb owns which slot; user space sweeps it through mmap */
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct sc_set);
};
extern struct map_sets sets SEC(".maps");

struct map_timelines { /* value: struct sc_packet and conf_room bytes; sized by the loader */
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1024);
	__uint(key_size, 4);
	__uint(value_size, sizeof(struct sc_packet) + SC_MIN_BYTES);
};
extern struct map_timelines timelines SEC(".maps");

struct map_ring {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
};
struct map_rings { /* one ring per CPU, filled by the loader */
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct map_ring);
};
extern struct map_rings rings SEC(".maps");

struct parent_ref {
	__u64 id;
	__u32 slot;
	__u32 flow_hash;
};
#define PARENTS_BITS 13
#define PARENTS (1 << PARENTS_BITS)
struct map_parents { /* newest packet of a flow that others may merge into (GRO, per CPU) */
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, PARENTS);
	__type(key, __u32);
	__type(value, struct parent_ref);
};
extern struct map_parents gro_parents SEC(".maps");

struct map_xdp_marks {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sc_xdp_marks);
};
extern struct map_xdp_marks xdp_marks SEC(".maps");

static __always_inline struct cpu_state *cpu_state(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&cpu_states, &zero);
}

static __always_inline void count(struct cpu_state *cpu, enum sc_counter counter, __u8 dir)
{
	__u32 i = counter * 2 + (dir == SC_DIR_TX);

	/* Atomic: a program in process context may be interrupted by one in a softirq. */
	__sync_fetch_and_add(&cpu->counter[i], 1);
}
