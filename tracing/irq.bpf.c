// SPDX-License-Identifier: GPL-2.0-only
/* Interrupts and softirqs: what this CPU was doing when a packet came. Stamps are copied into packets at the `driver` and `netif` stages. */
#include "receive.bpf.h"

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

SEC("tp_btf/irq_handler_entry")
int BPF_PROG(sc_hardirq, int irq, struct irqaction *action)
{
	struct cpu_state *cpu;

	if (!irq_bit(conf_irqs, irq))
		return 0;
	if (irq_bit(conf_irqs_shared, irq) && !irq_name_ours(action))
		return 0;
	cpu = cpu_state();
	if (!cpu)
		return 0;
	/* Two lines before one softirq: which of them a packet owes its poll to cannot be told. */
	cpu->pending_irq = cpu->pending_irq_ns && cpu->pending_irq != irq ? IRQ_AMBIGUOUS : irq;
	cpu->raised_since_irq = 0;
	cpu->pending_irq_ns = bpf_ktime_get_ns();
	return 0;
}

SEC("tp_btf/softirq_raise")
int BPF_PROG(sc_sirq_raise, unsigned int vec)
{
	struct cpu_state *cpu;

	if (vec != NET_RX_SOFTIRQ)
		return 0;
	cpu = cpu_state();
	if (!cpu)
		return 0;
	cpu->raised_since_irq = 1;
	cpu->raised_since_entry = 1;
	return 0;
}

SEC("tp_btf/softirq_entry")
int BPF_PROG(sc_softirq, unsigned int vec)
{
	struct cpu_state *cpu;
	__u64 pending_ns;

	if (vec != NET_RX_SOFTIRQ)
		return 0;
	cpu = cpu_state();
	if (!cpu)
		return 0;
	cpu->softirq_ns = bpf_ktime_get_ns();
	/* An interrupt led here only if NET_RX was raised after its entry: handlers also run for other reasons. */
	pending_ns = cpu->pending_irq_ns;
	cpu->irq_ns = 0;
	cpu->raised_since_entry = 0;
	cpu->polled_ifindex = 0;
	cpu->irq = pending_ns ? cpu->pending_irq : -1;
	if (pending_ns && cpu->irq != IRQ_AMBIGUOUS && (!conf_softirq_raise || cpu->raised_since_irq))
		cpu->irq_ns = pending_ns;
	cpu->pending_irq_ns = 0;
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
	cpu->softirq_ns = 0;
	cpu->irq_ns = 0;
	return 0;
}

/*
 * Fires after a poll. What a later poll of the same softirq finds may have come while NAPI was already polling: its interrupt is spent, and the next
 * poll begins now.
 */
SEC("tp_btf/napi_poll")
int BPF_PROG(sc_napi_poll, struct napi_struct *napi, int work, int budget)
{
	bool captured = napi->dev && device_flags(napi->dev) & SC_DEV_CAPTURE;
	struct cpu_state *cpu = cpu_state();

	if (!cpu)
		return 0;
	if (captured) {
		cpu->irq_ns = 0;
		cpu->polled_ifindex = napi->dev->ifindex;
	}
	if (captured || cpu->raised_since_entry)
		cpu->poll_end_ns = bpf_ktime_get_ns();
	return 0;
}
