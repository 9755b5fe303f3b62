// SPDX-License-Identifier: GPL-2.0-only
/* The recording loop: rings to join to sink, until a signal, a count, a time or the end of the reader. */
#include "user/record.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "user/capture_comment.h"
#include "user/cleanup.h"
#include "user/clock.h"
#include "user/drop_reason.h"
#include "user/join.h"
#include "user/log.h"
#include "tracing/inject.h"
#include "user/output.h"
#include "user/privileges.h"
#include "user/record_filter.h"
#include "user/selection.h"
#include "user/sink.h"
#include "user/softirqs.h"
#include "user/source.h"
#include "user/summary.h"
#include "user/system.h"
#include "user/tally.h"

#define NS_PER_MS 1000000ull
#define NS_PER_S 1000000000ull
#define PASS_EVERY_NS (20 * NS_PER_MS)
#define PASS_BUSY_NS (2 * NS_PER_MS) /* with much to do: less at once holds nobody else up for long, and is still in the cache */
#define BUSY_PER_S 50000 /* records; half of that: not busy any more */
#define SWEEP_EVERY_NS (100 * NS_PER_MS)
#define CLOCK_EVERY_NS NS_PER_S
#define DOUBT_NS 50000000ull
#define SETTLE_NS (1 * NS_PER_MS)	  /* a stamp is never older than this when its timeline is in the table, or its record in a ring */
#define DEADLINE_FILE_NS (3 * NS_PER_S)
#define DEADLINE_LIVE_NS (150 * NS_PER_MS)
#define STOP_GRACE_NS (200 * NS_PER_MS) /* for packets under way when a signal or the clock ends the capture */
#define DETACH_SETTLE_US 20000		  /* programs that were running when they were taken off their hooks end within this */
#define QUEUED_MAX_NS (60 * NS_PER_S) /* a shaper may hold a packet long; taken out of the table it would count again when it goes */
#define WINDOW_PACKETS 65536
#define SNAPLEN_DEFAULT 256

struct record {
	const struct record_options *options;
	struct net_device_info devices[LOADER_MAX_DEVICES];
	struct capture_interface interfaces[LOADER_MAX_DEVICES];
	struct record_filter *filter;
	struct loader *loader;
	struct source *source;
	struct join *join;
	struct sink *sink;
	struct drop_reasons *drops;
	struct clock clock;
	struct account account;
	uint64_t counter[SC_CNT_COUNT * 2];
	uint64_t missed_before; /* loader_missed() when stories could begin */
	struct softirqs softirqs;
	uint64_t blind[2]; /* softirqs_blind() when they could not any more */
	uint64_t lost_told; /* lost packets already attributed by epb_dropcount */
	bool reader_gone, busy; /* busy: passes are short and frequent */
	uint64_t records, paced_ns; /* how many since then: see pace() */
	uint64_t start_ns, sweep_ns, clock_ns, stop_ns, deadline_ns;
	int failed; /* first error, a negative errno */
	struct output output;
	struct selection selection;
	int signal_fd, timer_fd, epoll_fd;
	char device_name[16];
	struct capture_info info;
	char comment[CAPTURE_COMMENT_MAX], os[256], hardware[512]; /* what info points to */
};

static void record_free(struct record *r)
{
	join_free(r->join);
	source_free(r->source);
	if (r->sink)
		r->sink->ops->free(r->sink);
	loader_free(r->loader);
	record_filter_free(r->filter);
	drop_reasons_free(r->drops);
	for (int *fd = &r->signal_fd; fd <= &r->epoll_fd; fd++)
		if (*fd >= 0)
			close(*fd);
	free(r);
}

CLEANUP_DEFINE(cleanup_record, struct record, record_free);

void record_options_default(struct record_options *o)
{
	*o = (struct record_options){
		.snaplen_bytes = SNAPLEN_DEFAULT,
		.dirs = 3,
		.stages = SC_BIT(SC_STAGE_COUNT) - 1,
		.xdp = XDP_MODE_AUTO,
	};
}

/* ---- what the join asks for */

static int interface_of(void *context, uint32_t ifindex)
{
	const struct record *r = context;

	for (size_t i = 0; i < r->options->interface_count; i++)
		if ((uint32_t)r->devices[i].ifindex == ifindex)
			return i;
	return -ENODEV;
}

static const char *device_name_of(void *context, uint32_t ifindex)
{
	struct record *r = context;

	return if_indextoname(ifindex, r->device_name);
}

static uint64_t lost_in_kernel(const struct record *r)
{
	uint64_t lost = 0;

	for (int dir = 0; dir < 2; dir++)
		lost += r->counter[SC_CNT_TABLE * 2 + dir] + r->counter[SC_CNT_RING * 2 + dir];
	return lost;
}

static int on_packet(void *context, struct packet *p)
{
	struct record *r = context;
	uint64_t lost = lost_in_kernel(r);
	enum account_unwritten why = selection_of(&r->selection, p);

	if (why != ACCOUNT_UNWRITTEN_COUNT) {
		r->account.dir[p->dir - 1].unwritten[why]++;
		return 0;
	}
	p->wall_ns = clock_wall_ns(&r->clock, p->anchor_ns);
	p->dropcount = lost - r->lost_told;
	r->lost_told = lost;
	return r->sink->ops->packet(r->sink, p);
}

static int on_record(void *context, const void *data, size_t size)
{
	struct record *r = context;
	int err = join_record(r->join, data, size);

	/* A record that cannot be used is counted as lost; the capture goes on. */
	return err == -EBADMSG || err == -ENOMEM ? 0 : err;
}

/* ---- setting up */

static int find_devices(struct record *r)
{
	const struct record_options *o = r->options;
	char names[1024];

	for (size_t i = 0; i < o->interface_count; i++) {
		int err = net_device_query(o->interfaces[i], &r->devices[i]);

		if (err == -ENODEV) {
			net_device_names(names, sizeof(names));
			return log_refuse(err, "no interface '%s' here; there are: %s", o->interfaces[i], names);
		}
		if (err == -EPROTONOSUPPORT)
			return log_refuse(err, "%s is neither an Ethernet nor an IP device", o->interfaces[i]);
		if (err)
			return log_err(err, "cannot query interface %s", o->interfaces[i]);
		for (size_t n = 0; n < i; n++)
			if (r->devices[n].ifindex == r->devices[i].ifindex)
				return log_refuse(-EINVAL, "interface %s is named twice", o->interfaces[i]);
		r->interfaces[i] = r->devices[i].capture;
	}
	return 0;
}

static int section_comment(const struct record *r, char *buf, size_t size)
{
	const struct probes *probes = loader_probes(r->loader);
	bool xdp = probes_used(probes, SC_RX_XDP, NULL);
	struct capture_comment c = { .version = STAMPCAP_VERSION, .match = xdp ? "xdp-address-or-key" : "skb", .clock_error_ns = r->clock.error_ns,
				     .sample = r->options->sample };
	char text[SC_STAGE_COUNT][256];
	int len;

	for (int stage = 0; stage < SC_STAGE_COUNT; stage++)
		c.probes[stage] = probes_text(probes, stage, text[stage], sizeof(text[stage]));
	len = capture_comment_format(&c, buf, size);
	return len < 0 ? len : 0;
}

static int make_sink(struct record *r, int *fd)
{
	const struct record_options *o = r->options;
	struct loader_maps maps;
	int err = section_comment(r, r->comment, sizeof(r->comment));

	if (err)
		return log_err(err, "cannot describe the capture");
	err = output_empty(&r->output, *fd);
	if (err)
		return err;
	system_os(r->os, sizeof(r->os));
	system_hardware(r->hardware, sizeof(r->hardware));
	r->info = (struct capture_info){
		.interfaces = r->interfaces, .interface_count = o->interface_count, .snaplen_bytes = o->snaplen_bytes, .filter = o->filter,
		.hardware = r->hardware, .os = r->os, .app = "stampcap " STAMPCAP_VERSION, .comment = r->comment,
	};
	loader_maps(r->loader, &maps);
	err = o->hist ? sink_hist_new(&r->sink, *fd, &r->info, &maps, o->json) : o->write ? sink_pcapng_new(&r->sink, *fd, &r->info) : sink_text_new(&r->sink, *fd, &r->info);
	if (err)
		return log_err(err, "cannot start the output");
	TAKE_FD(*fd);
	err = r->sink->ops->flush(r->sink);
	return err ? log_err(err, "cannot write %s", o->write ? o->write : "standard output") : 0;
}

static int make_join(struct record *r)
{
	const struct probes *probes = loader_probes(r->loader);
	struct join_config config = {
		.rules = { .tcp_stages = probes_stages(probes, SCOPE_TCP), .dgram_stages = probes_stages(probes, SCOPE_DGRAM), .drops = r->drops,
			   .l4_sure = probes_used(probes, SC_RX_L4, "cgroup_skb/ingress") || probes_function_used(probes, "tcp_v4_rcv") },
		.deadline_ns = r->deadline_ns,
		.doubt_ns = DOUBT_NS,
		.window = WINDOW_PACKETS,
		.filtered = r->filter,
		.interface = interface_of,
		.device_name = device_name_of,
		.packet = on_packet,
		.context = r,
	};
	int err = join_new(&r->join, &config, &r->account);

	return err ? log_err(err, "cannot start joining") : 0;
}

static int make_loader(struct record *r)
{
	const struct record_options *o = r->options;
	const struct translation *code = record_filter_code(r->filter);
	struct injection filter = { .function = "filter_run", .callee = "filter_far", .code = code ? code->code : NULL, .count = code ? code->count : 0 };
	struct loader_config config = {
		.devices = r->devices, .device_count = o->interface_count, .stages = o->stages, .dirs = o->dirs,
		.snaplen_bytes = o->snaplen_bytes, .memory_bytes = o->memory_bytes, .ring_bytes = o->ring_bytes, .limit = o->packets, .slower_ns = o->slower_ns, .hist = o->hist,
		.xdp = o->xdp, .family = o->family, .without = o->without,
		.filter = code ? &filter : NULL, .filter_flow = record_filter_is_flow(r->filter), .filter_late = code && code->uses & (TRANSLATE_USES_LEN | TRANSLATE_USES_VLAN),
	};

	return loader_start(&r->loader, &config);
}

/* An XDP mode that was demanded and cannot be had is an error; `auto` does without. */
static int check_xdp(const struct record *r)
{
	const char *why = loader_xdp_refused(r->loader), *mode = r->options->xdp == XDP_MODE_NATIVE ? "native" : r->options->xdp == XDP_MODE_SKB ? "skb" : NULL;

	return why && mode ? log_refuse(-ENOTSUP, "--xdp %s: %s (--xdp auto does without)", mode, why) : 0;
}

static int make_source(struct record *r)
{
	struct loader_maps maps;
	int err;

	loader_maps(r->loader, &maps);
	err = source_new(&r->source, &maps, on_record, r);
	if (err)
		return log_err(err, "cannot read the ring buffers");
	log_info(1, "kernel memory for timelines and rings: %" PRIu64 " KiB", maps.memory_bytes / 1024);
	return 0;
}

static int watch(struct record *r, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	return epoll_ctl(r->epoll_fd, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

static int pass_every(const struct record *r, uint64_t ns)
{
	struct itimerspec every = { .it_interval = { .tv_nsec = ns }, .it_value = { .tv_nsec = ns } };

	return timerfd_settime(r->timer_fd, 0, &every, NULL);
}

static int make_events(struct record *r)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	r->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	r->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	r->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (r->signal_fd < 0 || r->timer_fd < 0 || r->epoll_fd < 0 || pass_every(r, PASS_EVERY_NS))
		return log_err(-errno, "cannot set up the event loop");
	for (int *fd = (int[]){ r->signal_fd, r->timer_fd, source_fd(r->source), -1 }; *fd >= 0; fd++)
		if (watch(r, *fd))
			return log_err(-errno, "cannot set up the event loop");
	return 0;
}

/* ---- running */

static bool is_stale(void *context, const struct sc_packet *p)
{
	const struct record *r = context;

	bool queued = p->dir == SC_DIR_TX && p->last_stage < SC_TX_DRIVER;

	return p->last_ns && p->last_ns + (queued ? QUEUED_MAX_NS : r->deadline_ns) < clock_monotonic_ns();
}

static bool is_any(void *context, const struct sc_packet *p)
{
	(void)context, (void)p;
	return true;
}

/* The reader of a pipe going away is how such a capture ends; anything else is a failure to be told once. */
static void output_failed(struct record *r, int err)
{
	if (err == -EPIPE)
		r->reader_gone = true;
	else if (!r->failed)
		r->failed = log_err(err, "cannot write %s: it holds every packet up to here",
				    r->options->write ? r->options->write : "standard output");
}

/* How soon to come again, by how many records there were lately; this pass found some more. */
static void pace(struct record *r, uint64_t now_ns, uint64_t records)
{
	uint64_t elapsed_ns = now_ns - r->paced_ns;
	bool busy;

	r->records += records;
	if (elapsed_ns < PASS_EVERY_NS)
		return;
	busy = r->records * NS_PER_S / elapsed_ns > (r->busy ? BUSY_PER_S / 2 : BUSY_PER_S);
	r->paced_ns = now_ns;
	r->records = 0;
	if (busy != r->busy && !pass_every(r, busy ? PASS_BUSY_NS : PASS_EVERY_NS))
		r->busy = busy;
}

/* One round: everything the kernel has, to the sink. */
static void pass(struct record *r)
{
	uint64_t now_ns = clock_monotonic_ns(), complete_ns = source_oldest_ns(r->source, now_ns - r->deadline_ns);
	int err, drained;

	if (complete_ns > now_ns - SETTLE_NS)
		complete_ns = now_ns - SETTLE_NS;
	if (now_ns - r->clock_ns >= CLOCK_EVERY_NS) {
		clock_take(&r->clock);
		r->clock_ns = now_ns;
	}
	if (now_ns - r->sweep_ns >= SWEEP_EVERY_NS) {
		source_sweep(r->source, is_stale, r);
		r->sweep_ns = now_ns;
	}
	source_counters(r->source, r->counter);
	drained = source_drain(r->source);
	err = drained < 0 ? drained : 0;
	pace(r, now_ns, drained > 0 ? drained : 0);
	if (!err && join_reassembled(r->join))
		source_sweep(r->source, join_owns_fragment, r->join);
	err = err ?: join_pass(r->join, now_ns, now_ns - SETTLE_NS, complete_ns);
	err = err ?: r->sink->ops->flush(r->sink);
	if (err)
		output_failed(r, err);
}

static uint64_t begun(const struct record *r)
{
	uint64_t n = 0;

	for (int dir = 0; dir < 2; dir++)
		n += r->counter[SC_CNT_CREATED * 2 + dir] - r->counter[SC_CNT_SPLIT * 2 + dir];
	return n;
}

/* No new packets from here on; those under way have until stop_ns. */
static void stop(struct record *r, uint64_t grace_ns)
{
	if (r->stop_ns)
		return;
	loader_begin(r->loader, 0);
	r->stop_ns = clock_monotonic_ns() + grace_ns;
}

static bool finished(const struct record *r)
{
	if (r->failed || r->reader_gone)
		return true;
	if (!r->stop_ns)
		return false;
	return clock_monotonic_ns() >= r->stop_ns || (!join_waiting(r->join) && !tally_waiting(r->counter) && source_oldest_ns(r->source, 0) == UINT64_MAX);
}

static void check_limits(struct record *r)
{
	const struct record_options *o = r->options;

	/* The programs keep the limit. A super-packet that is about to be cut gives its place back: no story may be open that could. */
	if (o->packets && begun(r) >= o->packets && source_oldest_ns(r->source, 0) == UINT64_MAX)
		stop(r, r->deadline_ns);
	if (o->duration_ns && clock_monotonic_ns() - r->start_ns >= o->duration_ns)
		stop(r, STOP_GRACE_NS);
}

static void on_signal(struct record *r)
{
	struct signalfd_siginfo info;

	while (read(r->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		if (r->stop_ns) /* asked twice: at once */
			r->stop_ns = 1;
		stop(r, STOP_GRACE_NS);
	}
}

static void loop(struct record *r)
{
	while (!finished(r)) {
		struct epoll_event event;
		uint64_t ticks;

		if (epoll_wait(r->epoll_fd, &event, 1, -1) < 0)
			continue;
		if (read(r->timer_fd, &ticks, sizeof(ticks)) < 0 && event.data.fd == r->timer_fd)
			continue;
		on_signal(r);
		pass(r);
		check_limits(r);
	}
}

/* ---- ending */

/* The output failed: what was still held here when it did goes nowhere, and is lost like the rest. */
static void count_stranded(struct record *r)
{
	for (int dir = 0; dir < 2; dir++) {
		struct account_dir *a = &r->account.dir[dir];
		uint64_t told = a->complete + account_partial_sum(a) + account_lost_sum(a);

		if (a->seen > told)
			a->lost[ACCOUNT_LOST_QUEUE] += a->seen - told;
	}
}

static int finish(struct record *r)
{
	struct capture_end end = {};
	int err;

	loader_begin(r->loader, 0);
	softirqs_blind(&r->softirqs, r->source, r->blind);
	loader_detach(r->loader);
	usleep(DETACH_SETTLE_US);
	join_stop(r->join);
	pass(r);
	source_sweep(r->source, is_any, r);
	source_counters(r->source, r->counter);
	err = r->failed || r->reader_gone ? 0 : join_finish(r->join);
	if (err)
		output_failed(r, err);
	tally_add(&r->account, &(struct tally){ .counter = r->counter, .blind = r->blind, .missed = loader_missed(r->loader) - r->missed_before });
	if (r->failed || r->reader_gone)
		count_stranded(r);
	end.account = r->account;
	end.start_ns = clock_wall_ns(&r->clock, r->start_ns);
	end.end_ns = clock_wall_ns(&r->clock, clock_monotonic_ns());
	err = r->failed || r->reader_gone ? 0 : r->sink->ops->end(r->sink, &end);
	if (err)
		output_failed(r, err);
	summary_print(&r->account);
	if (!r->failed && !r->reader_gone && (account_check(&r->account) || source_miscounts(r->source)))
		r->failed = log_refuse(-ERANGE, "the accounting does not add up: this is a bug, please report it with the lines above");
	return r->failed ? 1 : 0;
}

static void announce(const struct record *r)
{
	const struct record_options *o = r->options;
	char names[256] = "";
	size_t at = 0;

	if (log_level < 0)
		return;
	for (size_t i = 0; i < o->interface_count && at < sizeof(names); i++)
		at += snprintf(names + at, sizeof(names) - at, "%s%s", i ? ", " : "", r->interfaces[i].name);
	if (o->hist)
		fprintf(stderr, "stampcap: recording on %s, in histograms", names);
	else
		fprintf(stderr, "stampcap: recording on %s, %u bytes of each packet", names, o->snaplen_bytes);
	if (o->sample)
		fprintf(stderr, ", one flow in %u", o->sample);
	fputs("; Ctrl-C ends it\n", stderr);
}

/* Everything that can be wrong with what was asked for, before anything is touched. 0, or an exit status. */
static int check_request(struct record *r)
{
	const struct record_options *o = r->options;
	int err;

	if (o->netns && net_namespace_enter(o->netns, NULL))
		return log_refuse(1, "no network namespace '%s': give a name of `ip netns list` or a process id", o->netns);
	if (find_devices(r))
		return 1;
	err = record_filter_new(&r->filter, o->filter, o->sample, r->devices, o->interface_count);
	return err ? (err == -EINVAL || err == -E2BIG || err == -ELOOP ? 2 : 1) : 0;
}

/* The exit status. */
static int record_dump(struct record *r)
{
	int status = check_request(r);

	if (status || !r->filter)
		return status;
	if (r->options->dump > 1)
		record_filter_print_translated(r->filter, stdout);
	else
		record_filter_print_classic(r->filter, stdout);
	return fflush(stdout) ? log_err(-errno, "cannot write standard output") ? 1 : 0 : 0;
}

/* 0, or an exit status. */
static int make_all(struct record *r, int *fd)
{
	int err;

	clock_take(&r->clock);
	r->clock_ns = clock_monotonic_ns();
	err = drop_reasons_load(&r->drops);
	err = err ?: make_loader(r);
	err = err ?: check_xdp(r);
	if (err)
		return err == -EBADRQC ? 2 : 1;
	/* Signals last: before, one that a reader's end raises ends us without a word. */
	return make_join(r) || make_source(r) || make_sink(r, fd) || make_events(r);
}

int record_run(const struct record_options *o)
{
	_cleanup_(cleanup_record) struct record *r = calloc(1, sizeof(*r));
	_cleanup_close_ int fd = -1;
	int err;

	if (!r)
		return log_err(-ENOMEM, "no memory") ? 1 : 0;
	r->options = o;
	r->selection = (struct selection){ .slower_ns = o->slower_ns, .per_s = o->rate };
	r->signal_fd = r->timer_fd = r->epoll_fd = -1;
	r->deadline_ns = o->deadline_ns ?: (o->hist || (o->write && strcmp(o->write, "-")) ? DEADLINE_FILE_NS : DEADLINE_LIVE_NS);
	if (o->dump)
		return record_dump(r);
	err = check_request(r);
	if (err)
		return err;
	fd = output_open(&r->output, o->write);
	if (fd < 0)
		return 1;
	err = make_all(r, &fd);
	if (err) {
		output_undo(&r->output);
		return err;
	}
	err = privileges_drop();
	if (err)
		log_warn("cannot drop privileges: %s", strerror(-err));
	r->start_ns = clock_monotonic_ns();
	r->missed_before = loader_missed(r->loader);
	softirqs_begin(&r->softirqs, r->source);
	loader_begin(r->loader, o->dirs);
	announce(r);
	loop(r);
	return finish(r);
}
