/* SPDX-License-Identifier: GPL-2.0-only */
/* Records that must be refused, and those that must not: decode.h. */
#include "lab.h"

#include "user/decode.h"

static int decode_record(const struct record *r)
{
	struct decoded d;

	return decode(&d, r, sizeof(*r));
}

static int decode_call(const struct sc_call *c)
{
	struct decoded d;

	return decode(&d, c, sizeof(*c));
}

static struct record good_rx(void)
{
	struct record r = record_tcp_rx(1, 0, 100, SC_END_SOCKET, BASE_NS);

	r.p.last_ns = r.p.stamp_ns[SC_RX_SOCKET];
	return r;
}

static void test_packet(void **state)
{
	struct record r = good_rx();
	struct decoded d;

	(void)state;
	memset(&d, 0xff, sizeof(d));
	assert_int_equal(decode(&d, &r, sizeof(r)), 0);
	assert_int_equal(d.type, SC_REC_PACKET);
	assert_ptr_equal(d.packet, &r.p);
	assert_ptr_equal(d.bytes, r.bytes);
	assert_null(d.call);
	r.p.size_bytes =
		sizeof(r.p) + 10; /* the ring rounds up: what is behind the record is not ours */
	r.p.cap_len_bytes = 10;
	assert_int_equal(decode(&d, &r, sizeof(r)), 0);
	r.p.size_bytes = sizeof(r.p);
	r.p.cap_len_bytes = 0;
	assert_int_equal(decode(&d, &r, sizeof(r)), 0);
}

static void test_call(void **state)
{
	static const uint32_t types[] = { SC_REC_READ, SC_REC_WRITE, SC_REC_SOCKET, SC_REC_ALSO, SC_REC_DROPPED };
	struct decoded d;

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		struct sc_call c = record_call(types[i], 1, 2, BASE_NS);

		memset(&d, 0xff, sizeof(d));
		assert_int_equal(decode(&d, &c, sizeof(c)), 0);
		assert_int_equal(d.type, types[i]);
		assert_ptr_equal(d.call, &c);
		assert_null(d.packet);
		assert_null(d.bytes);
	}
}

/* Cut at every length, in a buffer of just that length: refused, and nothing behind the end is
 * read. */
static void check_truncated(const void *data, size_t size)
{
	for (size_t len = 0; len < size; len++) {
		uint8_t *cut = malloc(len ? len : 1);
		struct decoded d;

		assert_non_null(cut);
		memcpy(cut, data, len);
		assert_int_equal(decode(&d, cut, len), -EBADMSG);
		assert_null(d.packet);
		assert_null(d.call);
		if (len >=
		    2 * sizeof(uint32_t)) { /* even where the record says that this is all of it */
			uint32_t claimed = (uint32_t)len;

			memcpy(cut + sizeof(uint32_t), &claimed, sizeof(claimed));
			assert_int_equal(decode(&d, cut, len), -EBADMSG);
		}
		free(cut);
	}
}

static void test_truncated(void **state)
{
	struct sc_call c = record_call(SC_REC_READ, 1, 2, BASE_NS);
	struct record r = good_rx();

	(void)state;
	check_truncated(&r, sizeof(r));
	check_truncated(&c, sizeof(c));
}

static void test_sizes(void **state)
{
	struct sc_call long_call[2] = { record_call(SC_REC_READ, 1, 2, BASE_NS) };
	struct record r = good_rx();
	struct decoded d;

	(void)state;
	r.p.cap_len_bytes = RECORD_BYTES + 1; /* beyond the record */
	assert_int_equal(decode_record(&r), -EBADMSG);
	r.p.cap_len_bytes = UINT32_MAX;
	r.p.wire_len_bytes = UINT32_MAX;
	assert_int_equal(decode_record(&r), -EBADMSG);
	r = good_rx();
	r.p.cap_len_bytes--; /* bytes that belong to nothing */
	assert_int_equal(decode_record(&r), -EBADMSG);
	r = good_rx();
	r.p.wire_len_bytes = RECORD_BYTES - 1; /* captured more than there was */
	assert_int_equal(decode_record(&r), -EBADMSG);
	r.p.wire_len_bytes = RECORD_BYTES;
	assert_int_equal(decode_record(&r), 0);
	r.p.size_bytes++;
	assert_int_equal(decode_record(&r), -EBADMSG);
	r.p.size_bytes = 0;
	assert_int_equal(decode_record(&r), -EBADMSG);
	long_call[0].size_bytes++; /* a call has one size */
	assert_int_equal(decode(&d, long_call, sizeof(long_call)), -EBADMSG);
	long_call[0].size_bytes -= 2;
	assert_int_equal(decode(&d, long_call, sizeof(long_call)), -EBADMSG);
	long_call[0].size_bytes = sizeof(*long_call);
	assert_int_equal(decode(&d, long_call, sizeof(long_call)), 0);
}

static void test_types(void **state)
{
	static const uint32_t bad[] = { 0, SC_REC_DROPPED + 1, 256 + SC_REC_READ, UINT32_MAX };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct sc_call c = record_call(bad[i], 1, 2, BASE_NS);
		struct record r = good_rx();

		r.p.type = bad[i];
		assert_int_equal(decode_record(&r), -EBADMSG);
		assert_int_equal(decode_call(&c), -EBADMSG);
	}
}

/* Every byte that names one of a few things, over all its values. */
static void test_enums(void **state)
{
	(void)state;
	for (int value = 0; value < 256; value++) {
		struct record r = good_rx();

		r.p.end = value;
		assert_int_equal(decode_record(&r), value < SC_END_COUNT ? 0 : -EBADMSG);
		r = good_rx();
		r.p.last_stage = value;
		assert_int_equal(decode_record(&r), value <= SC_STAGE_NONE ? 0 : -EBADMSG);
		r = good_rx();
		r.p.dir = value; /* its stages are of reception */
		assert_int_equal(decode_record(&r), value == SC_DIR_RX ? 0 : -EBADMSG);
		r = record_tcp_tx(1, 0, 100, BASE_NS);
		r.p.dir = value; /* a received packet may have gone on */
		assert_int_equal(decode_record(&r),
				 value == SC_DIR_RX || value == SC_DIR_TX ? 0 : -EBADMSG);
	}
}

static void test_id(void **state)
{
	struct record r = good_rx();

	(void)state;
	r.p.id = 0;
	assert_int_equal(decode_record(&r), -EBADMSG);
	r.p.id = UINT64_MAX;
	assert_int_equal(decode_record(&r), 0);
}

static void test_stages(void **state)
{
	(void)state;
	for (int bit = 0; bit < 32; bit++) {
		struct record r = record_new(SC_DIR_RX, 1, IPPROTO_TCP, SC_END_L4);

		r.p.stages = 1u << bit;
		assert_int_equal(decode_record(&r), bit < SC_STAGE_COUNT ? 0 : -EBADMSG);
		r.p.dir = SC_DIR_TX;
		assert_int_equal(decode_record(&r),
				 bit >= SC_TX_FIRST && bit < SC_STAGE_COUNT ? 0 : -EBADMSG);
	}
}

/* Each stamp in turn moved before the one ahead of it. Where `stages` has no bit a stamp is
 * anything. */
static void test_stamps(void **state)
{
	(void)state;
	for (int dir = SC_DIR_RX; dir <= SC_DIR_TX; dir++) {
		struct record good =
			dir == SC_DIR_RX ? good_rx() : record_tcp_tx(1, 0, 100, BASE_NS);
		uint64_t before_ns = 0;

		for (int stage = 0; stage < SC_STAGE_COUNT; stage++) {
			struct record r = good;

			if (!(good.p.stages & SC_BIT(stage))) {
				r.p.stamp_ns[stage] = UINT64_MAX;
				assert_int_equal(decode_record(&r), 0);
				r.p.stamp_ns[stage] = 0;
				assert_int_equal(decode_record(&r), 0);
				continue;
			}
			if (before_ns) {
				r.p.stamp_ns[stage] = before_ns; /* at once is fine */
				assert_int_equal(decode_record(&r), 0);
				r.p.stamp_ns[stage] = before_ns - 1;
				assert_int_equal(decode_record(&r), -EBADMSG);
			}
			r.p.stamp_ns[stage] = UINT64_MAX;
			assert_int_equal(decode_record(&r),
					 stage == good.p.last_stage ? 0 : -EBADMSG);
			before_ns = good.p.stamp_ns[stage];
		}
	}
}

static void test_comm(void **state)
{
	static const uint32_t types[] = { SC_REC_READ, SC_REC_WRITE, SC_REC_SOCKET, SC_REC_ALSO, SC_REC_DROPPED };

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		struct sc_call c = record_call(types[i], 1, 2, BASE_NS);

		memset(c.comm, 'x', sizeof(c.comm));
		assert_int_equal(decode_call(&c), -EBADMSG);
		c.comm[sizeof(c.comm) - 1] = '\0';
		assert_int_equal(decode_call(&c), 0);
	}
}

/* Noise in place of every field: refused or in range, never worse; what is accepted can be joined. */
static void test_noise(void **state)
{
	uint64_t seed = 5, accepted = 0;
	struct join_config config;
	struct lab *lab = calloc(1, sizeof(*lab));

	(void)state;
	assert_non_null(lab);
	config = (struct join_config) { .rules = { ALL_STAGES, ALL_STAGES, NULL },
					.deadline_ns = 1,
					.window = 100,
					.interface = lab_interface,
					.device_name = lab_device_name,
					.packet = lab_packet,
					.context = lab };
	assert_int_equal(join_new(&lab->join, &config, &lab->account), 0);
	for (int i = 0; i < 200000; i++) {
		struct record r = i & 1 ? record_tcp_rx(1, 0, 100, SC_END_SOCKET, BASE_NS + i)
					: record_tcp_tx(1, 0, 100, BASE_NS + i);
		struct decoded d;

		r.p.id = i + 1;
		for (int n = 0; n < 3; n++)
			((uint8_t *)&r)[8 + fixture_random(&seed) % (sizeof(r.p) - 8)] =
				fixture_random(&seed);
		r.bytes[L3_OFF] = 0x45;
		if (decode(&d, &r, sizeof(r)))
			continue;
		accepted++;
		r.p.ifindex = IFINDEX;
		assert_int_equal(join_record(lab->join, &r, sizeof(r)), 0);
		if (accepted % 100)
			continue;
		lab->count = 0;
		assert_int_equal(join_pass(lab->join, FOREVER - 1, FOREVER, FOREVER), 0);
	}
	assert_true(accepted > 1000);
	join_free(lab->join);
	free(lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_packet),	  cmocka_unit_test(test_call),
		cmocka_unit_test(test_truncated), cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_types),	  cmocka_unit_test(test_enums),
		cmocka_unit_test(test_id),	  cmocka_unit_test(test_stages),
		cmocka_unit_test(test_stamps),	  cmocka_unit_test(test_comm),
		cmocka_unit_test(test_noise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
