/* SPDX-License-Identifier: GPL-2.0-only */
/* How a refused filter expression is printed: message, expression, caret. */
#include "fixture.h"

#include <errno.h>

#include "pcap/filter.h"
#include "user/filter_error.h"
#include "user/log.h"

static char *refusal(const char *expression, const char *text, int column)
{
	struct filter_problem problem = { .column = column };
	char path[FIXTURE_PATH_MAX], *printed;
	int fd = fixture_file(path), saved;

	snprintf(problem.text, sizeof(problem.text), "%s", text);
	fflush(stderr);
	saved = dup(2);
	assert_true(saved >= 0 && dup2(fd, 2) >= 0);
	log_level = -1;
	assert_int_equal(filter_refuse(-EINVAL, expression, &problem), -EINVAL);
	fflush(stderr);
	assert_true(dup2(saved, 2) >= 0);
	close(saved);
	close(fd);
	printed = fixture_read(path, NULL);
	unlink(path);
	return printed;
}

static void check_refusal(const char *expression, const char *text, int column, const char *want)
{
	char *printed = refusal(expression, text, column);

	assert_string_equal(printed, want);
	free(printed);
}

static void test_refuse(void **state)
{
	(void)state;
	check_refusal("tcp prot 80", "can't parse filter expression: syntax error", 4,
		      "stampcap: filter: can't parse filter expression: syntax error\n  tcp prot 80\n      ^\n");
	check_refusal("port", "syntax error", 4, "stampcap: filter: syntax error\n  port\n      ^\n");
	check_refusal("tcp", "eth0 is down", -1, "stampcap: filter: eth0 is down\n");
	check_refusal("tcp", "beyond", 4, "stampcap: filter: beyond\n");
	check_refusal("a\tb\x1b[2J\xc3\xbc\n\x7f x", "bad '\x1b' %s", 12, "stampcap: filter: bad '?' %s\n  a b?[2J?? ? x\n              ^\n");
}

static void test_refuse_long(void **state)
{
	char expression[301], *printed;
	int column;

	(void)state;
	for (column = 0; column < 300; column++)
		expression[column] = (char)('a' + column % 26);
	expression[300] = '\0';
	for (column = 0; column <= 300; column++) {
		char *line, *caret;

		printed = refusal(expression, "long", column);
		line = strchr(printed, '\n') + 1;
		caret = strchr(line, '\n') + 1;
		assert_in_range(caret - line, 70, 70 + 2 + 6 + 1);
		assert_int_equal(strspn(caret, " ") + 2, strlen(caret)); /* the caret and a line feed */
		/* what stands above it is the byte of that column */
		assert_int_equal(line[strspn(caret, " ")], column < 300 ? expression[column] : '\n');
		assert_int_equal(!strncmp(line, "  ...", 5), column > 40);
		assert_int_equal(!strncmp(caret - 4, "...\n", 4), column < 270);
		free(printed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refuse),
		cmocka_unit_test(test_refuse_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
