/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * XDP and TC attachment in namespaces of its own: what is chosen, what is left alone, and that
 * nothing remains.
 */
#include "tests/root/root_lab.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <linux/pkt_cls.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tc/attach.h"
#include "tracing/bpf_link.h"
#include "tracing/stamp.h"
#include "user/guardian.h"
#include "xdp/attach.h"

#define GSO_OFF "tso off tx-udp-segmentation off tx-sctp-segmentation off tx-gso-list off"
#define PINS	"ls -d /sys/fs/bpf/xdp/* 2>/dev/null"
#define QDISCS	"tc qdisc show; tc filter show dev sc0 ingress; tc filter show dev sc0 egress"

static char why[512];

static int attach_xdp(const struct lab *lab, enum xdp_mode mode, struct xdp_attachment **out)
{
	struct xdp_request request = { .ifname = "sc0", .ifindex = lab->sc0, .mode = mode, .marks_fd = lab->marks_fd, .frames_fd = lab->frames_fd };
	int err;

	*out = NULL;
	why[0] = '\0';
	err = xdp_attach(out, &request, why, sizeof(why));
	print_message("    %d: %s\n", err, why);
	assert_true(err == 0 || *out == NULL);
	assert_true(why[0] != '\0');
	return err;
}

static uint32_t xdp_id(const struct lab *lab)
{
	__u32 id = 0;

	assert_int_equal(bpf_xdp_query_id(lab->sc0, 0, &id), 0);
	return id;
}

/* Features of both ends, as text. */
static const char *features(const struct lab *lab)
{
	char command[160];

	/* Without "[fixed]": what may be changed does change while a program is on. */
	snprintf(command, sizeof(command),
		 "{ ethtool -k sc0; nsenter --target %d --net ethtool -k sc1; } | sed 's/ \\[.*//'",
		 lab->keeper);
	return lab_output(command);
}

static void auto_refuses_what_the_peer_would_lose(void **state)
{
	struct lab *lab = lab_need(state);
	const char *before = features(lab);
	struct xdp_attachment *a;

	assert_int_equal(attach_xdp(lab, XDP_MODE_AUTO, &a), -EOPNOTSUPP);
	assert_non_null(strstr(why, "ethtool -K sc1 tso off"));
	assert_int_equal(xdp_id(lab), 0);
	assert_string_equal(before, features(lab));
	lab_run(lab, "{peer} ethtool -K sc1 tso off");
	assert_int_equal(attach_xdp(lab, XDP_MODE_AUTO, &a), -EOPNOTSUPP);
	assert_null(strstr(why, "tso off"));
	assert_non_null(strstr(why, "tx-sctp-segmentation off"));
}

/* Newest mark over all CPUs. */
static struct sc_xdp_mark newest_mark(const struct lab *lab)
{
	int cpus = libbpf_num_possible_cpus(), cpu, i;
	struct sc_xdp_marks *marks = calloc((size_t)cpus, sizeof(*marks));
	struct sc_xdp_mark newest = { 0 };
	__u32 zero = 0;

	assert_non_null(marks);
	assert_int_equal(bpf_map_lookup_elem(lab->marks_fd, &zero, marks), 0);
	for (cpu = 0; cpu < cpus; cpu++)
		for (i = 0; i < SC_XDP_MARKS; i++)
			if (marks[cpu].mark[i].time_ns > newest.time_ns)
				newest = marks[cpu].mark[i];
	free(marks);
	return newest;
}

static void auto_attaches_where_nothing_changes(void **state)
{
	struct lab *lab = lab_need(state);
	struct xdp_attachment *a;
	struct sc_xdp_mark mark;
	const char *before;

	lab_run(lab, "{peer} ethtool -K sc1 " GSO_OFF);
	before = features(lab);
	assert_int_equal(attach_xdp(lab, XDP_MODE_AUTO, &a), 0);
	assert_int_not_equal(xdp_id(lab), 0);
	assert_string_equal(before, features(lab));
	lab_ping(lab);
	mark = newest_mark(lab);
	assert_true(mark.time_ns > 0);
	assert_int_equal(mark.ifindex, lab->sc0);
	assert_true(mark.address > UINT32_MAX);
	xdp_detach(a);
	assert_int_equal(xdp_id(lab), 0);
	assert_string_equal(before, features(lab));
}

static void forced_native_names_the_changes(void **state)
{
	struct lab *lab = lab_need(state);
	const char *before = features(lab);
	struct xdp_attachment *a;

	assert_int_equal(attach_xdp(lab, XDP_MODE_NATIVE, &a), 0);
	assert_non_null(strstr(why, "off on sc1 (peer): tx-tcp-segmentation"));
	xdp_detach(a);
	assert_int_equal(xdp_id(lab), 0);
	assert_string_equal(before, features(lab));
}

static void generic_says_that_gro_stops(void **state)
{
	struct lab *lab = lab_need(state);
	struct xdp_attachment *a;

	lab_run(lab, "ethtool -K sc0 gro on");
	assert_int_equal(attach_xdp(lab, XDP_MODE_SKB, &a), 0);
	assert_non_null(strstr(why, "rx-gro on sc0 without effect"));
	xdp_detach(a);
	assert_int_equal(xdp_id(lab), 0);
}

static void switched_off_is_a_reason(void **state)
{
	struct xdp_attachment *a;

	assert_int_equal(attach_xdp(lab_need(state), XDP_MODE_OFF, &a), -EOPNOTSUPP);
	xdp_detach(NULL);
}

static void driver_without_native_xdp(void **state)
{
	struct lab *lab = lab_need(state);
	int veth = lab->sc0;
	struct xdp_attachment *a;
	struct xdp_request request = { .ifname = "scbr", .mode = XDP_MODE_AUTO, .marks_fd = lab->marks_fd, .frames_fd = lab->frames_fd };

	lab_run(lab, "ip link add scbr type bridge");
	request.ifindex = atoi(lab_output("ip -o link show scbr | cut -d: -f1"));
	assert_true(request.ifindex > 0 && request.ifindex != veth);
	assert_int_equal(xdp_attach(&a, &request, why, sizeof(why)), -EOPNOTSUPP);
	print_message("    %s\n", why);
	assert_non_null(strstr(why, "no native XDP"));
	lab_run(lab, "ip link del scbr");
}

static void peer_out_of_reach(void **state)
{
	struct lab *lab = lab_need(state);
	struct xdp_attachment *a;
	char path[64];
	int ns;

	lab_run(lab, "{peer} ethtool -K sc1 " GSO_OFF);
	snprintf(path, sizeof(path), "/proc/%d/ns/net", lab->keeper);
	ns = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(ns >= 0);
	kill(lab->keeper, SIGKILL);
	waitpid(lab->keeper, NULL, 0);
	lab->keeper = 0;
	assert_int_equal(attach_xdp(lab, XDP_MODE_AUTO, &a), -EOPNOTSUPP);
	assert_non_null(strstr(why, "cannot be inspected"));
	assert_int_equal(xdp_id(lab), 0);
	close(ns);
}

static void foreign_xdp_survives(void **state)
{
	struct lab *lab = lab_need(state);
	int foreign = lab_program(lab, BPF_PROG_TYPE_XDP, XDP_PASS, LAB_FOREIGN);
	struct xdp_attachment *a;
	uint32_t id;

	lab_run(lab, "{peer} ethtool -K sc1 " GSO_OFF);
	assert_int_equal(bpf_xdp_attach(lab->sc0, foreign, XDP_FLAGS_DRV_MODE, NULL), 0);
	id = xdp_id(lab);
	assert_int_equal(attach_xdp(lab, XDP_MODE_AUTO, &a), -EOPNOTSUPP);
	assert_non_null(strstr(why, "foreign"));
	assert_int_equal(attach_xdp(lab, XDP_MODE_NATIVE, &a), -EBUSY);
	assert_int_equal(attach_xdp(lab, XDP_MODE_SKB, &a), -EBUSY);
	assert_int_equal(xdp_id(lab), id);
	close(foreign);
}

/* Somebody took our place behind our back: it is theirs now. */
static void successor_survives_our_detach(void **state)
{
	struct lab *lab = lab_need(state);
	int foreign = lab_program(lab, BPF_PROG_TYPE_XDP, XDP_PASS, LAB_FOREIGN);
	struct xdp_attachment *a;
	uint32_t id;

	assert_int_equal(attach_xdp(lab, XDP_MODE_NATIVE, &a), 0);
	assert_int_equal(bpf_xdp_attach(lab->sc0, foreign, XDP_FLAGS_DRV_MODE, NULL), 0);
	id = xdp_id(lab);
	xdp_detach(a);
	assert_int_equal(xdp_id(lab), id);
	assert_string_equal(lab_output(PINS), "");
	close(foreign);
}

/*
 * Two of ours, as two captures of one device: they share it where libxdp's dispatcher works, else
 * the second one gives way.
 */
static void two_captures(void **state)
{
	struct lab *lab = lab_need(state);
	struct xdp_attachment *first, *second;
	int err;

	lab_run(lab, "{peer} ethtool -K sc1 " GSO_OFF);
	assert_int_equal(attach_xdp(lab, XDP_MODE_AUTO, &first), 0);
	err = attach_xdp(lab, XDP_MODE_AUTO, &second);
	assert_true(err == 0 || err == -EOPNOTSUPP);
	if (err)
		assert_non_null(strstr(why, "already runs XDP program ID"));
	xdp_detach(first);
	assert_int_equal(xdp_id(lab) != 0, err == 0);
	xdp_detach(second);
	assert_int_equal(xdp_id(lab), 0);
	assert_string_equal(lab_output(PINS), "");
}

struct tc_case {
	struct tc_attachment *attachment;
	int prog_fd;
};

static int attach_tc(const struct lab *lab, bool tcx, bool egress, struct tc_case *c)
{
	struct tc_request request = { "sc0", lab->sc0, -1, egress };
	int err;

	c->attachment = NULL;
	c->prog_fd = lab_program(lab, BPF_PROG_TYPE_SCHED_CLS, TC_ACT_UNSPEC, LAB_OURS);
	request.prog_fd = c->prog_fd;
	why[0] = '\0';
	err = tcx ? tcx_attach(&c->attachment, &request, why, sizeof(why))
		  : cls_attach(&c->attachment, &request, why, sizeof(why));
	print_message("    %d: %s\n", err, why);
	if (err)
		close(c->prog_fd);
	return err;
}

static void detach_tc(struct tc_case *c)
{
	tc_detach(c->attachment);
	close(c->prog_fd);
}

/* A filter of somebody else, as `tc filter add dev sc0 ingress prio N bpf da` makes it. */
static void foreign_filter(const struct lab *lab, bool egress, unsigned int priority, int verdict)
{
	int fd = lab_program(lab, BPF_PROG_TYPE_SCHED_CLS, verdict, LAB_FOREIGN);
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = lab->sc0,
		    .attach_point = egress ? BPF_TC_EGRESS : BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = fd, .priority = priority);

	assert_int_equal(bpf_tc_attach(&hook, &opts), 0);
	close(fd);
}

/* Whether packets reach our program, which it counts. */
static void assert_counts(const struct lab *lab, bool yes)
{
	uint64_t before = lab_counter(lab, LAB_OURS);

	lab_ping(lab);
	assert_int_equal(lab_counter(lab, LAB_OURS) > before, yes);
}

static void cls_leaves_nothing(void **state)
{
	struct lab *lab = lab_need(state);
	const char *before = lab_output(QDISCS);
	struct tc_case in, out;

	assert_int_equal(attach_tc(lab, false, false, &in), 0);
	assert_counts(lab, true);
	assert_int_equal(attach_tc(lab, false, true, &out), 0);
	detach_tc(&in);
	assert_counts(lab, true);
	detach_tc(&out);
	assert_counts(lab, false);
	assert_string_equal(before, lab_output(QDISCS));
}

static void cls_leaves_what_others_have(void **state)
{
	struct lab *lab = lab_need(state);
	struct tc_case in, out;
	const char *before;

	lab_run(lab,
		"tc qdisc add dev sc0 root tbf rate 1gbit burst 64k latency 50ms; tc qdisc add dev sc0 clsact");
	before = lab_output(QDISCS);
	assert_int_equal(attach_tc(lab, false, false, &in), 0);
	detach_tc(&in);
	assert_string_equal(before, lab_output(QDISCS));
	/* A verdict that ends the chain: ours has to come first. */
	foreign_filter(lab, false, 10, TC_ACT_SHOT);
	foreign_filter(lab, true, 10, TC_ACT_OK);
	before = lab_output(QDISCS);
	assert_int_equal(attach_tc(lab, false, false, &in), 0);
	assert_counts(lab, true);
	assert_int_equal(attach_tc(lab, false, true, &out), 0);
	detach_tc(&out);
	detach_tc(&in);
	assert_counts(lab, false);
	assert_string_equal(before, lab_output(QDISCS));
}

static void cls_behind_priority_one(void **state)
{
	struct lab *lab = lab_need(state);
	struct tc_case in;
	const char *before;

	lab_run(lab, "tc qdisc add dev sc0 clsact");
	foreign_filter(lab, false, 1, TC_ACT_UNSPEC);
	before = lab_output(QDISCS);
	assert_int_equal(attach_tc(lab, false, false, &in), 0);
	assert_non_null(strstr(why, "behind"));
	assert_counts(lab, true);
	detach_tc(&in);
	assert_string_equal(before, lab_output(QDISCS));
}

static void cls_keeps_clsact_for_latecomers(void **state)
{
	struct lab *lab = lab_need(state);
	struct tc_case in;

	assert_int_equal(attach_tc(lab, false, false, &in), 0);
	foreign_filter(lab, true, 5, TC_ACT_OK);
	detach_tc(&in);
	assert_non_null(strstr(lab_output(QDISCS), "pref 5"));
}

static void cls_with_ingress_qdisc(void **state)
{
	struct lab *lab = lab_need(state);
	const char *before;
	struct tc_case c;

	lab_run(lab, "tc qdisc add dev sc0 ingress");
	before = lab_output(QDISCS);
	assert_int_equal(attach_tc(lab, false, true, &c), -EBUSY);
	assert_int_equal(attach_tc(lab, false, false, &c), 0);
	assert_counts(lab, true);
	detach_tc(&c);
	assert_string_equal(before, lab_output(QDISCS));
}

struct held {
	const struct lab *lab;
	struct xdp_attachment *xdp;
	struct tc_attachment *tc;
};

static void nothing(void *context)
{
	(void)context;
}

static void work(void *context)
{
	struct held *held = context;
	struct tc_case c;

	if (attach_xdp(held->lab, XDP_MODE_NATIVE, &held->xdp) || attach_tc(held->lab, false, false, &c))
		_exit(1);
	held->tc = c.attachment;
}

static void undo(void *context)
{
	struct held *held = context;

	xdp_detach(held->xdp);
	tc_detach(held->tc);
}

static void tcx_comes_first(void **state)
{
	struct lab *lab = lab_need(state);
	int foreign, link;
	const char *before;
	struct tc_case c;

	if (tcx_supported()) {
		print_message("SKIP: no TCX in this kernel\n");
		skip();
	}
	foreign = lab_program(lab, BPF_PROG_TYPE_SCHED_CLS, TC_ACT_SHOT, LAB_FOREIGN);
	link = sc_link_create_tcx(foreign, lab->sc0, false);
	assert_true(link >= 0);
	lab_run(lab, "tc qdisc add dev sc0 clsact");
	foreign_filter(lab, false, 1, TC_ACT_SHOT);
	before = lab_output(QDISCS);
	assert_int_equal(attach_tc(lab, true, false, &c), 0);
	assert_counts(lab, true);
	assert_true(lab_counter(lab, LAB_FOREIGN) > 0);
	detach_tc(&c);
	assert_counts(lab, false);
	assert_string_equal(before, lab_output(QDISCS));
	close(link);
	close(foreign);
}

/* Another process, such as a guardian, holds the link's descriptor too. */
static void tcx_goes_although_shared(void **state)
{
	struct lab *lab = lab_need(state);
	struct guardian *g = NULL;
	struct tc_case c;

	if (tcx_supported()) {
		print_message("SKIP: no TCX in this kernel\n");
		skip();
	}
	assert_int_equal(attach_tc(lab, true, true, &c), 0);
	assert_int_equal(guardian_start(&g, nothing, nothing, NULL), 0);
	assert_counts(lab, true);
	detach_tc(&c);
	assert_counts(lab, false);
	guardian_dismiss(g);
}

/* A process whose guardian attaches, and which is killed. */
static void attach_and_die(const struct lab *lab)
{
	struct held held = { .lab = lab };
	struct guardian *g = NULL;

	if (guardian_start(&g, work, undo, &held))
		_exit(2);
	kill(getpid(), SIGKILL);
}

static void guardian_undoes_after_kill(void **state)
{
	struct lab *lab = lab_need(state);
	const char *before = lab_output(QDISCS), *offloads = features(lab);
	int status = 0, tries = 500;
	pid_t pid = fork();

	if (pid == 0)
		attach_and_die(lab);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	while ((xdp_id(lab) != 0 || strcmp(before, lab_output(QDISCS)) != 0) && tries-- > 0)
		usleep(10000);
	assert_int_equal(xdp_id(lab), 0);
	assert_string_equal(before, lab_output(QDISCS));
	assert_string_equal(offloads, features(lab));
}

static void write_mark(void *context)
{
	assert_int_equal(write(*(int *)context, "x", 1), 1);
}

static void guardian_dismissed_undoes(void **state)
{
	struct guardian *g = NULL;
	int fds[2];
	char byte;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(guardian_start(&g, nothing, write_mark, &fds[1]), 0);
	guardian_dismiss(g);
	guardian_dismiss(NULL);
	close(fds[1]);
	assert_int_equal(read(fds[0], &byte, 1), 1);
	assert_int_equal(read(fds[0], &byte, 1), 0);
	close(fds[0]);
}

/* A reader of our standard output sees its end although the guardian lives. */
static void guardian_lets_go_of_stdout(void **state)
{
	int fds[2], line[2];
	char byte;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe2(fds, O_CLOEXEC) | pipe2(line, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		struct guardian *g = NULL;

		close(line[1]);
		dup2(fds[1], STDOUT_FILENO);
		close(fds[1]);
		if (guardian_start(&g, nothing, nothing, NULL))
			_exit(1);
		close(STDOUT_FILENO);
		if (read(line[0], &byte, 1) != 0)
			_exit(2);
		guardian_dismiss(g);
		_exit(0);
	}
	close(fds[1]);
	close(line[0]);
	assert_int_equal(read(fds[0], &byte, 1), 0);
	close(line[1]);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	close(fds[0]);
}

#define LAB(test) cmocka_unit_test_setup_teardown(test, lab_setup, lab_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB(auto_refuses_what_the_peer_would_lose),
		LAB(auto_attaches_where_nothing_changes),
		LAB(forced_native_names_the_changes),
		LAB(generic_says_that_gro_stops),
		LAB(switched_off_is_a_reason),
		LAB(driver_without_native_xdp),
		LAB(peer_out_of_reach),
		LAB(foreign_xdp_survives),
		LAB(successor_survives_our_detach),
		LAB(two_captures),
		LAB(cls_leaves_nothing),
		LAB(cls_leaves_what_others_have),
		LAB(cls_behind_priority_one),
		LAB(cls_keeps_clsact_for_latecomers),
		LAB(cls_with_ingress_qdisc),
		LAB(tcx_comes_first),
		LAB(tcx_goes_although_shared),
		LAB(guardian_undoes_after_kill),
		cmocka_unit_test(guardian_dismissed_undoes),
		cmocka_unit_test(guardian_lets_go_of_stdout),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
