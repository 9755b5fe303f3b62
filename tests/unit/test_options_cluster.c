/* SPDX-License-Identifier: GPL-2.0-only */
/* Options: an unknown letter in front of a cluster is not named; a tiny duration means none.
 * options.c. */
#include "fixture.h"

#include <errno.h>

#include "user/options.h"

static int parse(int argc, char **argv, struct record_options *o, char *message, size_t size)
{
	char path[FIXTURE_PATH_MAX], *text;
	int kept = dup(STDERR_FILENO), file = fixture_file(path), rest, err;

	dup2(file, STDERR_FILENO);
	close(file);
	record_options_default(o);
	err = options_parse(record_rows, record_row_count, "x", o, argc, argv, &rest);
	dup2(kept, STDERR_FILENO);
	close(kept);
	text = fixture_read(path, NULL);
	snprintf(message, size, "%s", text);
	free(text);
	unlink(path);
	return err;
}

/* `stampcap record -xyz`, `stampcap record -i eth0 -foo` (a long option with one dash). */
static void test_cluster(void **state)
{
	char *first[] = { "record", "-Zn", NULL },
	     *later[] = { "record", "-i", "eth0", "-foo", NULL };
	struct record_options o;
	char message[256];

	(void)state;
	assert_int_equal(parse(2, first, &o, message, sizeof(message)), -EINVAL);
	if (!strstr(message, "-Z"))
		fail_msg("%s", message); /* seen: "unknown option record" */
	assert_int_equal(parse(4, later, &o, message, sizeof(message)), -EINVAL);
	if (!strstr(message, "-f"))
		fail_msg("%s", message); /* seen: "unknown option eth0" */
}

/* Below a nanosecond: becomes 0, which is "no limit". */
static void test_tiny(void **state)
{
	char *argv[] = { "record", "-a", "1e-10", NULL };
	struct record_options o;
	char message[256];
	int err;

	(void)state;
	err = parse(3, argv, &o, message, sizeof(message));
	assert_true(err == -EINVAL || o.duration_ns > 0); /* seen: 0, endless */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cluster),
		cmocka_unit_test(test_tiny),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
