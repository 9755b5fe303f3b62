// SPDX-License-Identifier: GPL-2.0-only
/* Interrupts and softirqs: what this CPU was doing when a packet came. Stamps are copied into packets at the `driver` and `netif` stages. */
#include "interrupt.bpf.h"
#include "receive.bpf.h"
#include "xdp_frames.bpf.h"

static __always_inline bool irq_bit(const volatile __u64 *bits, __u32 irq)
{
	__u64 word = irq / 64;

	if (irq >= SC_MAX_IRQ)
		return false;
	BOUND(word, SC_MAX_IRQ / 64 - 1);
	return bits[word] >> (irq & 63) & 1;
}

/* On a line shared by several devices each has an action of its own; its name is the device's or begins with it. */
static __always_inline bool irq_name_ours(const struct irqaction *action)
{
	char name[16] = {};

	bpf_probe_read_kernel_str(name, sizeof(name), action->name);
	for (int i = 0; i < SC_MAX_IRQ_NAMES; i++) {
		bool same = conf_irq_names[i][0];

		for (int c = 0; c < 15 && same && conf_irq_names[i][c]; c++)
			same = name[c] == conf_irq_names[i][c];
		if (same)
			return true;
	}
	return false;
}

/* The place of this line among the pending ones: its own, or a free one. */
static __always_inline __u64 pending_place(const struct cpu_state *cpu, __u32 irq)
{
	__u64 place = 0;

	for (int i = IRQS_SEEN - 1; i >= 0; i--)
		if (!cpu->pending[i].time_ns || cpu->pending[i].irq == irq)
			place = i + 1;
	return place;
}

SEC("tp_btf/irq_handler_entry")
int BPF_PROG(sc_hardirq, int irq, struct irqaction *action)
{
	struct cpu_state *cpu;
	__u64 place;

	if (!irq_bit(conf_irqs, irq))
		return 0;
	if (irq_bit(conf_irqs_shared, irq) && !irq_name_ours(action))
		return 0;
	cpu = cpu_state();
	if (!cpu)
		return 0;
	cpu->handler_ns = bpf_ktime_get_ns();
	cpu->handler_irq = irq;
	place = pending_place(cpu, irq);
	cpu->handler = place;
	if (!place) {
		cpu->pending_more = 1;
		return 0;
	}
	place--;
	BOUND(place, IRQS_SEEN - 1);
	if (cpu->pending[place].time_ns && cpu->pending[place].raised)
		return 0; /* what is asked for already was asked for by the first one */
	cpu->pending[place].irq = irq;
	cpu->pending[place].queue = conf_irq_queues[irq & (SC_MAX_IRQ - 1)];
	cpu->pending[place].raised = 0;
	cpu->pending[place].threaded = !!action->thread_fn;
	cpu->pending[place].time_ns = cpu->handler_ns;
	return 0;
}

SEC("tp_btf/irq_handler_exit")
int BPF_PROG(sc_irq_exit, int irq)
{
	struct cpu_state *cpu;

	if (!irq_bit(conf_irqs, irq))
		return 0;
	cpu = cpu_state();
	if (cpu) {
		cpu->handler = 0;
		cpu->handler_ns = 0;
	}
	return 0;
}

SEC("tp_btf/softirq_raise")
int BPF_PROG(sc_sirq_raise, unsigned int vec)
{
	struct cpu_state *cpu;
	__u64 place;

	if (vec != NET_RX_SOFTIRQ)
		return 0;
	cpu = cpu_state();
	if (!cpu)
		return 0;
	if (cpu->handler) {
		place = cpu->handler - 1;
		BOUND(place, IRQS_SEEN - 1);
		cpu->pending[place].raised = 1;
	}
	return 0;
}

SEC("tp_btf/softirq_entry")
int BPF_PROG(sc_softirq, unsigned int vec)
{
	struct cpu_state *cpu;

	if (vec != NET_RX_SOFTIRQ && vec != NET_TX_SOFTIRQ)
		return 0;
	cpu = cpu_state();
	if (!cpu)
		return 0;
	count(cpu, SC_CNT_SOFTIRQS, vec == NET_RX_SOFTIRQ ? SC_DIR_RX : SC_DIR_TX);
	if (vec != NET_RX_SOFTIRQ)
		return 0;
	cpu->softirq_ns = bpf_ktime_get_ns();
	cpu->poll_queue = 0;
	cpu->current_doubt = cpu->pending_more;
	cpu->pending_more = 0;
	for (int i = 0; i < IRQS_SEEN; i++) {
		cpu->current[i] = cpu->pending[i];
		cpu->pending[i].time_ns = 0;
		cpu->pending[i].raised = 0;
		if (!cpu->current[i].time_ns || !conf_softirq_raise || cpu->current[i].raised)
			continue;
		cpu->current[i].time_ns = 0; /* it had nothing to do, or a thread has */
		cpu->current_doubt |= cpu->current[i].threaded;
	}
	return 0;
}

SEC("tp_btf/softirq_exit")
int BPF_PROG(sc_sirq_exit, unsigned int vec)
{
	struct cpu_state *cpu;

	if (vec != NET_RX_SOFTIRQ)
		return 0;
	cpu = cpu_state();
	if (!cpu)
		return 0;
	local_end(cpu);
	irqs_forget(cpu);
	cpu->softirq_ns = 0;
	return 0;
}

/*
 * Fires after a poll. What a later poll of the same softirq finds may have come while NAPI was already polling: its interrupt is spent, and the next
 * poll begins now. A poll that received nothing (of a transmit queue, perhaps) spends no interrupt.
 */
SEC("tp_btf/napi_poll")
int BPF_PROG(sc_napi_poll, struct napi_struct *napi, int work, int budget)
{
	__u32 flags = napi->dev ? device_flags(napi->dev) : 0;
	struct cpu_state *cpu = cpu_state();

	if (!cpu)
		return 0;
	if (flags & SC_DEV_CAPTURE) {
		if (budget) /* 0: somebody in a hurry completes what was sent, perhaps in the middle of a poll */
			frames_end(cpu, napi->dev->ifindex, flags);
		if (work > 0)
			irqs_spend(cpu, cpu->poll_queue);
		cpu->poll_queue = 0;
		cpu->poll_begin_ns = 0;
		cpu->poll_irq_ns = 0;
	}
	cpu->poll_end_ns = bpf_ktime_get_ns();
	return 0;
}
