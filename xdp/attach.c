/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Decides whether and how the XDP program goes onto a device: native only where nothing else
 * changes, unless the user insists.
 */
#include "xdp/attach.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "tracing/cleanup.h"
#include "xdp/offloads.h"
#include "xdp/program.h"

#define CHANGES_MAX 384

struct xdp_attachment {
	struct xdp_on_device *program;
};

CLEANUP_DEFINE(offloads_cleanup, struct offloads, offloads_free);

static const char *mode_name(const struct xdp_request *r)
{
	return r->mode == XDP_MODE_SKB ? "generic" : "native";
}

/* AUTO gives reasons; what was demanded and cannot be had is a failure. */
static int mode_err(const struct xdp_request *r, int err)
{
	return r->mode == XDP_MODE_AUTO ? -EOPNOTSUPP : err;
}

static int refuse_occupied(const struct xdp_request *r, char *why, size_t why_size)
{
	char name[32];
	bool dispatcher;
	uint32_t id = 0;
	int err = xdp_present(r->ifindex, &id, name, sizeof(name), &dispatcher);

	if (err) {
		snprintf(why, why_size, "cannot ask %s for its XDP program: %s", r->ifname,
			 strerror(-err));
		return err;
	}
	if (id == 0 || dispatcher)
		return 0;
	snprintf(
		why, why_size,
		"%s already runs XDP program ID %u (%s), which does not share the device by libxdp's dispatcher; it stays",
		r->ifname, id, name);
	return mode_err(r, -EBUSY);
}

/* Says why the attachment failed; what the kernel said went nowhere. */
static int explain(const struct xdp_request *r, int err, char *why, size_t why_size)
{
	char name[32];
	bool dispatcher;
	uint32_t id = 0;

	if (!xdp_present(r->ifindex, &id, name, sizeof(name), &dispatcher) && id) {
		snprintf(
			why, why_size,
			"%s already runs XDP program ID %u (%s) and this kernel or libxdp does not let ours join it (%s)",
			r->ifname, id, name, strerror(-err));
		return mode_err(r, -EBUSY);
	}
	if (err == -EOPNOTSUPP && r->mode != XDP_MODE_SKB)
		snprintf(why, why_size,
			 "the driver of %s has no native XDP, or none with its present settings",
			 r->ifname);
	else if (err == -ERANGE || err == -EINVAL)
		snprintf(
			why, why_size,
			"the driver of %s refuses %s XDP with its present settings, such as the MTU (%s)",
			r->ifname, mode_name(r), strerror(-err));
	else
		snprintf(why, why_size, "%s XDP cannot be attached to %s: %s", mode_name(r),
			 r->ifname, strerror(-err));
	return mode_err(r, err);
}

static void describe(const struct xdp_request *r, const struct xdp_on_device *p,
		     const char *changes, const char *unseen, char *why, size_t why_size)
{
	bool changed = changes[0] || unseen[0];

	snprintf(why, why_size, "%s XDP on %s%s; %s%s%s%s", mode_name(r), r->ifname,
		 xdp_on_device_shared(p) ? ", by libxdp's dispatcher" : "",
		 changed ? "until it is detached it changes offloads: " : "no offload changed",
		 changes, changes[0] && unseen[0] ? "; " : "", unseen);
}

/* Under AUTO an attachment that changed anything, or whose effect cannot be seen, is taken back. */
static int judge(const struct xdp_request *r, struct xdp_on_device *p, const struct offloads *o,
		 char *why, size_t why_size)
{
	char changes[CHANGES_MAX] = "", unseen[64];
	int changed = offloads_changed(o, changes, sizeof(changes));

	if (changed < 0)
		snprintf(changes, sizeof(changes), "unknown (%s)", strerror(-changed));
	if (changed != 0 && r->mode == XDP_MODE_AUTO) {
		xdp_on_device_detach(p);
		snprintf(
			why, why_size,
			"native XDP was taken off %s again because it changed offloads: %s; --xdp native keeps it",
			r->ifname, changes);
		return -EOPNOTSUPP;
	}
	offloads_unseen(o, r->mode != XDP_MODE_SKB, unseen, sizeof(unseen));
	describe(r, p, changes, unseen, why, why_size);
	return 0;
}

static int program_new(struct xdp_attachment *a, const struct xdp_request *r)
{
	char name[32];
	bool others = false;
	uint32_t id;
	int err = xdp_present(r->ifindex, &id, name, sizeof(name), &others);
	bool keep = !err && others && r->keep && r->mode != XDP_MODE_SKB && !xdp_may_change_cpu(r->ifindex);
	/* What programs behind ours do to a packet, the filter has to see: the `driver` stage decides then. */
	struct xdp_program_request request = {
		.ifindex = r->ifindex,
		.native = r->mode != XDP_MODE_SKB,
		.raw = r->raw,
		.filter = err || (others && !keep) ? NULL : r->filter,
		.keep = keep,
		.marks_fd = r->marks_fd,
		.frames_fd = r->frames_fd,
	};

	err = xdp_on_device_new(&a->program, &request);
	if (!err || !keep)
		return err;
	request.keep = false; /* the rest is worth having without it */
	request.filter = NULL;
	return xdp_on_device_new(&a->program, &request);
}

int xdp_attach(struct xdp_attachment **out, const struct xdp_request *request, char *why,
	       size_t why_size)
{
	_cleanup_free_ struct xdp_attachment *a = calloc(1, sizeof(*a));
	_cleanup_(offloads_cleanup) struct offloads *offloads = NULL;
	int err;

	assert(out && request && why);
	if (!a)
		return -ENOMEM;
	snprintf(why, why_size, "%s", "");
	if (request->mode == XDP_MODE_OFF) {
		snprintf(why, why_size, "switched off by --xdp off");
		return -EOPNOTSUPP;
	}
	err = refuse_occupied(request, why, why_size);
	if (err)
		return err;
	err = offloads_new(&offloads, request->ifname, request->ifindex);
	if (err) {
		snprintf(why, why_size, "cannot read the offloads of %s: %s", request->ifname,
			 strerror(-err));
		return mode_err(request, err);
	}
	if (request->mode == XDP_MODE_AUTO)
		err = offloads_refuse(offloads, why, why_size);
	if (err)
		return err;
	err = program_new(a, request);
	if (err)
		return explain(request, err, why, why_size);
	err = judge(request, a->program, offloads, why, why_size);
	if (err) {
		xdp_on_device_free(a->program);
		return err;
	}
	*out = TAKE_PTR(a);
	return 0;
}

void xdp_detach(struct xdp_attachment *a)
{
	if (!a)
		return;
	xdp_on_device_detach(a->program);
	xdp_on_device_free(a->program);
	free(a);
}
