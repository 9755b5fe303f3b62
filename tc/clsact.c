/* SPDX-License-Identifier: GPL-2.0-only */
/* rtnetlink messages for clsact and cls_bpf. */
#include "tc/clsact.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <stddef.h>
#include <string.h>

#include "tracing/netlink.h"

#define NAME "stampcap"
#define NAME_CLSACT                                                                                \
	"stampcap+clsact" /* whoever removes the last such filter removes the clsact with it */
#define KERNEL_FIRST_PRIORITY                                                                      \
	0xC000 /* what the kernel gives the first filter of a device: tcf_auto_prio() */
#define HANDLE 1

static struct tcmsg filter_body(int ifindex, bool egress)
{
	return (struct tcmsg) {
		.tcm_family = AF_UNSPEC,
		.tcm_ifindex = ifindex,
		.tcm_parent = TC_H_MAKE(TC_H_CLSACT, egress ? TC_H_MIN_EGRESS : TC_H_MIN_INGRESS),
	};
}

static uint32_t filter_info(uint16_t priority)
{
	return TC_H_MAKE((uint32_t)priority << 16, htons(ETH_P_ALL));
}

struct look {
	struct clsact_view *view;
	int ifindex;
	uint8_t used[65536 / 8]; /* priorities */
};

static int qdisc_read(const struct nlmsghdr *h, void *context)
{
	struct look *look = context;
	const struct tcmsg *tc = netlink_body(h, sizeof(*tc));
	char kind[16];

	if (!tc || tc->tcm_ifindex != look->ifindex)
		return 0;
	netlink_get_string(netlink_attr(h, sizeof(*tc), TCA_KIND), kind, sizeof(kind));
	if (strcmp(kind, "clsact") == 0)
		look->view->clsact = true;
	if (strcmp(kind, "ingress") == 0)
		look->view->ingress_only = true;
	return 0;
}

static int filter_read(const struct nlmsghdr *h, void *context)
{
	struct look *look = context;
	const struct tcmsg *tc = netlink_body(h, sizeof(*tc));
	const struct rtattr *options = netlink_attr(h, sizeof(*tc), TCA_OPTIONS);
	uint16_t priority;
	char name[32];

	if (!tc || h->nlmsg_type != RTM_NEWTFILTER)
		return 0;
	priority = TC_H_MAJ(tc->tcm_info) >> 16;
	look->used[priority / 8] |= 1u << (priority % 8);
	look->view->filters++;
	netlink_get_string(netlink_attr_in(options, TCA_BPF_NAME), name, sizeof(name));
	if (strcmp(name, NAME_CLSACT) == 0)
		look->view->clsact_is_ours = true;
	return 0;
}

static void priorities_choose(struct look *look)
{
	struct clsact_view *v = look->view;
	unsigned int p;

	for (p = 1; p < 65536 && v->first_priority == 0; p++)
		if (look->used[p / 8] >> (p % 8) & 1)
			v->first_priority = p;
	if (v->first_priority == 0)
		v->free_priority = KERNEL_FIRST_PRIORITY;
	else if (v->first_priority > 1)
		v->free_priority = v->first_priority - 1;
	for (p = 1; p < 65536 && v->free_priority == 0; p++)
		if (!(look->used[p / 8] >> (p % 8) & 1))
			v->free_priority = p;
}

static int filters_dump(struct look *look, bool egress)
{
	struct tcmsg body = filter_body(look->ifindex, egress);
	struct netlink_request request;

	netlink_begin(&request, RTM_GETTFILTER, NLM_F_DUMP, &body, sizeof(body));
	return netlink_exchange(&request, filter_read, look);
}

int clsact_look(struct clsact_view *out, int ifindex, bool egress)
{
	struct look look = { .view = out, .ifindex = ifindex };
	struct tcmsg body = { .tcm_family = AF_UNSPEC, .tcm_ifindex = ifindex };
	struct clsact_view other = { 0 };
	struct look look_other = { .view = &other, .ifindex = ifindex };
	struct netlink_request request;
	int err;

	memset(out, 0, sizeof(*out));
	netlink_begin(&request, RTM_GETQDISC, NLM_F_DUMP, &body, sizeof(body));
	err = netlink_exchange(&request, qdisc_read, &look);
	if (err || !(out->clsact || (out->ingress_only && !egress))) {
		out->free_priority = KERNEL_FIRST_PRIORITY;
		return err;
	}
	err = filters_dump(&look, egress);
	if (!err)
		priorities_choose(&look);
	if (!err && out->clsact)
		err = filters_dump(&look_other, !egress);
	out->clsact_is_ours |= other.clsact_is_ours;
	out->filters += other.filters;
	return err;
}

static int clsact_change(int ifindex, uint16_t type, uint16_t flags)
{
	struct tcmsg body = {
		.tcm_family = AF_UNSPEC,
		.tcm_ifindex = ifindex,
		.tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0),
		.tcm_parent = TC_H_CLSACT,
	};
	struct netlink_request request;
	int err;

	netlink_begin(&request, type, flags, &body, sizeof(body));
	err = netlink_put_string(&request, TCA_KIND, "clsact");
	return err ? err : netlink_exchange(&request, NULL, NULL);
}

int clsact_create(int ifindex)
{
	return clsact_change(ifindex, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL);
}

int clsact_remove(int ifindex)
{
	return clsact_change(ifindex, RTM_DELQDISC, 0);
}

/* The kind, and the options that say which program and how. */
static int filter_options(struct netlink_request *r, int prog_fd, bool made_clsact)
{
	int err = netlink_put_string(r, TCA_KIND, "bpf");
	int nest = err ? err : netlink_nest_begin(r, TCA_OPTIONS);

	if (nest < 0)
		return nest;
	err = netlink_put_u32(r, TCA_BPF_FD, prog_fd);
	if (!err)
		err = netlink_put_string(r, TCA_BPF_NAME, made_clsact ? NAME_CLSACT : NAME);
	if (!err)
		err = netlink_put_u32(r, TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT);
	netlink_nest_end(r, nest);
	return err;
}

static int program_id_read(const struct nlmsghdr *h, void *context)
{
	const struct rtattr *options = netlink_attr(h, sizeof(struct tcmsg), TCA_OPTIONS);

	netlink_get_u32(netlink_attr_in(options, TCA_BPF_ID), context);
	return 0;
}

/* Asks for, or (RTM_DELTFILTER) removes exactly the filter f. */
static int filter_call(const struct clsact_filter *f, uint16_t type, netlink_message_fn message,
		       void *context)
{
	struct tcmsg body = filter_body(f->ifindex, f->egress);
	struct netlink_request request;
	int err;

	body.tcm_handle = f->handle;
	body.tcm_info = filter_info(f->priority);
	netlink_begin(&request, type, 0, &body, sizeof(body));
	err = netlink_put_string(&request, TCA_KIND, "bpf");
	return err ? err : netlink_exchange(&request, message, context);
}

int clsact_filter_add(struct clsact_filter *f, int prog_fd, bool made_clsact)
{
	struct tcmsg body = filter_body(f->ifindex, f->egress);
	struct netlink_request request;
	int err;

	f->handle = HANDLE;
	body.tcm_handle = f->handle;
	body.tcm_info = filter_info(f->priority);
	netlink_begin(&request, RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL, &body, sizeof(body));
	err = filter_options(&request, prog_fd, made_clsact);
	if (!err)
		err = netlink_exchange(&request, NULL, NULL);
	return err ? err : filter_call(f, RTM_GETTFILTER, program_id_read, &f->prog_id);
}

int clsact_filter_remove(const struct clsact_filter *f)
{
	uint32_t id = 0;
	int err = filter_call(f, RTM_GETTFILTER, program_id_read, &id);

	if (err)
		return err;
	if (id != f->prog_id)
		return -ENOENT;
	return filter_call(f, RTM_DELTFILTER, NULL, NULL);
}
