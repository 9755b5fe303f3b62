/* SPDX-License-Identifier: GPL-2.0-only */
/* Maps, load-time constants and per-CPU state shared by all programs. Defined in maps.bpf.c. */
#pragma once

#include "kernel_types.h"
#include "stamp.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

/* Load-time constants: the verifier folds them, code that a run does not need costs nothing. */
extern const volatile __u32 conf_stages;	 /* SC_BIT mask of stages to stamp */
extern const volatile __u32 conf_netns_inum;	 /* namespace of the captured devices */
extern const volatile __u32 conf_snaplen;	 /* bytes of a packet that go to the file */
extern const volatile __u32 conf_room;		 /* bytes a slot has for them: >= snaplen, >= SC_MIN_BYTES */
extern const volatile __u32 conf_set_mask;	 /* number of sets - 1, a power of two - 1 */
extern const volatile __u32 conf_cpus;		 /* possible CPUs: ids are unique across them */
extern const volatile __u64 conf_limit;		 /* packets to begin, 0 without limit */
extern const volatile __u32 conf_wake_bytes;	 /* a ring fuller than this wakes its reader */
extern const volatile __u8 conf_softirq_raise;	 /* softirq_raise is attached: an interrupt must have raised its softirq */
extern const volatile __u8 conf_l4_cgroup;	 /* cgroup_skb stamps l4; else tcp_probe does */
extern const volatile __u8 conf_recv_length;	 /* sock_recv_length tells datagram reads; else skb_copy_datagram_iovec does */
extern const volatile struct sc_device conf_devices[SC_MAX_DEVICES];
extern const volatile __u64 conf_irqs[SC_MAX_IRQ / 64];	       /* interrupt lines of the captured devices */
extern const volatile __u64 conf_irqs_shared[SC_MAX_IRQ / 64]; /* those shared with others: the action's name decides */
extern const volatile char conf_irq_names[SC_MAX_IRQ_NAMES][16];

/* Directions in which stories may begin: 1 << (enum sc_dir - 1). User space sets it when everything is attached and clears it to stop. */
extern __u32 begin_dirs;

/* Slots begun so far, only kept when conf_limit is set. Its address is also the origin skb addresses are measured from: see skb_key(). */
extern __u64 begun_total;

/* What is going on on this CPU. Written by programs of this CPU only; interrupt handlers write only `pending_*`. */
struct cpu_state {
	__u64 next_id;
	__u64 pending_irq_ns; /* newest handler entry of a captured device, not yet claimed by a softirq */
	__u64 raise_ns;	      /* newest raise of NET_RX */
	__u64 softirq_ns;     /* entry of the NET_RX softirq that runs now, 0 none */
	__u64 poll_end_ns;    /* end of the newest NAPI poll, so the earliest begin of the next */
	__u64 irq_ns;	      /* handler entry that led to it, 0 none or spent */
	__u64 gro_id;	      /* packet inside napi_gro_receive, 0 none */
	__u64 gro_parent_id;  /* packet of its flow that GRO held when it came, 0 none */
	__u64 local_id;	      /* packet the transport works on, 0 none */
	__u64 out_ip_ns;      /* of the packet longer than its device's MTU that passed POST_ROUTING last: */
	__u64 out_ns;	      /* its stamps there, which its fragments share */
	__u32 out_key;	      /* and what its fragments are known by, 0 none */
	__u32 gro_slot;
	__u32 local_slot;
	__s32 pending_irq;
	__s32 irq;
	__u32 records;
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
#define PARENTS 1024
struct map_parents { /* newest packet of a flow that others may merge into (GRO, per CPU) */
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, PARENTS);
	__type(key, __u32);
	__type(value, struct parent_ref);
};
extern struct map_parents gro_parents SEC(".maps");

struct map_gso_parents { /* newest packet of a flow that software segmentation took apart */
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PARENTS);
	__type(key, __u32);
	__type(value, struct parent_ref);
};
extern struct map_gso_parents gso_parents SEC(".maps");

struct sock_state { /* a socket of a captured device; freed with the socket */
	__u64 cookie;
	__u64 queued;	  /* datagrams queued so far, in the order of the socket */
	__u64 taken;	  /* datagrams read so far */
	__u32 reader_tid; /* 0 none yet, ~0 several */
	__u32 copied_seq; /* TCP: reported as read up to here */
	__u32 write_end;  /* TCP: end of the send call being reported */
	__u32 write_tid;  /* its thread, 0: none open */
};
struct map_socks {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct sock_state);
};
extern struct map_socks socks SEC(".maps");

struct map_xdp_marks {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sc_xdp_marks);
};
extern struct map_xdp_marks xdp_marks SEC(".maps");

/* Shows the verifier a bound that the compiler, knowing it to hold, would optimise away. `mask` is a power of two - 1; x is 64 bits wide. */
#define BOUND(x, mask) asm volatile("%0 &= %1" : "+r"(x) : "i"(mask))

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
