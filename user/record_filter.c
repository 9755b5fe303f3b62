// SPDX-License-Identifier: GPL-2.0-only
/* Compiles a recording's expression once per link type and joins the results into one function. */
#include "user/record_filter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pcap/filter.h"
#include "pcap/filter_flow.h"
#include "pcap/pcapng.h"
#include "tracing/filter.h"
#include "tracing/stamp.h"
#include "user/cleanup.h"
#include "user/filter_error.h"
#include "user/log.h"
#include "user/sample.h"

#define LINKS (SC_LINK_RAW + 1)

struct record_filter {
	struct filter *of_link[LINKS]; /* NULL: no device has this link type */
	struct translation code;
};

static const char *const link_names[LINKS] = { [SC_LINK_ETHER] = "Ethernet", [SC_LINK_RAW] = "raw IP" };

const struct translate_layout filter_view_layout = {
	.len_bytes = offsetof(struct sc_filter_view, len_bytes),
	.data_bytes = offsetof(struct sc_filter_view, data_bytes),
	.window_bytes = offsetof(struct sc_filter_view, window_bytes),
	.vlan_present = offsetof(struct sc_filter_view, vlan_present),
	.vlan_tag = offsetof(struct sc_filter_view, vlan_tag),
	.packet_type = offsetof(struct sc_filter_view, packet_type),
	.ifindex = offsetof(struct sc_filter_view, ifindex),
	.link_type = offsetof(struct sc_filter_view, link_type),
	.window = offsetof(struct sc_filter_view, window),
	.window_size = SC_FILTER_WINDOW,
};

void record_filter_free(struct record_filter *f)
{
	if (!f)
		return;
	for (int link = 0; link < LINKS; link++)
		filter_free(f->of_link[link]);
	translation_free(&f->code);
	free(f);
}

CLEANUP_DEFINE(cleanup_record_filter, struct record_filter, record_filter_free);

static int compile(struct record_filter *f, const char *expression, int link, const char *device)
{
	struct filter_request request = {
		.expression = expression,
		.link_type = link == SC_LINK_RAW ? PCAPNG_LINKTYPE_RAW : PCAPNG_LINKTYPE_ETHERNET,
		.device = device,
	};
	struct filter_problem problem = {};
	int err = filter_new(&f->of_link[link], &request, &problem);

	return err ? filter_refuse(err, expression, &problem) : 0;
}

static int compile_all(struct record_filter *f, const char *expression, const struct net_device_info *devices, size_t device_count)
{
	if (!device_count)
		return compile(f, expression, SC_LINK_ETHER, NULL);
	for (size_t i = 0; i < device_count; i++) {
		int link = devices[i].raw ? SC_LINK_RAW : SC_LINK_ETHER;
		int err = f->of_link[link] ? 0 : compile(f, expression, link, devices[i].capture.name);

		if (err)
			return err;
	}
	return 0;
}

static int translate_all(struct record_filter *f)
{
	struct sock_fprog programs[LINKS] = {};
	struct translate_problem problem = {};
	size_t count = 0;
	int err;

	for (int link = 0; link < LINKS; link++)
		if (f->of_link[link])
			programs[count++] = filter_code(f->of_link[link]);
	/* With all link types the place of a program is its link type; a single one serves every packet. */
	err = translate(&f->code, programs, count, &filter_view_layout, &problem);
	if (err == -ENOMEM)
		return log_err(err, "no memory for the filter");
	return err ? log_refuse(err, "filter: %s", problem.text) : 0;
}

/* In the place of what was compiled of `expression` alone, which has shown by then that it is right. */
static int compile_sample(struct record_filter *f, const char *expression, uint32_t sample, const struct net_device_info *devices, size_t device_count)
{
	_cleanup_free_ char *sampled = NULL;
	int err = sample_expression(&sampled, sample, expression);

	if (err)
		return log_err(err, "no memory for the filter");
	for (int link = 0; link < LINKS; link++)
		filter_free(TAKE_PTR(f->of_link[link]));
	return compile_all(f, sampled, devices, device_count);
}

int record_filter_new(struct record_filter **out, const char *expression, uint32_t sample, const struct net_device_info *devices, size_t device_count)
{
	_cleanup_(cleanup_record_filter) struct record_filter *f = NULL;
	int err = 0;

	if (expression && !expression[strspn(expression, " \t\n")])
		expression = NULL;
	if (!expression && !sample)
		return 0;
	f = calloc(1, sizeof(*f));
	if (!f)
		return log_err(-ENOMEM, "no memory for the filter");
	if (expression)
		err = compile_all(f, expression, devices, device_count);
	if (!err && sample)
		err = compile_sample(f, expression, sample, devices, device_count);
	err = err ?: translate_all(f);
	if (err)
		return err;
	*out = TAKE_PTR(f);
	return 0;
}

const struct translation *record_filter_code(const struct record_filter *f)
{
	return f ? &f->code : NULL;
}

bool record_filter_is_flow(const struct record_filter *f)
{
	static const uint32_t header_bytes[LINKS] = { [SC_LINK_ETHER] = 14, [SC_LINK_RAW] = 0 };
	bool flow = f != NULL;

	for (int link = 0; flow && link < LINKS; link++) {
		struct sock_fprog program;

		if (!f->of_link[link])
			continue;
		program = filter_code(f->of_link[link]);
		flow = filter_is_flow(&program, header_bytes[link]);
	}
	return flow;
}

void record_filter_print_classic(const struct record_filter *f, FILE *out)
{
	bool several = f->of_link[SC_LINK_ETHER] && f->of_link[SC_LINK_RAW];

	for (int link = 0; link < LINKS; link++) {
		if (!f->of_link[link])
			continue;
		if (several)
			fprintf(out, "# %s\n", link_names[link]);
		filter_print(f->of_link[link], out);
	}
}

void record_filter_print_translated(const struct record_filter *f, FILE *out)
{
	char line[128];

	for (size_t i = 0; i < f->code.count; i++)
		fprintf(out, "%s\n", translate_text(&f->code.code[i], i, line, sizeof(line)));
}
