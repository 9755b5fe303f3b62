/* SPDX-License-Identifier: GPL-2.0-only */
/* stampcap report FILE EXPRESSION: which packets count, what is said about wrong expressions, and that the file's accounting still adds up. */
#include "report_file.h"
#include "report_run.h"

/* Packets in the groups of a report on those that match; nothing is said about the others. */
static json_int_t matching(const char *path, const char *expression)
{
	struct run run = RUN("--format=json", path, "--by", "flow", expression);
	json_t *root = json_loads(run.out, 0, NULL), *capture = json_object_get(root, "capture"), *group;
	json_int_t packets = 0;
	size_t i;

	if (!root || run.err[0])
		fail_msg("%s: %s", expression, run.err);
	assert_string_equal(json_string_value(json_object_get(capture, "report_filter")), expression);
	assert_string_equal(json_string_value(json_object_get(capture, "filter")), "tcp or udp");
	assert_int_equal(number_at(root, "accounting/seen"), 17);
	json_array_foreach(json_object_get(root, "groups"), i, group)
		packets += number_at(group, "packets");
	json_decref(root);
	run_free(&run);
	return packets;
}

static void test_expressions(void **state)
{
	static const struct {
		const char *expression;
		json_int_t packets;
	} rows[] = {
		{ "tcp", 14 }, { "udp", 2 }, { "arp", 1 }, { "not ip", 1 }, { "inbound", 15 }, { "outbound", 2 }, { "inbound and tcp", 12 },
		{ "outbound and udp", 0 }, { "len >= 100", 14 }, { "less 42", 1 }, { "port 443 or port 53", 16 }, { "vlan", 0 },
	};
	char path[FIXTURE_PATH_MAX];
	struct run run;
	size_t i;

	(void)state;
	file_build(path, 0);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (matching(path, rows[i].expression) != rows[i].packets)
			fail_msg("%s: not %lld packets", rows[i].expression, (long long)rows[i].packets);
	run = RUN(path, "tcp", "and", "not", "inbound");
	assert_int_equal(run.status, 0);
	assert_non_null(strstr(run.out, "filter \"tcp or udp\"\nonly packets that match \"tcp and not inbound\": 2 of 17\n"));
	assert_non_null(strstr(run.out, "\ntx: 2 packets, 200 bytes\n"));
	assert_null(strstr(run.out, "\nrx: "));
	run_free(&run);
	run = RUN(path, "");
	assert_non_null(strstr(run.out, "\nrx: 15 packets"));
	assert_null(strstr(run.out, "only packets"));
	run_free(&run);
	unlink(path);
}

/* Where the options end and the expression begins. */
static void test_expression_words(void **state)
{
	char path[FIXTURE_PATH_MAX];
	struct run run;

	(void)state;
	file_build(path, 0);
	run = RUN("-f", "csv", path, "--by", "stage", "--", "-1", "=", "len");
	assert_int_equal(run.status, 0);
	assert_null(strstr(run.out, "stage,rx"));
	run_free(&run);
	run = RUN("-f", "csv", path, "-q", "len", "=", "100", "-", "0");
	assert_non_null(strstr(run.out, "stage,rx,12,"));
	run_free(&run);
	check_run(RUN(path, "tcp", "--by", "flow"), 2, "  tcp --by flow\n      ^\n");
	check_run(RUN("--", path, "--by", "flow"), 2, "  --by flow\n    ^\n");
	unlink(path);
}

static void test_wrong_expressions(void **state)
{
	char path[FIXTURE_PATH_MAX];
	struct run run;

	(void)state;
	file_build(path, 0);
	run = RUN(path, "tcp prot 80");
	assert_string_equal(run.out, "");
	assert_string_equal(run.err, "stampcap: filter: can't parse filter expression: syntax error\n  tcp prot 80\n      ^\n");
	assert_int_equal(run.status, 2);
	run_free(&run);
	check_run(RUN("-q", path, "ifindex", "3"), 2, "'ifindex' cannot be asked of the packets of a file");
	unlink(path);
	file_build(path, BUILD_NO_PACKETS);
	check_run(RUN(path, "udp"), 0, "");
	check_run(RUN(path, "udp prot"), 2, "^");
	unlink(path);
}

/* The warnings are about the file, not about what was chosen of it. */
static void test_warnings(void **state)
{
	char path[FIXTURE_PATH_MAX];

	(void)state;
	file_build(path, BUILD_LOST);
	check_run(RUN(path, "udp"), 0, "warning: 4 packets were lost");
	unlink(path);
	file_build(path, BUILD_WRONG_COUNT);
	check_run(RUN(path, "udp"), 0, "holds 17 packets, but its accounting says 18");
	unlink(path);
	file_build(path, BUILD_NO_END);
	check_run(RUN(path, "udp"), 0, "the capture was cut short");
	unlink(path);
}

/* So packets without a timeline, or with a broken one, are not mentioned where they do not match. */
static void test_of_no_interest(void **state)
{
	char path[FIXTURE_PATH_MAX];
	struct run run;

	(void)state;
	close(fixture_file(path));
	foreign_write(path, "stampcap format=1 version=1 match=none clock_error=1ns", "stampcap rx broken");
	check_run(RUN(path, "len = 0"), 0, "1 packets of ");
	run = RUN(path, "len = 1");
	assert_null(strstr(run.err, "packets of "));
	run_free(&run);
	foreign_write(path, "stampcap format=1 version=1 match=none clock_error=1ns", NULL);
	check_run(RUN(path, "inbound"), 0, "1 packets of ");
	run = RUN(path, "outbound");
	assert_null(strstr(run.err, "packets of "));
	run_free(&run);
	unlink(path);
}

static void link_types_build(char path[FIXTURE_PATH_MAX], uint16_t second)
{
	struct capture_interface interfaces[2] = { { .name = "eth0", .link_type = 1 }, { .name = "tun0", .link_type = second } };
	struct capture_info info = { .interfaces = interfaces, .interface_count = 2 };
	struct packet p = packet_make(SC_DIR_RX, RX_READ, 10, "read");
	struct build b = { .end = { .account.dir[0] = { .seen = 2, .complete = 2 } } };

	assert_int_equal(sink_pcapng_new(&b.sink, fixture_file(path), &info), 0);
	p.wall_ns = START_NS;
	p.bytes = tcp_frame;
	p.cap_len_bytes = p.wire_len_bytes = sizeof(tcp_frame);
	assert_int_equal(b.sink->ops->packet(b.sink, &p), 0);
	p.interface = 1;
	p.bytes = udp_frame + 14;
	p.cap_len_bytes = p.wire_len_bytes = sizeof(udp_frame) - 14;
	assert_int_equal(b.sink->ops->packet(b.sink, &p), 0);
	assert_int_equal(b.sink->ops->end(b.sink, &b.end), 0);
	b.sink->ops->free(b.sink);
}

static void check_packets(const char *path, const char *expression, const char *want)
{
	struct run run = RUN("--format=csv", path, expression);

	if (run.status || run.err[0] || !strstr(run.out, want))
		fail_msg("%s: status %d, %s%s", expression, run.status, run.err, run.out);
	run_free(&run);
}

/* An expression is compiled for each link type; one that has no meaning for one of them is refused. */
static void test_expression_link_types(void **state)
{
	char path[FIXTURE_PATH_MAX];

	(void)state;
	link_types_build(path, 101);
	check_packets(path, "ip", "stage,rx,2,");
	check_packets(path, "tcp", "stage,rx,1,60,");
	check_packets(path, "udp and src host 10.0.0.3", "stage,rx,1,46,");
	check_run(RUN(path, "ip", "and", "ether", "host", "2:0:0:0:0:1"), 2, "(packets of tun0 begin with their IP header)\n  ip and ether ");
	unlink(path);
	link_types_build(path, 113);
	check_run(RUN(path, "tcp"), 1, "link type 113");
	check_run(RUN(path), 0, "");
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_expressions),
		cmocka_unit_test(test_expression_words),
		cmocka_unit_test(test_wrong_expressions),
		cmocka_unit_test(test_warnings),
		cmocka_unit_test(test_of_no_interest),
		cmocka_unit_test(test_expression_link_types),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
