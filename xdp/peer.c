/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Finds a veth's peer: the kernel tells its index and a number for its namespace, which is compared
 * with every namespace in reach.
 */
#include "xdp/peer.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <linux/net_namespace.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>

#include "tracing/cleanup.h"
#include "tracing/ethtool.h"
#include "tracing/netlink.h"

struct link_answer {
	char kind[16];
	uint32_t link;
	uint32_t link_netnsid;
	bool has_link;
	bool elsewhere; /* link_netnsid is valid: not in this namespace */
};

static int link_read(const struct nlmsghdr *h, void *context)
{
	struct link_answer *answer = context;
	size_t body = sizeof(struct ifinfomsg);
	const struct rtattr *info = netlink_attr(h, body, IFLA_LINKINFO);

	netlink_get_string(netlink_attr_in(info, IFLA_INFO_KIND), answer->kind,
			   sizeof(answer->kind));
	answer->has_link = netlink_get_u32(netlink_attr(h, body, IFLA_LINK), &answer->link);
	answer->elsewhere =
		netlink_get_u32(netlink_attr(h, body, IFLA_LINK_NETNSID), &answer->link_netnsid);
	return 0;
}

static int link_query(int ifindex, struct link_answer *answer)
{
	struct ifinfomsg body = { .ifi_index = ifindex };
	struct netlink_request request;

	netlink_begin(&request, RTM_GETLINK, 0, &body, sizeof(body));
	return netlink_exchange(&request, link_read, answer);
}

static int nsid_read(const struct nlmsghdr *h, void *context)
{
	netlink_get_u32(netlink_attr(h, sizeof(struct rtgenmsg), NETNSA_NSID), context);
	return 0;
}

/* Does the namespace ns_fd have the number `nsid` here? */
static bool namespace_matches(int ns_fd, uint32_t nsid)
{
	uint32_t found = (uint32_t)NETNSA_NSID_NOT_ASSIGNED;
	struct rtgenmsg body = { 0 };
	struct netlink_request request;

	netlink_begin(&request, RTM_GETNSID, 0, &body, sizeof(body));
	if (netlink_put_u32(&request, NETNSA_FD, ns_fd))
		return false;
	return netlink_exchange(&request, nsid_read, &found) == 0 && found == nsid;
}

/* Descriptor of the namespace with number `nsid`, or -ENOENT. */
static int namespace_find(uint32_t nsid)
{
	static const char *const places[] = { "/run/netns/*", "/proc/[0-9]*/ns/net" };
	glob_t paths;
	size_t place, i;
	int found = -ENOENT;

	for (place = 0; found < 0 && place < sizeof(places) / sizeof(places[0]); place++) {
		if (glob(places[place], GLOB_NOSORT, NULL, &paths))
			continue;
		for (i = 0; found < 0 && i < paths.gl_pathc; i++) {
			_cleanup_close_ int fd = open(paths.gl_pathv[i], O_RDONLY | O_CLOEXEC);

			if (fd >= 0 && namespace_matches(fd, nsid))
				found = TAKE_FD(fd);
		}
		globfree(&paths);
	}
	return found;
}

/* An ethtool socket made inside the namespace ns_fd. */
static int socket_inside(int ns_fd)
{
	_cleanup_close_ int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	_cleanup_close_ int sock = -1;

	if (home < 0)
		return -errno;
	if (setns(ns_fd, CLONE_NEWNET) < 0)
		return -errno;
	sock = ethtool_open();
	if (setns(home, CLONE_NEWNET) < 0)
		return -errno;
	return TAKE_FD(sock);
}

int veth_peer_open(struct veth_peer *out, int ifindex)
{
	struct link_answer answer = { 0 };
	_cleanup_close_ int ns = -1;
	int err = link_query(ifindex, &answer);

	*out = (struct veth_peer) { .sock = -1 };
	if (err)
		return err;
	if (strcmp(answer.kind, "veth") != 0)
		return -ENODEV;
	if (!answer.has_link)
		return -ENOENT;
	if (answer.elsewhere) {
		ns = namespace_find(answer.link_netnsid);
		if (ns < 0)
			return ns;
	}
	out->sock = answer.elsewhere ? socket_inside(ns) : ethtool_open();
	if (out->sock < 0)
		return out->sock;
	out->ifindex = (int)answer.link;
	err = ethtool_ifname(out->sock, out->ifindex, out->ifname);
	if (err)
		veth_peer_close(out);
	return err;
}

void veth_peer_close(struct veth_peer *p)
{
	cleanup_close(&p->sock);
	p->sock = -1;
}
