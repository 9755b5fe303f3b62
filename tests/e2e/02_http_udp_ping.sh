#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# 1000 HTTP requests, 1000 UDP exchanges and 20 pings over a veth pair with GRO, both families, recorded on the receiving side beside a tcpdump.
# beside others
. "$(dirname "$0")/lib.sh"

make_pair gro
start_nginx "$SERVER"
start_udp_echo
start_record rec --netns "$SERVER" -i s0 -w "$WORK/rec.pcapng" -s 0
start_tcpdump "$SERVER" s0 "$WORK/td.pcap"
http 350 small
http 150 small -H 'Connection: close'
udp_exchanges 500 100
pings 10
stop_tcpdump
stop_record rec
cat "$WORK/rec.err"

check_file "$WORK/rec.pcapng"
check_timelines "$WORK/rec.pcapng" -v min_rx=2500 -v min_tx=2500
same_packets "$WORK/rec.pcapng" "$WORK/td.pcap"
same_streams "$WORK/rec.pcapng" "$WORK/td.pcap"
assert_eq "$(count "$WORK/rec.pcapng" 'http.request')" 1000 "HTTP requests"
assert_eq "$(count "$WORK/rec.pcapng" 'udp.dstport == 9000')" 1000 "UDP requests"
assert_eq "$(count "$WORK/rec.pcapng" 'icmp.type == 8 || icmpv6.type == 128')" 20 "echo requests"
assert_eq "$(count "$WORK/rec.pcapng" 'udp.dstport == 9000 && frame.comment contains "comm=udp_echo"')" 1000 "UDP requests with their reader"
assert_eq "$(count "$WORK/rec.pcapng" 'http.request && frame.comment contains "comm=nginx"')" 1000 "HTTP requests with their reader"
assert_eq "$(count "$WORK/rec.pcapng" 'http.response && !(frame.comment contains "comm=nginx")')" 0 "HTTP answers without their writer"
