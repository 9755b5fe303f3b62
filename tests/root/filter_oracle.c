/* SPDX-License-Identifier: GPL-2.0-only */
/* libpcap's evaluator as the oracle of the filter tests: filter_oracle.h. */
#include "tests/root/filter_oracle.h"

#include <linux/if_packet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/libpcap.h"
#include "tests/root/root_lab.h"

#define TAG_BYTES 4

/* ---- frames as a hook shows them */

static uint32_t get16(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 8 | bytes[1];
}

static bool has_tag(const struct frame *f, uint32_t at)
{
	uint32_t type = f->size >= at + 2 + TAG_BYTES ? get16(f->bytes + at) : 0;

	return type == 0x8100 || type == 0x88a8;
}

void views_make(struct views *v, const struct frame *f)
{
	uint32_t type_at = 12;
	uint8_t *bytes;

	*v = (struct views){ .frame = *f, .received = { .bytes = f->bytes, .size = f->size, .len = f->size, .packet_type = PACKET_HOST } };
	while (has_tag(f, type_at))
		type_at += TAG_BYTES;
	if (f->size >= type_at + 2 + FRAME_MIN_BYTES) {
		v->ip = f->bytes + type_at + 2;
		v->ip_size = f->size - type_at - 2;
	}
	if (!has_tag(f, 12))
		return;
	bytes = malloc(f->size - TAG_BYTES);
	assert_non_null(bytes);
	memcpy(bytes, f->bytes, 12);
	memcpy(bytes + 12, f->bytes + 12 + TAG_BYTES, f->size - 12 - TAG_BYTES);
	v->received.bytes = bytes;
	v->received.size -= TAG_BYTES;
	v->received.vlan_present = 1;
	v->received.vlan_tag = get16(f->bytes + 14);
}

void views_drop(struct views *v)
{
	if (v->received.bytes != v->frame.bytes)
		free((void *)v->received.bytes);
	v->received.bytes = NULL;
}

bool hook_is_raw(enum verdict_hook hook)
{
	return hook == VERDICT_XDP_RAW || hook == VERDICT_TC_RAW;
}

bool hook_shows(enum verdict_hook hook, const struct views *v, struct frame *given, struct shown *shown)
{
	bool xdp = hook == VERDICT_XDP || hook == VERDICT_XDP_RAW, raw = hook_is_raw(hook);

	*given = v->frame;
	if (raw)
		*given = (struct frame){ (uint8_t *)v->ip, v->ip_size };
	if (!given->bytes || (!xdp && !(raw ? v->tc_takes_ip : v->tc_takes)))
		return false;
	*shown = (struct shown){ .bytes = given->bytes, .size = given->size, .len = given->size, .packet_type = xdp ? PACKET_HOST : PACKET_OUTGOING };
	if (hook == VERDICT_XDP)
		*shown = v->received;
	if (hook == VERDICT_TC_TAG) {
		shown->len += TAG_BYTES;
		shown->vlan_present = 1;
		shown->vlan_tag = VERDICT_TAG;
	}
	return true;
}

/* ---- the code: what a live capture's asks the kernel beside the bytes becomes a constant in it, packet by packet */

/*
 * Some code (that of `vlan and geneve`) reads memory that it did not write, and libpcap's evaluator leaves the value to chance: here memory begins as 0, as in
 * pcap/translate.h.
 */
void oracle_make(struct oracle *o, struct sock_fprog code)
{
	struct sock_filter *to = calloc(code.len + (size_t)BPF_MEMWORDS, sizeof(*to));

	assert_non_null(to);
	*o = (struct oracle){ .code = { .len = (unsigned short)(code.len + BPF_MEMWORDS), .filter = to } };
	for (uint32_t i = 0; i < BPF_MEMWORDS; i++)
		to[i] = (struct sock_filter){ BPF_ST, 0, 0, i };
	memcpy(to + BPF_MEMWORDS, code.filter, code.len * sizeof(*to));
	for (uint32_t i = 0; i < o->code.len; i++) {
		uint32_t asked = to[i].k - (uint32_t)SKF_AD_OFF;

		if (BPF_CLASS(to[i].code) != BPF_LD || BPF_MODE(to[i].code) != BPF_ABS || asked >= SKF_AD_MAX)
			continue;
		o->asks[o->count] = (uint16_t)i;
		o->asked[o->count++] = (uint16_t)asked;
		to[i].code = BPF_LD | BPF_IMM;
	}
}

void oracle_drop(struct oracle *o)
{
	free(o->code.filter);
	o->code.filter = NULL;
}

static uint32_t oracle_answer(const struct shown *shown, unsigned int asked)
{
	switch (asked) {
	case SKF_AD_VLAN_TAG_PRESENT:
		return shown->vlan_present;
	case SKF_AD_VLAN_TAG:
		return shown->vlan_tag;
	case SKF_AD_PKTTYPE:
		return shown->packet_type;
	case SKF_AD_IFINDEX:
		return 1; /* lo, the device of a test run */
	default:
		fprintf(stderr, "the code asks for %u, which nobody here knows\n", asked);
		abort();
	}
}

bool oracle_run(struct oracle *o, const struct shown *shown)
{
	for (uint32_t i = 0; i < o->count; i++)
		o->code.filter[o->asks[i]].k = oracle_answer(shown, o->asked[i]);
	return bpf_filter(libpcap_code(&o->code), shown->bytes, shown->len, shown->size) != 0;
}
