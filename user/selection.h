/* SPDX-License-Identifier: GPL-2.0-only */
/* Which packets go to the output, of those whose story is known: `--slower-than` and `--rate`. The filter has decided before which are recorded at all. */
#pragma once

#include "user/account.h"
#include "user/packet.h"

/* Zero but for what was asked for. */
struct selection {
	uint64_t slower_ns; /* complete packets whose stamps lie that far apart, and all partial ones; 0: all */
	uint64_t per_s;	    /* packets a second in the long run, by their own time, a tenth of it at once; 0: all */
	uint64_t due_ns;    /* state: when the next packet would come if they came evenly */
};

/* Why p does not go to the output; ACCOUNT_UNWRITTEN_COUNT: it does. Packets come in the order of their time. */
enum account_unwritten selection_of(struct selection *s, const struct packet *p);
