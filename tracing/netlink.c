/* SPDX-License-Identifier: GPL-2.0-only */
/* rtnetlink requests and answers, with every length checked. */
#include "tracing/netlink.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tracing/cleanup.h"

#define ANSWER_BYTES 65536 /* an RTM_NEWLINK with all its attributes stays far below */

void netlink_begin(struct netlink_request *r, uint16_t type, uint16_t flags, const void *body,
		   size_t body_size)
{
	assert(NLMSG_SPACE(body_size) <= sizeof(r->bytes));
	memset(r, 0, sizeof(*r));
	r->header.nlmsg_len = NLMSG_SPACE(body_size);
	r->header.nlmsg_type = type;
	r->header.nlmsg_flags = NLM_F_REQUEST | flags;
	r->header.nlmsg_seq = 1;
	memcpy(NLMSG_DATA(&r->header), body, body_size);
}

int netlink_put(struct netlink_request *r, uint16_t type, const void *data, size_t size)
{
	struct rtattr *a = (struct rtattr *)(r->bytes + r->header.nlmsg_len);

	if (r->header.nlmsg_len + RTA_SPACE(size) > sizeof(r->bytes))
		return -EMSGSIZE;
	a->rta_type = type;
	a->rta_len = RTA_LENGTH(size);
	if (size > 0)
		memcpy(RTA_DATA(a), data, size);
	r->header.nlmsg_len += RTA_SPACE(size);
	return 0;
}

int netlink_put_u32(struct netlink_request *r, uint16_t type, uint32_t value)
{
	return netlink_put(r, type, &value, sizeof(value));
}

int netlink_put_string(struct netlink_request *r, uint16_t type, const char *text)
{
	return netlink_put(r, type, text, strlen(text) + 1);
}

int netlink_nest_begin(struct netlink_request *r, uint16_t type)
{
	int nest = (int)r->header.nlmsg_len;
	int err = netlink_put(r, type, NULL, 0);

	return err ? err : nest;
}

void netlink_nest_end(struct netlink_request *r, int nest)
{
	struct rtattr *a = (struct rtattr *)(r->bytes + nest);

	a->rta_len = r->header.nlmsg_len - nest;
}

/* One answer: 0 to go on, 1 at the end, or a negative errno. */
static int answer_handle(const struct nlmsghdr *h, netlink_message_fn message, void *context)
{
	const struct nlmsgerr *e;

	if (h->nlmsg_type == NLMSG_DONE)
		return 1;
	if (h->nlmsg_type == NLMSG_ERROR) {
		e = netlink_body(h, sizeof(*e));
		if (!e)
			return -EBADMSG;
		return e->error < 0 ? e->error : 1;
	}
	return message ? message(h, context) : 0;
}

static int answers_read(int fd, netlink_message_fn message, void *context)
{
	_cleanup_free_ char *buf = malloc(ANSWER_BYTES);
	const struct nlmsghdr *h;
	size_t left;
	ssize_t got;
	int ret = 0;

	if (!buf)
		return -ENOMEM;
	while (ret == 0) {
		got = recv(fd, buf, ANSWER_BYTES, MSG_TRUNC);
		if (got < 0)
			return -errno;
		if (got > ANSWER_BYTES)
			return -EMSGSIZE;
		left = (size_t)got;
		for (h = (const struct nlmsghdr *)buf; ret == 0 && NLMSG_OK(h, left);
		     h = NLMSG_NEXT(h, left))
			ret = answer_handle(h, message, context);
	}
	return ret < 0 ? ret : 0;
}

int netlink_exchange(struct netlink_request *r, netlink_message_fn message, void *context)
{
	struct timeval patience = { .tv_sec = 5 };
	_cleanup_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0)
		return -errno;
	/* NLM_F_DUMP shares its bits with NLM_F_EXCL and NLM_F_REPLACE. */
	if ((r->header.nlmsg_flags & NLM_F_DUMP) != NLM_F_DUMP)
		r->header.nlmsg_flags |= NLM_F_ACK;
	if (send(fd, r->bytes, r->header.nlmsg_len, 0) < 0)
		return -errno;
	return answers_read(fd, message, context);
}

static const struct rtattr *attr_find(const struct rtattr *a, size_t left, uint16_t type)
{
	while (RTA_OK(a, left) && (a->rta_type & NLA_TYPE_MASK) != type)
		a = RTA_NEXT(a, left);
	return RTA_OK(a, left) ? a : NULL;
}

const struct rtattr *netlink_attr(const struct nlmsghdr *h, size_t body_size, uint16_t type)
{
	const char *data = NLMSG_DATA(h);

	if (h->nlmsg_len < NLMSG_SPACE(body_size))
		return NULL;
	return attr_find((const struct rtattr *)(data + NLMSG_ALIGN(body_size)),
			 h->nlmsg_len - NLMSG_SPACE(body_size), type);
}

const struct rtattr *netlink_attr_in(const struct rtattr *nest, uint16_t type)
{
	return nest ? attr_find(RTA_DATA(nest), RTA_PAYLOAD(nest), type) : NULL;
}

bool netlink_get_u32(const struct rtattr *a, uint32_t *value)
{
	if (!a || RTA_PAYLOAD(a) < sizeof(*value))
		return false;
	memcpy(value, RTA_DATA(a), sizeof(*value));
	return true;
}

void netlink_get_string(const struct rtattr *a, char *buf, size_t size)
{
	size_t len = a ? RTA_PAYLOAD(a) : 0;

	assert(size > 0);
	len = len < size ? len : size - 1;
	if (len > 0)
		memcpy(buf, RTA_DATA(a), len);
	buf[len] = '\0';
}

const void *netlink_body(const struct nlmsghdr *h, size_t body_size)
{
	return h->nlmsg_len >= NLMSG_LENGTH(body_size) ? NLMSG_DATA(h) : NULL;
}
