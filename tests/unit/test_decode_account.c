/* SPDX-License-Identifier: GPL-2.0-only */
/* A record that fails validation is counted as a lost received packet, whatever it was: join.c,
 * join_record(). */
#include "join_lab.h"

static void test_sent_packet(void **state)
{
	struct record r = record_tcp_tx(1, 0, 100, BASE_NS);
	struct lab *lab = lab_start(NULL);

	(void)state;
	r.p.stamp_ns[SC_TX_DRIVER] = 1;
	lab->account.dir[1].seen++;
	assert_int_equal(join_record(lab->join, &r, sizeof(r)), -EBADMSG);
	assert_int_equal(lab->account.dir[1].lost[ACCOUNT_LOST_DECODE],
			 1); /* seen: 0, in dir[0] instead */
	lab_end(lab);
}

static void test_call(void **state)
{
	struct sc_call c = record_call(SC_REC_READ, 0, 100, BASE_NS);
	struct lab *lab = lab_start(NULL);

	(void)state;
	memset(c.comm, 'x', sizeof(c.comm));
	assert_int_equal(join_record(lab->join, &c, sizeof(c)), -EBADMSG);
	assert_int_equal(account_check(&lab->account),
			 0); /* a call is no packet: seen = 0, lost = 1 */
	lab_end(lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sent_packet),
		cmocka_unit_test(test_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
