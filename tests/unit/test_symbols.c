/* SPDX-License-Identifier: GPL-2.0-only */
/* What the compiler makes of a function's name. */
#include "fixture.h"

#include "tracing/capability.h"

static void same_function(void **state)
{
	static const char *const yes[] = { "ip_rcv_core", "ip_rcv_core.isra.0", "ip_rcv_core.constprop.12", "ip_rcv_core.constprop.0.isra.1" };
	static const char *const no[] = { "ip_rcv_cor",	     "ip_rcv_core_x", "ip_rcv_core.cold",  "ip_rcv_core.part.0", "ip_rcv_core.isra.0.cold",
					  "xip_rcv_core", "ip_rcv",	      "ip_rcv_core.llvm", "" };

	(void)state;
	for (size_t i = 0; i < sizeof(yes) / sizeof(*yes); i++)
		assert_true(sc_symbol_is(yes[i], "ip_rcv_core"));
	for (size_t i = 0; i < sizeof(no) / sizeof(*no); i++)
		assert_false(sc_symbol_is(no[i], "ip_rcv_core"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_function),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
