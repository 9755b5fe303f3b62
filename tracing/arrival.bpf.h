/* SPDX-License-Identifier: GPL-2.0-only */
/* Stamps of what came before a received packet had an skb: the interrupt, and the softirq or poll. */
#pragma once

#include "interrupt.bpf.h"
#include "skb.bpf.h"

/*
 * When the softirq turned to this device: its entry, unless it has polled already and no interrupt before it is known to have asked for this poll. Then the packet may
 * have come after the entry (a softirq that answers over veth feeds itself) and only the begin of this very poll is certain: not before the end of the one before.
 */
static __always_inline __u64 softirq_turn_ns(const struct cpu_state *cpu)
{
	return irqs_unspent(cpu) || cpu->poll_end_ns < cpu->softirq_ns ? cpu->softirq_ns : cpu->poll_end_ns;
}

/*
 * All of them. `queue`: of the packet + 1, 0 unknown. A global function, so that the verifier walks it
 * once and not at every call.
 */
__weak int stamp_interrupt(__u32 slot, __u32 flags, __u32 queue)
{
	struct sc_packet *p = slot_packet(slot);
	struct cpu_state *cpu = cpu_state();

	if (!p || !cpu)
		return 0;
	if (conf_poll_function && flags & SC_DEV_IRQ) {
		if (cpu->poll_begin_ns)
			stamp_poll(cpu, p);
	} else if (cpu->softirq_ns) {
		if (flags & SC_DEV_IRQ)
			stamp_hardirq(cpu, p, queue);
		timeline_stamp(cpu, p, SC_RX_SOFTIRQ, softirq_turn_ns(cpu));
	} else if (cpu->poll_begin_ns) {
		timeline_stamp(cpu, p, SC_RX_SOFTIRQ, cpu->poll_begin_ns);
	}
	return 0;
}
