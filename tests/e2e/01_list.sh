#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# `list` names every stage, the probe in use and why not a better one; on a kernel without kprobes every other probe of the contract loads.
. "$(dirname "$0")/lib.sh"

snapshot >"$WORK/before"
"$STAMPCAP" list >"$WORK/list"
cat "$WORK/list"
for stage in hw hardirq softirq xdp driver backlog netif tc ip local l4 socket wakeup read write out netdev qdisc txdone; do
	assert_grep "(^|[^a-z])$stage([^a-z]|\$)" "$WORK/list"
done
# Offered by every kernel from 6.17 on, kprobes or not.
if [ "$(uname -r | awk -F. '{ print ($1 * 100 + $2 >= 617) }')" = 1 ]; then
	for probe in irq_handler_entry softirq_entry napi_gro_receive_entry netif_rx_entry netif_receive_skb tcx/ingress PRE_ROUTING LOCAL_IN \
		cgroup_skb/ingress sk_data_ready tcp_rcv_space_adjust sock_recv_length tcp_sendmsg_locked LOCAL_OUT POST_ROUTING tcx/egress \
		net_dev_queue qdisc_dequeue net_dev_start_xmit; do
		assert_grep "$probe" "$WORK/list"
	done
fi
assert_grep 'tcp_queue_rcv|fentry' "$WORK/list"

say "for one interface"
"$STAMPCAP" list -i lo >"$WORK/list.lo"
assert_grep 'lo' "$WORK/list.lo"
refuse 1 'nodev0' "$STAMPCAP" list -i nodev0
no_trace "$WORK/before"
