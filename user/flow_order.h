/* SPDX-License-Identifier: GPL-2.0-only */
/* Order of the bytes of a TCP flow on the wire: which packets were sent before, and which arrive behind a hole. Fed in the order of the anchors. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "user/pending.h"

struct flow_order;

/* `filtered`: packets are missing because nobody wanted them, so a hole in what was seen says nothing, and PACKET_HOL is never set. */
int flow_order_new(struct flow_order **out, bool filtered);
void flow_order_free(struct flow_order *f); /* NULL is fine */

/*
 * Sets on n->p PACKET_RETRANS (all of its bytes, or its SYN or FIN, passed the device before, whatever became of them) and PACKET_HOL (received while earlier bytes have not
 * reached TCP), and with the former n->p.first_id, as long as the first packet is not too far back; and n->copy. 0 or -ENOMEM.
 */
int flow_order_mark(struct flow_order *f, struct pending *n);
