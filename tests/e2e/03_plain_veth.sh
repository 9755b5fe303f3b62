#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A veth pair as the kernel makes it delivers by netif_rx: packets go through a backlog queue, and none is merged. Recorded on both sides, so that the
# answers to a ping reach a socket.
. "$(dirname "$0")/lib.sh"

make_pair plain
start_nginx "$SERVER"
start_udp_echo
for side in server client; do
	ns=$SERVER dev=s0
	[ $side = client ] && ns=$CLIENT dev=c0
	start_record $side --netns "$ns" -i $dev -w "$WORK/$side.pcapng" -s 0
	start_tcpdump "$ns" $dev "$WORK/$side.pcap"
	http 100 small
	http 5 large
	udp_exchanges 100 1000
	pings 20
	stop_tcpdump
	stop_record $side
	cat "$WORK/$side.err"
	check_file "$WORK/$side.pcapng"
	same_packets "$WORK/$side.pcapng" "$WORK/$side.pcap"
	assert_eq "$(gro_parents "$WORK/$side.pcapng")" 0 "merged packets"
	assert_eq "$(comments "$WORK/$side.pcapng" 'frame.comment contains "stampcap rx"' | tally ' softirq=\+')" 0 \
		"packets with a softirq in front of a driver that needs none"
done
check_timelines "$WORK/server.pcapng" -v min_rx=500 -v min_tx=500
# An answer that is queued and taken within one softirq (the one that handled the request) has no softirq entry after its driver stamp.
check_timelines "$WORK/client.pcapng" -v min_rx=500 -v min_tx=500 -v irq=no
assert_eq "$(comments "$WORK/client.pcapng" 'udp.srcport == 9000' | tally ' backlog=\+')" 200 "answers of another process with backlog"
assert_eq "$(count "$WORK/client.pcapng" 'icmp.type == 0 && frame.comment contains "comm=ping"')" 20 "echo replies that reached ping"
assert_eq "$(count "$WORK/client.pcapng" 'icmpv6.type == 129 && frame.comment contains "comm=ping"')" 20 "IPv6 echo replies that reached ping"
