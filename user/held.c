// SPDX-License-Identifier: GPL-2.0-only
/* What no link holds: see held.h. */
#include "user/held.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tc/attach.h"
#include "user/cleanup.h"
#include "user/guardian.h"
#include "user/log.h"

struct held {
	struct held_request request;
	struct held_result *result; /* shared with the guardian, which writes it */
	struct guardian *guardian;
	/* Only the guardian's copy is ever filled. */
	struct xdp_attachment *xdp[HELD_MAX_DEVICES];
	struct tc_attachment *tc[HELD_MAX_DEVICES][2];
};

static void attach_cls(struct held *h, int egress)
{
	const struct held_request *q = &h->request;

	for (size_t i = 0; i < q->device_count && !h->result->cls_err[egress]; i++) {
		struct tc_request request = { .ifname = q->devices[i].capture.name, .ifindex = q->devices[i].ifindex,
					      .prog_fd = q->cls_fd[egress], .egress = egress };

		h->result->cls_err[egress] = cls_attach(&h->tc[i][egress], &request, h->result->cls_why[egress], HELD_WHY_MAX);
	}
	/* A stage is stamped on every captured device, or is none of this capture. */
	for (size_t i = 0; i < q->device_count && h->result->cls_err[egress]; i++)
		tc_detach(TAKE_PTR(h->tc[i][egress]));
}

static void work(void *context)
{
	struct held *h = context;
	const struct held_request *q = &h->request;

	/* A link lives as long as anybody has it open. */
	for (size_t i = 0; i < q->link_count; i++)
		close(q->links[i]);
	for (int egress = 0; egress < 2; egress++)
		if (q->cls_fd[egress] >= 0)
			attach_cls(h, egress);
	for (size_t i = 0; i < q->device_count && q->xdp; i++) {
		struct xdp_request request = { .ifname = q->devices[i].capture.name, .ifindex = q->devices[i].ifindex,
					       .mode = q->mode, .marks_fd = q->marks_fd, .frames_fd = q->frames_fd, .keep = q->keep, .filter = q->filter,
					       .raw = q->devices[i].raw };

		h->result->xdp_err[i] = xdp_attach(&h->xdp[i], &request, h->result->xdp_why[i], HELD_WHY_MAX);
	}
}

static void undo(void *context)
{
	struct held *h = context;

	for (size_t i = 0; i < h->request.device_count; i++) {
		xdp_detach(h->xdp[i]);
		for (int egress = 0; egress < 2; egress++)
			tc_detach(h->tc[i][egress]);
	}
}

static int result_map(struct held *h)
{
	void *at = mmap(NULL, sizeof(*h->result), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		return -errno;
	h->result = at;
	for (size_t i = 0; i < h->request.device_count; i++) {
		h->result->xdp_err[i] = -EOPNOTSUPP;
		snprintf(h->result->xdp_why[i], HELD_WHY_MAX, "left out by --stages or --without");
	}
	return 0;
}

CLEANUP_DEFINE(cleanup_held, struct held, held_stop);

int held_start(struct held **out, const struct held_request *request)
{
	_cleanup_(cleanup_held) struct held *h = calloc(1, sizeof(*h));
	int err;

	if (!h)
		return -ENOMEM;
	h->request = *request;
	err = result_map(h);
	err = err ?: guardian_start(&h->guardian, work, undo, h);
	if (err)
		return err;
	*out = TAKE_PTR(h);
	return 0;
}

const struct held_result *held_result(const struct held *h)
{
	return h->result;
}

void held_tell(const struct held *h, struct probes *probes)
{
	static const char *const cls_programs[] = { "sc_tc_rx", "sc_tc_tx" };
	const struct held_request *q = &h->request;
	bool forced = q->mode == XDP_MODE_NATIVE || q->mode == XDP_MODE_SKB, attached = false;

	for (size_t i = 0; i < q->device_count && q->xdp; i++) {
		attached |= !h->result->xdp_err[i];
		if (forced && !h->result->xdp_err[i])
			log_warn("%s", h->result->xdp_why[i]);
		else
			log_info(1, "%s", h->result->xdp_why[i]);
	}
	if (!attached && q->device_count)
		probes_refuse(probes, "sc_xdp", -1, h->result->xdp_why[0]);
	for (int egress = 0; egress < 2; egress++)
		if (h->result->cls_err[egress])
			probes_refuse(probes, cls_programs[egress], PROBE_CLS, h->result->cls_why[egress]);
}

const char *held_xdp_refused(const struct held *h)
{
	for (size_t i = 0; i < h->request.device_count && h->request.xdp; i++)
		if (h->result->xdp_err[i])
			return h->result->xdp_why[i];
	return NULL;
}

void held_stop(struct held *h)
{
	if (!h)
		return;
	guardian_dismiss(h->guardian);
	if (h->result)
		munmap(h->result, sizeof(*h->result));
	free(h);
}
