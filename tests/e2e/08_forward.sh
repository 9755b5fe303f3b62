#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A router: IPv4 and IPv6 packets in by one device and out by another are one timeline.
. "$(dirname "$0")/lib.sh"

ROUTER=$TEST-$ID-router
make_ns "$CLIENT"
make_ns "$SERVER"
make_ns "$ROUTER"
make_veth "$CLIENT" c0 "$ROUTER" r0
make_veth "$SERVER" s0 "$ROUTER" r1
in_ns "$ROUTER" sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'
ip -n "$CLIENT" addr add 10.78.1.1/24 dev c0
ip -n "$CLIENT" addr add fd78:1::1/64 dev c0 nodad
ip -n "$ROUTER" addr add 10.78.1.254/24 dev r0
ip -n "$ROUTER" addr add fd78:1::fe/64 dev r0 nodad
ip -n "$ROUTER" addr add 10.78.2.254/24 dev r1
ip -n "$ROUTER" addr add fd78:2::fe/64 dev r1 nodad
# A router asks for neighbours from its link-local addresses.
ip -n "$ROUTER" addr add fe80::1/64 dev r0 nodad
ip -n "$ROUTER" addr add fe80::2/64 dev r1 nodad
ip -n "$SERVER" addr add 10.78.2.1/24 dev s0
ip -n "$SERVER" addr add fd78:2::1/64 dev s0 nodad
ip -n "$CLIENT" route add default via 10.78.1.254
ip -n "$CLIENT" route add default via fd78:1::fe
ip -n "$SERVER" route add default via 10.78.2.254
ip -n "$SERVER" route add default via fd78:2::fe
wait_until 10 in_client ping -c 1 -W 1 -q 10.78.2.1
wait_until 10 in_client ping -c 1 -W 1 -q fd78:2::1
tool_ready echo4 in_server "$TOOLS/udp_echo" 10.78.2.1 9000 60
tool_ready echo6 in_server "$TOOLS/udp_echo" fd78:2::1 9000 60

start_record rec --netns "$ROUTER" -i r0 -w "$WORK/rec.pcapng"
in_client "$TOOLS/udp_client" 10.78.2.1 9000 50 100
in_client "$TOOLS/udp_client" fd78:2::1 9000 50 100
stop_record rec
cat "$WORK/rec.err"
check_file "$WORK/rec.pcapng"
check_timelines "$WORK/rec.pcapng" -v skip='udp|non_ip|icmp_other'
assert_eq "$(count "$WORK/rec.pcapng" 'udp.dstport == 9000 && frame.comment contains "end=forward" && frame.comment contains "via=r1"')" 100 \
	"packets forwarded to r1"
# No tx_tc: TC programs are attached to the recorded device only.
for stage in ip tx_out tx_netdev tx_driver; do
	assert_eq "$(comments "$WORK/rec.pcapng" 'udp.dstport == 9000' | tally " $stage=+")" 100 "forwarded packets with $stage"
done
# The way back goes out by r0: a transmitted packet that no process of ours wrote.
assert_eq "$(count "$WORK/rec.pcapng" 'udp.srcport == 9000')" 100 "packets back"
