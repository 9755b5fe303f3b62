/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Devices and namespaces by rtnetlink and ethtool, which answer for the namespace we are in; sysfs
 * answers for that of its mount.
 */
#include "user/net.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "tracing/ethtool.h"
#include "tracing/netlink.h"
#include "user/cleanup.h"
#include "user/net_irq.h"

#ifndef ARPHRD_RAWIP
#define ARPHRD_RAWIP 519 /* Linux 4.19; not in glibc's header */
#endif

#define LINKTYPE_ETHERNET 1
#define LINKTYPE_RAW	  101
#define MAX_STACKINGS	  4096 /* pairs of stacked devices of a namespace */

struct link {
	uint16_t arphrd;
	char kind[16];
	char parent[64];
	char bus[32];
};

static bool all_digits(const char *s)
{
	return *s && s[strspn(s, "0123456789")] == '\0';
}

/* Decimal number of at most INT_MAX, else 0. */
static int positive_parse(const char *s)
{
	unsigned long value;

	if (!all_digits(s))
		return 0;
	errno = 0;
	value = strtoul(s, NULL, 10);
	return errno || value > INT_MAX ? 0 : (int)value;
}

static int device_find(const char *name_or_index, struct net_device_info *out)
{
	char name[IFNAMSIZ];

	out->ifindex = (int)if_nametoindex(name_or_index);
	if (out->ifindex == 0)
		out->ifindex = positive_parse(name_or_index);
	if (out->ifindex == 0 || !if_indextoname((unsigned int)out->ifindex, name))
		return -ENODEV;
	snprintf(out->capture.name, sizeof(out->capture.name), "%s", name);
	return 0;
}

struct link_context {
	struct net_device_info *info;
	struct link *link;
};

static int link_read(const struct nlmsghdr *h, void *context)
{
	struct link_context *c = context;
	const struct ifinfomsg *body = netlink_body(h, sizeof(*body));
	const struct rtattr *mac = netlink_attr(h, sizeof(*body), IFLA_ADDRESS);

	if (!body)
		return -EBADMSG;
	c->link->arphrd = body->ifi_type;
	if (mac && RTA_PAYLOAD(mac) == sizeof(c->info->capture.mac))
		memcpy(c->info->capture.mac, RTA_DATA(mac), sizeof(c->info->capture.mac));
	netlink_get_string(netlink_attr_in(netlink_attr(h, sizeof(*body), IFLA_LINKINFO),
					   IFLA_INFO_KIND),
			   c->link->kind, sizeof(c->link->kind));
	netlink_get_string(netlink_attr(h, sizeof(*body), IFLA_PARENT_DEV_NAME), c->link->parent,
			   sizeof(c->link->parent));
	netlink_get_string(netlink_attr(h, sizeof(*body), IFLA_PARENT_DEV_BUS_NAME), c->link->bus,
			   sizeof(c->link->bus));
	return 0;
}

static int link_query(struct net_device_info *info, struct link *link)
{
	struct link_context context = { info, link };
	struct ifinfomsg body = { .ifi_index = info->ifindex };
	struct netlink_request request;

	memset(link, 0, sizeof(*link));
	netlink_begin(&request, RTM_GETLINK, 0, &body, sizeof(body));
	return netlink_exchange(&request, link_read, &context);
}

static int link_type(const struct link *link, struct net_device_info *out)
{
	switch (link->arphrd) {
	case ARPHRD_ETHER:
	case ARPHRD_LOOPBACK:
		out->raw = false;
		out->capture.link_type = LINKTYPE_ETHERNET;
		return 0;
	case ARPHRD_NONE:
	case ARPHRD_PPP:
	case ARPHRD_TUNNEL:
	case ARPHRD_TUNNEL6:
	case ARPHRD_SIT:
	case ARPHRD_IPGRE:
	case ARPHRD_RAWIP:
		out->raw = true;
		out->capture.link_type = LINKTYPE_RAW;
		return 0;
	default:
		return -EPROTONOSUPPORT;
	}
}

/* Kernels before 5.15 do not name the parent; a PCI driver's answer to ethtool does. */
static void parent_guess(const struct ethtool_drvinfo *driver, struct link *link)
{
	unsigned int domain, bus, slot, function;

	if (link->parent[0] ||
	    sscanf(driver->bus_info, "%x:%x:%x.%x", &domain, &bus, &slot, &function) != 4)
		return;
	snprintf(link->parent, sizeof(link->parent), "%s", driver->bus_info);
	snprintf(link->bus, sizeof(link->bus), "pci");
}

static void description_write(const struct link *link, const struct ethtool_drvinfo *driver,
			      struct capture_interface *out)
{
	const char *name = driver->driver[0] ? driver->driver : link->kind;
	const char *place = link->parent;

	/*
	 * virtio names its PCI place there, others repeat the parent or have only software to name.
	 */
	if (link->parent[0] && driver->bus_info[0])
		place = driver->bus_info;
	if (!name[0])
		name = link->arphrd == ARPHRD_LOOPBACK ? "loopback" : "unknown driver";
	snprintf(out->description, sizeof(out->description), "%s%s%s", name, place[0] ? " " : "",
		 place);
}

static int driver_query(struct net_device_info *out, struct link *link)
{
	_cleanup_close_ int sock = ethtool_open();
	struct ethtool_drvinfo driver;
	struct feature_set features;

	if (sock < 0)
		return sock;
	/* Neither answer is owed: a device may have no ethtool at all. */
	ethtool_driver(sock, out->capture.name, &driver);
	ethtool_speed(sock, out->capture.name, &out->capture.speed_bps);
	parent_guess(&driver, link);
	out->inserts_tags = ethtool_features(sock, out->capture.name, &features) || feature_named(&features, "tx-vlan-hw-insert");
	out->physical = link->parent[0] != '\0';
	description_write(link, &driver, &out->capture);
	return 0;
}

/* Who is stacked on whom: `upper` on `lower`. */
struct stacking {
	int lower;
	int upper;
};

struct stackings {
	struct stacking pair[MAX_STACKINGS];
	size_t count;
};

static void stacking_add(struct stackings *s, int lower, int upper)
{
	if (s->count < MAX_STACKINGS && lower > 0 && lower != upper)
		s->pair[s->count++] = (struct stacking) { lower, upper };
}

/*
 * The device of this namespace that the one of message `h` sits on: VLAN, macvlan, tunnel. For a
 * pair IFLA_LINK is the other end: none.
 */
static int lower_of(const struct nlmsghdr *h)
{
	size_t body = sizeof(struct ifinfomsg);
	const struct rtattr *info = netlink_attr(h, body, IFLA_LINKINFO);
	const struct rtattr *link = netlink_attr(h, body, IFLA_LINK);
	uint32_t lower;
	char kind[16];

	netlink_get_string(netlink_attr_in(info, IFLA_INFO_KIND), kind, sizeof(kind));
	if (strcmp(kind, "veth") == 0 || strcmp(kind, "netkit") == 0 ||
	    netlink_attr(h, body, IFLA_LINK_NETNSID))
		return 0;
	if (strcmp(kind, "vxlan") == 0)
		link = netlink_attr_in(netlink_attr_in(info, IFLA_INFO_DATA), IFLA_VXLAN_LINK);
	return netlink_get_u32(link, &lower) ? (int)lower : 0;
}

static int stacking_read(const struct nlmsghdr *h, void *context)
{
	const struct ifinfomsg *body = netlink_body(h, sizeof(*body));
	uint32_t master;

	if (!body || h->nlmsg_type != RTM_NEWLINK)
		return 0;
	/* A bridge or bond: we are its port. */
	if (netlink_get_u32(netlink_attr(h, sizeof(*body), IFLA_MASTER), &master))
		stacking_add(context, body->ifi_index, (int)master);
	stacking_add(context, lower_of(h), body->ifi_index);
	return 0;
}

/* Adds `upper` unless it is known; true if it was new. */
static bool upper_add(struct net_device_info *out, int upper)
{
	size_t i;

	if (upper == out->ifindex || out->upper_count == NET_MAX_UPPERS)
		return false;
	for (i = 0; i < out->upper_count; i++)
		if (out->uppers[i] == upper)
			return false;
	out->uppers[out->upper_count++] = upper;
	return true;
}

static void uppers_of(struct net_device_info *out, const struct stackings *s, int lower)
{
	size_t i;

	for (i = 0; i < s->count; i++)
		if (s->pair[i].lower == lower)
			upper_add(out, s->pair[i].upper);
}

static int uppers_query(struct net_device_info *out)
{
	_cleanup_free_ struct stackings *s = calloc(1, sizeof(*s));
	struct ifinfomsg body = { 0 };
	struct netlink_request request;
	size_t next;
	int err;

	if (!s)
		return -ENOMEM;
	netlink_begin(&request, RTM_GETLINK, NLM_F_DUMP, &body, sizeof(body));
	err = netlink_exchange(&request, stacking_read, s);
	if (err)
		return err;
	uppers_of(out, s, out->ifindex);
	for (next = 0; next < out->upper_count; next++)
		uppers_of(out, s, out->uppers[next]);
	return 0;
}

int net_device_query(const char *name_or_index, struct net_device_info *out)
{
	struct net_irq_device irq_device;
	struct link link;
	int err;

	assert(name_or_index && out);
	memset(out, 0, sizeof(*out));
	err = device_find(name_or_index, out);
	if (!err)
		err = link_query(out, &link);
	if (!err)
		err = link_type(&link, out);
	if (!err)
		err = driver_query(out, &link);
	if (!err)
		err = uppers_query(out);
	if (err)
		return err;
	irq_device =
		(struct net_irq_device) { out->capture.name, out->ifindex, link.bus, link.parent };
	out->irq_count = net_irq_find(&irq_device, out->irqs, NET_MAX_IRQS);
	out->irq_count = net_irq_sort("/proc/interrupts", out->irqs, out->irq_queues, out->irq_count);
	return 0;
}

int net_device_names(char *buf, size_t size)
{
	struct if_nameindex *all = if_nameindex();
	const struct if_nameindex *one;
	size_t len = 0;

	if (!all)
		return -errno;
	snprintf(buf, size, "%s", "");
	for (one = all; one->if_index && len + 1 < size; one++)
		len += (size_t)snprintf(buf + len, size - len, "%s%s", len ? ", " : "",
					one->if_name);
	if_freenameindex(all);
	return 0;
}

/* Opens the first of the meanings of `name` that exists. */
static int namespace_open(const char *name)
{
	char path[PATH_MAX];
	int fd, err;

	if (strchr(name, '/')) {
		fd = open(name, O_RDONLY | O_CLOEXEC);
		return fd < 0 ? -errno : fd;
	}
	snprintf(path, sizeof(path), "/run/netns/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	err = errno;
	if (fd >= 0)
		return fd;
	if (!positive_parse(name))
		return -err;
	snprintf(path, sizeof(path), "/proc/%d/ns/net", positive_parse(name));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int net_namespace_enter(const char *name_or_pid, int *old_fd)
{
	_cleanup_close_ int old = -1;
	_cleanup_close_ int fd = namespace_open(name_or_pid);

	if (fd < 0)
		return fd;
	if (old_fd) {
		old = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
		if (old < 0)
			return -errno;
	}
	if (setns(fd, CLONE_NEWNET) < 0)
		return -errno;
	if (old_fd)
		*old_fd = TAKE_FD(old);
	return 0;
}

int net_namespace_inum(uint32_t *inum)
{
	struct stat st;

	if (stat("/proc/thread-self/ns/net", &st) < 0)
		return -errno;
	*inum = (uint32_t)st.st_ino;
	return 0;
}
