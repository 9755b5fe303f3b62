/* SPDX-License-Identifier: GPL-2.0-only */
/* pcapng bytes: what is written is exact, reads back, and broken input is named as what it is. */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "pcap/pcapng.h"

static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 1 };
static const uint8_t bytes[5] = { 0xde, 0xad, 0xbe, 0xef, 0x55 };
#define TIME_NS 0x1122334455667788ull

static void write_small(struct pcapng_writer *w)
{
	struct pcapng_section section = { .hardware = "x86", .os = "L", .app = "stam", .comment = "c" };
	struct pcapng_interface interface = {
		.name = "eth0",
		.description = "d",
		.filter = "tcp",
		.os = "L",
		.mac = mac,
		.speed_bps = 1000,
		.snaplen_bytes = 256,
		.link_type = PCAPNG_LINKTYPE_ETHERNET,
	};
	struct pcapng_packet packet = {
		.time_ns = TIME_NS,
		.wire_len_bytes = 60, .cap_len_bytes = sizeof(bytes), .bytes = bytes,
		.flags = 1, .packetid = 7, .queue = 3,
		.verdict = PCAPNG_VERDICT_TC,
		.verdict_value = -1,
		.dropcount = 2,
		.comment = "hello",
	};
	struct pcapng_statistics statistics = {
		.time_ns = TIME_NS, .start_ns = 1, .end_ns = TIME_NS,
		.received = 10, .dropped = 2,
		.comment = "s",
	};

	assert_int_equal(pcapng_write_section(w, &section), 0);
	assert_int_equal(pcapng_write_interface(w, &interface), 0);
	assert_int_equal(pcapng_write_packet(w, &packet), 0);
	assert_int_equal(pcapng_write_statistics(w, &statistics), 0);
	assert_int_equal(pcapng_writer_flush(w), 0);
}

/* draft-ietf-opsawg-pcapng, written out by hand. */
static const uint8_t small[] = {
	/* section header block */
	0x0a, 0x0d, 0x0d, 0x0a, 64, 0, 0, 0, 0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	2, 0, 3, 0, 'x', '8', '6', 0, 3, 0, 1, 0, 'L', 0, 0, 0, 4, 0, 4, 0, 's', 't', 'a', 'm',
	1, 0, 1, 0, 'c', 0, 0, 0, 0, 0, 0, 0, 64, 0, 0, 0,
	/* interface description block */
	1, 0, 0, 0, 88, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0,
	2, 0, 4, 0, 'e', 't', 'h', '0', 3, 0, 1, 0, 'd', 0, 0, 0,
	6, 0, 6, 0, 2, 0, 0, 0, 0, 1, 0, 0, 8, 0, 8, 0, 0xe8, 3, 0, 0, 0, 0, 0, 0,
	9, 0, 1, 0, 9, 0, 0, 0, 11, 0, 4, 0, 0, 't', 'c', 'p', 12, 0, 1, 0, 'L', 0, 0, 0,
	0, 0, 0, 0, 88, 0, 0, 0,
	/* enhanced packet block */
	6, 0, 0, 0, 112, 0, 0, 0, 0, 0, 0, 0, 0x44, 0x33, 0x22, 0x11, 0x88, 0x77, 0x66, 0x55,
	5, 0, 0, 0, 60, 0, 0, 0, 0xde, 0xad, 0xbe, 0xef, 0x55, 0, 0, 0,
	2, 0, 4, 0, 1, 0, 0, 0, 4, 0, 8, 0, 2, 0, 0, 0, 0, 0, 0, 0,
	5, 0, 8, 0, 7, 0, 0, 0, 0, 0, 0, 0, 6, 0, 4, 0, 3, 0, 0, 0,
	7, 0, 9, 0, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0,
	1, 0, 5, 0, 'h', 'e', 'l', 'l', 'o', 0, 0, 0, 0, 0, 0, 0, 112, 0, 0, 0,
	/* interface statistics block */
	5, 0, 0, 0, 84, 0, 0, 0, 0, 0, 0, 0, 0x44, 0x33, 0x22, 0x11, 0x88, 0x77, 0x66, 0x55,
	2, 0, 8, 0, 0, 0, 0, 0, 1, 0, 0, 0, 3, 0, 8, 0, 0x44, 0x33, 0x22, 0x11, 0x88, 0x77, 0x66, 0x55,
	4, 0, 8, 0, 10, 0, 0, 0, 0, 0, 0, 0, 5, 0, 8, 0, 2, 0, 0, 0, 0, 0, 0, 0,
	1, 0, 1, 0, 's', 0, 0, 0, 0, 0, 0, 0, 84, 0, 0, 0,
};

static struct pcapng_writer *writer_open(char path[FIXTURE_PATH_MAX])
{
	struct pcapng_writer *w = NULL;

	assert_int_equal(pcapng_writer_new(&w, fixture_file(path)), 0);
	return w;
}

static void test_exact(void **state)
{
	char path[FIXTURE_PATH_MAX];
	struct pcapng_writer *w = writer_open(path);
	char *data;
	size_t len;

	(void)state;
	write_small(w);
	pcapng_writer_free(w);
	data = fixture_read(path, &len);
	assert_int_equal(len, sizeof(small));
	assert_memory_equal(data, small, sizeof(small));
	free(data);
	unlink(path);
}

static void assert_span(const char *ptr, size_t len, const char *expected)
{
	assert_non_null(ptr);
	assert_int_equal(len, strlen(expected));
	assert_memory_equal(ptr, expected, len);
}

static void check_small(struct pcapng_reader *r, uint64_t time_ns)
{
	struct pcapng_block b;

	assert_int_equal(pcapng_read(r, &b), 1);
	assert_int_equal(b.type, PCAPNG_SHB);
	assert_int_equal(b.offset, 0);
	assert_span(b.section.hardware, b.section.hardware_len, "x86");
	assert_span(b.section.os, b.section.os_len, "L");
	assert_span(b.section.app, b.section.app_len, "stam");
	assert_span(b.section.comment, b.section.comment_len, "c");
	assert_int_equal(pcapng_read(r, &b), 1);
	assert_int_equal(b.type, PCAPNG_IDB);
	assert_int_equal(b.interface.link_type, PCAPNG_LINKTYPE_ETHERNET);
	assert_int_equal(b.interface.snaplen_bytes, 256);
	assert_int_equal(b.interface.speed_bps, 1000);
	assert_span(b.interface.name, b.interface.name_len, "eth0");
	assert_span(b.interface.filter, b.interface.filter_len, "tcp");
	assert_int_equal(pcapng_read(r, &b), 1);
	assert_int_equal(b.type, PCAPNG_EPB);
	assert_int_equal(b.packet.time_ns, time_ns);
	assert_int_equal(b.packet.wire_len_bytes, 60);
	assert_int_equal(b.packet.cap_len_bytes, 5);
	assert_memory_equal(b.packet.bytes, bytes, 5);
	assert_int_equal(b.packet.flags, 1);
	assert_int_equal(b.packet.packetid, 7);
	assert_int_equal(b.packet.queue, 3);
	assert_int_equal(b.packet.verdict, PCAPNG_VERDICT_TC);
	assert_int_equal(b.packet.verdict_value, -1);
	assert_int_equal(b.packet.dropcount, 2);
	assert_span(b.packet.comment, b.packet.comment_len, "hello");
	assert_int_equal(pcapng_read(r, &b), 1);
	assert_int_equal(b.type, PCAPNG_ISB);
	assert_int_equal(b.statistics.time_ns, time_ns);
	assert_int_equal(b.statistics.end_ns, time_ns);
	assert_int_equal(b.statistics.received, 10);
	assert_int_equal(b.statistics.dropped, 2);
	assert_span(b.statistics.comment, b.statistics.comment_len, "s");
	assert_int_equal(pcapng_read(r, &b), 0);
	assert_int_equal(pcapng_read(r, &b), 0);
}

/* Writes `data` to a file and opens it. */
static int open_data(struct pcapng_reader **r, const void *data, size_t len)
{
	char path[FIXTURE_PATH_MAX];
	int err;

	close(fixture_file(path));
	fixture_write(path, data, len);
	err = pcapng_reader_new(r, path);
	unlink(path);
	return err;
}

static void test_round_trip(void **state)
{
	struct pcapng_reader *r = NULL;

	(void)state;
	assert_int_equal(open_data(&r, small, sizeof(small)), 0);
	check_small(r, TIME_NS);
	pcapng_reader_free(r);
}

static void swap_bytes(uint8_t *at, size_t len)
{
	size_t i;

	for (i = 0; i < len / 2; i++) {
		uint8_t byte = at[i];

		at[i] = at[len - 1 - i];
		at[len - 1 - i] = byte;
	}
}

/* Turns the options at `at` of a little-endian block round; numbers by their length. */
static void swap_options(uint8_t *at, uint32_t type)
{
	uint16_t code, len;

	do {
		memcpy(&code, at, 2);
		memcpy(&len, at + 2, 2);
		swap_bytes(at, 2);
		swap_bytes(at + 2, 2);
		if (type == 6 && code == 7)
			swap_bytes(at + 5, 8);
		else if (type == 5 && (code == 2 || code == 3))
			swap_bytes(at + 4, 4), swap_bytes(at + 8, 4);
		else if ((type == 6 && code > 1) || type == 5 || (type == 1 && code == 8))
			swap_bytes(at + 4, len > 1 ? len : 0);
		at += 4 + ((len + 3) & ~3);
	} while (code);
}

/* `small` as a big-endian machine would have written it. */
static void make_big_endian(uint8_t *data)
{
	size_t at = 0;

	while (at < sizeof(small)) {
		uint32_t type, size;
		size_t off, fixed;

		memcpy(&type, data + at, 4);
		memcpy(&size, data + at + 4, 4);
		if (type == PCAPNG_SHB) {
			swap_bytes(data + at + 12, 2);
			swap_bytes(data + at + 14, 2);
			swap_bytes(data + at + 16, 8);
			fixed = 12;
			swap_options(data + at + 24, type);
		} else if (type == PCAPNG_IDB) {
			swap_bytes(data + at + 8, 2);
			swap_bytes(data + at + 12, 4);
			fixed = 8;
			swap_options(data + at + 16, type);
		} else {
			fixed = type == PCAPNG_EPB ? 28 : 20;
			for (off = 8; off < fixed; off += 4)
				swap_bytes(data + at + off, 4);
			swap_options(data + at + fixed + (type == PCAPNG_EPB ? 8 : 0), type);
			fixed = 8;
		}
		for (off = 0; off < fixed; off += 4)
			swap_bytes(data + at + off, 4);
		swap_bytes(data + at + size - 4, 4);
		at += size;
	}
}

static void test_big_endian(void **state)
{
	struct pcapng_reader *r = NULL;
	uint8_t data[sizeof(small)];

	(void)state;
	memcpy(data, small, sizeof(data));
	make_big_endian(data);
	assert_int_equal(data[7], 64);
	assert_int_equal(open_data(&r, data, sizeof(data)), 0);
	check_small(r, TIME_NS);
	pcapng_reader_free(r);
}

/* Reads to the end: how many blocks came, and the last result. */
static int read_all(const void *data, size_t len, unsigned int *count, uint64_t *offset)
{
	struct pcapng_reader *r = NULL;
	struct pcapng_block b;
	int err = open_data(&r, data, len);

	*count = 0;
	if (err)
		return err;
	for (err = pcapng_read(r, &b); err == 1; err = pcapng_read(r, &b))
		(*count)++;
	*offset = pcapng_reader_offset(r);
	pcapng_reader_free(r);
	return err;
}

static void test_truncated(void **state)
{
	static const size_t ends[] = { 0, 64, 152, 264, 348 };
	size_t len, whole = 0;

	(void)state;
	assert_int_equal(sizeof(small), ends[4]);
	for (len = 0; len <= sizeof(small); len++) {
		unsigned int count;
		uint64_t offset;
		int err = read_all(small, len, &count, &offset);

		if (whole < 4 && len == ends[whole + 1])
			whole++;
		if (len < 12) {
			assert_int_equal(err, -EINVAL);
			continue;
		}
		assert_int_equal(count, whole);
		assert_int_equal(err, len == ends[whole] ? 0 : -ENODATA);
		assert_int_equal(offset, ends[whole]);
	}
}

static void test_foreign(void **state)
{
	static const uint8_t classic[] = { 0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0,
					   0, 0, 4, 0, 1, 0, 0, 0 };
	struct pcapng_reader *r = NULL;

	(void)state;
	assert_int_equal(open_data(&r, classic, sizeof(classic)), -EPROTONOSUPPORT);
	assert_int_equal(open_data(&r, "", 0), -EINVAL);
	assert_int_equal(open_data(&r, "#!/bin/sh\necho hello\n", 21), -EINVAL);
	assert_int_equal(open_data(&r, "\n\r\r\n\0\0\0\0\0\0\0\0", 12), -EINVAL);
	assert_null(r);
	assert_int_equal(pcapng_reader_new(&r, "/nonexistent/file"), -ENOENT);
	assert_int_equal(pcapng_reader_new(&r, "/"), -EISDIR);
}

/* `small` with the byte at `at` changed. */
static int read_patched(size_t at, uint8_t value, unsigned int *count)
{
	uint8_t data[sizeof(small)];
	uint64_t offset;

	memcpy(data, small, sizeof(data));
	data[at] = value;
	return read_all(data, sizeof(data), count, &offset);
}

static void test_malformed(void **state)
{
	unsigned int count;

	(void)state;
	assert_int_equal(read_patched(4, 65, &count), -EBADMSG);	  /* length not of 32-bit words */
	assert_int_equal(read_patched(60, 60, &count), -EBADMSG);	  /* trailing length differs */
	assert_int_equal(read_patched(12, 2, &count), -EBADMSG);	  /* another major version */
	assert_int_equal(read_patched(26, 200, &count), -EBADMSG);	  /* option beyond its block */
	assert_int_equal(read_patched(64 + 4, 4, &count), -EBADMSG);	  /* shorter than any block */
	assert_int_equal(count, 1);
	assert_int_equal(read_patched(64 + 7, 1, &count), -EFBIG);	  /* 16 MiB and more */
	assert_int_equal(read_patched(152 + 8, 1, &count), -EBADMSG);	  /* no such interface */
	assert_int_equal(read_patched(152 + 21, 1, &count), -EBADMSG);	  /* captured length beyond the block */
	assert_int_equal(count, 2);
	assert_int_equal(read_patched(264 + 8, 1, &count), -EBADMSG);	  /* statistics of no interface */
	assert_int_equal(count, 3);
	assert_int_equal(read_patched(152, 77, &count), 0);		  /* unknown block: skipped */
	assert_int_equal(count, 3);
	assert_int_equal(read_patched(24, 99, &count), 0);		  /* unknown option: skipped */
	assert_int_equal(count, 4);
}

/* One packet whose interface has the given if_tsresol: its time, or the error. */
static int read_time(uint8_t resolution, uint64_t units, uint64_t *time_ns)
{
	struct pcapng_reader *r = NULL;
	struct pcapng_block b;
	uint8_t data[sizeof(small)];
	uint32_t high = (uint32_t)(units >> 32), low = (uint32_t)units;
	int err;

	memcpy(data, small, sizeof(data));
	assert_int_equal(data[64 + 56], 9);
	data[64 + 60] = resolution;
	memcpy(data + 152 + 12, &high, 4);
	memcpy(data + 152 + 16, &low, 4);
	assert_int_equal(open_data(&r, data, sizeof(data)), 0);
	do
		err = pcapng_read(r, &b);
	while (err == 1 && b.type != PCAPNG_EPB);
	*time_ns = b.packet.time_ns;
	pcapng_reader_free(r);
	return err;
}

static void test_resolution(void **state)
{
	uint64_t ns;

	(void)state;
	assert_int_equal(read_time(6, 1700000000123456, &ns), 1);
	assert_int_equal(ns, 1700000000123456000);
	assert_int_equal(read_time(0, 1700000000, &ns), 1);
	assert_int_equal(ns, 1700000000000000000);
	assert_int_equal(read_time(12, 1700000000123456789, &ns), 1);
	assert_int_equal(ns, 1700000000123456);
	assert_int_equal(read_time(0x8a, 1700000000ull << 10 | 512, &ns), 1); /* 2^-10 s */
	assert_int_equal(ns, 1700000000500000000);
	assert_int_equal(read_time(0x7f, UINT64_MAX, &ns), 1);
	assert_int_equal(ns, 0);
	assert_int_equal(read_time(0, UINT64_MAX, &ns), -EBADMSG);
	assert_int_equal(read_time(0xff, 1, &ns), -EBADMSG);
}

static void write_headers(struct pcapng_writer *w)
{
	struct pcapng_section section = { 0 };
	struct pcapng_interface interface = { .link_type = PCAPNG_LINKTYPE_RAW };

	assert_int_equal(pcapng_write_section(w, &section), 0);
	assert_int_equal(pcapng_write_interface(w, &interface), 0);
}

static void test_refused(void **state)
{
	struct pcapng_packet packet = { .interface = 1, .queue = PCAPNG_NONE };
	char path[FIXTURE_PATH_MAX], *data, *longest = malloc(70000);
	struct pcapng_writer *w = writer_open(path);
	size_t len;

	(void)state;
	assert_non_null(longest);
	memset(longest, 'x', 69999);
	longest[69999] = '\0';
	write_headers(w);
	assert_int_equal(pcapng_write_packet(w, &packet), -EINVAL);
	packet.interface = 0;
	packet.comment = longest;
	assert_int_equal(pcapng_write_packet(w, &packet), -EMSGSIZE);
	packet.comment = NULL;
	assert_int_equal(pcapng_write_packet(w, &packet), 0);
	assert_int_equal(pcapng_writer_flush(w), 0);
	pcapng_writer_free(w);
	pcapng_writer_free(NULL);
	/* what was refused left nothing behind: 28 + 32 + 32 bytes */
	data = fixture_read(path, &len);
	assert_int_equal(len, 28 + 32 + 32);
	free(data);
	free(longest);
	unlink(path);
}

/* Many blocks of odd sizes through the writer, which flushes by itself. */
static void write_many(struct pcapng_writer *w, unsigned int count, int *err)
{
	static uint8_t payload[70000];
	unsigned int i;

	*err = 0;
	for (i = 0; i < count && !*err; i++) {
		struct pcapng_packet packet = {
			.time_ns = i,
			.cap_len_bytes = i * 37 % sizeof(payload),
			.bytes = payload,
			.queue = PCAPNG_NONE,
			.packetid = i + 1,
		};

		*err = pcapng_write_packet(w, &packet);
	}
}

/* The packets of a file made by write_many(), which must be in order and whole; *end is what the last read gave. */
static unsigned int count_many(const char *path, int *end)
{
	struct pcapng_reader *r = NULL;
	struct pcapng_block b;
	unsigned int count = 0;

	assert_int_equal(pcapng_reader_new(&r, path), 0);
	for (*end = pcapng_read(r, &b); *end == 1; *end = pcapng_read(r, &b)) {
		if (b.type != PCAPNG_EPB)
			continue;
		assert_int_equal(b.packet.time_ns, count);
		assert_int_equal(b.packet.packetid, ++count);
	}
	pcapng_reader_free(r);
	return count;
}

static void test_many(void **state)
{
	char path[FIXTURE_PATH_MAX];
	struct pcapng_writer *w = writer_open(path);
	struct stat st;
	int err, end;

	(void)state;
	write_headers(w);
	write_many(w, 1000, &err);
	assert_int_equal(err, 0);
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_size > 1000000); /* without being told to flush */
		assert_int_equal(pcapng_writer_flush(w), 0);
	pcapng_writer_free(w);
	assert_int_equal(count_many(path, &end), 1000);
	assert_int_equal(end, 0);
	unlink(path);
}

/* A full disk, by the limit of file sizes: the file ends with a whole block, and the error stays. */
static void test_full(void **state)
{
	struct rlimit old, limit;
	char path[FIXTURE_PATH_MAX];
	struct pcapng_writer *w = writer_open(path);
	struct pcapng_section section = { 0 };
	int err, end;
	unsigned int count;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	limit = old;
	limit.rlim_cur = 1000001;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	write_headers(w);
	write_many(w, 1000, &err);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(err, -EFBIG);
	assert_int_equal(pcapng_write_section(w, &section), -EFBIG);
	assert_int_equal(pcapng_writer_flush(w), -EFBIG);
	pcapng_writer_free(w);
	count = count_many(path, &end);
	assert_int_equal(end, 0);
	assert_true(count > 100 && count < 1000);
	unlink(path);
}

static void test_closed_pipe(void **state)
{
	struct pcapng_writer *w = NULL;
	int fds[2];

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe(fds), 0);
	close(fds[0]);
	assert_int_equal(pcapng_writer_new(&w, fds[1]), 0);
	write_headers(w);
	assert_int_equal(pcapng_writer_flush(w), -EPIPE);
	pcapng_writer_free(w);
}

/* A non-blocking pipe takes part of a write now and the rest later: nothing is lost. */
static void test_slow_pipe(void **state)
{
	char path[FIXTURE_PATH_MAX];
	struct pcapng_writer *w = NULL;
	int fds[2], err, status, end;
	pid_t child;

	(void)state;
	close(fixture_file(path));
	assert_int_equal(pipe(fds), 0);
	child = fork();
	assert_true(child >= 0);
	if (!child) {
		FILE *file = fopen(path, "we");
		char buf[1000];
		ssize_t n;

		close(fds[1]);
		while ((n = read(fds[0], buf, sizeof(buf))) > 0)
			fwrite(buf, 1, (size_t)n, file);
		fclose(file);
		_exit(0);
	}
	close(fds[0]);
	assert_int_equal(fcntl(fds[1], F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(pcapng_writer_new(&w, fds[1]), 0);
	write_headers(w);
	write_many(w, 100, &err);
	assert_int_equal(err, 0);
	assert_int_equal(pcapng_writer_flush(w), 0);
	pcapng_writer_free(w);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(count_many(path, &end), 100);
	assert_int_equal(end, 0);
	unlink(path);
}

static void test_take_fd(void **state)
{
	char path[FIXTURE_PATH_MAX];
	struct pcapng_writer *w = NULL;
	int fd = fixture_file(path);

	(void)state;
	assert_int_equal(pcapng_writer_new(&w, fd), 0);
	assert_int_equal(pcapng_writer_take_fd(w), fd);
	pcapng_writer_free(w);
	assert_int_equal(close(fd), 0);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exact),	    cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_big_endian),  cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_foreign),	    cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_resolution),  cmocka_unit_test(test_refused),
		cmocka_unit_test(test_many),	    cmocka_unit_test(test_full),
		cmocka_unit_test(test_closed_pipe), cmocka_unit_test(test_slow_pipe),
		cmocka_unit_test(test_take_fd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
