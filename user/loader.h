/* SPDX-License-Identifier: GPL-2.0-only */
/* Loads the programs with the best probes this kernel accepts, attaches them, and takes everything away again. */
#pragma once

#include <stdint.h>

#include "user/net.h"
#include "user/probes.h"
#include "xdp/attach.h"

#define LOADER_MAX_DEVICES 16

struct injection;

struct loader_config {
	const struct net_device_info *devices;
	size_t device_count;
	uint32_t stages;     /* SC_BIT mask wanted */
	uint32_t dirs;	     /* 1 << (enum sc_dir - 1) */
	uint32_t snaplen_bytes;
	uint64_t memory_bytes; /* of table and rings, 0: by default */
	uint32_t ring_bytes; /* per CPU, a power of two and a multiple of the page size; 0: by the number of CPUs */
	uint64_t limit;	     /* packets, 0 without */
	uint64_t slower_ns;  /* what ends sooner need not be told of, 0: everything is */
	bool hist;	     /* no records: the kernel counts in histograms */
	enum xdp_mode xdp;
	enum probe_family family; /* which ways to kernel functions may be used */
	const char *without; /* probes to do without, or NULL */
	const struct injection *filter; /* the code that chooses packets; NULL: all of them */
	bool filter_flow;    /* its verdict hangs on what names a flow alone */
	bool filter_late;    /* its verdict needs what XDP cannot see (a tag that hardware took out): not to be asked there */
};

struct loader;

/* Returns 0, or a negative errno after logging why; -EBADRQC: `without` names no probe. Acts in the caller's network namespace. Nothing stays behind on failure. */
int loader_start(struct loader **out, const struct loader_config *config);

/* Lets stories begin, or stops new ones (dirs 0). */
void loader_begin(struct loader *l, uint32_t dirs);

/* Takes every program off its hook; maps and their contents stay. */
void loader_detach(struct loader *l);

void loader_free(struct loader *l); /* NULL is fine */

const struct probes *loader_probes(const struct loader *l);
/* What became of XDP on device i: one sentence. */
const char *loader_xdp_note(const struct loader *l, size_t i);
/* The sentence about the first device that XDP was wanted on and is not; NULL without. */
const char *loader_xdp_refused(const struct loader *l);

/* Times the kernel did not run a program of ours because it had interrupted the same program on that CPU, since loading. */
uint64_t loader_missed(const struct loader *l);

/* The maps user space reads. */
struct loader_maps {
	const int *ring_fds; /* one per possible CPU */
	int cpus;
	int sets_fd, timelines_fd, cpu_states_fd;
	int hist_rows_fd, hist_index_fd; /* tracing/histogram.h */
	int locks_fd;		    /* hash map of slot numbers: who creates an entry may change that slot's key; -1: keys are changed atomically */
	uint32_t sets;		    /* how many */
	uint32_t slot_bytes;	    /* value size of a timeline */
	uint32_t cpu_state_bytes;   /* value size of a CPU's state */
	uint32_t counters_offset;   /* of its counters: __u64[SC_CNT_COUNT * 2] */
	uint64_t memory_bytes;	    /* of all maps together */
	uint32_t *open_total;	    /* how many slots are taken, to be kept right by who frees one; NULL: nobody counts */
};
void loader_maps(const struct loader *l, struct loader_maps *out);
