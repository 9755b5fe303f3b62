// SPDX-License-Identifier: GPL-2.0-only
/* Rings, table and counters: see source.h. */
#include "user/source.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "user/cleanup.h"

struct source {
	struct ring_buffer *rings;
	struct loader_maps maps;
	struct sc_set *sets; /* shared with the programs */
	const uint8_t *timelines;
	size_t sets_bytes, timelines_bytes;
	int (*record)(void *context, const void *data, size_t size);
	void *context;
	void *copy; /* one slot */
};

static int on_record(void *context, void *data, size_t size)
{
	struct source *s = context;

	return s->record(s->context, data, size);
}

static size_t page_round(size_t bytes)
{
	size_t page = sysconf(_SC_PAGESIZE);

	return (bytes + page - 1) / page * page;
}

static int table_map(struct source *s)
{
	void *at;

	s->sets_bytes = page_round(s->maps.sets * sizeof(struct sc_set));
	s->timelines_bytes = page_round((size_t)s->maps.sets * SC_WAYS * s->maps.slot_bytes);
	at = mmap(NULL, s->sets_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, s->maps.sets_fd, 0);
	if (at == MAP_FAILED)
		return -errno;
	s->sets = at;
	at = mmap(NULL, s->timelines_bytes, PROT_READ, MAP_SHARED, s->maps.timelines_fd, 0);
	if (at == MAP_FAILED)
		return -errno;
	s->timelines = at;
	return 0;
}

CLEANUP_DEFINE(cleanup_source, struct source, source_free);

int source_new(struct source **out, const struct loader_maps *maps, int (*record)(void *context, const void *data, size_t size), void *context)
{
	_cleanup_(cleanup_source) struct source *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	s->maps = *maps;
	s->record = record;
	s->context = context;
	s->copy = malloc(maps->slot_bytes);
	s->rings = ring_buffer__new(maps->ring_fds[0], on_record, s, NULL);
	if (!s->copy || !s->rings)
		return s->rings ? -ENOMEM : -errno;
	for (int cpu = 1; cpu < maps->cpus; cpu++) {
		err = ring_buffer__add(s->rings, maps->ring_fds[cpu], on_record, s);
		if (err)
			return err;
	}
	err = table_map(s);
	if (err)
		return err;
	*out = TAKE_PTR(s);
	return 0;
}

void source_free(struct source *s)
{
	if (!s)
		return;
	ring_buffer__free(s->rings);
	if (s->sets)
		munmap(s->sets, s->sets_bytes);
	if (s->timelines)
		munmap((void *)s->timelines, s->timelines_bytes);
	free(s->copy);
	free(s);
}

int source_fd(const struct source *s)
{
	return ring_buffer__epoll_fd(s->rings);
}

int source_drain(struct source *s)
{
	return ring_buffer__consume(s->rings);
}

static const struct sc_packet *slot_at(const struct source *s, uint32_t set, int way)
{
	return (const void *)(s->timelines + ((size_t)set * SC_WAYS + way) * s->maps.slot_bytes);
}

/* A packet that waits in a qdisc will be written under the time the driver gets it: it holds nobody up for long. */
static uint64_t open_begin_ns(const struct sc_packet *p, uint64_t patience_ns)
{
	uint64_t begin_ns = __atomic_load_n(&p->begin_ns, __ATOMIC_RELAXED);
	uint8_t last = __atomic_load_n(&p->last_stage, __ATOMIC_RELAXED);

	if (!begin_ns || (p->dir == SC_DIR_TX && last < SC_TX_DRIVER && begin_ns < patience_ns))
		return UINT64_MAX;
	return begin_ns;
}

uint64_t source_oldest_ns(const struct source *s, uint64_t patience_ns)
{
	uint64_t oldest = UINT64_MAX;

	for (uint32_t set = 0; set < s->maps.sets; set++) {
		for (int way = 0; way < SC_WAYS; way++) {
			uint64_t begin_ns;

			if (!__atomic_load_n(&s->sets[set].key[way], __ATOMIC_ACQUIRE))
				continue;
			begin_ns = open_begin_ns(slot_at(s, set, way), patience_ns);
			if (begin_ns < oldest)
				oldest = begin_ns;
		}
	}
	return oldest;
}

/* Marks the story as ours if its owner is still `owned`. Where programs have no atomic exchange, they and we take the slot's lock first. */
static bool key_take(struct source *s, __u64 *key, uint32_t slot, __u64 owned)
{
	uint32_t held = 1;
	bool taken;

	if (s->maps.locks_fd < 0)
		return __atomic_compare_exchange_n(key, &owned, owned | SC_KEY_BUSY, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
	if (bpf_map_update_elem(s->maps.locks_fd, &slot, &held, BPF_NOEXIST))
		return false;
	taken = __atomic_load_n(key, __ATOMIC_ACQUIRE) == owned;
	if (taken)
		__atomic_store_n(key, owned | SC_KEY_BUSY, __ATOMIC_RELEASE);
	bpf_map_delete_elem(s->maps.locks_fd, &slot);
	return taken;
}

/* 1 if the story was taken and handed on, 0 if not, or a negative errno. */
static int sweep_slot(struct source *s, uint32_t set, int way, bool (*wanted)(void *context, const struct sc_packet *p), void *context)
{
	__u64 *key = &s->sets[set].key[way], owned = __atomic_load_n(key, __ATOMIC_ACQUIRE);
	struct sc_packet *p = s->copy;
	int err;

	if (!owned || owned & SC_KEY_BUSY)
		return 0;
	memcpy(p, slot_at(s, set, way), s->maps.slot_bytes);
	if (!wanted(context, p))
		return 0;
	/* Whoever changes the key owns the story: a program that was about to end it finds its exchange fail. Only then is it ours to copy. */
	if (!key_take(s, key, set * SC_WAYS + way, owned))
		return 0;
	memcpy(p, slot_at(s, set, way), s->maps.slot_bytes);
	__atomic_store_n(key, 0, __ATOMIC_RELEASE);
	if (s->maps.open_total)
		__atomic_fetch_sub(s->maps.open_total, 1, __ATOMIC_SEQ_CST);
	p->type = SC_REC_PACKET;
	p->end = SC_END_OPEN;
	if (p->cap_len_bytes > s->maps.slot_bytes - sizeof(*p))
		p->cap_len_bytes = 0;
	p->size_bytes = sizeof(*p) + p->cap_len_bytes;
	err = s->record(s->context, p, p->size_bytes);
	return err ?: 1;
}

int source_sweep(struct source *s, bool (*wanted)(void *context, const struct sc_packet *p), void *context)
{
	int taken = 0;

	for (uint32_t set = 0; set < s->maps.sets; set++) {
		for (int way = 0; way < SC_WAYS; way++) {
			int n = sweep_slot(s, set, way, wanted, context);

			if (n < 0)
				return n;
			taken += n;
		}
	}
	return taken;
}

bool source_miscounts(const struct source *s)
{
	uint32_t taken = 0;

	if (!s->maps.open_total)
		return false;
	for (uint32_t set = 0; set < s->maps.sets; set++)
		for (int way = 0; way < SC_WAYS; way++)
			taken += !!__atomic_load_n(&s->sets[set].key[way], __ATOMIC_ACQUIRE);
	return taken != __atomic_load_n(s->maps.open_total, __ATOMIC_SEQ_CST);
}

int source_counters(const struct source *s, uint64_t counter[SC_CNT_COUNT * 2])
{
	_cleanup_free_ uint8_t *states = calloc(s->maps.cpus, s->maps.cpu_state_bytes);
	uint32_t zero = 0;

	if (!states)
		return -ENOMEM;
	if (bpf_map_lookup_elem(s->maps.cpu_states_fd, &zero, states))
		return -errno;
	memset(counter, 0, SC_CNT_COUNT * 2 * sizeof(*counter));
	for (int cpu = 0; cpu < s->maps.cpus; cpu++) {
		const uint64_t *of = (const void *)(states + (size_t)cpu * s->maps.cpu_state_bytes + s->maps.counters_offset);

		for (int i = 0; i < SC_CNT_COUNT * 2; i++)
			counter[i] += of[i];
	}
	return 0;
}
