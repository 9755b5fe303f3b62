/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Filters against their definition: the kernel's verdict on every frame, at every hook, is that of libpcap's own evaluator on the code as libpcap compiles it
 * for a live capture. On the way the kernel's verifier sees every program. Measures nothing.
 */
#include "tests/root/filter_oracle.h"
#include "tests/root/filter_packets.h"
#include "tests/root/root_lab.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "pcap/filter.h"
#include "pcap/translate.h"
#include "tests/verdict/verdict.h"
#include "user/record_filter.h"
#include "tracing/stamp.h"

#define SEED		0x5ca9u
#define WORKERS		4
#define SHARE		4 /* the hooks beside XDP and TC are asked of one frame in so many, of each by some expressions */
#define LINKS		2 /* SC_LINK_ETHER, SC_LINK_RAW */
#define LONG_BYTES	32768
#define DIFFERENCES	20 /* reported in full */
#define LOG_BYTES	(1 << 20)
#define MIN_EXPRESSIONS 300
#define MIN_FRAMES	2000
#define MIN_RECORDED	300
#define SAMPLES		20 /* and a few more: compared with tcpdump */
#define MIN_BOTH	95 /* percent of the expressions that accept something and reject something */

static const char *const hook_names[VERDICT_HOOKS] = { "xdp", "xdp-raw", "tc", "tc-raw", "tc-tag", "skb" };

/* ---- expressions */

struct expression {
	char *text;
	bool ether_only, constant;
};

struct expressions {
	struct expression *list;
	size_t count;
};

static void expressions_add(struct expressions *e, const char *text, bool ether_only, bool constant)
{
	for (size_t i = 0; i < e->count; i++)
		if (!strcmp(e->list[i].text, text))
			fail_msg("'%s' stands in the list twice", text);
	e->list = realloc(e->list, (e->count + 1) * sizeof(*e->list));
	assert_non_null(e->list);
	e->list[e->count++] = (struct expression){ strdup(text), ether_only, constant };
	assert_non_null(e->list[e->count - 1].text);
}

/* `term` for each number below `terms`, which it gets whole and in two bytes, and `last`, joined by "or". */
static void expressions_add_long(struct expressions *e, const char *term, int terms, const char *last)
{
	char *text = malloc(LONG_BYTES);
	size_t len = 0;

	assert_non_null(text);
	for (int i = 0; i < terms; i++) {
		len += (size_t)snprintf(text + len, LONG_BYTES - len, term, i, i >> 8, i & 0xff);
		len += (size_t)snprintf(text + len, LONG_BYTES - len, " or ");
		assert_true(len < LONG_BYTES);
	}
	snprintf(text + len, LONG_BYTES - len, "%s", last);
	expressions_add(e, text, false, false);
	free(text);
}

/* The longest first: libpcap takes seconds for each. (And 20 for `port` 500 times.) */
static void expressions_read(struct expressions *e)
{
	const char *top = getenv("TOP");
	char path[512], line[512];
	FILE *f;

	expressions_add_long(e, "tcp port 10%1$03d", 690, "tcp port 80");
	expressions_add_long(e, "src host 203.0.%2$d.%3$d", 499, "dst net 10.0.0.0/8");
	expressions_add_long(e, "dst portrange 20%1$03d-20%1$03d", 300, "port 53");
	expressions_add_long(e, "ip dst host 203.0.%2$d.%3$d", 499, "ip dst host 192.0.2.1");
	expressions_add_long(e, "(udp src port %1$d and ip[8] = %3$d)", 499, "ip6 host fe80::1");
	snprintf(path, sizeof(path), "%s/tests/root/filter_expressions.txt", top ?: ".");
	f = fopen(path, "re");
	if (!f)
		fail_msg("%s: %s", path, strerror(errno));
	while (fgets(line, sizeof(line), f)) {
		size_t marks = strspn(line, "EC");
		bool marked = marks && line[marks] == ':';

		assert_non_null(strchr(line, '\n'));
		line[strcspn(line, "\n")] = '\0';
		if (line[0] && line[0] != '#')
			expressions_add(e, marked ? line + marks + 2 : line, marked && memchr(line, 'E', marks), marked && memchr(line, 'C', marks));
	}
	fclose(f);
}

/* ---- one expression on all frames */

/* Of one expression; in memory that workers share. */
struct outcome {
	char problem[800]; /* "": none */
	uint32_t runs[VERDICT_HOOKS], accepted[VERDICT_HOOKS];
	uint32_t classic, translated;
	bool unsupported[VERDICT_HOOKS], done;
};

/* What workers share. */
struct shared {
	uint32_t next;	      /* expression to be tried */
	uint32_t differences; /* found so far */
	struct outcome outcome[];
};

struct bench {
	void *lab; /* struct lab */
	struct expressions expressions;
	struct frames frames;
	struct views *views; /* of all frames */
	size_t recorded, tc_refused;
	uint32_t tc_max; /* largest frame that the TC hooks take */
	bool raw;	 /* there is a raw IP device */
	struct shared *shared;
};

static const char *const devices[LINKS] = { "lo", "sctun" };
static const uint16_t link_types[LINKS] = { 1, 101 };

static int compile(struct filter **out, const char *expression, enum sc_link link, struct filter_problem *problem)
{
	struct filter_request request = { expression, link_types[link], devices[link] };

	return filter_new(out, &request, problem);
}

static void print_difference(const char *expression, enum verdict_hook hook, const struct frame *given, int kernel, bool libpcap)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	fprintf(f, "DIFFERENCE '%.400s' at %s: kernel %d, libpcap %d, %u bytes: ", expression, hook_names[hook], kernel, libpcap, given->size);
	for (uint32_t i = 0; i < given->size && i < 2000; i++)
		fprintf(f, "%02x", given->bytes[i]);
	fprintf(f, "\n");
	fclose(f);
	if (write(STDOUT_FILENO, text, size) < 0)
		abort();
	free(text);
}

/* An expression on its way. */
struct trial {
	const struct bench *bench;
	size_t which;
	const char *expression;
	struct outcome *outcome;
	struct oracle oracle[LINKS];
	struct verdict *verdict;
	char log[LOG_BYTES]; /* what the verifier says */
};

static void compare(struct trial *t, enum verdict_hook hook, size_t first, size_t step)
{
	struct oracle *oracle = &t->oracle[hook_is_raw(hook) ? SC_LINK_RAW : SC_LINK_ETHER];
	const struct bench *b = t->bench;

	for (size_t i = first; oracle->code.filter && i < b->frames.count && b->shared->differences < DIFFERENCES; i += step) {
		struct frame given;
		struct shown shown;
		int kernel;
		bool libpcap;

		if (!hook_shows(hook, &b->views[i], &given, &shown))
			continue;
		kernel = verdict_run(t->verdict, hook, given.bytes, given.size);
		if (kernel == -ENOTSUP && hook == VERDICT_SKB) {
			t->outcome->unsupported[hook] = true;
			return;
		}
		libpcap = oracle_run(oracle, &shown);
		t->outcome->runs[hook]++;
		t->outcome->accepted[hook] += libpcap;
		if (kernel == libpcap)
			continue;
		if (__atomic_fetch_add(&b->shared->differences, 1, __ATOMIC_RELAXED) < DIFFERENCES)
			print_difference(t->expression, hook, &given, kernel, libpcap);
	}
}

static const char *tail(const char *text, size_t size)
{
	return strlen(text) > size ? text + strlen(text) - size : text;
}

static void try_programs(struct trial *t, const struct sock_fprog *code)
{
	struct translation translation = { 0 };
	struct outcome *o = t->outcome;
	struct translate_problem refusal;
	int err = translate(&translation, code, LINKS, &filter_view_layout, &refusal);

	if (err) {
		snprintf(o->problem, sizeof(o->problem), "not translated: %d, %s", err, refusal.text);
		return;
	}
	o->classic = code[SC_LINK_ETHER].len;
	o->translated = (uint32_t)translation.count;
	for (int link = 0; link < LINKS; link++)
		if (code[link].filter)
			oracle_make(&t->oracle[link], code[link]);
	err = verdict_new(&t->verdict, &translation, t->log, sizeof(t->log));
	if (err)
		snprintf(o->problem, sizeof(o->problem), "not loaded: %d, %.700s", err, tail(t->log, 700));
	for (int hook = 0; !err && hook < VERDICT_HOOKS; hook++) {
		size_t step = hook == VERDICT_XDP || hook == VERDICT_TC ? 1 : SHARE;

		compare(t, hook, t->which % step, step);
	}
	verdict_free(t->verdict);
	t->verdict = NULL;
	translation_free(&translation);
	for (int link = 0; link < LINKS; link++)
		oracle_drop(&t->oracle[link]);
}

static void try_expression(struct trial *t)
{
	const struct expression *e = &t->bench->expressions.list[t->which];
	struct filter *filter[LINKS] = { NULL };
	struct sock_fprog code[LINKS] = { 0 };
	struct filter_problem problem = { "accepted", -1 };
	int err = 0;

	t->expression = e->text;
	t->outcome = &t->bench->shared->outcome[t->which];
	for (int link = 0; !err && link < LINKS; link++) {
		int want = link == SC_LINK_RAW && e->ether_only ? -EINVAL : 0;

		if (link == SC_LINK_RAW && !t->bench->raw)
			continue;
		err = compile(&filter[link], e->text, link, &problem) - want;
		if (err)
			snprintf(t->outcome->problem, sizeof(t->outcome->problem), "not as the list says on %s: %.400s", devices[link], problem.text);
		if (!err && !want)
			code[link] = filter_code(filter[link]);
	}
	if (!err)
		try_programs(t, code);
	for (int link = 0; link < LINKS; link++)
		filter_free(filter[link]);
	t->outcome->done = true;
}

static pid_t worker_start(const struct bench *b)
{
	pid_t parent = getpid(), pid = fork();
	struct trial *t;

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	t = calloc(1, sizeof(*t));
	assert_non_null(t);
	t->bench = b;
	do {
		t->which = __atomic_fetch_add(&b->shared->next, 1, __ATOMIC_RELAXED);
		if (t->which < b->expressions.count)
			try_expression(t);
	} while (t->which < b->expressions.count && getppid() == parent && b->shared->differences < DIFFERENCES);
	free(t);
	_exit(0);
}

/* ---- tests */

/* Filters that accept everything, to find out what a test run takes. */
static struct verdict *verdict_accepting(void)
{
	struct sock_filter accept = { BPF_RET | BPF_K, 0, 0, 1 };
	struct sock_fprog code[LINKS] = { { 1, &accept }, { 1, &accept } };
	struct translation translation = { 0 };
	struct translate_problem problem;
	struct verdict *verdict = NULL;
	char log[512];

	assert_int_equal(translate(&translation, code, LINKS, &filter_view_layout, &problem), 0);
	if (verdict_new(&verdict, &translation, log, sizeof(log)))
		fail_msg("the programs around a filter do not load: %s", log);
	translation_free(&translation);
	return verdict;
}

/* The largest frame that a TC hook takes. */
static uint32_t tc_limit(struct verdict *verdict)
{
	uint8_t *bytes = calloc(1, FRAME_MAX_BYTES);
	uint32_t size = FRAME_MAX_BYTES;

	assert_non_null(bytes);
	while (size > FRAME_MIN_BYTES && verdict_run(verdict, VERDICT_TC, bytes, size) < 0)
		size--;
	free(bytes);
	return size;
}

/* Some kernels refuse, from TC, what looks like IP and is too short for its header. Nothing else may be refused. */
static bool tc_takes(const struct bench *b, struct verdict *verdict, const uint8_t *bytes, uint32_t size)
{
	uint32_t type = (uint32_t)bytes[12] << 8 | bytes[13];
	bool may_refuse = size > b->tc_max || (type == 0x0800 && size < 34) || (type == 0x86dd && size < 54);
	int taken = verdict_run(verdict, VERDICT_TC, bytes, size);

	assert_true(taken == 1 || may_refuse);
	return taken == 1;
}

static void views_fill(struct bench *b, struct verdict *verdict)
{
	b->views = calloc(b->frames.count, sizeof(*b->views));
	assert_non_null(b->views);
	for (size_t i = 0; i < b->frames.count; i++) {
		struct views *v = &b->views[i];

		views_make(v, &b->frames.frame[i]);
		v->tc_takes = tc_takes(b, verdict, v->frame.bytes, v->frame.size);
		v->tc_takes_ip = v->ip && tc_takes(b, verdict, v->ip, v->ip_size);
		b->tc_refused += !v->tc_takes;
	}
}

static size_t shared_bytes(const struct bench *b)
{
	return sizeof(*b->shared) + b->expressions.count * sizeof(b->shared->outcome[0]);
}

static int bench_setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	struct verdict *verdict;
	struct lab *lab;
	size_t built;

	assert_non_null(b);
	*state = b;
	if (lab_setup(&b->lab))
		return -1;
	lab = lab_need(&b->lab);
	verdict = verdict_accepting();
	b->tc_max = tc_limit(verdict);
	b->frames.random = SEED;
	frames_build(&b->frames, b->tc_max);
	built = b->frames.count;
	b->recorded = frames_record(&b->frames, lab);
	frames_truncate(&b->frames, built, built / 12, 82);
	frames_mutate(&b->frames, 700);
	views_fill(b, verdict);
	verdict_free(verdict);
	expressions_read(&b->expressions);
	b->raw = !system("ip tuntap add dev sctun mode tun && ip addr add 198.51.100.1/24 dev sctun && ip link set sctun up");
	return 0;
}

static int bench_teardown(void **state)
{
	struct bench *b = *state;

	for (size_t i = 0; b->views && i < b->frames.count; i++)
		views_drop(&b->views[i]);
	free(b->views);
	frames_free(&b->frames);
	for (size_t i = 0; i < b->expressions.count; i++)
		free(b->expressions.list[i].text);
	free(b->expressions.list);
	if (b->shared)
		munmap(b->shared, shared_bytes(b));
	lab_teardown(&b->lab);
	free(b);
	return 0;
}

static void there_is_enough_to_try(void **state)
{
	struct bench *b = *state;

	print_message("    seed 0x%x; %zu expressions; %zu frames, %zu of them recorded\n", SEED, b->expressions.count, b->frames.count, b->recorded);
	print_message("    %zu frames that the kernel takes at the XDP hooks only: of more than %u bytes, or IP without its header\n", b->tc_refused, b->tc_max);
	assert_true(b->expressions.count >= MIN_EXPRESSIONS);
	assert_true(b->frames.count >= MIN_FRAMES);
	assert_true(b->recorded >= MIN_RECORDED);
}

static void same_as_tcpdump(const char *expression, enum sc_link link)
{
	struct filter_problem problem = { "", -1 };
	struct filter *filter = NULL;
	char command[1024], line[64], ours[64];
	struct sock_fprog code;
	FILE *f;

	if (compile(&filter, expression, link, &problem))
		fail_msg("'%s' on %s: %s", expression, devices[link], problem.text);
	code = filter_code(filter);
	snprintf(command, sizeof(command), "tcpdump -i %s -ddd '%s'", devices[link], expression);
	f = popen(command, "re");
	assert_non_null(f);
	snprintf(ours, sizeof(ours), "%u\n", code.len);
	for (size_t i = 0; i <= code.len; i++) {
		if (!fgets(line, sizeof(line), f) || strcmp(line, ours))
			fail_msg("%s: line %zu: %s instead of %s", command, i, line, ours);
		if (i < code.len)
			snprintf(ours, sizeof(ours), "%u %u %u %u\n", code.filter[i].code, code.filter[i].jt, code.filter[i].jf, code.filter[i].k);
	}
	assert_null(fgets(line, sizeof(line), f));
	assert_int_equal(pclose(f), 0);
	filter_free(filter);
}

/* What is compared with the kernel is what tcpdump would give to the kernel. But for `ip broadcast`: tcpdump does not ask for the device's netmask. */
static void code_is_what_tcpdump_compiles(void **state)
{
	struct bench *b = *state;
	size_t step = b->expressions.count / (SAMPLES + 5);

	for (size_t i = 0; i < b->expressions.count; i += step) {
		const struct expression *e = &b->expressions.list[i];

		if (strlen(e->text) > 500 || strstr(e->text, "ip broadcast"))
			continue;
		same_as_tcpdump(e->text, SC_LINK_ETHER);
		if (b->raw && !e->ether_only)
			same_as_tcpdump(e->text, SC_LINK_RAW);
	}
	same_as_tcpdump("vlan 7 and tcp port 80", SC_LINK_ETHER);
	same_as_tcpdump("inbound and ifindex 1", SC_LINK_ETHER);
}

static void print_totals(const struct bench *b, double seconds)
{
	const struct outcome *longest = &b->shared->outcome[0];
	const char *hint;

	for (size_t i = 0; i < b->expressions.count; i++)
		if (b->shared->outcome[i].translated > longest->translated)
			longest = &b->shared->outcome[i];
	for (int hook = 0; hook < VERDICT_HOOKS; hook++) {
		uint64_t runs = 0, accepted = 0;

		hint = "";
		for (size_t i = 0; i < b->expressions.count; i++) {
			runs += b->shared->outcome[i].runs[hook];
			accepted += b->shared->outcome[i].accepted[hook];
			hint = b->shared->outcome[i].unsupported[hook] ? ": this kernel has no bpf_cast_to_kern_ctx(), so it was not asked" : hint;
		}
		print_message("    %-8s %8llu verdicts, %8llu accept%s\n", hook_names[hook], (unsigned long long)runs, (unsigned long long)accepted, hint);
	}
	print_message("    longest program: %u classic instructions, %u translated; %.1f s\n", longest->classic, longest->translated, seconds);
	if (!b->raw)
		print_message("    no tun device here: the hooks for raw IP were not asked\n");
}

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void kernel_agrees_with_libpcap(void **state)
{
	struct bench *b = *state;
	double begin = now_s();
	pid_t worker[WORKERS];
	size_t troubled = 0;
	int status;

	b->shared = mmap(NULL, shared_bytes(b), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(b->shared, MAP_FAILED);
	for (size_t i = 0; i < WORKERS; i++)
		worker[i] = worker_start(b);
	for (size_t i = 0; i < WORKERS; i++) {
		assert_int_equal(waitpid(worker[i], &status, 0), worker[i]);
		assert_int_equal(status, 0);
	}
	print_totals(b, now_s() - begin);
	for (size_t i = 0; i < b->expressions.count; i++) {
		const struct outcome *o = &b->shared->outcome[i];

		if (o->problem[0])
			print_message("    %s\n    of '%.100s'\n", o->problem, b->expressions.list[i].text);
		troubled += o->problem[0] || !o->done || !o->runs[VERDICT_XDP] || !o->runs[VERDICT_TC];
	}
	assert_int_equal(b->shared->differences, 0);
	assert_int_equal(troubled, 0);
}

/* No verdict is a matter of course: an expression accepts some frames and rejects others, but for those listed as constant, which must be so. */
static void expressions_tell_frames_apart(void **state)
{
	struct bench *b = *state;
	size_t both = 0, raw = 0, raw_both = 0;

	for (size_t i = 0; i < b->expressions.count; i++) {
		const struct expression *e = &b->expressions.list[i];
		const struct outcome *o = &b->shared->outcome[i];
		uint32_t runs = o->runs[VERDICT_XDP] + o->runs[VERDICT_TC], accepted = o->accepted[VERDICT_XDP] + o->accepted[VERDICT_TC];
		bool constant = !accepted || accepted == runs;

		both += !constant;
		raw += o->runs[VERDICT_TC_RAW] > 0;
		raw_both += o->accepted[VERDICT_TC_RAW] && o->accepted[VERDICT_TC_RAW] < o->runs[VERDICT_TC_RAW];
		if (constant != e->constant)
			print_message("    '%.100s' accepts %u of %u\n", e->text, accepted, runs);
		if (e->constant)
			assert_true(constant);
	}
	print_message("    %zu of %zu expressions accept some frames and reject some; %zu of %zu of raw IP\n", both, b->expressions.count, raw_both, raw);
	assert_true(both * 100 >= b->expressions.count * MIN_BOTH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_is_enough_to_try),
		cmocka_unit_test(code_is_what_tcpdump_compiles),
		cmocka_unit_test(kernel_agrees_with_libpcap),
		cmocka_unit_test(expressions_tell_frames_apart),
	};

	if (geteuid() != 0) {
		puts("SKIP: root");
		return 77;
	}
	return cmocka_run_group_tests(tests, bench_setup, bench_teardown);
}
