/* SPDX-License-Identifier: GPL-2.0-only */
/* The text of a sample's expression: see sample.h. */
#include "user/sample.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/text.h"

#define EXPRESSION_BYTES 4096 /* of ours; what the user's takes comes on top */

/* Sums, for they are the same the other way round. */
#define SUM4 "ip[12:4] + ip[16:4]"
#define SUM6 "ip6[8:4] + ip6[12:4] + ip6[16:4] + ip6[20:4] + ip6[24:4] + ip6[28:4] + ip6[32:4] + ip6[36:4]"
#define WHOLE4 "ip[6:2] & 0x3fff = 0"

/* Knuth's multiplicative hash (TAOCP 3, 6.4): the upper bits are the mixed ones. */
static void add_flows(struct text *t, uint32_t n, const char *which, const char *sum)
{
	text_add(t, "(%s and ((%s) * 2654435761 >> 16) * %u < 65536)", which, sum, n);
}

static void add_sample(struct text *t, uint32_t n)
{
	add_flows(t, n, "ip proto 6 and " WHOLE4, SUM4 " + tcp[0:2] + tcp[2:2]");
	text_add(t, " or ");
	add_flows(t, n, "ip proto 17 and " WHOLE4, SUM4 " + udp[0:2] + udp[2:2]");
	text_add(t, " or ");
	add_flows(t, n, "ip and not ((ip proto 6 or ip proto 17) and " WHOLE4 ")", SUM4);
	text_add(t, " or ");
	add_flows(t, n, "ip6 and (ip6[6] = 6 or ip6[6] = 17)", SUM6 " + ip6[40:2] + ip6[42:2]");
	text_add(t, " or ");
	add_flows(t, n, "ip6 and not (ip6[6] = 6 or ip6[6] = 17)", SUM6);
}

int sample_expression(char **out, uint32_t n, const char *expression)
{
	size_t size = EXPRESSION_BYTES + (expression ? strlen(expression) : 0);
	char *buf = malloc(size);
	struct text t;

	if (!buf)
		return -ENOMEM;
	text_init(&t, buf, size);
	if (expression)
		text_add(&t, "(");
	add_sample(&t, n);
	/* Behind: `vlan`, even under `not`, moves on what is looked at by all that follows it. */
	if (expression)
		text_add(&t, ") and (%s)", expression);
	*out = buf;
	return 0;
}
