#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# ARP, neighbour discovery, IPv4 options, IPv6 extension headers, fragments.
# beside others
. "$(dirname "$0")/lib.sh"

make_pair gro
start_udp_echo
start_record rec --netns "$SERVER" -i s0 -w "$WORK/rec.pcapng" -s 0
start_tcpdump "$SERVER" s0 "$WORK/td.pcap"
udp_exchanges 50 100 -o
udp_exchanges 20 4000
in_client ping -q -R -i 0.01 -c 10 "$SERVER4" >/dev/null
pings 5 -s 3000
ip -n "$CLIENT" neigh flush dev c0
ip -n "$SERVER" neigh flush dev s0
udp_exchanges 1 10
stop_tcpdump
stop_record rec
cat "$WORK/rec.err"
check_file "$WORK/rec.pcapng"
# The first fragments of a datagram wait for the last: min_complete is for what reaches a reader.
check_timelines "$WORK/rec.pcapng" -v min_rx=200 -v min_tx=200
same_packets "$WORK/rec.pcapng" "$WORK/td.pcap"
assert_ge "$(count "$WORK/rec.pcapng" 'arp')" 2 "ARP packets"
assert_ge "$(count "$WORK/rec.pcapng" 'icmpv6.type == 135 || icmpv6.type == 136')" 2 "neighbour discovery packets"
assert_eq "$(count "$WORK/rec.pcapng" 'ip.hdr_len > 20 && udp.dstport == 9000 && frame.comment contains "end=read"')" 50 "datagrams with IPv4 options"
assert_eq "$(count "$WORK/rec.pcapng" 'ipv6.dstopts && udp.dstport == 9000 && frame.comment contains "end=read"')" 50 \
	"datagrams with an IPv6 extension header"
assert_ge "$(comments "$WORK/rec.pcapng" 'ip.frag_offset > 0 || ipv6.fraghdr.offset > 0' | tally 'flags=[a-z+]*frag')" 50 "fragments with the flag"
