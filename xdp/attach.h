/* SPDX-License-Identifier: GPL-2.0-only */
/* XDP attachment: the only place that knows libxdp. Everything here acts in the caller's network namespace. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct injection;

enum xdp_mode { XDP_MODE_AUTO, XDP_MODE_NATIVE, XDP_MODE_SKB, XDP_MODE_OFF };

struct xdp_request {
	const char *ifname;
	int ifindex;
	enum xdp_mode mode;
	bool raw;     /* the device has no link-layer header */
	const struct injection *filter; /* code of the filter that the program asks; NULL: it decides nothing */
	bool keep;    /* where programs of others run behind ours, tell of frames that they let go no further; needs the filter, if there is one */
	int frames_fd; /* map of those frames */
	int marks_fd; /* map that the program writes its stamps to, shared with the tracing programs: see tracing/timeline.bpf.h */
};

struct xdp_attachment;

/*
 * Attaches the stamping program as `request` says. Returns 0 and *out; or a negative errno with *out untouched and the reason as one sentence in
 * `why` (what, on what device, what to try). AUTO attaches native XDP only where it changes no offload of the device or of a veth's peer:
 * it refuses a veth whose peer has TSO on or cannot be inspected, compares features before and after and retreats if any changed.
 * -EOPNOTSUPP: not offered here (a reason, not a failure). On success `why` says what was chosen, and for NATIVE and SKB names any
 * offload that changed. An XDP program of others is never replaced.
 */
int xdp_attach(struct xdp_attachment **out, const struct xdp_request *request, char *why, size_t why_size);

/* Detaches only our program; NULL is fine. */
void xdp_detach(struct xdp_attachment *a);
