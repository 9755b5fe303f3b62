#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A veth pair as the kernel makes it delivers by netif_rx: every packet goes through a backlog queue, and none is merged. Recorded on the client's side
# too, so that the answers to a ping reach a socket.
. "$(dirname "$0")/lib.sh"

make_pair plain
start_nginx "$SERVER"
start_udp_echo
start_record rec --netns "$CLIENT" -i c0 -w "$WORK/rec.pcapng" -s 0
start_tcpdump "$CLIENT" c0 "$WORK/td.pcap"
http 100 small
http 3 large
udp_exchanges 100 1000
pings 20
stop_tcpdump
stop_record rec
cat "$WORK/rec.err"

check_file "$WORK/rec.pcapng"
check_timelines "$WORK/rec.pcapng" -v min_rx=500 -v min_tx=500
same_packets "$WORK/rec.pcapng" "$WORK/td.pcap"
assert_eq "$(gro_parents "$WORK/rec.pcapng")" 0 "merged packets"
assert_eq "$(comments "$WORK/rec.pcapng" 'frame.comment contains "stampcap rx"' | grep -vc ' backlog=+' || true)" 0 "received packets without backlog"
assert_eq "$(comments "$WORK/rec.pcapng" 'frame.comment contains "stampcap rx"' | tally ' softirq=+')" 0 \
	"packets with a softirq in front of a driver that needs none"
assert_eq "$(count "$WORK/rec.pcapng" 'icmp.type == 0 && frame.comment contains "comm=ping"')" 20 "echo replies that reached ping"
assert_eq "$(count "$WORK/rec.pcapng" 'icmpv6.type == 129 && frame.comment contains "comm=ping"')" 20 "IPv6 echo replies that reached ping"
