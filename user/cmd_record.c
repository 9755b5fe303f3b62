// SPDX-License-Identifier: GPL-2.0-only
/* `stampcap record`: checks what was asked for, then records. */
#include "user/cmd_record.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "pcap/filter.h"
#include "user/cleanup.h"
#include "user/log.h"
#include "user/options.h"
#include "user/record.h"

#define EXIT_USAGE 2
#define USAGE "stampcap record -i IF [-w FILE] [-c N] [-a SECONDS] [-s BYTES] [options] [FILTER EXPRESSION]"

static int list_interfaces(void)
{
	char names[4096];
	int err = net_device_names(names, sizeof(names));

	if (err < 0)
		return log_err(err, "cannot list the interfaces") ? 1 : 0;
	printf("%s\n", names);
	return 0;
}

int cmd_record(int argc, char **argv)
{
	struct record_options o;
	_cleanup_free_ char *filter = NULL;
	int rest, err;

	record_options_default(&o);
	err = options_parse(record_rows, record_row_count, USAGE, &o, argc, argv, &rest);
	if (err)
		return err == -ECANCELED ? 0 : EXIT_USAGE;
	if (o.list_interfaces)
		return list_interfaces();
	if (rest < argc) {
		filter = filter_join_words(argv + rest, argc - rest);
		if (!filter)
			return log_err(-ENOMEM, "no memory for the filter") ? 1 : 0;
		o.filter = filter;
	}
	if (o.dump)
		return record_run(&o);
	if (!o.interface_count) {
		log_refuse(0, "no interface: give one with -i; `stampcap record -D` lists them");
		return EXIT_USAGE;
	}
	if (o.hist && (o.write || o.slower_ns || o.rate)) {
		log_refuse(0, "--hist writes no packets: leave out -w, --slower-than and --rate");
		return EXIT_USAGE;
	}
	if (o.format && !o.hist) {
		log_refuse(0, "--format is for --hist; `stampcap report --format json FILE` is for files");
		return EXIT_USAGE;
	}
	if (o.write && o.write[0] == '-' && !o.write[1] && isatty(STDOUT_FILENO)) {
		log_refuse(0, "-w -: standard output is a terminal; pipe it, as in `stampcap record -w - ... | tshark -r -`");
		return EXIT_USAGE;
	}
	if (geteuid()) {
		log_refuse(0, "recording needs root (CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN): try sudo");
		return 1;
	}
	return record_run(&o);
}
