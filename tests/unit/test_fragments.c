/* SPDX-License-Identifier: GPL-2.0-only */
/* A fragment that adopts its datagram's stages: stamps out of order. story.c, story_adopt(). */
#include "join_lab.h"

static struct record fragment(uint64_t id, uint8_t end, uint64_t at_ns)
{
	struct record r = record_new(SC_DIR_RX, id, IPPROTO_UDP, end);

	r.p.flags = SC_FLAG_FRAG | (end == SC_END_SOCKET ? SC_FLAG_FIRST : 0);
	r.bytes[L3_OFF + 5] = 7;
	record_stamps(&r, record_rx_stages(end == SC_END_SOCKET ? SC_RX_SOCKET : SC_RX_IP), at_ns);
	r.p.sock_index = end == SC_END_SOCKET ? id : 0;
	return r;
}

/* A duplicate fragment in the same poll: it went up to `ip` after its datagram had reached `local`.
 */
static void test_duplicate_fragment(void **state)
{
	struct record whole = fragment(1, SC_END_SOCKET, BASE_NS),
		      late = fragment(2, SC_END_OPEN, BASE_NS + 350);
	struct lab *lab = lab_start(NULL);

	(void)state;
	/* whole: driver +0 netif +100 tc +200 ip +300 local +400 l4 +500 socket +600; late: driver
	 * +350 netif +450 tc +550 ip +650 */
	lab_feed(lab, &whole);
	lab_feed(lab, &late);
	lab_settle(lab, BASE_NS + 10000);
	lab_settle(lab, BASE_NS + 2 * DEADLINE_NS);
	lab_expect(lab, 2, "timeout"); /* seen: local (+400) behind ip (+650): stamps out of order
					  in the file */
	lab_end(lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_duplicate_fragment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
