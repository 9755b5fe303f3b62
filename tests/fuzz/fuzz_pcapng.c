/* SPDX-License-Identifier: GPL-2.0-only */
/* Mutates a valid capture file N times (default 4000) with a seeded generator and reads it: any result is fine, any memory error is not. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "pcap/pcapng.h"
#include "user/capture_comment.h"
#include "user/comment.h"
#include "user/report.h"
#include "user/sink.h"

#define CASES_DEFAULT 4000
#define FILE_MAX 8192

static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

static void require(int condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "fuzz_pcapng: %s\n", what);
	exit(1);
}

static void packets_put(struct sink *sink, uint64_t *seed)
{
	static const uint8_t bytes[64] = { [12] = 8, [14] = 0x45, [23] = 6 };
	unsigned int i, stage;

	for (i = 0; i < 8; i++) {
		struct packet p = {
			.dir = i & 1 ? SC_DIR_RX : SC_DIR_TX,
			.stages = (uint32_t)next_random(seed) & (SC_BIT(SC_STAGE_COUNT) - 1),
			.id = i + 1,
			.wall_ns = 1700000000000000000ull,
			.bytes = bytes,
			.cap_len_bytes = (uint32_t)(next_random(seed) % sizeof(bytes)),
			.flags = (uint32_t)next_random(seed) & ((1u << PACKET_FLAG_COUNT) - 1),
			.comm = "a b",
			.end = "drop:NO_SOCKET",
		};

		if (p.dir == SC_DIR_TX)
			p.stages &= ~(SC_BIT(SC_TX_FIRST) - 1);
		for (stage = 0; stage < SC_STAGE_COUNT; stage++)
			p.stamp_ns[stage] = stage * 1000;
		require(!sink->ops->packet(sink, &p), "cannot write a packet");
	}
}

/* A valid file of random packets in `fd`: its length. */
static size_t file_make(int fd, uint8_t *data, uint64_t *seed)
{
	struct capture_interface interface = { .name = "eth0", .link_type = PCAPNG_LINKTYPE_ETHERNET };
	struct capture_info info = {
		.interfaces = &interface,
		.interface_count = 1,
		.filter = "tcp",
		.os = "Linux",
		.comment = "stampcap format=1 version=1 match=none clock_error=1ns probes=rx.ip:tp:a+b",
	};
	struct capture_end end = { .start_ns = 1, .end_ns = 2 };
	struct sink *sink = NULL;
	ssize_t len;

	require(!sink_pcapng_new(&sink, dup(fd), &info), "cannot begin the file");
	packets_put(sink, seed);
	require(!sink->ops->end(sink, &end), "cannot end the file");
	sink->ops->free(sink);
	len = pread(fd, data, FILE_MAX, 0);
	require(len > 0 && len < FILE_MAX, "the file is too large");
	return (size_t)len;
}

/* Bytes flipped, numbers made extreme, parts doubled, the end cut off. */
static size_t mutate(uint8_t *data, size_t len, uint64_t *seed)
{
	static const uint32_t extremes[] = { 0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffffc, 12, 65535 };
	unsigned int changes = 1 + next_random(seed) % 6;

	while (changes--) {
		size_t at = next_random(seed) % len;

		switch (next_random(seed) % 5) {
		case 0:
		case 1:
			data[at] ^= (uint8_t)(1u << next_random(seed) % 8);
			break;
		case 2:
			at &= ~(size_t)3;
			if (at + 4 <= len)
				memcpy(data + at, &extremes[next_random(seed) % 8], 4);
			break;
		case 3:
			memmove(data + at, data + next_random(seed) % (at + 1), len - at);
			break;
		default:
			len = next_random(seed) % 8 ? len : at + 1;
		}
	}
	return len;
}

static void comment_try(const struct pcapng_packet *p)
{
	struct packet packet = { .wall_ns = p->time_ns };
	char again[COMMENT_MAX];
	int len;

	if (!p->comment || comment_parse(&packet, p->comment, p->comment_len))
		return;
	len = comment_format(&packet, again, sizeof(again));
	require(len > 0, "a comment that was read cannot be written");
	require(!comment_parse(&packet, again, (size_t)len), "a comment that was written cannot be read");
}

static void file_read(const char *path, const struct report_by *by, FILE *sunk)
{
	struct pcapng_reader *reader = NULL;
	struct report *report = NULL;
	struct pcapng_block block;

	if (pcapng_reader_new(&reader, path))
		return;
	require(!report_new(&report, by), "no report");
	while (pcapng_read(reader, &block) == 1 && !report_block(report, &block))
		if (block.type == PCAPNG_EPB)
			comment_try(&block.packet);
	report_finish(report);
	require(!report_table_print(report, sunk), "table");
	require(!report_json_print(report, sunk), "JSON");
	require(!report_csv_print(report, sunk), "CSV");
	report_free(report);
	pcapng_reader_free(reader);
}

int main(int argc, char **argv)
{
	unsigned long cases = argc > 1 ? strtoul(argv[1], NULL, 10) : CASES_DEFAULT, i;
	static const char *const bys[] = { "stage", "layer", "flow", "process" };
	uint8_t good[FILE_MAX], data[FILE_MAX];
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	FILE *sunk = fopen("/dev/null", "we");
	uint64_t seed = 20240501;
	char path[64];
	size_t good_len = 0;

	require(fd >= 0 && sunk, "no memory file");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	for (i = 0; i < cases; i++) {
		size_t len;

		if (i % 500 == 0) {
			require(!ftruncate(fd, 0) && !lseek(fd, 0, SEEK_SET), "cannot empty the file");
			good_len = file_make(fd, good, &seed);
		}
		memcpy(data, good, good_len);
		len = mutate(data, good_len, &seed);
		require(!ftruncate(fd, 0) && pwrite(fd, data, len, 0) == (ssize_t)len, "cannot write");
		file_read(path, report_by_find(bys[i % 4]), sunk);
	}
	fclose(sunk);
	close(fd);
	printf("ok %lu cases\n", cases);
	return 0;
}
