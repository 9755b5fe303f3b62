/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Prints the blocks of a little-endian pcapng file, one a line, tab-separated, without any code of stampcap: the tests' own reader.
 *   SHB comment= hardware= os= userappl=
 *   IDB link= snaplen= name= description= mac= speed= tsresol= filter= os= comment=
 *   EPB if= time= caplen= len= flags= packetid= queue= verdict= dropcount= late= bytes= comment=
 *   ISB if= time= received= dropped= comment=
 * `late` is the time from the packet's timestamp to now: how long a live reader waited. -b prints the packets' bytes in hexadecimal.
 * Exit 0 at a clean end, 3 when the file stops inside a block, 1 when a block is malformed.
 */
#include "traffic.h"

#define BLOCK_MAX (20u << 20)

struct option_span {
	const unsigned char *at;
	uint16_t len;
};

static unsigned char *block;
static int with_bytes;

static uint32_t le32(const unsigned char *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint16_t le16(const unsigned char *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}


/* Like fread, but what is there is returned as soon as it is there. */
static size_t read_full(unsigned char *to, size_t len)
{
	size_t have = 0;
	ssize_t n;

	while (have < len) {
		n = read(STDIN_FILENO, to + have, len - have);
		if (n <= 0)
			break;
		have += (size_t)n;
	}
	return have;
}

static int find_option(const unsigned char *p, const unsigned char *end, uint16_t code, struct option_span *out)
{
	uint16_t len;

	while (end - p >= 4) {
		len = le16(p + 2);
		if (end - p - 4 < (len + 3) / 4 * 4)
			die("an option reaches past its block");
		if (!le16(p))
			return 0;
		if (le16(p) == code) {
			out->at = p + 4;
			out->len = len;
			return 1;
		}
		p += 4 + (len + 3) / 4 * 4;
	}
	if (end != p)
		die("%d bytes after the options", (int)(end - p));
	return 0;
}

static void print_text(const char *name, const unsigned char *p, const unsigned char *end, uint16_t code)
{
	struct option_span o;
	uint16_t i;

	if (!find_option(p, end, code, &o))
		return;
	printf("\t%s=", name);
	for (i = 0; i < o.len; i++)
		putchar(o.at[i] >= 32 && o.at[i] < 127 ? o.at[i] : '?');
}

static void print_number(const char *name, const unsigned char *p, const unsigned char *end, uint16_t code)
{
	struct option_span o;
	uint64_t value = 0;
	int i;

	if (!find_option(p, end, code, &o) || o.len > 8)
		return;
	for (i = o.len - 1; i >= 0; i--)
		value = value << 8 | o.at[i];
	printf("\t%s=%llu", name, (unsigned long long)value);
}

static void print_hex(const char *name, const unsigned char *p, size_t len)
{
	size_t i;

	printf("\t%s=", name);
	for (i = 0; i < len; i++)
		printf("%02x", p[i]);
}

static void print_section(const unsigned char *p, const unsigned char *end)
{
	printf("SHB");
	print_text("hardware", p + 16, end, 2);
	print_text("os", p + 16, end, 3);
	print_text("userappl", p + 16, end, 4);
	print_text("comment", p + 16, end, 1);
	putchar('\n');
}

static void print_interface(const unsigned char *p, const unsigned char *end)
{
	struct option_span o;

	printf("IDB\tlink=%u\tsnaplen=%u", le16(p), le32(p + 4));
	print_text("name", p + 8, end, 2);
	print_text("description", p + 8, end, 3);
	if (find_option(p + 8, end, 6, &o))
		print_hex("mac", o.at, o.len);
	print_number("speed", p + 8, end, 8);
	print_number("tsresol", p + 8, end, 9);
	if (find_option(p + 8, end, 11, &o) && o.len)
		printf("\tfilter=%.*s", o.len - 1, (const char *)o.at + 1);
	print_text("os", p + 8, end, 12);
	print_text("comment", p + 8, end, 1);
	putchar('\n');
}

static uint64_t time_of(const unsigned char *p)
{
	return (uint64_t)le32(p) << 32 | le32(p + 4);
}

static void print_packet(const unsigned char *p, const unsigned char *end)
{
	uint32_t caplen = le32(p + 12);
	const unsigned char *options;
	struct option_span o;
	struct timespec now;
	uint64_t time = time_of(p + 4);

	if (caplen > (uint32_t)(end - p) - 20)
		die("a packet reaches past its block");
	options = p + 20 + (caplen + 3) / 4 * 4;
	clock_gettime(CLOCK_REALTIME, &now);
	printf("EPB\tif=%u\ttime=%llu\tcaplen=%u\tlen=%u", le32(p), (unsigned long long)time, caplen, le32(p + 16));
	print_number("flags", options, end, 2);
	print_number("packetid", options, end, 5);
	print_number("queue", options, end, 6);
	if (find_option(options, end, 7, &o))
		print_hex("verdict", o.at, o.len);
	print_number("dropcount", options, end, 4);
	printf("\tlate=%lld", (long long)((uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec - time));
	if (with_bytes)
		print_hex("bytes", p + 20, caplen);
	print_text("comment", options, end, 1);
	putchar('\n');
}

static void print_statistics(const unsigned char *p, const unsigned char *end)
{
	printf("ISB\tif=%u\ttime=%llu", le32(p), (unsigned long long)time_of(p + 4));
	print_number("received", p + 12, end, 4);
	print_number("dropped", p + 12, end, 5);
	print_text("comment", p + 12, end, 1);
	putchar('\n');
}

/* 1 a block was printed, 0 the end, exits otherwise. */
static int print_block(void)
{
	size_t have = read_full(block, 8);
	uint32_t type, len;

	if (!have)
		return 0;
	if (have < 8)
		exit(3);
	type = le32(block);
	len = le32(block + 4);
	if (len < 12 || len % 4 || len > BLOCK_MAX)
		die("a block of %u bytes", len);
	if (read_full(block + 8, len - 8) < len - 8)
		exit(3);
	if (le32(block + len - 4) != len)
		die("a block's two lengths differ");
	if (type == 0x0a0d0d0a && le32(block + 8) != 0x1a2b3c4d)
		die("not little-endian");
	if (type == 0x0a0d0d0a)
		print_section(block + 8, block + len - 4);
	else if (type == 1)
		print_interface(block + 8, block + len - 4);
	else if (type == 6)
		print_packet(block + 8, block + len - 4);
	else if (type == 5)
		print_statistics(block + 8, block + len - 4);
	else
		printf("BLOCK\ttype=%u\tlen=%u\n", type, len);
	fflush(stdout);
	return 1;
}

int main(int argc, char **argv)
{
	with_bytes = argc == 2 && !strcmp(argv[1], "-b");
	block = malloc(BLOCK_MAX);
	if (!block)
		die("out of memory");
	while (print_block())
		;
	free(block);
	return 0;
}
