// SPDX-License-Identifier: GPL-2.0-only
/* Options of `record` and `list`, and the parser of such tables: see options.h. */
#include "user/options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/log.h"
#include "user/packet.h"
#include "user/sample.h"

#define NS_PER_S 1000000000ull
#define ROWS_MAX 40
#define DURATION_MAX_S 1e9
#define MEMORY_MIB_MAX (1024 * 1024)
#define RING_KIB_MIN 4
#define RING_KIB_MAX (1024 * 1024)

static int parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoull(text, &end, 10);
	return errno || end == text || *end || !isdigit((unsigned char)*text) || *out < min || *out > max ? -EINVAL : 0;
}

static int parse_seconds(const char *text, uint64_t *ns)
{
	char *end;
	double s = strtod(text, &end);

	if (end == text || *end || !isfinite(s) || s <= 0 || s > DURATION_MAX_S)
		return -EINVAL;
	*ns = (uint64_t)(s * NS_PER_S);
	return *ns ? 0 : -EINVAL;
}

/* "50us": a number and its unit. */
static int parse_time(const char *text, uint64_t *ns)
{
	static const struct {
		const char *name;
		double ns;
	} units[] = { { "ns", 1 }, { "us", 1e3 }, { "ms", 1e6 }, { "s", 1e9 } };
	char *end;
	double value = strtod(text, &end);

	if (end == text || !isdigit((unsigned char)*text))
		return -EINVAL;
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		if (strcmp(end, units[i].name) || !(value * units[i].ns >= 1) || value * units[i].ns > DURATION_MAX_S * NS_PER_S)
			continue;
		*ns = (uint64_t)(value * units[i].ns);
		return 0;
	}
	return -EINVAL;
}

static int set_interface(struct record_options *o, const char *argument)
{
	if (o->interface_count == LOADER_MAX_DEVICES)
		return log_refuse(-EINVAL, "-i %s: at most %d interfaces at once", argument, LOADER_MAX_DEVICES);
	o->interfaces[o->interface_count++] = argument;
	return 0;
}

static int set_write(struct record_options *o, const char *argument)
{
	if (!*argument)
		return log_refuse(-EINVAL, "-w: give a file name, or - for standard output");
	o->write = argument;
	return 0;
}

static int set_count(struct record_options *o, const char *argument)
{
	if (parse_number(argument, 1, UINT64_MAX / 2, &o->packets))
		return log_refuse(-EINVAL, "-c %s: give a number of packets, 1 or more", argument);
	return 0;
}

static int set_sample(struct record_options *o, const char *argument)
{
	uint64_t n;

	if (strncmp(argument, "1/", 2) || parse_number(argument + 2, 1, SAMPLE_MAX, &n))
		return log_refuse(-EINVAL, "--sample %s: give the share of flows, 1/2 to 1/%d", argument, SAMPLE_MAX);
	o->sample = n > 1 ? n : 0;
	return 0;
}

static int set_slower(struct record_options *o, const char *argument)
{
	if (parse_time(argument, &o->slower_ns))
		return log_refuse(-EINVAL, "--slower-than %s: give a time with its unit (ns, us, ms or s), as in --slower-than 50us", argument);
	return 0;
}

static int set_hist(struct record_options *o, const char *argument)
{
	(void)argument;
	o->hist = true;
	return 0;
}

static int set_format(struct record_options *o, const char *argument)
{
	o->format = true;
	o->json = !strcmp(argument, "json");
	if (!o->json && strcmp(argument, "table"))
		return log_refuse(-EINVAL, "--format %s: table or json", argument);
	return 0;
}

static int set_rate(struct record_options *o, const char *argument)
{
	if (parse_number(argument, 1, NS_PER_S, &o->rate))
		return log_refuse(-EINVAL, "--rate %s: give packets per second, 1 to %llu", argument, NS_PER_S);
	return 0;
}

static int set_duration(struct record_options *o, const char *argument)
{
	const char *seconds = strncmp(argument, "duration:", 9) ? argument : argument + 9;

	if (parse_seconds(seconds, &o->duration_ns))
		return log_refuse(-EINVAL, "-a %s: give seconds, as in -a 10 or -a duration:10", argument);
	return 0;
}

static int set_snaplen(struct record_options *o, const char *argument)
{
	uint64_t n;

	if (parse_number(argument, 0, SC_MAX_SNAPLEN, &n))
		return log_refuse(-EINVAL, "-s %s: give bytes per packet, 1 to %d, or 0 for all of them", argument, SC_MAX_SNAPLEN);
	o->snaplen_bytes = n ? n : SC_MAX_SNAPLEN;
	return 0;
}

static int set_ring(struct record_options *o, const char *argument)
{
	uint64_t kib, rounded = RING_KIB_MIN;

	if (parse_number(argument, 1, RING_KIB_MAX, &kib))
		return log_refuse(-EINVAL, "-B %s: give KiB of ring buffer per CPU, 1 to %d", argument, RING_KIB_MAX);
	while (rounded < kib)
		rounded *= 2;
	o->ring_bytes = rounded * 1024 > UINT32_MAX / 2 ? 1u << 30 : rounded * 1024;
	return 0;
}

static int set_memory(struct record_options *o, const char *argument)
{
	uint64_t mib;

	if (parse_number(argument, 1, MEMORY_MIB_MAX, &mib))
		return log_refuse(-EINVAL, "--memory %s: give MiB for the kernel's tables and rings, 1 to %d", argument, MEMORY_MIB_MAX);
	o->memory_bytes = mib << 20;
	return 0;
}

static int set_direction(struct record_options *o, const char *argument)
{
	if (!strcmp(argument, "in"))
		o->dirs = 1 << (SC_DIR_RX - 1);
	else if (!strcmp(argument, "out"))
		o->dirs = 1 << (SC_DIR_TX - 1);
	else if (!strcmp(argument, "inout"))
		o->dirs = 3;
	else
		return log_refuse(-EINVAL, "--direction %s: in, out or inout", argument);
	return 0;
}

static int set_xdp(struct record_options *o, const char *argument)
{
	static const char *const names[] = {
		[XDP_MODE_AUTO] = "auto", [XDP_MODE_NATIVE] = "native", [XDP_MODE_SKB] = "skb", [XDP_MODE_OFF] = "off",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (!strcmp(argument, names[i])) {
			o->xdp = i;
			return 0;
		}
	}
	return log_refuse(-EINVAL, "--xdp %s: auto, native, skb or off", argument);
}

/* "driver" names the stage of that name in both directions, "tx.driver" one of them. */
static uint32_t stage_mask(const char *name, size_t len)
{
	uint32_t mask = 0;

	for (int stage = 0; stage < SC_STAGE_COUNT; stage++) {
		const struct stage_info *info = &stage_info[stage];
		char full[32];

		snprintf(full, sizeof(full), "%s.%s", info->dir == SC_DIR_RX ? "rx" : "tx", info->name);
		if ((strlen(info->name) == len && !strncmp(info->name, name, len)) || (strlen(full) == len && !strncmp(full, name, len)))
			mask |= SC_BIT(stage);
	}
	return mask;
}

static int refuse_stage(const char *name, size_t len)
{
	char known[512];
	size_t at = 0;

	for (int stage = 0; stage < SC_STAGE_COUNT && at < sizeof(known); stage++)
		at += snprintf(known + at, sizeof(known) - at, "%s%s.%s", stage ? ", " : "", stage_info[stage].dir == SC_DIR_RX ? "rx" : "tx",
			       stage_info[stage].name);
	return log_refuse(-EINVAL, "--stages: no stage is called '%.*s'; there are: %s", (int)len, name, known);
}

static int set_stages(struct record_options *o, const char *argument)
{
	o->stages = 0;
	for (const char *at = argument; *at || at == argument; at += *at == ',') {
		size_t len = strcspn(at, ",");
		uint32_t mask = stage_mask(at, len);

		if (!mask)
			return refuse_stage(at, len);
		o->stages |= mask;
		at += len;
		if (!*at)
			break;
	}
	return 0;
}

static int set_netns(struct record_options *o, const char *argument)
{
	o->netns = argument;
	return 0;
}

static int set_without(struct record_options *o, const char *argument)
{
	o->without = argument;
	return 0;
}

static int set_probes(struct record_options *o, const char *argument)
{
	for (size_t i = 0; i < FAMILY_COUNT; i++) {
		if (!strcmp(probe_family_names[i], argument)) {
			o->family = i;
			return 0;
		}
	}
	return log_refuse(-EINVAL, "--probes %s: auto, fentry, kprobe or tracepoint", argument);
}

static int set_deadline(struct record_options *o, const char *argument)
{
	if (parse_seconds(argument, &o->deadline_ns))
		return log_refuse(-EINVAL, "--deadline %s: give seconds, as in --deadline 2.5", argument);
	return 0;
}

static int set_quiet(struct record_options *o, const char *argument)
{
	(void)o, (void)argument;
	log_level = -1;
	return 0;
}

static int set_verbose(struct record_options *o, const char *argument)
{
	(void)o, (void)argument;
	log_level++;
	return 0;
}

static int set_numeric(struct record_options *o, const char *argument)
{
	(void)o, (void)argument; /* addresses are never resolved: for the fingers of tcpdump's users */
	return 0;
}

static int set_list_interfaces(struct record_options *o, const char *argument)
{
	(void)argument;
	o->list_interfaces = true;
	return 0;
}

static int set_dump(struct record_options *o, const char *argument)
{
	(void)argument;
	o->dump++;
	return 0;
}

const struct option_row record_rows[] = {
	{ 'i', "interface", "IF", "interface, by name or index; may be repeated", set_interface },
	{ 'w', "write", "FILE", "write pcapng to FILE, - for standard output; without it, a line of text per packet", set_write },
	{ 'c', "count", "N", "stop after N packets", set_count },
	{ 0, "sample", "1/N", "record one flow in N, both directions of it", set_sample },
	{ 0, "slower-than", "TIME", "write only packets that took at least that long, as in 50us, and those whose time is not known", set_slower },
	{ 0, "rate", "N", "write N packets a second at most", set_rate },
	{ 0, "hist", NULL, "write no packets: the kernel counts in histograms, shown every second and as a report at the end", set_hist },
	{ 0, "format", "FORMAT", "of --hist: table, or json (a report per second, a line each)", set_format },
	{ 'a', "autostop", "SECONDS", "stop after SECONDS (or duration:SECONDS)", set_duration },
	{ 's', "snapshot-length", "BYTES", "bytes kept of each packet (256; 0: all)", set_snaplen },
	{ 'B', "buffer-size", "KIB", "ring buffer per CPU in KiB, rounded up to a power of two (by the number of CPUs: 32768 or less)", set_ring },
	{ 0, "memory", "MIB", "memory of the kernel's tables and rings together (192)", set_memory },
	{ 'Q', "direction", "DIR", "in, out or inout", set_direction },
	{ 0, "xdp", "MODE", "auto (where it changes nothing), native, skb or off", set_xdp },
	{ 0, "stages", "LIST", "stamp only these stages, as in driver,rx.tc,read", set_stages },
	{ 0, "netns", "NAME", "network namespace, by name or process id", set_netns },
	{ 0, "deadline", "SECONDS", "how long a packet waits for its end (3; text and pipes 0.15)", set_deadline },
	{ 0, "probes", "FAMILY", "how kernel functions are probed: auto (fentry, else kprobe), fentry, kprobe or tracepoint (not at all)", set_probes },
	{ 0, "without", "LIST", "do without these probes (targets as `list` shows them), as on a kernel that lacks them", set_without },
	{ 'd', NULL, NULL, "print the filter's classic code and exit; -dd: what it becomes for the kernel", set_dump },
	{ 'D', "list-interfaces", NULL, "print the interfaces and exit", set_list_interfaces },
	{ 'n', NULL, NULL, "no effect: addresses are always numbers", set_numeric },
	{ 'q', "quiet", NULL, "only errors and losses", set_quiet },
	{ 'v', "verbose", NULL, "say which probes were refused and why", set_verbose },
};
const size_t record_row_count = sizeof(record_rows) / sizeof(*record_rows);

static void print_help(const struct option_row *rows, size_t count, const char *usage)
{
	printf("usage: %s\n\n", usage);
	for (size_t i = 0; i < count; i++) {
		char left[64], letter[4] = "";

		if (rows[i].letter)
			snprintf(letter, sizeof(letter), "-%c", rows[i].letter);
		snprintf(left, sizeof(left), "%2s%s%s%s %s", letter, rows[i].letter && rows[i].name ? ", " : (rows[i].letter ? "" : "  "),
			 rows[i].name ? "--" : "", rows[i].name ? rows[i].name : "", rows[i].argument ? rows[i].argument : "");
		printf("  %-32s %s\n", left, rows[i].help);
	}
	printf("  %-32s %s\n", "-h, --help", "this text");
}

static const struct option_row *row_by_value(const struct option_row *rows, size_t count, int value)
{
	for (size_t i = 0; i < count; i++)
		if (value == rows[i].letter || value == 256 + (int)i)
			return &rows[i];
	return NULL;
}

static void fill_tables(const struct option_row *rows, size_t count, char *letters, struct option *longs)
{
	*letters++ = ':';
	for (size_t i = 0; i < count; i++) {
		if (rows[i].letter) {
			*letters++ = rows[i].letter;
			if (rows[i].argument)
				*letters++ = ':';
		}
		if (rows[i].name)
			*longs++ = (struct option){ rows[i].name, rows[i].argument ? required_argument : no_argument, NULL, 256 + (int)i };
	}
	*letters++ = 'h';
	*letters = '\0';
	*longs++ = (struct option){ "help", no_argument, NULL, 'h' };
	*longs = (struct option){};
}

/* getopt names a letter by optopt; a long name only by where it stands. */
static int refuse_option(const char *argument)
{
	char letter[3] = { '-', (char)optopt };

	return log_refuse(-EINVAL, "unknown option %s; see --help; words of an expression may begin with - after a --",
			  optopt && optopt < 256 ? letter : argument);
}

int options_parse(const struct option_row *rows, size_t count, const char *usage, struct record_options *o, int argc, char **argv, int *rest)
{
	struct option longs[ROWS_MAX + 2];
	char letters[2 * ROWS_MAX + 4];
	int value, err = 0;

	fill_tables(rows, count, letters, longs);
	optind = 0; /* a fresh start, whatever an earlier call left behind */
	opterr = 0;
	while (!err && (value = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		const struct option_row *row = row_by_value(rows, count, value);

		if (value == 'h') {
			print_help(rows, count, usage);
			return -ECANCELED;
		}
		if (value == ':')
			err = log_refuse(-EINVAL, "%s needs an argument; see --help", argv[optind - 1]);
		else if (!row)
			err = refuse_option(argv[optind - 1]);
		else
			err = row->set(o, optarg);
	}
	*rest = optind;
	return err;
}
