/* SPDX-License-Identifier: GPL-2.0-only */
/* Order of the bytes of a TCP flow on the wire: which packets were sent before, and which arrive behind a hole. Fed in the order of the anchors. */
#pragma once

#include <stdint.h>

#include "user/pending.h"

struct flow_order;

int flow_order_new(struct flow_order **out);
void flow_order_free(struct flow_order *f); /* NULL is fine */

/* Sets PACKET_RETRANS (all of its bytes were seen before, or sent again) and PACKET_HOL (received while earlier bytes are missing) on n->p. 0 or -ENOMEM. */
int flow_order_mark(struct flow_order *f, struct pending *n);
