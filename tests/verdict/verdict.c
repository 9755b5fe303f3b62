// SPDX-License-Identifier: GPL-2.0-only
/* Loads the test programs with a filter's code and runs them on packets. */
#include "tests/verdict/verdict.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pcap/translate.h"
#include "tracing/cleanup.h"
#include "tracing/filter.h"
#include "tracing/inject.h"
#include "tracing/stamp.h"
#include "verdict_tc.skel.h"
#include "verdict_xdp.skel.h"

struct verdict {
	struct bpf_object *object[2];
	int fd[VERDICT_HOOKS];
};

static const struct {
	const char *name;
	int object;
	uint32_t accepts;
} programs[VERDICT_HOOKS] = {
	[VERDICT_XDP] = { "verdict_xdp", 0, XDP_PASS },	    [VERDICT_XDP_RAW] = { "verdict_xdp_raw", 0, XDP_PASS },
	[VERDICT_TC] = { "verdict_tc", 1, 1 },		    [VERDICT_TC_RAW] = { "verdict_tc_raw", 1, 1 },
	[VERDICT_TC_TAG] = { "verdict_tc_tag", 1, 1 },	    [VERDICT_SKB] = { "verdict_skb", 1, 1 },
};

static char *listen_log;
static size_t listen_size;

static int listen_print(enum libbpf_print_level level, const char *fmt, va_list args)
{
	size_t used = listen_log ? strlen(listen_log) : 0;

	if (level != LIBBPF_DEBUG && listen_log && used + 1 < listen_size)
		vsnprintf(listen_log + used, listen_size - used, fmt, args);
	return 0;
}

static int object_load(struct verdict *v, int which, const struct translation *code)
{
	size_t size;
	const void *bytes = which ? verdict_tc__elf_bytes(&size) : verdict_xdp__elf_bytes(&size);
	struct injection injection = { .function = "filter_run", .callee = "filter_far", .code = code->code, .count = code->count };
	_cleanup_free_ void *object = NULL;
	int err = inject_function(bytes, size, &injection, &object, &size);

	if (err)
		return err;
	v->object[which] = bpf_object__open_mem(object, size, NULL);
	if (!v->object[which])
		return -errno;
	err = bpf_object__load(v->object[which]);
	for (int hook = 0; !err && hook < VERDICT_HOOKS; hook++)
		if (programs[hook].object == which)
			v->fd[hook] = bpf_program__fd(bpf_object__find_program_by_name(v->object[which], programs[hook].name));
	return err;
}

void verdict_free(struct verdict *v)
{
	if (!v)
		return;
	bpf_object__close(v->object[0]);
	bpf_object__close(v->object[1]);
	free(v);
}

CLEANUP_DEFINE(cleanup_verdict, struct verdict, verdict_free);

int verdict_new(struct verdict **out, const struct translation *code, char *log, size_t log_size)
{
	_cleanup_(cleanup_verdict) struct verdict *v = calloc(1, sizeof(*v));
	libbpf_print_fn_t before = libbpf_set_print(listen_print);
	int err;

	if (log_size)
		*log = '\0';
	listen_log = log_size ? log : NULL;
	listen_size = log_size;
	err = v ? object_load(v, 0, code) : -ENOMEM;
	err = err ?: object_load(v, 1, code);
	listen_log = NULL;
	libbpf_set_print(before);
	if (!err)
		*out = TAKE_PTR(v);
	return err;
}

int verdict_run(struct verdict *v, enum verdict_hook hook, const uint8_t *bytes, size_t size)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = bytes, .data_size_in = size);
	int err = bpf_prog_test_run_opts(v->fd[hook], &opts);

	if (err)
		return err;
	if (opts.retval == UINT32_MAX)
		return -ENOTSUP;
	return opts.retval == programs[hook].accepts;
}
