/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * stampcap report on files built here: goldens of every format, what must not count, and what is said about files that are cut, foreign or
 * damaged. UPDATE_GOLDEN=1 rewrites the goldens.
 */
#include "report_file.h"
#include "report_run.h"

#include <errno.h>

#include "pcap/pcapng.h"

static void check_golden(const char *file, const char *by, const char *format, const char *golden)
{
	struct run run = RUN(file, "--by", by, "--format", format);
	char path[128], *expected;

	assert_int_equal(run.status, 0);
	assert_string_equal(run.err, "");
	snprintf(path, sizeof(path), "tests/golden/%s", golden);
	if (getenv("UPDATE_GOLDEN"))
		fixture_write(path, run.out, strlen(run.out));
	expected = fixture_read(path, NULL);
	assert_string_equal(run.out, expected);
	free(expected);
	run_free(&run);
}

static void test_goldens(void **state)
{
	char path[FIXTURE_PATH_MAX];

	(void)state;
	file_build(path, 0);
	check_golden(path, "stage", "table", "report_stage.txt");
	check_golden(path, "layer", "table", "report_layer.txt");
	check_golden(path, "flow", "table", "report_flow.txt");
	check_golden(path, "flow", "json", "report_flow.json");
	check_golden(path, "layer", "json", "report_layer.json");
	check_golden(path, "process", "json", "report_process.json");
	check_golden(path, "irq", "csv", "report_irq.csv");
	check_golden(path, "cpu", "table", "report_cpu.txt");
	check_golden(path, "queue", "csv", "report_queue.csv");
	unlink(path);
}

static json_t *report_load(const char *path, const char *by)
{
	struct run run = RUN(path, "--format", "json", "--by", by);
	json_t *root = json_loads(run.out, 0, NULL);

	assert_non_null(root);
	run_free(&run);
	return root;
}

/* The interval from..to of group `group`. */
static json_t *interval_at(json_t *root, size_t group, const char *from, const char *to)
{
	json_t *rows = json_object_get(json_array_get(json_object_get(root, "groups"), group), "intervals");
	json_t *row, *found = NULL;
	size_t i;

	json_array_foreach(rows, i, row)
		if (!strcmp(json_string_value(json_object_get(row, "from")), from) &&
		    !strcmp(json_string_value(json_object_get(row, "to")), to))
			found = row;
	if (!found)
		fail_msg("no interval %s -> %s", from, to);
	return found;
}

/* Figures worked out by hand from packets_put(), so that a wrong golden cannot hide a wrong sum. */
static void test_figures(void **state)
{
	char path[FIXTURE_PATH_MAX];
	json_t *root;

	(void)state;
	file_build(path, 0);
	root = report_load(path, "stage");
	assert_int_equal(number_at(root, "accounting/seen"), 17);
	assert_int_equal(number_at(root, "accounting/complete"), 16);
	assert_int_equal(number_at(root, "accounting/partial/timeout"), 1);
	assert_int_equal(number_at(root, "capture/duration_ns"), 1500000000);
	assert_int_equal(number_at(root, "groups/0/packets"), 15);
	assert_int_equal(number_at(root, "groups/0/bytes"), 12 * 100 + 60 + 42 + 60);
	/* all but the partial one */
	assert_int_equal(number_at(root, "groups/0/total/count"), 14);
	/* ten readers of 1..10 us and the UDP one of 1.5 us; the wait behind the loss is none of theirs */
	assert_int_equal(number_at(root, "groups/0/sides/app/count"), 11);
	assert_int_equal(number_at(root, "groups/0/sides/app/max_ns"), 10000);
	assert_int_equal(number_at(root, "groups/0/sides/app/mean_ns"), 56500 / 11);
	/* not the one that waited in the transport, not the one cut off there; ARP ends in it: one interval; forwarded: ip -> out */
	assert_int_equal(number_at(root, "groups/0/sides/stack/count"), 13);
	assert_int_equal(number_at(root, "groups/0/sides/stack/max_ns"), 40000);
	/* the partial packet is whole up to netif; forwarded: netdev -> driver */
	assert_int_equal(number_at(root, "groups/0/sides/driver/count"), 15);
	assert_int_equal(number_at(interval_at(root, 0, "l4", "socket"), "count"), 11);
	assert_int_equal(number_at(interval_at(root, 0, "l4", "socket"), "max_ns"), 10000);
	assert_int_equal(number_at(interval_at(root, 0, "ip", "l4"), "count"), 13);
	assert_int_equal(number_at(interval_at(root, 0, "socket", "read"), "min_ns"), 1000);
	assert_int_equal(number_at(interval_at(root, 0, "tx_netdev", "tx_driver"), "mean_ns"), 900);
	assert_int_equal(number_at(interval_at(root, 1, "write", "ip"), "count"), 1);
	assert_int_equal(number_at(root, "groups/1/packets"), 2);
	json_decref(root);
	root = report_load(path, "flow");
	assert_int_equal(number_at(root, "groups/0/packets"), 12);
	assert_in_range(number_at(root, "groups/0/sides/app/p50_ns"), 4950, 5050);
	json_decref(root);
	unlink(path);
}

/* Sides of every group add up to those of the whole; no packet is in two groups. */
static void test_groupings(void **state)
{
	static const char *const bys[] = { "stage", "layer", "flow", "cpu", "queue", "process", "irq" };
	char path[FIXTURE_PATH_MAX];
	size_t i, k;

	(void)state;
	file_build(path, 0);
	for (i = 0; i < sizeof(bys) / sizeof(bys[0]); i++) {
		json_t *root = report_load(path, bys[i]), *group;
		json_int_t packets = 0, app = 0;

		json_array_foreach(json_object_get(root, "groups"), k, group) {
			packets += number_at(group, "packets");
			app += number_at(group, "sides/app/count");
			assert_string_equal(json_string_value(json_object_get(group, "by")), bys[i]);
		}
		assert_int_equal(packets, 17);
		assert_int_equal(app, 12);
		json_decref(root);
	}
	unlink(path);
}

static void test_warnings(void **state)
{
	char path[FIXTURE_PATH_MAX];
	struct run run;

	(void)state;
	file_build(path, BUILD_LOST);
	check_run(RUN(path), 0, "warning: 4 packets were lost");
	check_run(RUN("-q", path), 0, "");
	unlink(path);
	file_build(path, BUILD_WRONG_COUNT);
	check_run(RUN(path), 0, "holds 17 packets, but its accounting says 18");
	unlink(path);
	file_build(path, BUILD_NO_END);
	check_run(RUN(path), 0, "the capture was cut short");
	run = RUN(path, "--format=json");
	assert_non_null(strstr(run.out, "\"accounting\": null"));
	assert_non_null(strstr(run.out, "\"packets\": 15"));
	run_free(&run);
	unlink(path);
	file_build(path, BUILD_NO_PACKETS);
	check_run(RUN(path), 0, "");
	unlink(path);
}

static void test_truncated(void **state)
{
	char path[FIXTURE_PATH_MAX], *data;
	struct run run;
	size_t len, cut;

	(void)state;
	file_build(path, 0);
	data = fixture_read(path, &len);
	for (cut = 0; cut < len; cut += 97) {
		fixture_write(path, data, cut);
		run = RUN(path);
		assert_true(run.status == 1 || strstr(run.err, "cut short"));
		assert_true(run.err[0]);
		run_free(&run);
	}
	fixture_write(path, data, len - 1);
	check_run(RUN(path), 1, "ends inside the block at offset ");
	run = RUN(path, "--format", "csv");
	assert_non_null(strstr(run.out, "stage,rx,15,"));
	run_free(&run);
	data[len - 1] ^= 0x40;
	fixture_write(path, data, len);
	check_run(RUN(path), 1, "is damaged at offset ");
	free(data);
	unlink(path);
}

static void test_foreign(void **state)
{
	char path[FIXTURE_PATH_MAX];

	(void)state;
	close(fixture_file(path));
	check_run(RUN(path), 1, "is not a pcapng file");
	fixture_write(path, "\xd4\xc3\xb2\xa1\2\0\4\0\0\0\0\0\0\0\0\0", 16);
	check_run(RUN(path), 1, "is a classic pcap file");
	foreign_write(path, NULL, "a nice packet");
	check_run(RUN(path), 1, "holds no timelines");
	foreign_write(path, "stampcap format=2", NULL);
	check_run(RUN(path), 1, "newer stampcap");
	foreign_write(path, "stampcap format=1 version=1 match=none clock_error=1ns", "stampcap rx broken");
	check_run(RUN(path), 0, "1 packets of ");
	unlink(path);
	check_run(RUN(path), 1, "No such file or directory");
	check_run(RUN("/"), 1, "Is a directory");
}

static void test_usage(void **state)
{
	(void)state;
	check_run(RUN(NULL), 2, "no file given");
	check_run(RUN("x", "--by", "moon"), 2, "try one of stage, layer, flow, cpu, queue, process, irq");
	check_run(RUN("x", "--format", "xml"), 2, "try one of table, json, csv");
	check_run(RUN("x", "--by"), 2, "lacks its value");
	check_run(RUN("x", "--moon"), 2, "unknown option");
	check_run(RUN("/nofile", "tcp", "prot", "80"), 1, "No such file or directory");
	check_run(RUN("--help"), 0, "");
}

/* The terminal's lines come from the same packets. */
static void test_text_sink(void **state)
{
	struct capture_interface interface = { .name = "ens33", .link_type = 1 };
	struct capture_info info = { .interfaces = &interface, .interface_count = 1 };
	struct build b = { 0 };
	char path[FIXTURE_PATH_MAX], *text;
	const char *first =
		"22:13:20.001000000 ens33 In  IP 10.0.0.2.443 > 10.0.0.1.51000: tcp Flags [P.], seq 1, ack 2, win 0, "
		"length 6 | total=8.000us hardirq=+0.000us ";

	(void)state;
	setenv("TZ", "UTC", 1);
	assert_int_equal(sink_text_new(&b.sink, fixture_file(path), &info), 0);
	packets_put(&b);
	assert_int_equal(b.sink->ops->end(b.sink, &b.end), 0);
	b.sink->ops->free(b.sink);
	text = fixture_read(path, NULL);
	assert_memory_equal(text, first, strlen(first));
	assert_non_null(strstr(text, "22:13:20.016000000 ens33 Out IP "));
	assert_non_null(strstr(text, " id=17\n"));
	free(text);
	unlink(path);
}

/* Losses and accounting stand once in a file of two interfaces, and what was received adds up to what was seen. */
static void test_two_interfaces(void **state)
{
	struct capture_interface interfaces[2] = { { .name = "a", .link_type = 1 }, { .name = "b", .link_type = 1 } };
	struct capture_info info = { .interfaces = interfaces, .interface_count = 2 };
	struct packet p = packet_make(SC_DIR_RX, RX_READ, 10, "read");
	struct build b = { 0 };
	char path[FIXTURE_PATH_MAX];
	struct pcapng_reader *r = NULL;
	struct pcapng_block block;
	uint64_t received = 0, dropped = 0, comments = 0;

	(void)state;
	assert_int_equal(sink_pcapng_new(&b.sink, fixture_file(path), &info), 0);
	p.interface = 1;
	packet_put(&b, p, tcp_frame, 100);
	p.interface = 0;
	packet_put(&b, p, tcp_frame, 100);
	b.end.account.dir[0].seen += 3;
	b.end.account.dir[0].lost[ACCOUNT_LOST_TABLE] = 3;
	p.interface = 2;
	assert_int_equal(b.sink->ops->packet(b.sink, &p), -EINVAL);
	assert_int_equal(b.sink->ops->end(b.sink, &b.end), 0);
	b.sink->ops->free(b.sink);
	assert_int_equal(pcapng_reader_new(&r, path), 0);
	while (pcapng_read(r, &block) == 1) {
		received += block.statistics.received;
		dropped += block.statistics.dropped;
		comments += block.type == PCAPNG_ISB && block.statistics.comment;
	}
	pcapng_reader_free(r);
	assert_int_equal(received, 5);
	assert_int_equal(dropped, 3);
	assert_int_equal(comments, 1);
	check_run(RUN(path), 0, "3 packets were lost");
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_goldens),	  cmocka_unit_test(test_figures),
		cmocka_unit_test(test_groupings), cmocka_unit_test(test_warnings),
		cmocka_unit_test(test_truncated), cmocka_unit_test(test_foreign),
		cmocka_unit_test(test_usage),	  cmocka_unit_test(test_text_sink),
		cmocka_unit_test(test_two_interfaces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
