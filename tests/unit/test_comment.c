/* SPDX-License-Identifier: GPL-2.0-only */
/* The timeline comment and the capture comment: exact text, round trips, what is refused. */
#include "fixture.h"

#include <errno.h>

#include "user/capture_comment.h"
#include "user/comment.h"

#define BASE_NS 1700000000000000000ull

/* The example of comment.h, with numbers that add up. */
static struct packet example(void)
{
	struct packet p = fixture_packet(SC_DIR_RX, 0, 0);

	p.stages = SC_BIT(SC_RX_HARDIRQ) | SC_BIT(SC_RX_SOFTIRQ) | SC_BIT(SC_RX_DRIVER) |
		   SC_BIT(SC_RX_NETIF) | SC_BIT(SC_RX_SOCKET) | SC_BIT(SC_RX_READ);
	p.stamp_ns[SC_RX_HARDIRQ] = BASE_NS;
	p.stamp_ns[SC_RX_SOFTIRQ] = BASE_NS + 2104;
	p.stamp_ns[SC_RX_DRIVER] = BASE_NS + 5435;
	p.stamp_ns[SC_RX_NETIF] = BASE_NS + 5837;
	p.stamp_ns[SC_RX_SOCKET] = BASE_NS + 7408;
	p.stamp_ns[SC_RX_READ] = BASE_NS + 152318;
	p.wall_ns = BASE_NS + 5435;
	p.anchor_ns = p.wall_ns;
	p.cpu = 1;
	p.irq = 33;
	p.pid = 812;
	strcpy(p.comm, "nginx");
	strcpy(p.end, "read");
	p.flags = PACKET_GRO | PACKET_RETRANS;
	p.id = 4711;
	return p;
}

#define EXAMPLE                                                                              \
	"stampcap rx total=152.318us hardirq=+0.000us softirq=+2.104us driver=+3.331us "     \
	"netif=+0.402us socket=+1.571us read=+144.910us | driver_side=5.837us stack=1.571us " \
	"app=144.910us | cpu=1 irq=33 queue=0 pid=812 comm=nginx end=read flags=gro+retrans "  \
	"id=4711"

static void check_format(const struct packet *p, const char *expected)
{
	char buf[COMMENT_MAX];

	assert_int_equal(comment_format(p, buf, sizeof(buf)), strlen(expected));
	assert_string_equal(buf, expected);
}

static void check_round_trip(const struct packet *p)
{
	struct packet parsed;
	char buf[COMMENT_MAX];
	unsigned int stage;
	int len = comment_format(p, buf, sizeof(buf));

	assert_true(len > 0);
	assert_null(strpbrk(buf, ",\n"));
	memset(&parsed, 0xff, sizeof(parsed));
	parsed.wall_ns = p->wall_ns;
	assert_int_equal(comment_parse(&parsed, buf, (size_t)len), 0);
	assert_int_equal(parsed.dir, p->dir);
	assert_int_equal(parsed.stages, p->stages);
	assert_int_equal(parsed.anchor_ns, p->wall_ns);
	for (stage = 0; stage < SC_STAGE_COUNT; stage++)
		if (p->stages & SC_BIT(stage))
			assert_int_equal(parsed.stamp_ns[stage], p->stamp_ns[stage]);
	assert_int_equal(parsed.cpu, p->cpu);
	assert_int_equal(parsed.irq, p->irq);
	assert_int_equal(parsed.queue, p->queue);
	assert_int_equal(parsed.pid, p->pid);
	assert_int_equal(parsed.flags, p->flags);
	assert_int_equal(parsed.id, p->id);
	/* A retransmission does not tell what it was cut from. */
	assert_int_equal(parsed.parent_id, p->flags & PACKET_RETRANS && p->flags & PACKET_SEGMENT ? 0 : p->parent_id);
	assert_int_equal(parsed.gro_index, p->flags & PACKET_GRO ? p->gro_index : 0);
	assert_int_equal(parsed.gro_count, p->flags & PACKET_GRO ? p->gro_count : 0);
	assert_int_equal(parsed.segs, p->flags & PACKET_GSO ? p->segs : 0);
	assert_int_equal(parsed.ends, p->ends);
	assert_int_equal(parsed.first_id, p->flags & PACKET_RETRANS ? p->first_id : 0);
	assert_string_equal(parsed.comm, p->comm);
	assert_string_equal(parsed.end, p->end);
	assert_string_equal(parsed.via, p->via);
	assert_string_equal(parsed.at, p->at);
}

static void test_example(void **state)
{
	struct packet p = example();

	(void)state;
	check_format(&p, EXAMPLE);
	check_round_trip(&p);
}

static void test_variants(void **state)
{
	struct packet p = fixture_packet(SC_DIR_TX, SC_BIT(SC_TX_WRITE) | SC_BIT(SC_TX_IP), 1500);

	(void)state;
	strcpy(p.end, "timeout");
	strcpy(p.at, "ip");
	p.flags = PACKET_SEGMENT | PACKET_PARTIAL;
	p.parent_id = 9;
	check_format(&p, "stampcap tx total=1.500us write=+0.000us ip=+1.500us | unsplit=1.500us | "
			 "cpu=0 queue=0 end=timeout flags=segment+partial id=1 of=9 at=ip");
	p.flags = PACKET_GRO;
	p.stages = SC_BIT(SC_TX_DRIVER);
	check_format(&p, "stampcap tx total=0.000us driver=+0.000us | cpu=0 queue=0 end=timeout "
			 "flags=gro id=1 into=9 at=ip");
	p.gro_index = 2;
	p.gro_count = 40;
	check_format(&p, "stampcap tx total=0.000us driver=+0.000us | cpu=0 queue=0 end=timeout "
			 "flags=gro id=1 gro=2/40 into=9 at=ip");
	p.flags = PACKET_GSO;
	p.segs = 45;
	check_format(&p, "stampcap tx total=0.000us driver=+0.000us | cpu=0 queue=0 end=timeout "
			 "flags=gso id=1 into=9 segs=45 at=ip");
	p.flags = PACKET_RETRANS;
	p.first_id = 7;
	check_format(&p, "stampcap tx total=0.000us driver=+0.000us | cpu=0 queue=0 end=timeout "
			 "flags=retrans id=1 into=9 of=7 at=ip");
	p.flags |= PACKET_SEGMENT;
	check_format(&p, "stampcap tx total=0.000us driver=+0.000us | cpu=0 queue=0 end=timeout "
			 "flags=segment+retrans id=1 of=7 at=ip");
	p = fixture_packet(SC_DIR_RX, SC_BIT(SC_RX_IP) | SC_BIT(SC_TX_DRIVER), 250);
	strcpy(p.via, "eth1");
	strcpy(p.end, "forward");
	check_format(&p, "stampcap rx total=0.250us ip=+0.000us tx_driver=+0.250us | "
			 "driver_side=0.250us | cpu=0 queue=0 end=forward id=1 via=eth1");
	p.stages = 0;
	p.end[0] = '\0';
	p.via[0] = '\0';
	check_format(&p, "stampcap rx total=0.000us | cpu=0 queue=0 id=1");
}

static void test_anchor(void **state)
{
	struct packet p = example();

	(void)state;
	assert_int_equal(packet_anchor(&p), SC_RX_DRIVER);
	p.stages |= SC_BIT(SC_RX_XDP);
	assert_int_equal(packet_anchor(&p), SC_RX_XDP);
	p = fixture_packet(SC_DIR_TX, SC_BIT(SC_TX_TC) | SC_BIT(SC_TX_L4), 1);
	assert_int_equal(packet_anchor(&p), SC_TX_TC);
	p.stages |= SC_BIT(SC_TX_NETDEV);
	assert_int_equal(packet_anchor(&p), SC_TX_NETDEV);
	p.stages |= SC_BIT(SC_TX_DRIVER);
	assert_int_equal(packet_anchor(&p), SC_TX_DRIVER);
	p.stages = 0;
	assert_int_equal(packet_anchor(&p), SC_STAGE_NONE);
}

static void test_escapes(void **state)
{
	struct packet p = example();
	char buf[COMMENT_MAX];

	(void)state;
	strcpy(p.comm, "a b=c|d,e\\f\n\xc3\xa9");
	assert_true(comment_format(&p, buf, sizeof(buf)) > 0);
	assert_non_null(strstr(buf, " comm=a\\x20b\\x3dc\\x7cd\\x2ce\\x5cf\\x0a\\xc3\\xa9 end="));
	check_round_trip(&p);
	/* the longest of everything fits COMMENT_MAX, as its comment promises */
	memset(p.comm, '\xff', sizeof(p.comm) - 1);
	memset(p.end, ' ', sizeof(p.end) - 1);
	memset(p.via, ',', sizeof(p.via) - 1);
	memset(p.at, '=', sizeof(p.at) - 1);
	p.comm[sizeof(p.comm) - 1] = p.end[sizeof(p.end) - 1] = '\0';
	p.id = p.parent_id = p.first_id = UINT64_MAX;
	p.cpu = p.queue = p.pid = p.gro_index = p.gro_count = p.segs = p.ends = UINT32_MAX;
	p.irq = INT32_MAX;
	p.flags = (1u << PACKET_FLAG_COUNT) - 1;
	check_round_trip(&p);
	p.flags &= ~PACKET_SEGMENT;
	check_round_trip(&p);
}

static void random_string(char *s, size_t size, uint64_t *seed)
{
	size_t len = fixture_random(seed) % size, i;

	for (i = 0; i < len; i++)
		s[i] = (char)(fixture_random(seed) % 255 + 1);
	s[len] = '\0';
}

static struct packet random_packet(uint64_t *seed)
{
	struct packet p = { .dir = fixture_random(seed) & 1 ? SC_DIR_RX : SC_DIR_TX };
	uint64_t now_ns = BASE_NS;
	unsigned int stage;

	p.stages = (uint32_t)fixture_random(seed) & (SC_BIT(SC_STAGE_COUNT) - 1);
	if (p.dir == SC_DIR_TX)
		p.stages &= ~(SC_BIT(SC_TX_FIRST) - 1);
	for (stage = 0; stage < SC_STAGE_COUNT; stage++) {
		p.stamp_ns[stage] = now_ns;
		now_ns += fixture_random(seed) >> (24 + fixture_random(seed) % 40);
	}
	stage = packet_anchor(&p);
	p.wall_ns = stage == SC_STAGE_NONE ? BASE_NS : p.stamp_ns[stage];
	p.id = fixture_random(seed);
	p.parent_id = fixture_random(seed) & 1 ? fixture_random(seed) : 0;
	p.first_id = fixture_random(seed) & 1 ? fixture_random(seed) : 0;
	p.gro_count = (uint32_t)fixture_random(seed) % 3;
	p.gro_index = p.gro_count;
	p.segs = (uint32_t)fixture_random(seed) % 3;
	p.ends = (uint32_t)fixture_random(seed) % 3;
	p.flags = (uint32_t)fixture_random(seed) & ((1u << PACKET_FLAG_COUNT) - 1);
	p.cpu = (uint32_t)fixture_random(seed);
	p.queue = (uint32_t)fixture_random(seed);
	p.pid = (uint32_t)fixture_random(seed) & 0xffff;
	p.irq = (int32_t)(fixture_random(seed) % 1000) - 1;
	random_string(p.comm, sizeof(p.comm), seed);
	random_string(p.end, sizeof(p.end), seed);
	random_string(p.via, sizeof(p.via), seed);
	random_string(p.at, sizeof(p.at), seed);
	return p;
}

static void test_random(void **state)
{
	uint64_t seed = 42, i;

	(void)state;
	for (i = 0; i < 5000; i++) {
		struct packet p = random_packet(&seed);

		check_round_trip(&p);
	}
}

static void check_parse(const char *text, int expected)
{
	struct packet p = { .wall_ns = BASE_NS };
	int err = comment_parse(&p, text, strlen(text));

	if (err != expected)
		fail_msg("%d instead of %d: %s", err, expected, text);
}

static void test_malformed(void **state)
{
	static const char *const bad[] = {
		"stampcap ",
		"stampcap rx",
		"stampcap up total=0.000us | cpu=0 queue=0 id=1",
		"stampcap rx total=0.000us",
		"stampcap rx total=0.00us | cpu=0 queue=0 id=1",
		"stampcap rx total=0.000ms | cpu=0 queue=0 id=1",
		"stampcap rx total=00.000us | cpu=0 queue=0 id=1",
		"stampcap rx total=-1.000us | cpu=0 queue=0 id=1",
		"stampcap rx total=1.000us | cpu=0 queue=0 id=1",
		"stampcap rx total=99999999999999999999.000us | cpu=0 queue=0 id=1",
		"stampcap rx total=1.000us ip=+1.000us | cpu=0 queue=0 id=1",
		"stampcap rx total=1.000us ip=+0.000us l4=+2.000us | stack=2.000us | cpu=0 queue=0 id=1",
		"stampcap rx total=1.000us l4=+0.000us ip=+1.000us | stack=1.000us | cpu=0 queue=0 id=1",
		"stampcap rx total=1.000us ip=+0.000us ip=+1.000us | stack=1.000us | cpu=0 queue=0 id=1",
		"stampcap rx total=1.000us ip=+0.000us moon=+1.000us | stack=1.000us | cpu=0 queue=0 id=1",
		"stampcap rx total=1.000us ip=+0.000us l4=1.000us | stack=1.000us | cpu=0 queue=0 id=1",
		"stampcap rx total=1.000us ip=+0.000us l4=+1.000us | moon=1.000us | cpu=0 queue=0 id=1",
		"stampcap rx total=1.000us ip=+0.000us l4=+1.000us | cpu=0 queue=0 id=1",
		"stampcap rx total=0.000us | cpu=0 queue=0",
		"stampcap rx total=0.000us | queue=0 cpu=0 id=1",
		"stampcap rx total=0.000us | cpu=0 cpu=0 queue=0 id=1",
		"stampcap rx total=0.000us | cpu=0 queue=0 id=1 moon=1",
		"stampcap rx total=0.000us | cpu=0 queue=0 id=1 ",
		"stampcap rx total=0.000us | cpu=0  queue=0 id=1",
		"stampcap rx total=0.000us | cpu=0 queue=0 id=1 | x=1",
		"stampcap rx total=0.000us | cpu=4294967296 queue=0 id=1",
		"stampcap rx total=0.000us | cpu=0 irq=2147483648 queue=0 id=1",
		"stampcap rx total=0.000us | cpu=0 queue=0 comm=\\x0 id=1",
		"stampcap rx total=0.000us | cpu=0 queue=0 comm=\\x00 id=1",
		"stampcap rx total=0.000us | cpu=0 queue=0 comm=\\q20 id=1",
		"stampcap rx total=0.000us | cpu=0 queue=0 comm=0123456789abcdef id=1",
		"stampcap rx total=0.000us | cpu=0 queue=0 flags=gro+moon id=1",
		"stampcap rx total=0.000us | cpu=0 queue=0 flags=gro+gro id=1",
		"stampcap rx total=0.000us | cpu=0 queue=0 id=1 of=2",
		"stampcap rx total=0.000us | cpu=0 queue=0 flags=segment id=1 into=2",
		"stampcap accounting rx seen=0",
		/* the anchor is later after the first stamp than 1970 is ago */
		"stampcap rx total=9000000000000000.000us hw=+0.000us ip=+9000000000000000.000us | "
		"unsplit=0.000us | cpu=0 queue=0 id=1",
	};
	size_t i;

	(void)state;
	check_parse("", -ENOENT);
	check_parse("stampcap", -ENOENT);
	check_parse("a packet", -ENOENT);
	check_parse("stampcap rx total=0.000us | cpu=0 queue=0 id=1", 0);
	check_parse(EXAMPLE, 0);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		check_parse(bad[i], -EINVAL);
}

static void test_cut(void **state)
{
	struct packet p = { .wall_ns = BASE_NS };
	size_t len = strlen(EXAMPLE), i;

	(void)state;
	/* "id=471" is a whole comment too */
	for (i = 0; i < len - 3; i++)
		assert_int_equal(comment_parse(&p, EXAMPLE, i), i < 9 ? -ENOENT : -EINVAL);
}

static void test_capture_comment(void **state)
{
	struct capture_comment c = { .version = "0.1 x", .match = "xdp-address-or-key", .clock_error_ns = 123 };
	struct capture_comment parsed;
	char buf[CAPTURE_COMMENT_MAX];
	const char *expected =
		"stampcap format=1 version=0.1\\x20x match=xdp-address-or-key clock_error=123ns "
		"probes=rx.softirq:tp:softirq_entry;rx.driver:tp:a+b+c\\x2bd\\x3b;tx.ip:netfilter:LOCAL_OUT";
	int len;

	(void)state;
	c.probes[SC_RX_SOFTIRQ] = "tp:softirq_entry";
	c.probes[SC_RX_DRIVER] = "tp:a, b, c+d;";
	c.probes[SC_TX_IP] = "netfilter:LOCAL_OUT";
	len = capture_comment_format(&c, buf, sizeof(buf));
	assert_string_equal(buf, expected);
	assert_int_equal(len, strlen(expected));
	assert_int_equal(capture_comment_parse(&parsed, buf, (size_t)len), 0);
	assert_string_equal(parsed.version, "0.1 x");
	assert_string_equal(parsed.match, "xdp-address-or-key");
	assert_int_equal(parsed.clock_error_ns, 123);
	assert_string_equal(parsed.probes[SC_RX_SOFTIRQ], "tp:softirq_entry");
	assert_string_equal(parsed.probes[SC_RX_DRIVER], "tp:a, b, c+d;");
	assert_string_equal(parsed.probes[SC_TX_IP], "netfilter:LOCAL_OUT");
	assert_null(parsed.probes[SC_RX_IP]);
	assert_int_equal(parsed.sample, 0);
	capture_comment_clear(&parsed);
	assert_int_equal(capture_comment_format(&c, buf, (size_t)len), -ENOSPC);
	c.sample = 8;
	len = capture_comment_format(&c, buf, sizeof(buf));
	assert_non_null(strstr(buf, " clock_error=123ns sample=8 probes="));
	assert_int_equal(capture_comment_parse(&parsed, buf, (size_t)len), 0);
	assert_int_equal(parsed.sample, 8);
	assert_non_null(parsed.probes[SC_TX_IP]);
	capture_comment_clear(&parsed);
}

static void test_capture_malformed(void **state)
{
	static const struct {
		const char *text;
		int err;
	} cases[] = {
		{ "", -ENOENT },
		{ "hello", -ENOENT },
		{ "stampcap rx total=0.000us | cpu=0 queue=0 id=1", -EINVAL },
		{ "stampcap format=2 everything=new", -EPROTO },
		{ "stampcap format=1 version=1 match=none", -EINVAL },
		{ "stampcap format=1 version=1 match=none clock_error=5", -EINVAL },
		{ "stampcap format=1 version=1 match=none clock_error=5ns x=1", -EINVAL },
		{ "stampcap format=1 version=1 match=none clock_error=5ns sample=x", -EINVAL },
		{ "stampcap format=1 version=1 match=none clock_error=5ns sample=5 sample=5", -EINVAL },
		{ "stampcap format=1 version=1 match=none clock_error=5ns probes=", -EINVAL },
		{ "stampcap format=1 version=1 match=none clock_error=5ns probes=rx.ip", -EINVAL },
		{ "stampcap format=1 version=1 match=none clock_error=5ns probes=rx.moon:tp:x", -EINVAL },
		{ "stampcap format=1 version=1 match=none clock_error=5ns probes=rx.ip:tp:x;rx.ip:tp:y", -EINVAL },
		{ "stampcap format=1 version=1 match=none clock_error=5ns probes=up.ip:tp:x", -EINVAL },
	};
	struct capture_comment c;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(capture_comment_parse(&c, cases[i].text, strlen(cases[i].text)),
				 cases[i].err);
	assert_int_equal(capture_comment_parse(&c, "stampcap format=1 version=1 match=none clock_error=5ns", 54), 0);
	capture_comment_clear(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_example),	  cmocka_unit_test(test_variants),
		cmocka_unit_test(test_anchor),	  cmocka_unit_test(test_escapes),
		cmocka_unit_test(test_random),	  cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_cut),	  cmocka_unit_test(test_capture_comment),
		cmocka_unit_test(test_capture_malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
