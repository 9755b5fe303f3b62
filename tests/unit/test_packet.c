/* SPDX-License-Identifier: GPL-2.0-only */
/* Intervals, layers, sides and totals of timelines. */
#include "fixture.h"

static void check_interval(const struct interval *i, unsigned int from, unsigned int to,
			   enum side side, const char *layer)
{
	char buf[64];

	assert_int_equal(i->from, from);
	assert_int_equal(i->to, to);
	assert_int_equal(i->side, side);
	assert_string_equal(interval_layer(i->from, i->to, buf, sizeof(buf)), layer);
}

/* The one interval between two stages, alone in a timeline. */
static void check_pair(uint8_t dir, unsigned int from, unsigned int to, enum side side,
		       const char *layer)
{
	struct packet p = fixture_packet(dir, SC_BIT(from) | SC_BIT(to), 7);
	struct interval intervals[SC_STAGE_COUNT];

	assert_int_equal(packet_intervals(&p, intervals), 1);
	assert_int_equal(intervals[0].ns, 7);
	check_interval(intervals, from, to, side, layer);
}

static void test_stage_info(void **state)
{
	(void)state;
	assert_string_equal(stage_info[SC_RX_HARDIRQ].name, "hardirq");
	assert_string_equal(stage_info[SC_TX_TXDONE].layer, "nic");
	assert_int_equal(stage_info[SC_TX_L4].side, SIDE_APP);
	assert_int_equal(stage_info[SC_RX_L4].dir, SC_DIR_RX);
	assert_false(stage_info[SC_RX_WAKEUP].always);
	assert_true(stage_info[SC_RX_READ].always);
	assert_int_equal(stage_by_name("ip", SC_DIR_RX), SC_RX_IP);
	assert_int_equal(stage_by_name("ip", SC_DIR_TX), SC_TX_IP);
	assert_int_equal(stage_by_name("write", SC_DIR_RX), SC_STAGE_NONE);
	assert_int_equal(stage_by_name("", SC_DIR_RX), SC_STAGE_NONE);
}

static void test_neighbours(void **state)
{
	(void)state;
	check_pair(SC_DIR_RX, SC_RX_HW, SC_RX_HARDIRQ, SIDE_NONE, "wire");
	check_pair(SC_DIR_RX, SC_RX_HARDIRQ, SC_RX_SOFTIRQ, SIDE_DRIVER, "irq");
	check_pair(SC_DIR_RX, SC_RX_DRIVER, SC_RX_BACKLOG, SIDE_DRIVER, "backlog");
	check_pair(SC_DIR_RX, SC_RX_NETIF, SC_RX_TC, SIDE_STACK, "l2");
	check_pair(SC_DIR_RX, SC_RX_L4, SC_RX_SOCKET, SIDE_STACK, "l4");
	check_pair(SC_DIR_RX, SC_RX_SOCKET, SC_RX_WAKEUP, SIDE_APP, "app");
	check_pair(SC_DIR_TX, SC_TX_WRITE, SC_TX_L4, SIDE_APP, "app");
	check_pair(SC_DIR_TX, SC_TX_NETDEV, SC_TX_QDISC, SIDE_DRIVER, "qdisc");
	check_pair(SC_DIR_TX, SC_TX_NETDEV, SC_TX_PACED, SIDE_DRIVER, "pacing");
	check_pair(SC_DIR_TX, SC_TX_DRIVER, SC_TX_TXDONE, SIDE_DRIVER, "nic");
}

static void test_skipped(void **state)
{
	(void)state;
	check_pair(SC_DIR_RX, SC_RX_SOFTIRQ, SC_RX_DRIVER, SIDE_DRIVER, "napi+driver");
	check_pair(SC_DIR_RX, SC_RX_DRIVER, SC_RX_NETIF, SIDE_DRIVER, "gro");
	check_pair(SC_DIR_RX, SC_RX_NETIF, SC_RX_IP, SIDE_STACK, "l2");
	check_pair(SC_DIR_RX, SC_RX_NETIF, SC_RX_L4, SIDE_STACK, "l2+l3");
	check_pair(SC_DIR_RX, SC_RX_DRIVER, SC_RX_IP, SIDE_NONE, "gro+l2");
	check_pair(SC_DIR_RX, SC_RX_L4, SC_RX_READ, SIDE_NONE, "l4+app");
	check_pair(SC_DIR_RX, SC_RX_SOCKET, SC_RX_READ, SIDE_APP, "app");
	check_pair(SC_DIR_TX, SC_TX_WRITE, SC_TX_IP, SIDE_NONE, "app+l4");
	check_pair(SC_DIR_TX, SC_TX_NETDEV, SC_TX_DRIVER, SIDE_DRIVER, "driver");
	check_pair(SC_DIR_TX, SC_TX_OUT, SC_TX_DRIVER, SIDE_NONE, "l2+driver");
}

static void test_forwarded(void **state)
{
	(void)state;
	check_pair(SC_DIR_RX, SC_RX_IP, SC_TX_OUT, SIDE_STACK, "l3");
	check_pair(SC_DIR_RX, SC_RX_NETIF, SC_TX_NETDEV, SIDE_STACK, "l2");
	check_pair(SC_DIR_RX, SC_RX_IP, SC_TX_DRIVER, SIDE_DRIVER, "driver");
}

static void test_sides(void **state)
{
	uint32_t stages = SC_BIT(SC_RX_HW) | SC_BIT(SC_RX_HARDIRQ) | SC_BIT(SC_RX_DRIVER) |
			  SC_BIT(SC_RX_NETIF) | SC_BIT(SC_RX_IP) | SC_BIT(SC_RX_SOCKET) |
			  SC_BIT(SC_RX_READ);
	struct packet p = fixture_packet(SC_DIR_RX, stages, 10);
	uint64_t ns[SIDE_COUNT];

	(void)state;
	p.stamp_ns[SC_RX_READ] += 1000;
	packet_sides(&p, ns);
	assert_int_equal(ns[SIDE_NONE], 10);
	assert_int_equal(ns[SIDE_DRIVER], 20);
	assert_int_equal(ns[SIDE_STACK], 20);
	assert_int_equal(ns[SIDE_APP], 1010);
	assert_int_equal(packet_total_ns(&p), 1060);
}

static void test_short(void **state)
{
	struct packet p = fixture_packet(SC_DIR_TX, 0, 1);
	struct interval intervals[SC_STAGE_COUNT];

	(void)state;
	assert_int_equal(packet_total_ns(&p), 0);
	assert_int_equal(packet_intervals(&p, intervals), 0);
	p = fixture_packet(SC_DIR_TX, SC_BIT(SC_TX_DRIVER), 1);
	assert_int_equal(packet_total_ns(&p), 0);
	assert_int_equal(packet_intervals(&p, intervals), 0);
}

/* The intervals of any timeline without a step backwards add up to its total. */
static void test_sum(void **state)
{
	uint64_t seed = 1, i;

	(void)state;
	for (i = 0; i < 2000; i++) {
		uint32_t all = SC_BIT(SC_STAGE_COUNT) - 1;
		struct packet p = fixture_packet(SC_DIR_RX, (uint32_t)fixture_random(&seed) & all,
						 fixture_random(&seed) % 1000);
		uint64_t ns[SIDE_COUNT];

		packet_sides(&p, ns);
		assert_int_equal(ns[0] + ns[1] + ns[2] + ns[3], packet_total_ns(&p));
	}
}

static void test_small_buffer(void **state)
{
	char buf[7];

	(void)state;
	assert_string_equal(interval_layer(SC_RX_SOFTIRQ, SC_RX_DRIVER, buf, sizeof(buf)), "napi+d");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stage_info), cmocka_unit_test(test_neighbours),
		cmocka_unit_test(test_skipped),	   cmocka_unit_test(test_forwarded),
		cmocka_unit_test(test_sides),	   cmocka_unit_test(test_short),
		cmocka_unit_test(test_sum),	   cmocka_unit_test(test_small_buffer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
