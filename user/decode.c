// SPDX-License-Identifier: GPL-2.0-only
/* Record validation: see decode.h. */
#include "user/decode.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

static bool stamps_in_order(const struct sc_packet *p)
{
	uint64_t before = 0;

	for (int stage = 0; stage < SC_STAGE_COUNT; stage++) {
		if (!(p->stages & SC_BIT(stage)))
			continue;
		if (p->stamp_ns[stage] < before)
			return false;
		before = p->stamp_ns[stage];
	}
	return true;
}

static bool packet_valid(const struct sc_packet *p, size_t size)
{
	/* Only a received packet goes on into the other direction. */
	uint32_t allowed = p->dir == SC_DIR_RX ? SC_BIT(SC_STAGE_COUNT) - 1 : (SC_BIT(SC_STAGE_COUNT) - 1) & ~(SC_BIT(SC_TX_FIRST) - 1);

	return p->id && (p->dir == SC_DIR_RX || p->dir == SC_DIR_TX) && p->end < SC_END_COUNT && !(p->stages & ~allowed) &&
	       p->cap_len_bytes == size - sizeof(*p) && p->cap_len_bytes <= p->wire_len_bytes &&
	       (p->last_stage <= SC_STAGE_COUNT) && memchr(p->comm, '\0', sizeof(p->comm)) && stamps_in_order(p);
}

int decode(struct decoded *out, const void *data, size_t size)
{
	const struct sc_call *call = data;

	*out = (struct decoded){};
	if (size < 2 * sizeof(uint32_t) || call->size_bytes > size)
		return -EBADMSG;
	size = call->size_bytes; /* rings round up */
	out->type = call->type;
	switch (call->type) {
	case SC_REC_PACKET:
		if (size < sizeof(struct sc_packet) || !packet_valid(data, size))
			return -EBADMSG;
		out->packet = data;
		out->bytes = (const uint8_t *)data + sizeof(struct sc_packet);
		return 0;
	case SC_REC_READ:
	case SC_REC_WRITE:
	case SC_REC_SOCKET:
	case SC_REC_ALSO:
	case SC_REC_DROPPED:
		if (size != sizeof(*call) || !memchr(call->comm, '\0', sizeof(call->comm)))
			return -EBADMSG;
		out->call = call;
		return 0;
	}
	return -EBADMSG;
}
