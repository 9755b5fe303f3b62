/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Puts a TC program in front of a device's others, by TCX where the kernel has it, else by clsact,
 * and takes exactly it off again.
 */
#include "tc/attach.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tc/clsact.h"
#include "tracing/bpf_link.h"
#include "tracing/cleanup.h"

struct tc_attachment {
	int link_fd; /* TCX, else -1 */
	struct clsact_filter filter;
	bool remove_clsact; /* stampcap made it: goes with the last filter */
};

/* Fills `why` and returns err. */
static int __attribute__((format(printf, 4, 5)))
because(int err, char *why, size_t why_size, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, why_size, fmt, args);
	va_end(args);
	return err;
}

static const char *direction(const struct tc_request *r)
{
	return r->egress ? "egress" : "ingress";
}

int tcx_supported(void)
{
	return sc_tcx_probe();
}

int tcx_attach(struct tc_attachment **out, const struct tc_request *request, char *why,
	       size_t why_size)
{
	_cleanup_free_ struct tc_attachment *a = calloc(1, sizeof(*a));

	assert(out && request && why);
	if (!a)
		return because(-ENOMEM, why, why_size, "out of memory");
	a->link_fd = sc_link_create_tcx(request->prog_fd, request->ifindex, request->egress);
	if (a->link_fd < 0)
		return because(a->link_fd, why, why_size, "no TCX %s link on %s: %s",
			       direction(request), request->ifname, strerror(-a->link_fd));
	because(0, why, why_size, "TCX %s link in front of the programs of %s", direction(request),
		request->ifname);
	*out = TAKE_PTR(a);
	return 0;
}

/* Makes clsact where there is none; *ours: stampcap has to remove it in the end. */
static int clsact_ensure(const struct tc_request *r, struct clsact_view *view, bool *ours,
			 char *why, size_t why_size)
{
	int err = clsact_look(view, r->ifindex, r->egress);

	if (err)
		return because(err, why, why_size, "cannot read the qdiscs and filters of %s: %s",
			       r->ifname, strerror(-err));
	if (view->ingress_only && r->egress)
		return because(
			-EBUSY, why, why_size,
			"%s has the qdisc `ingress`, which stays and leaves no place for egress filters",
			r->ifname);
	*ours = view->clsact_is_ours;
	if (view->clsact || view->ingress_only)
		return 0;
	err = clsact_create(r->ifindex);
	if (err == -EEXIST) /* somebody else was quicker: theirs */
		return clsact_look(view, r->ifindex, r->egress);
	if (err == -ENOENT)
		return because(
			err, why, why_size,
			"no qdisc clsact for %s: this kernel lacks the module sch_ingress (CONFIG_NET_CLS_ACT), install or load it",
			r->ifname);
	if (err)
		return because(err, why, why_size, "cannot add the qdisc clsact to %s: %s",
			       r->ifname, strerror(-err));
	*ours = true;
	return 0;
}

/* Removes clsact if stampcap made it and nobody's filter is left on it. */
static void clsact_release(int ifindex, bool ours)
{
	struct clsact_view view;

	if (ours && clsact_look(&view, ifindex, false) == 0 && view.clsact && view.filters == 0)
		clsact_remove(ifindex);
}

int cls_attach(struct tc_attachment **out, const struct tc_request *request, char *why,
	       size_t why_size)
{
	_cleanup_free_ struct tc_attachment *a = calloc(1, sizeof(*a));
	struct clsact_view view;
	int err;

	assert(out && request && why);
	if (!a)
		return because(-ENOMEM, why, why_size, "out of memory");
	a->link_fd = -1;
	err = clsact_ensure(request, &view, &a->remove_clsact, why, why_size);
	if (err)
		return err;
	a->filter.ifindex = request->ifindex;
	a->filter.egress = request->egress;
	a->filter.priority = view.free_priority;
	err = clsact_filter_add(&a->filter, request->prog_fd, a->remove_clsact);
	if (err)
		clsact_release(request->ifindex, a->remove_clsact);
	if (err == -ENOENT)
		return because(
			err, why, why_size,
			"no bpf filters for %s: this kernel lacks the module cls_bpf (CONFIG_NET_CLS_BPF), install or load it",
			request->ifname);
	if (err)
		return because(err, why, why_size,
			       "cannot add a bpf filter to %s %s at priority %u: %s",
			       direction(request), request->ifname, a->filter.priority,
			       strerror(-err));
	because(0, why, why_size, "bpf filter on clsact %s of %s, priority %u%s",
		direction(request), request->ifname, a->filter.priority,
		view.first_priority == 1
			? ", behind a filter of others whose verdict may come first"
			: "");
	*out = TAKE_PTR(a);
	return 0;
}

void tc_detach(struct tc_attachment *a)
{
	if (!a)
		return;
	if (a->link_fd < 0) {
		clsact_filter_remove(&a->filter);
		clsact_release(a->filter.ifindex, a->remove_clsact);
	}
	/*
	 * A forked guardian holds the link's descriptor as well, so closing ours alone would leave
	 * the program on.
	 */
	if (a->link_fd >= 0)
		sc_link_detach(a->link_fd);
	cleanup_close(&a->link_fd);
	free(a);
}
