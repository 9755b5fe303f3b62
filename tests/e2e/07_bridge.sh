#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A bridge port: one timeline for both devices, which ends as forwarded through the other port.
# beside others
. "$(dirname "$0")/lib.sh"

need bridge
BRIDGE=$TEST-$ID-bridge
make_ns "$CLIENT"
make_ns "$SERVER"
make_ns "$BRIDGE"
ip -n "$BRIDGE" link add br0 type bridge
ip -n "$BRIDGE" link set br0 up
make_veth "$CLIENT" c0 "$BRIDGE" p0
make_veth "$SERVER" s0 "$BRIDGE" p1
ip -n "$BRIDGE" link set p0 master br0
ip -n "$BRIDGE" link set p1 master br0
ip -n "$BRIDGE" addr add 10.77.0.3/24 dev br0
ip -n "$CLIENT" addr add "$CLIENT4/24" dev c0
ip -n "$SERVER" addr add "$SERVER4/24" dev s0
wait_until 10 in_client ping -c 1 -W 1 -q "$SERVER4"
tool_ready echo in_server "$TOOLS/udp_echo" "$SERVER4" 9000 60
tool_ready own in_ns "$BRIDGE" "$TOOLS/udp_echo" 10.77.0.3 9001 60

start_record rec --netns "$BRIDGE" -i p0 -w "$WORK/rec.pcapng"
in_client "$TOOLS/udp_client" "$SERVER4" 9000 50 100
in_client "$TOOLS/udp_client" 10.77.0.3 9001 50 100
stop_record rec
cat "$WORK/rec.err"
check_file "$WORK/rec.pcapng"
# What the bridge keeps for itself reaches a socket of ours through br0.
check_timelines "$WORK/rec.pcapng" -v skip='udp|non_ip|icmp_other'
assert_eq "$(count "$WORK/rec.pcapng" 'udp.dstport == 9000 && frame.comment contains "stampcap rx"
	&& frame.comment contains "end=forward" && frame.comment contains "via=p1"')" 50 "packets forwarded to p1"
assert_eq "$(comments "$WORK/rec.pcapng" 'udp.dstport == 9000' | tally ' tx_driver=+')" 50 "forwarded packets with the outgoing driver's stamp"
assert_eq "$(count "$WORK/rec.pcapng" 'udp.dstport == 9001 && frame.comment contains "end=read" && frame.comment contains "comm=udp_echo"')" 50 \
	"packets to the bridge's own address"
