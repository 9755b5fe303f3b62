// SPDX-License-Identifier: GPL-2.0-only
/* Finds the verb and hands over. */
#include <stdio.h>
#include <string.h>

#include "user/cmd_demo.h"
#include "user/cmd_list.h"
#include "user/cmd_record.h"
#include "user/cmd_report.h"

#define EXIT_USAGE 2

static const struct verb {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} verbs[] = {
	{ "list", cmd_list, "what this kernel and NIC offer: stages, the probe each would use, why not a better one" },
	{ "record", cmd_record, "record packets with their timelines to a pcapng file or as text" },
	{ "report", cmd_report, "tables of a recorded file: by stage, layer, flow, cpu, queue, process, irq" },
	{ "demo", cmd_demo, "build a throw-away network, record real traffic on it, print the report" },
};

static int usage(FILE *to, int status)
{
	fprintf(to, "stampcap %s: tcpdump that also tells you where the time went\n\nusage: stampcap VERB [options]; stampcap VERB --help\n\n", STAMPCAP_VERSION);
	for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++)
		fprintf(to, "  %-8s %s\n", verbs[i].name, verbs[i].help);
	return status;
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return usage(stderr, EXIT_USAGE);
	for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++)
		if (!strcmp(argv[1], verbs[i].name))
			return verbs[i].run(argc - 1, argv + 1);
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help"))
		return usage(stdout, 0);
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		printf("stampcap %s\n", STAMPCAP_VERSION);
		return 0;
	}
	fprintf(stderr, "stampcap: there is no verb '%s'; see stampcap --help\n", argv[1]);
	return EXIT_USAGE;
}
