/* SPDX-License-Identifier: GPL-2.0-only */
/* libxdp and the skeleton of the XDP program: load, attach, detach. */
#include "xdp/program.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <glob.h>
#include <linux/if_link.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xdp/libxdp.h>

#include "ingress.skel.h"
#include "tracing/cleanup.h"
#include "tracing/inject.h"

#define DISPATCHER_NAME "xdp_dispatcher"
#define DISPATCHER_PINS                                                                            \
	"/sys/fs/bpf/xdp" /* libxdp's directory, which it makes once a process and never removes */
#define RUN_PRIORITY 1	  /* before the default, 50: a program of others may drop or redirect */

struct xdp_on_device {
	struct ingress *skeleton;
	void *object; /* with a filter's code in it, NULL without */
	struct xdp_program *program;
	int ifindex;
	bool native;
	bool shared;
	uint32_t dispatcher_id; /* shared: that which libxdp made for us */
	bool made_pins;		/* DISPATCHER_PINS was not there before us */
};

/*
 * libxdp and libbpf explain themselves at length on stderr; one sentence of ours replaces that.
 * Restored when the scope ends.
 */
struct quiet {
	libbpf_print_fn_t bpf;
	libxdp_print_fn_t xdp;
};

static int print_nothing_bpf(enum libbpf_print_level level, const char *fmt, va_list args)
{
	(void)level;
	(void)fmt;
	(void)args;
	return 0;
}

static int print_nothing_xdp(enum libxdp_print_level level, const char *fmt, va_list args)
{
	(void)level;
	(void)fmt;
	(void)args;
	return 0;
}

static struct quiet quiet_begin(void)
{
	return (struct quiet) {
		.bpf = libbpf_set_print(print_nothing_bpf),
		.xdp = libxdp_set_print(print_nothing_xdp),
	};
}

static void quiet_end(struct quiet *q)
{
	libbpf_set_print(q->bpf);
	libxdp_set_print(q->xdp);
}

#define QUIET_SCOPE _cleanup_(quiet_end) __attribute__((unused)) struct quiet quiet = quiet_begin()

static enum xdp_attach_mode attach_mode(const struct xdp_on_device *p)
{
	return p->native ? XDP_MODE_NATIVE : XDP_MODE_SKB;
}

int xdp_present(int ifindex, uint32_t *id, char *name, size_t name_size, bool *dispatcher)
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);
	_cleanup_close_ int fd = -1;
	QUIET_SCOPE;
	int err;

	*dispatcher = false;
	snprintf(name, name_size, "?");
	err = bpf_xdp_query_id(ifindex, 0, id);
	if (err || *id == 0)
		return err;
	fd = bpf_prog_get_fd_by_id(*id);
	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len))
		return 0;
	*dispatcher = strncmp(info.name, DISPATCHER_NAME, sizeof(info.name) - 1) == 0;
	if (info.name[0])
		snprintf(name, name_size, "%s", info.name);
	return 0;
}

/* Does a program on the device have this kind of map at hand? If it cannot be told, it may. */
static bool program_has_map(int fd, enum bpf_map_type type)
{
	uint32_t ids[64], len = sizeof(struct bpf_prog_info);
	struct bpf_prog_info info = { .nr_map_ids = 64, .map_ids = (uintptr_t)ids };
	bool found = bpf_obj_get_info_by_fd(fd, &info, &len) || info.nr_map_ids > 64;

	for (uint32_t i = 0; i < info.nr_map_ids && !found; i++) {
		struct bpf_map_info map = { 0 };
		_cleanup_close_ int map_fd = bpf_map_get_fd_by_id(ids[i]);

		len = sizeof(map);
		found = map_fd < 0 || bpf_obj_get_info_by_fd(map_fd, &map, &len) || map.type == type;
	}
	return found;
}

bool xdp_may_change_cpu(int ifindex)
{
	struct xdp_program *program = NULL;
	struct xdp_multiprog *all;
	bool may = false;
	QUIET_SCOPE;

	all = xdp_multiprog__get_from_ifindex(ifindex);
	if (libxdp_get_error(all))
		return true;
	while (!may && (program = xdp_multiprog__next_prog(program, all)))
		may = program_has_map(xdp_program__fd(program), BPF_MAP_TYPE_CPUMAP);
	xdp_multiprog__close(all);
	return may;
}

/* What ingress__open() does, with the filter's code in the object. */
static int skeleton_open(struct xdp_on_device *p, const struct injection *filter)
{
	size_t size;
	const void *object = ingress__elf_bytes(&size);
	int err = filter ? inject_function(object, size, filter, &p->object, &size) : 0;

	if (err)
		return err;
	p->skeleton = calloc(1, sizeof(*p->skeleton));
	if (!p->skeleton || ingress__create_skeleton(p->skeleton))
		return -ENOMEM;
	if (p->object) {
		p->skeleton->skeleton->data = p->object;
		p->skeleton->skeleton->data_sz = size;
	}
	return bpf_object__open_skeleton(p->skeleton->skeleton, NULL);
}

static int program_open(struct xdp_on_device *p, const struct xdp_program_request *request)
{
	int err = skeleton_open(p, request->filter);

	if (err)
		return err;
	p->skeleton->rodata->conf_filter = !!request->filter;
	p->skeleton->rodata->conf_raw = request->raw;
	p->skeleton->rodata->conf_ifindex = request->ifindex;
	p->skeleton->rodata->conf_keep = request->keep;
	err = bpf_map__reuse_fd(p->skeleton->maps.xdp_marks, request->marks_fd);
	err = err ?: bpf_map__reuse_fd(p->skeleton->maps.xdp_frames, request->frames_fd);
	if (err)
		return err;
	p->program = xdp_program__from_bpf_obj(p->skeleton->obj, "xdp");
	err = libxdp_get_error(p->program);
	if (err) {
		p->program = NULL;
		return err;
	}
	/*
	 * Jumbo frames in several buffers are stamped too. By a section's name (xdp.frags) libbpf
	 * would know and not libxdp, whose dispatcher would refuse them; libxdp drops the flag where
	 * the kernel or a program of others does without.
	 */
	xdp_program__set_xdp_frags_support(p->program, true);
	return xdp_program__set_run_prio(p->program, RUN_PRIORITY);
}

static int program_attach(struct xdp_on_device *p)
{
	struct xdp_multiprog *all;
	int err = xdp_program__attach(p->program, p->ifindex, attach_mode(p), 0);

	if (err)
		return err;
	all = xdp_multiprog__get_from_ifindex(p->ifindex);
	if (libxdp_get_error(all))
		return 0;
	p->shared = !xdp_multiprog__is_legacy(all);
	p->dispatcher_id = xdp_program__id(xdp_multiprog__main_prog(all));
	xdp_multiprog__close(all);
	return 0;
}

void xdp_on_device_free(struct xdp_on_device *p)
{
	if (!p)
		return;
	xdp_program__close(p->program);
	ingress__destroy(p->skeleton);
	free(p->object);
	free(p);
}

CLEANUP_DEFINE(xdp_on_device_cleanup, struct xdp_on_device, xdp_on_device_free);

int xdp_on_device_new(struct xdp_on_device **out, const struct xdp_program_request *request)
{
	_cleanup_(xdp_on_device_cleanup) struct xdp_on_device *p = calloc(1, sizeof(*p));
	QUIET_SCOPE;
	int err;

	if (!p)
		return -ENOMEM;
	p->ifindex = request->ifindex;
	p->native = request->native;
	p->made_pins = mkdir(DISPATCHER_PINS, S_IRWXU) ==
		       0; /* where there is no bpffs: fails, and libxdp does without */
	err = program_open(p, request);
	if (!err)
		err = program_attach(p);
	if (err && p->made_pins)
		rmdir(DISPATCHER_PINS);
	if (err)
		return err;
	*out = TAKE_PTR(p);
	return 0;
}

bool xdp_on_device_shared(const struct xdp_on_device *p)
{
	return p->shared;
}

/*
 * The kernel compares with what is attached, so a program that has taken our place meanwhile stays.
 */
static int detach_alone(const struct xdp_on_device *p)
{
	LIBBPF_OPTS(bpf_xdp_attach_opts, opts, .old_prog_fd = xdp_program__fd(p->program));
	int err = bpf_xdp_detach(p->ifindex, p->native ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE,
				 &opts);

	return err == -EEXIST || err == -ENOENT || err == -ENODEV ? 0 : err;
}

/*
 * What keeps our dispatcher alive in bpffs after somebody took it off the device without libxdp.
 * libxdp_clean_references() would do, but it goes by the ifindex alone, and bpffs is common to all
 * network namespaces.
 */
static void pins_remove(const struct xdp_on_device *p)
{
	char path[128];
	glob_t pins;
	size_t i;

	snprintf(path, sizeof(path), DISPATCHER_PINS "/dispatch-%d-%u/prog*", p->ifindex,
		 p->dispatcher_id);
	if (glob(path, GLOB_NOSORT, NULL, &pins))
		return;
	for (i = 0; i < pins.gl_pathc; i++)
		unlink(pins.gl_pathv[i]);
	globfree(&pins);
	*strrchr(path, '/') = '\0';
	rmdir(path);
}

static int detach_shared(const struct xdp_on_device *p)
{
	uint32_t id = 0;
	int err = xdp_program__detach(p->program, p->ifindex, attach_mode(p), 0);

	if (err && (bpf_xdp_query_id(p->ifindex, 0, &id) || id != p->dispatcher_id))
		pins_remove(p);
	return err == -ENOENT || err == -ENODEV ? 0 : err;
}

int xdp_on_device_detach(struct xdp_on_device *p)
{
	QUIET_SCOPE;
	int err = p->shared ? detach_shared(p) : detach_alone(p);

	/* Fails, and rightly so, when others have pinned something there. */
	if (p->made_pins)
		rmdir(DISPATCHER_PINS);
	return err;
}
