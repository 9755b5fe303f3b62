/* SPDX-License-Identifier: GPL-2.0-only */
/* The command line of `record`: what each option sets, and what is refused and how. */
#include "fixture.h"

#include <errno.h>

#include "user/log.h"
#include "user/options.h"

#define ARGS_MAX    160
#define MESSAGE_MAX 1024
#define USAGE	    "stampcap record -i IF"

struct outcome {
	struct record_options o;
	int err, rest;
	char message[MESSAGE_MAX]; /* stderr */
	char help[8192];	   /* stdout */
};

/* Swaps a stream's descriptor for a temporary file, and back. */
static int divert(int fd, char path[FIXTURE_PATH_MAX])
{
	int kept = dup(fd), file = fixture_file(path);

	assert_true(kept >= 0);
	assert_true(dup2(file, fd) >= 0);
	close(file);
	return kept;
}

static void restore(int fd, int kept, const char *path, char *text, size_t size)
{
	char *data;

	assert_true(dup2(kept, fd) >= 0);
	close(kept);
	data = fixture_read(path, NULL);
	assert_true(strlen(data) < size);
	strcpy(text, data);
	free(data);
	unlink(path);
}

static void run(struct outcome *out, int argc, char **argv)
{
	char err_path[FIXTURE_PATH_MAX], out_path[FIXTURE_PATH_MAX];
	int err_fd, out_fd;

	fflush(stdout);
	err_fd = divert(STDERR_FILENO, err_path);
	out_fd = divert(STDOUT_FILENO, out_path);
	memset(out, 0, sizeof(*out));
	record_options_default(&out->o);
	out->err = options_parse(record_rows, record_row_count, USAGE, &out->o, argc, argv,
				 &out->rest);
	fflush(stdout);
	restore(STDOUT_FILENO, out_fd, out_path, out->help, sizeof(out->help));
	restore(STDERR_FILENO, err_fd, err_path, out->message, sizeof(out->message));
}

/* `line` is cut at each '~': an argument may be empty or hold spaces. */
static void parse(struct outcome *out, const char *line)
{
	char *argv[ARGS_MAX] = { "record" }, *copy = strdup(line), *at = copy;
	int argc = 1;

	assert_non_null(copy);
	while (at && *line)
		argv[argc++] = strsep(&at, "~");
	run(out, argc, argv);
	free(copy);
}

static void expect_good(struct outcome *out, const char *line)
{
	parse(out, line);
	assert_string_equal(out->message, "");
	assert_int_equal(out->err, 0);
}

/* -EINVAL, and one line that names the option and what was given. */
static void expect_refused(const char *line, const char *option, const char *given)
{
	struct outcome out;
	size_t len;

	parse(&out, line);
	assert_int_equal(out.err, -EINVAL);
	assert_string_equal(out.help, "");
	len = strlen(out.message);
	assert_true(len > 1);
	assert_ptr_equal(strchr(out.message, '\n'), out.message + len - 1);
	assert_int_equal(strncmp(out.message, "stampcap: ", 10), 0);
	if (!strstr(out.message + 9, option) || !strstr(out.message, given))
		fail_msg("'%s' does not name %s %s", out.message, option, given);
}

static void test_defaults(void **state)
{
	struct outcome out;

	(void)state;
	expect_good(&out, "");
	assert_int_equal(out.rest, 1);
	assert_int_equal(out.o.snaplen_bytes, 256);
	assert_int_equal(out.o.stages, SC_BIT(SC_STAGE_COUNT) - 1);
	assert_int_equal(out.o.dirs, 3);
	assert_int_equal(out.o.packets, 0);
	assert_null(out.o.write);
}

static void test_all_short(void **state)
{
	struct outcome out;

	(void)state;
	log_level = 0;
	expect_good(&out, "-i~eth0~-i~eth1~-w~-~-c~5~-a~1.5~-s~96~-B~100~-Q~in~-Dnv");
	assert_int_equal(out.rest, 18);
	assert_int_equal(out.o.interface_count, 2);
	assert_int_equal(out.o.packets, 5);
	assert_int_equal(out.o.duration_ns, 1500000000ull);
	assert_int_equal(out.o.snaplen_bytes, 96);
	assert_int_equal(out.o.ring_bytes, 128 * 1024);
	assert_int_equal(out.o.dirs, 1 << (SC_DIR_RX - 1));
	assert_true(out.o.list_interfaces);
	assert_int_equal(log_level, 1);
	expect_good(&out, "-q");
	assert_int_equal(log_level, -1);
	log_level = 0;
}

static void test_all_long(void **state)
{
	struct outcome out;

	(void)state;
	expect_good(
		&out,
		"--interface=eth0~--write~f~--count=7~--autostop=duration:2~--snapshot-length=0~--buffer-size=1~--direction=out~"
		"--xdp=off~--stages=driver,rx.tc~--deadline=0.25~--without=tp");
	assert_int_equal(out.o.packets, 7);
	assert_int_equal(out.o.duration_ns, 2000000000ull);
	assert_int_equal(out.o.snaplen_bytes, SC_MAX_SNAPLEN);
	assert_int_equal(out.o.ring_bytes, 4096);
	assert_int_equal(out.o.dirs, 1 << (SC_DIR_TX - 1));
	assert_int_equal(out.o.xdp, XDP_MODE_OFF);
	assert_int_equal(out.o.stages,
			 SC_BIT(SC_RX_DRIVER) | SC_BIT(SC_TX_DRIVER) | SC_BIT(SC_RX_TC));
	assert_int_equal(out.o.deadline_ns, 250000000ull);
}

/* The largest and smallest of each that are still fine. */
static void test_limits(void **state)
{
	struct outcome out;

	(void)state;
	expect_good(&out, "-c~1");
	expect_good(&out, "-s~1");
	assert_int_equal(out.o.snaplen_bytes, 1);
	expect_good(&out, "-s~262144");
	assert_int_equal(out.o.snaplen_bytes, SC_MAX_SNAPLEN);
	expect_good(&out, "-B~1048576");
	assert_int_equal(out.o.ring_bytes, 1u << 30);
	expect_good(&out, "-a~1000000000");
	assert_int_equal(out.o.duration_ns, 1000000000ull * 1000000000ull);
}

/* Every stage has a name of its own with its direction in front, and the same one in both without. */
static void test_stages(void **state)
{
	(void)state;
	for (int stage = 0; stage < SC_STAGE_COUNT; stage++) {
		const struct stage_info *info = &stage_info[stage];
		struct outcome out;
		char line[64];

		snprintf(line, sizeof(line), "--stages=%s.%s", info->dir == SC_DIR_RX ? "rx" : "tx",
			 info->name);
		expect_good(&out, line);
		assert_int_equal(out.o.stages, SC_BIT(stage));
		snprintf(line, sizeof(line), "--stages=%s", info->name);
		expect_good(&out, line);
		assert_true(out.o.stages & SC_BIT(stage));
		for (int other = 0; other < SC_STAGE_COUNT; other++)
			assert_int_equal(!!(out.o.stages & SC_BIT(other)),
					 !strcmp(stage_info[other].name, info->name));
	}
}

/* Options end at the first word that is none: what follows is the filter. */
static void test_rest(void **state)
{
	struct outcome out;

	(void)state;
	/* As tcpdump takes them: options behind the first words of an expression still are options. */
	expect_good(&out, "-c~3~tcp~-c~7~port~80");
	assert_int_equal(out.o.packets, 7);
	assert_int_equal(out.rest, 5);
	expect_good(&out, "-c~3~--~-c~0");
	assert_int_equal(out.rest, 4);
}

static void test_bad_numbers(void **state)
{
	static const char *const options[] = { "-c", "-s", "-B" };
	static const char *const bad[] = { "-1",
					   "x",
					   "",
					   "1x",
					   " 1",
					   "+1",
					   "1.5",
					   "0x10",
					   "99999999999999999999",
					   "18446744073709551615",
					   "1 " };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		for (size_t n = 0; n < sizeof(bad) / sizeof(*bad); n++) {
			char line[64];

			snprintf(line, sizeof(line), "%s~%s", options[i], bad[n]);
			expect_refused(line, options[i], bad[n]);
		}
	}
	expect_refused("-c~0", "-c", "0");
	expect_refused("-B~0", "-B", "0");
	expect_refused("-B~1048577", "-B", "1048577");
	expect_refused("-s~262145", "-s", "262145");
	expect_refused("-s~-1", "-s", "-1");
	expect_refused("--count=0", "-c", "0");
}

static void test_bad_seconds(void **state)
{
	static const char *const bad[] = { "x",	  "",	 "0",	 "-1",	 "1s",
					   "nan", "inf", "1e99", "-0.0", "1 2" };

	(void)state;
	for (size_t n = 0; n < sizeof(bad) / sizeof(*bad); n++) {
		char line[64];

		snprintf(line, sizeof(line), "-a~%s", bad[n]);
		expect_refused(line, "-a", bad[n]);
		snprintf(line, sizeof(line), "-a~duration:%s", bad[n]);
		expect_refused(line, "-a", bad[n]);
		snprintf(line, sizeof(line), "--deadline~%s", bad[n]);
		expect_refused(line, "--deadline", bad[n]);
	}
	expect_refused("-a~filesize:3", "-a", "filesize:3");
}

static void test_bad_words(void **state)
{
	(void)state;
	expect_refused("--xdp~foo", "--xdp", "foo");
	expect_refused("--xdp~", "--xdp", "");
	expect_refused("--xdp~NATIVE", "--xdp", "NATIVE");
	expect_refused("-Q~foo", "--direction", "foo");
	expect_refused("-Q~", "--direction", "");
	expect_refused("-w~", "-w", "");
	expect_refused("--stages~foo", "--stages", "'foo'");
	expect_refused("--stages~", "--stages", "''");
	expect_refused("--stages~,", "--stages", "''");
	expect_refused("--stages~driver,,tc", "--stages", "''");
	expect_refused("--stages~driver,foo", "--stages", "'foo'");
	expect_refused("--stages~drive", "--stages", "'drive'");
	expect_refused("--stages~drivers", "--stages", "'drivers'");
	expect_refused("--stages~rx.write", "--stages", "'rx.write'");
	expect_refused("--stages~driver tc", "--stages", "'driver tc'");
}

static void test_missing_argument(void **state)
{
	static const struct {
		const char *line, *option;
	} more[] = { { "-n~-c", "-c" }, { "-c~1~-s", "-s" }, { "-i~eth0~--xdp", "--xdp" } };

	(void)state;
	for (size_t i = 0; i < record_row_count; i++) {
		char option[32];

		if (!record_rows[i].argument)
			continue;
		if (record_rows[i].letter) {
			snprintf(option, sizeof(option), "-%c", record_rows[i].letter);
			expect_refused(option, option, "argument");
		}
		snprintf(option, sizeof(option), "--%s", record_rows[i].name);
		expect_refused(option, option, "argument");
	}
	for (size_t i = 0; i < sizeof(more) / sizeof(*more); i++)
		expect_refused(more[i].line, more[i].option, "argument");
}

static void test_unknown(void **state)
{
	(void)state;
	expect_refused("-Z", "-Z", "unknown");
	expect_refused("-c~1~-Z", "-Z", "unknown");
	expect_refused("-Z~-c~1", "-Z", "unknown");
	expect_refused("--foo", "--foo", "unknown");
	expect_refused("--foo=1", "--foo", "unknown");
	expect_refused("-?", "-?", "unknown");
	expect_refused("ip[0]~=~-1", "-1", "after a --");
	expect_refused("ip[0]~=~--1", "--1", "after a --");
	expect_refused("--s", "--s", ""); /* snapshot-length or stages? */
}

/* The first mistake ends it: one line, whatever follows. */
static void test_first_mistake(void **state)
{
	(void)state;
	expect_refused("-c~0~-s~-1~--xdp~foo~-Z", "-c", "0");
}

static void test_too_many_interfaces(void **state)
{
	char line[LOADER_MAX_DEVICES * 8 + 64] = "";
	struct outcome out;

	(void)state;
	for (int i = 0; i < LOADER_MAX_DEVICES; i++)
		strcat(line, i ? "~-i~eth0" : "-i~eth0");
	expect_good(&out, line);
	assert_int_equal(out.o.interface_count, LOADER_MAX_DEVICES);
	strcat(line, "~-i~last");
	expect_refused(line, "-i", "last");
}

/* Help goes to stdout and names every option. */
static void test_help(void **state)
{
	static const char *const lines[] = { "-h", "--help", "-c~5~-h~-Z" };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct outcome out;

		parse(&out, lines[i]);
		assert_int_equal(out.err, -ECANCELED);
		assert_string_equal(out.message, "");
		assert_non_null(strstr(out.help, USAGE));
		for (size_t n = 0; n < record_row_count; n++) {
			char option[40];

			if (record_rows[n].name)
				snprintf(option, sizeof(option), "--%s", record_rows[n].name);
			else
				snprintf(option, sizeof(option), "-%c", record_rows[n].letter);
			assert_non_null(strstr(out.help, option));
			assert_non_null(strstr(out.help, record_rows[n].help));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_all_short),
		cmocka_unit_test(test_all_long),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_stages),
		cmocka_unit_test(test_rest),
		cmocka_unit_test(test_bad_numbers),
		cmocka_unit_test(test_bad_seconds),
		cmocka_unit_test(test_bad_words),
		cmocka_unit_test(test_missing_argument),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_first_mistake),
		cmocka_unit_test(test_too_many_interfaces),
		cmocka_unit_test(test_help),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
