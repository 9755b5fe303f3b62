/* SPDX-License-Identifier: GPL-2.0-only */
/* stampcap report: reads one capture file and prints what it says as table, JSON or CSV. */
#include "user/cmd_report.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pcap/filter.h"
#include "pcap/pcapng.h"
#include "user/cleanup.h"
#include "user/filter_error.h"
#include "user/log.h"
#include "user/report.h"

#define EXIT_USAGE 2

struct report_format {
	const char *name;
	int (*print)(const struct report *r, FILE *out);
};

static const struct report_format formats[] = {
	{ "table", report_table_print },
	{ "json", report_json_print },
	{ "csv", report_csv_print },
};

struct report_options {
	const char *file;
	char *expression; /* owned; which packets; NULL or "": all */
	const struct report_by *by;
	const struct report_format *format;
	bool help;
};

static void usage_print(FILE *out)
{
	char names[128];

	fprintf(out,
		"usage: stampcap report [options] FILE [FILTER EXPRESSION]\n"
		"Says where the time went, from a file of stampcap record; FILE - is standard input.\n"
		"An expression, as in pcap-filter(7), reports only the packets that match: all words from the first that is no option on.\n"
		"  -b, --by WHAT        group packets by WHAT: %s (default stage)\n"
		"  -f, --format FORMAT  table, json or csv (default table)\n"
		"  -q, --quiet          no warnings\n"
		"  -h, --help           this text\n",
		report_by_names(names, sizeof(names)));
}

static int by_set(struct report_options *options, const char *value)
{
	char names[128];

	options->by = report_by_find(value);
	if (options->by)
		return 0;
	return log_refuse(-EINVAL, "cannot group by \"%s\": try one of %s", value,
			  report_by_names(names, sizeof(names)));
}

static int format_set(struct report_options *options, const char *value)
{
	size_t i;

	for (i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		if (!strcmp(formats[i].name, value)) {
			options->format = &formats[i];
			return 0;
		}
	}
	return log_refuse(-EINVAL, "no format \"%s\": try one of table, json, csv", value);
}

static int option_set(struct report_options *options, int option, const char *value)
{
	switch (option) {
	case 'b':
		return by_set(options, value);
	case 'f':
		return format_set(options, value);
	case 'q':
		log_level = -1;
		return 0;
	case 'h':
		options->help = true;
		return 0;
	case ':':
		return log_refuse(-EINVAL, "report: an option lacks its value: try stampcap report --help");
	default:
		return log_refuse(-EINVAL, "report: unknown option: try stampcap report --help");
	}
}

/* Options up to the first word that is none; *index is that word's. */
static int options_take(struct report_options *options, int argc, char **argv, int *index)
{
	static const struct option rows[] = {
		{ "by", required_argument, NULL, 'b' },
		{ "format", required_argument, NULL, 'f' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int err = 0, option;

	optind = *index;
	opterr = 0;
	while (!err && (option = getopt_long(argc, argv, "+:b:f:qh", rows, NULL)) != -1)
		err = option_set(options, option, optarg);
	*index = optind;
	return err;
}

/* Options stand before the file or right behind it, without a -- in front; what follows is the expression, whatever it looks like. */
static int options_parse(struct report_options *options, int argc, char **argv)
{
	int index = 0, err = options_take(options, argc, argv, &index); /* 0: main may have parsed options before */
	bool ended;

	if (err || options->help)
		return err;
	if (index == argc)
		return log_refuse(-EINVAL, "report: no file given: try stampcap report FILE");
	ended = !strcmp(argv[index - 1], "--");
	options->file = argv[index++];
	if (!ended)
		err = options_take(options, argc, argv, &index);
	if (err || options->help)
		return err;
	options->expression = filter_join_words(argv + index, (size_t)(argc - index));
	return options->expression ? 0 : log_err(-ENOMEM, "report");
}

static const char *file_name(const struct report_options *options)
{
	return strcmp(options->file, "-") ? options->file : "standard input";
}

static int reader_open(struct pcapng_reader **reader, const struct report_options *options)
{
	const char *name = file_name(options);
	int err = pcapng_reader_new(reader, options->file);

	if (err == -EPROTONOSUPPORT)
		return log_refuse(err, "%s is a classic pcap file, not pcapng, and holds no timelines: record with stampcap record -w FILE",
				  name);
	if (err == -EINVAL)
		return log_refuse(err, "%s is not a pcapng file: report reads what stampcap record -w FILE wrote",
				  name);
	return err ? log_err(err, "cannot read %s", name) : 0;
}

static int read_failed(int err, const struct pcapng_reader *reader, const char *name)
{
	unsigned long long offset = (unsigned long long)pcapng_reader_offset(reader);

	switch (err) {
	case -ENODATA:
		return log_refuse(err, "%s ends inside the block at offset %llu: the report covers what is before it",
				  name, offset);
	case -EBADMSG:
		return log_refuse(err, "%s is damaged at offset %llu: the report covers what is before it", name,
				  offset);
	case -EFBIG:
		return log_refuse(err, "%s has a block of more than %u bytes at offset %llu: the report covers what is before it",
				  name, PCAPNG_BLOCK_MAX, offset);
	case -EPROTO:
		return log_refuse(err, "%s was recorded by a newer stampcap in a newer format: report it with that version",
				  name);
	default:
		return log_err(err, "cannot read %s at offset %llu", name, offset);
	}
}

/* 0, or the error after which nothing more can be read; what was read until then is in r. */
static int file_read(struct report *r, struct pcapng_reader *reader, const char *name)
{
	struct pcapng_block block;
	int err;

	do {
		err = pcapng_read(reader, &block);
		if (err == 1)
			err = report_block(r, &block) ?: 1;
	} while (err == 1);
	if (r->problem.text[0])
		return filter_refuse(err, r->only, &r->problem);
	return err ? read_failed(err, reader, name) : 0;
}

static void accounting_check(const struct report *r, const char *name)
{
	struct account_dir total;
	uint64_t expected;

	if (!r->accounts || r->accounts < r->sections) {
		log_warn("%s has no accounting at its end: the capture was cut short, how many packets are missing is unknown",
			 name);
		return;
	}
	account_total(&r->account, &total);
	expected = total.complete + account_partial_sum(&total) - account_unwritten_sum(&total);
	if (account_check(&r->account))
		log_warn("the accounting of %s does not add up: seen is not complete + partial + lost", name);
	if (expected != r->packets)
		log_warn("%s holds %llu packets, but its accounting says %llu: packets were removed or added",
			 name, (unsigned long long)r->packets, (unsigned long long)expected);
	if (account_lost_sum(&total))
		log_warn("%llu packets were lost while %s was recorded",
			 (unsigned long long)account_lost_sum(&total), name);
}

static void contents_check(const struct report *r, const char *name)
{
	if (r->malformed)
		log_warn("%llu packets of %s have a timeline that cannot be read, the first at offset %llu: they are left out",
			 (unsigned long long)r->malformed, name,
			 (unsigned long long)r->malformed_offset);
	if (r->without)
		log_warn("%llu packets of %s have no timeline: they are left out",
			 (unsigned long long)r->without, name);
	if (r->overflow)
		log_warn("%s has more than %d groups: the rest is added up as \"other\"", name,
			 REPORT_GROUPS_MAX);
}

CLEANUP_DEFINE(cleanup_report, struct report, report_free);
CLEANUP_DEFINE(cleanup_reader, struct pcapng_reader, pcapng_reader_free);

/* The exit status. */
static int report_run(const struct report_options *options)
{
	_cleanup_(cleanup_reader) struct pcapng_reader *reader = NULL;
	_cleanup_(cleanup_report) struct report *r = NULL;
	const char *name = file_name(options);
	int err, read_err;

	if (reader_open(&reader, options))
		return EXIT_FAILURE;
	err = report_new(&r, options->by);
	if (err) {
		log_err(err, "cannot report %s", name);
		return EXIT_FAILURE;
	}
	report_only(r, options->expression);
	read_err = file_read(r, reader, name);
	if (r->problem.text[0])
		return read_err == -EINVAL ? EXIT_USAGE : EXIT_FAILURE;
	if (read_err == -ENOMEM || read_err == -EPROTO)
		return EXIT_FAILURE;
	if (!r->ours) {
		if (!read_err)
			log_refuse(-EINVAL, "%s holds no timelines: it was not written by stampcap record", name);
		return EXIT_FAILURE;
	}
	report_finish(r);
	contents_check(r, name);
	if (!read_err)
		accounting_check(r, name);
	err = options->format->print(r, stdout);
	if (!err && fflush(stdout))
		err = -errno;
	if (err)
		log_err(err, "cannot write the report");
	return err || read_err ? EXIT_FAILURE : EXIT_SUCCESS;
}

int cmd_report(int argc, char **argv)
{
	struct report_options options = { .by = report_bys, .format = formats };
	int status = EXIT_USAGE, err = options_parse(&options, argc, argv);

	if (!err && options.help) {
		usage_print(stdout);
		status = EXIT_SUCCESS;
	} else if (!err) {
		status = report_run(&options);
	}
	free(options.expression);
	return status;
}
