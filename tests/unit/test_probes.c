/* SPDX-License-Identifier: GPL-2.0-only */
/* Which rows are chosen when the kernel refuses some. */
#include "fixture.h"

#include "user/probes.h"

#define STAGE SC_RX_IP

static struct probes probes;

static struct probe *add(const char *program, uint8_t rank, enum probe_kind kind, enum probe_status status)
{
	struct probe *row = &probes.row[probes.count++];

	*row = (struct probe){ .target = program, .program = program, .stage = STAGE, .rank = rank, .kind = kind, .status = status };
	return row;
}

/* A function's two rows. */
static void add_function(const char *fentry, const char *kprobe, uint8_t rank, bool has_fentry, bool has_kprobe)
{
	add(fentry, rank, PROBE_FENTRY, has_fentry ? PROBE_AVAILABLE : PROBE_REFUSED);
	add(kprobe, rank, PROBE_KPROBE, has_kprobe ? PROBE_AVAILABLE : PROBE_REFUSED)->spare_of_before = true;
}

static int setup(void **state)
{
	(void)state;
	memset(&probes, 0, sizeof(probes));
	probes.stages = SC_BIT(STAGE);
	return 0;
}

static bool used(const char *program)
{
	return probes_program_used(&probes, program);
}

static void fentry_before_kprobe(void **state)
{
	(void)state;
	add_function("f4", "f4__kp", 0, true, true);
	add_function("f6", "f6__kp", 0, false, true);
	add("hook", 1, PROBE_NETFILTER, PROBE_AVAILABLE);
	probes_choose(&probes);
	assert_true(used("f4") && !used("f4__kp"));
	assert_true(used("f6__kp") && !used("f6"));
	assert_false(used("hook")); /* both functions are reached */
	assert_int_equal(probes_refuse(&probes, "f4", -1, "no"), 1);
	probes_choose(&probes);
	assert_true(used("f4__kp") && !used("hook"));
}

static void a_rank_counts_as_a_whole(void **state)
{
	(void)state;
	add_function("f4", "f4__kp", 0, true, true);
	add_function("f6", "f6__kp", 0, false, false);
	add("hook", 1, PROBE_NETFILTER, PROBE_AVAILABLE);
	probes_choose(&probes);
	assert_true(used("hook"));
	assert_false(used("f4") || used("f4__kp")); /* one event, one stamp */
}

static void without_a_whole_rank_all_there_is(void **state)
{
	(void)state;
	add_function("f4", "f4__kp", 0, true, true);
	add_function("f6", "f6__kp", 0, false, false);
	add("hook", 1, PROBE_NETFILTER, PROBE_REFUSED);
	add("late", 2, PROBE_TP, PROBE_REFUSED);
	probes_choose(&probes);
	assert_true(used("f4"));
	assert_false(used("f4__kp") || used("hook") || used("late"));
}

static void one_event_is_no_wakeup_too(void **state)
{
	struct probe *socket, *wakeup;

	(void)state;
	probes.stages = SC_BIT(SC_RX_SOCKET) | SC_BIT(SC_RX_WAKEUP);
	socket = add("ready", 0, PROBE_TP, PROBE_AVAILABLE);
	socket->stage = SC_RX_SOCKET;
	wakeup = add("ready", 0, PROBE_TP, PROBE_AVAILABLE);
	wakeup->stage = SC_RX_WAKEUP;
	probes_choose(&probes);
	assert_int_equal(probes_stages(&probes, SCOPE_ALL), SC_BIT(SC_RX_SOCKET));
	assert_int_equal(wakeup->status, PROBE_AVAILABLE);
	assert_true(wakeup->why[0]);
}

#define CASE(test) cmocka_unit_test_setup(test, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(fentry_before_kprobe),
		CASE(a_rank_counts_as_a_whole),
		CASE(without_a_whole_rank_all_there_is),
		CASE(one_event_is_no_wakeup_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
