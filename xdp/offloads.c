/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Compares offloads before and after an attachment, and knows the drivers' habits that no
 * comparison shows in time.
 */
#include "xdp/offloads.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tracing/cleanup.h"

/*
 * NETIF_F_GSO_SOFTWARE: veth_fix_features() takes these from the peer of a veth with native XDP.
 * Names a kernel does not know are never on; a new one that is missing here is found by the
 * comparison afterwards. `option` is what `ethtool -K` calls it.
 */
static const struct {
	const char *feature;
	const char *option;
} veth_peer_loses[] = {
	{ "tx-tcp-segmentation", "tso" },
	{ "tx-tcp-ecn-segmentation", "tso" },
	{ "tx-tcp-mangleid-segmentation", "tso" },
	{ "tx-tcp6-segmentation", "tso" },
	{ "tx-tcp-accecn-segmentation", "tso" },
	{ "tx-sctp-segmentation", "tx-sctp-segmentation" },
	{ "tx-udp-segmentation", "tx-udp-segmentation" },
	{ "tx-gso-list", "tx-gso-list" },
};

/*
 * Merging in hardware cannot go on under native XDP, and some drivers (virtio_net) stop it without
 * taking the feature back.
 */
static const char *const merging_in_hardware[] = { "rx-lro", "rx-gro-hw" };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Text that grows to `size` and is then cut. */
struct text {
	char *buf;
	size_t size;
	size_t len;
};

static void __attribute__((format(printf, 2, 3))) text_add(struct text *t, const char *fmt, ...)
{
	va_list args;
	int n;

	if (t->len + 1 >= t->size)
		return;
	va_start(args, fmt);
	n = vsnprintf(t->buf + t->len, t->size - t->len, fmt, args);
	va_end(args);
	if (n > 0)
		t->len += (size_t)n;
}

/* Adds those of `names` that are on and returns how many. */
static size_t features_on(const struct feature_set *f, const char *const *names, size_t count,
			  struct text *t)
{
	size_t found = 0, i;

	for (i = 0; i < count; i++)
		if (feature_named(f, names[i]))
			text_add(t, "%s%s", found++ ? " " : "", names[i]);
	return found;
}

void offloads_free(struct offloads *o)
{
	if (!o)
		return;
	cleanup_close(&o->sock);
	veth_peer_close(&o->peer);
	free(o);
}

CLEANUP_DEFINE(offloads_cleanup, struct offloads, offloads_free);

int offloads_new(struct offloads **out, const char *ifname, int ifindex)
{
	_cleanup_(offloads_cleanup) struct offloads *o = calloc(1, sizeof(*o));
	int err;

	if (!o)
		return -ENOMEM;
	o->ifname = ifname;
	o->peer.sock = -1;
	o->sock = ethtool_open();
	if (o->sock < 0)
		return o->sock;
	err = ethtool_features(o->sock, ifname, &o->device_before);
	if (err)
		return err;
	o->peer_err = veth_peer_open(&o->peer, ifindex);
	if (!o->peer_err)
		o->peer_err = ethtool_features(o->peer.sock, o->peer.ifname, &o->peer_before);
	*out = TAKE_PTR(o);
	return 0;
}

/*
 * Writes "tso off tx-gso-list off": what `ethtool -K` has to be told for the peer to have nothing
 * left to lose. How many.
 */
static size_t peer_options(const struct offloads *o, struct text *t)
{
	const char *last = "";
	size_t found = 0, i;

	for (i = 0; i < COUNT(veth_peer_loses); i++) {
		if (!feature_named(&o->peer_before, veth_peer_loses[i].feature) ||
		    strcmp(last, veth_peer_loses[i].option) == 0)
			continue;
		last = veth_peer_loses[i].option;
		text_add(t, "%s%s off", found++ ? " " : "", last);
	}
	return found;
}

static int refuse_peer(const struct offloads *o, char *why, size_t why_size)
{
	char options[128] = "";
	struct text t = { options, sizeof(options), 0 };

	if (o->peer_err) {
		snprintf(
			why, why_size,
			"native XDP could turn offloads of the peer of veth %s off, and the peer cannot be inspected (%s); --xdp native attaches all the same",
			o->ifname, strerror(-o->peer_err));
		return -EOPNOTSUPP;
	}
	if (!peer_options(o, &t))
		return 0;
	snprintf(
		why, why_size,
		"native XDP on veth %s would turn offloads of its peer %s off; try `ethtool -K %s %s` where the peer is, or --xdp native",
		o->ifname, o->peer.ifname, o->peer.ifname, options);
	return -EOPNOTSUPP;
}

int offloads_refuse(const struct offloads *o, char *why, size_t why_size)
{
	char names[64] = "";
	struct text t = { names, sizeof(names), 0 };

	if (features_on(&o->device_before, merging_in_hardware, COUNT(merging_in_hardware), &t)) {
		snprintf(
			why, why_size,
			"native XDP would stop %s merging packets (%s); --xdp native attaches all the same",
			o->ifname, names);
		return -EOPNOTSUPP;
	}
	return o->peer_err == -ENODEV ? 0 : refuse_peer(o, why, why_size);
}

void offloads_unseen(const struct offloads *o, bool native, char *text, size_t size)
{
	/* netif_elide_gro(): a device with a generic program is not merged for. */
	static const char *const merging_in_software[] = { "rx-gro" };
	struct text t = { text, size, 0 };
	size_t found;

	snprintf(text, size, "%s", "");
	if (native)
		found = features_on(&o->device_before, merging_in_hardware,
				    COUNT(merging_in_hardware), &t);
	else
		found = features_on(&o->device_before, merging_in_software,
				    COUNT(merging_in_software), &t);
	if (found)
		text_add(&t, " on %s without effect", o->ifname);
}

/*
 * Adds "off on veth1 (peer): tx-a tx-b" of the features that now are `active` and were not. How
 * many.
 */
static int turned(const struct feature_set *before, const struct feature_set *now, bool active,
		  const char *where, struct text *t)
{
	int found = 0;
	size_t i;

	for (i = 0; i < now->count; i++) {
		if (feature_active(now, i) != active || feature_active(before, i) == active)
			continue;
		if (found++ == 0)
			text_add(t, "%s%s on %s:", t->len ? "; " : "", active ? "on" : "off",
				 where);
		text_add(t, " %s", now->name[i]);
	}
	return found;
}

static int compare(const struct feature_set *before, int sock, const char *ifname, const char *role,
		   struct text *t)
{
	_cleanup_free_ struct feature_set *now = malloc(sizeof(*now));
	int err = now ? ethtool_features(sock, ifname, now) : -ENOMEM;
	char where[IFNAMSIZ + 16];
	int changed;

	if (err)
		return err;
	snprintf(where, sizeof(where), "%s%s", ifname, role);
	changed = turned(before, now, false, where, t);
	return changed + turned(before, now, true, where, t);
}

int offloads_changed(const struct offloads *o, char *text, size_t size)
{
	struct text t = { text, size, 0 };
	int device, peer = 0;

	snprintf(text, size, "%s", "");
	device = compare(&o->device_before, o->sock, o->ifname, "", &t);
	if (device < 0)
		return device;
	if (!o->peer_err)
		peer = compare(&o->peer_before, o->peer.sock, o->peer.ifname, " (peer)", &t);
	return peer < 0 ? peer : device + peer;
}
