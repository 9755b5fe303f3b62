/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * stampcap report on files built here: goldens of every format, what must not count, and what is said about files that are cut, foreign or
 * damaged. UPDATE_GOLDEN=1 rewrites the goldens.
 */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>

#include "pcap/pcapng.h"
#include "user/capture_comment.h"
#include "user/cmd_report.h"
#include "user/log.h"
#include "user/sink.h"

#define START_NS 1700000000000000000ull
#define RX_READ                                                                              \
	(SC_BIT(SC_RX_HARDIRQ) | SC_BIT(SC_RX_SOFTIRQ) | SC_BIT(SC_RX_DRIVER) | SC_BIT(SC_RX_NETIF) | \
	 SC_BIT(SC_RX_TC) | SC_BIT(SC_RX_IP) | SC_BIT(SC_RX_L4) | SC_BIT(SC_RX_SOCKET) |            \
	 SC_BIT(SC_RX_READ))
#define RX_L4 (RX_READ & ~(SC_BIT(SC_RX_SOCKET) | SC_BIT(SC_RX_READ)))
#define TX_DRIVER                                                                          \
	(SC_BIT(SC_TX_WRITE) | SC_BIT(SC_TX_IP) | SC_BIT(SC_TX_TC) | SC_BIT(SC_TX_NETDEV) | \
	 SC_BIT(SC_TX_DRIVER))

static const uint8_t tcp_frame[60] = {
	2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0, 0, 46, 0, 1, 0, 0, 64, 6, 0, 0,
	10, 0, 0, 2, 10, 0, 0, 1, 1, 0xbb, 0xc7, 0x38, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x18,
};
static const uint8_t udp_frame[60] = {
	2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0, 0, 46, 0, 1, 0, 0, 64, 17, 0, 0,
	10, 0, 0, 3, 10, 0, 0, 1, 0, 53, 0x10, 0, 0, 26,
};
static const uint8_t arp_frame[42] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 6 };

struct build {
	struct sink *sink;
	struct capture_end end;
	uint64_t id;
};

static void packet_put(struct build *b, struct packet p, const uint8_t *bytes, uint32_t wire_len)
{
	struct account_dir *account = &b->end.account.dir[p.dir - 1];

	p.id = ++b->id;
	p.anchor_ns = p.wall_ns = START_NS + p.id * 1000000;
	p.bytes = bytes;
	p.cap_len_bytes = bytes == arp_frame ? sizeof(arp_frame) : sizeof(tcp_frame);
	p.wire_len_bytes = wire_len;
	account->seen++;
	if (p.flags & PACKET_PARTIAL)
		account->partial[ACCOUNT_PARTIAL_TIMEOUT]++;
	else
		account->complete++;
	assert_int_equal(b->sink->ops->packet(b->sink, &p), 0);
}

static struct packet packet_make(uint8_t dir, uint32_t stages, uint64_t step_ns, const char *end)
{
	struct packet p = fixture_packet(dir, stages, step_ns);

	strcpy(p.end, end);
	return p;
}

static void packets_put(struct build *b)
{
	struct packet p;
	unsigned int i;

	for (i = 1; i <= 10; i++) {
		p = packet_make(SC_DIR_RX, RX_READ, i * 1000, "read");
		p.cpu = i & 1;
		p.irq = 33;
		p.queue = i & 1;
		p.pid = 812;
		strcpy(p.comm, "nginx");
		packet_put(b, p, tcp_frame, 100);
	}
	/* 50 ms behind a lost segment, in the transport and until the read */
	p = packet_make(SC_DIR_RX, RX_READ, 2000, "read");
	p.stamp_ns[SC_RX_SOCKET] += 50000000;
	p.stamp_ns[SC_RX_READ] += 60000000;
	p.flags = PACKET_HOL;
	packet_put(b, p, tcp_frame, 100);
	/* never came to its socket: neither total nor stack are whole */
	p = packet_make(SC_DIR_RX, RX_L4, 3000, "timeout");
	p.flags = PACKET_PARTIAL;
	strcpy(p.at, "l4");
	packet_put(b, p, tcp_frame, 100);
	packet_put(b, packet_make(SC_DIR_RX, RX_READ, 1500, "read"), udp_frame, 60);
	packet_put(b, packet_make(SC_DIR_RX, SC_BIT(SC_RX_DRIVER) | SC_BIT(SC_RX_NETIF) | SC_BIT(SC_RX_TC), 700, "tc"),
		   arp_frame, 42);
	p = packet_make(SC_DIR_RX, SC_BIT(SC_RX_DRIVER) | SC_BIT(SC_RX_IP) | SC_BIT(SC_TX_OUT) |
					       SC_BIT(SC_TX_NETDEV) | SC_BIT(SC_TX_DRIVER),
			900, "forward");
	strcpy(p.via, "eth1");
	packet_put(b, p, udp_frame, 60);
	packet_put(b, packet_make(SC_DIR_TX, TX_DRIVER, 400, "driver"), tcp_frame, 100);
	packet_put(b, packet_make(SC_DIR_TX, TX_DRIVER | SC_BIT(SC_TX_L4), 600, "driver"), tcp_frame, 100);
}

static void comment_make(char *comment)
{
	struct capture_comment c = { .version = "0.1.0", .match = "none", .clock_error_ns = 250 };

	c.probes[SC_RX_SOFTIRQ] = "tp:softirq_entry";
	c.probes[SC_RX_DRIVER] = "tp:napi_gro_receive_entry, netif_rx_entry";
	c.probes[SC_RX_IP] = "netfilter:PRE_ROUTING";
	c.probes[SC_TX_IP] = "netfilter:LOCAL_OUT";
	c.probes[SC_TX_WRITE] = "tp:tcp_sendmsg_locked";
	assert_true(capture_comment_format(&c, comment, CAPTURE_COMMENT_MAX) > 0);
}

/* What file_build() leaves out or adds. */
enum build_flag { BUILD_NO_END = 1, BUILD_LOST = 2, BUILD_WRONG_COUNT = 4, BUILD_NO_PACKETS = 8 };

static void file_build(char path[FIXTURE_PATH_MAX], unsigned int flags)
{
	struct capture_interface interface = { .name = "ens33", .description = "veth", .link_type = 1 };
	char comment[CAPTURE_COMMENT_MAX];
	struct capture_info info = {
		.interfaces = &interface,
		.interface_count = 1,
		.snaplen_bytes = 256,
		.filter = "tcp or udp",
		.hardware = "x86_64",
		.os = "Linux",
		.app = "stampcap 0.1.0",
		.comment = comment,
	};
	struct build b = { .end = { .start_ns = START_NS, .end_ns = START_NS + 1500000000 } };

	comment_make(comment);
	assert_int_equal(sink_pcapng_new(&b.sink, fixture_file(path), &info), 0);
	if (!(flags & BUILD_NO_PACKETS))
		packets_put(&b);
	b.end.account.dir[0].rejected[ACCOUNT_REJECTED_BACKWARDS] = 2;
	if (flags & BUILD_LOST) {
		b.end.account.dir[0].seen += 4;
		b.end.account.dir[0].lost[ACCOUNT_LOST_RING] = 4;
	}
	if (flags & BUILD_WRONG_COUNT) {
		b.end.account.dir[0].seen++;
		b.end.account.dir[0].complete++;
	}
	if (flags & BUILD_NO_END)
		assert_int_equal(b.sink->ops->flush(b.sink), 0);
	else
		assert_int_equal(b.sink->ops->end(b.sink, &b.end), 0);
	b.sink->ops->free(b.sink);
}

/* What a run of the verb printed. */
struct run {
	int status;
	char *out, *err;
};

static int redirect(FILE *stream, int fd)
{
	int saved;

	fflush(stream);
	saved = dup(fileno(stream));
	assert_true(saved >= 0);
	assert_true(dup2(fd, fileno(stream)) >= 0);
	close(fd);
	return saved;
}

static void restore(FILE *stream, int saved)
{
	fflush(stream);
	assert_true(dup2(saved, fileno(stream)) >= 0);
	close(saved);
}

/* `words`: the arguments after "report", NULL at the end. */
static struct run run_report(const char *const *words)
{
	char out[FIXTURE_PATH_MAX], err[FIXTURE_PATH_MAX];
	char *argv[16] = { (char *)"report" };
	struct run run;
	int argc = 1, saved_out, saved_err;

	for (; words[argc - 1]; argc++)
		argv[argc] = (char *)words[argc - 1];
	saved_out = redirect(stdout, fixture_file(out));
	saved_err = redirect(stderr, fixture_file(err));
	log_level = 0;
	run.status = cmd_report(argc, argv);
	restore(stdout, saved_out);
	restore(stderr, saved_err);
	run.out = fixture_read(out, NULL);
	run.err = fixture_read(err, NULL);
	unlink(out);
	unlink(err);
	return run;
}
#define RUN(...) run_report((const char *const[]){ __VA_ARGS__, NULL })

static void run_free(struct run *run)
{
	free(run->out);
	free(run->err);
}

/* Expects a status and, in stderr, a text; "" means that nothing was said. */
static void check_run(struct run run, int status, const char *said)
{
	if (run.status != status || !strstr(run.err, said) || (!said[0] && run.err[0]))
		fail_msg("status %d instead of %d, said: %s", run.status, status, run.err);
	run_free(&run);
}

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

/* The number at a path of names and, for arrays, indexes: "groups/0/total/count". */
static json_int_t number_at(json_t *json, const char *path)
{
	char copy[128], *name, *save = NULL;

	snprintf(copy, sizeof(copy), "%s", path);
	for (name = strtok_r(copy, "/", &save); name; name = strtok_r(NULL, "/", &save))
		json = json_is_array(json) ? json_array_get(json, strtoul(name, NULL, 10)) :
					     json_object_get(json, name);
	if (!json_is_integer(json))
		fail_msg("no number at %s", path);
	return json_integer_value(json);
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

static void foreign_write(const char *path, const char *section_comment, const char *packet_comment)
{
	struct pcapng_section section = { .app = "another", .comment = section_comment };
	struct pcapng_interface interface = { .link_type = 1 };
	struct pcapng_packet packet = { .queue = PCAPNG_NONE, .comment = packet_comment };
	struct pcapng_writer *w = NULL;

	assert_int_equal(pcapng_writer_new(&w, open(path, O_WRONLY | O_TRUNC | O_CLOEXEC)), 0);
	assert_int_equal(pcapng_write_section(w, &section), 0);
	assert_int_equal(pcapng_write_interface(w, &interface), 0);
	assert_int_equal(pcapng_write_packet(w, &packet), 0);
	assert_int_equal(pcapng_writer_flush(w), 0);
	pcapng_writer_free(w);
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
	check_run(RUN("x", "tcp", "port", "80"), 2, "filter expressions are not supported by this version yet");
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
