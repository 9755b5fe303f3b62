#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Tagged frames: the tag that the stack strips is in the bytes again, as in tcpdump's file. Unknown protocols and truncated packets get what they pass.
# beside others
. "$(dirname "$0")/lib.sh"

make_pair gro
mac=$(in_server cat /sys/class/net/s0/address 2>/dev/null || true)
mac=$(ip -n "$SERVER" -o link show s0 | sed 's/.*link\/ether \([0-9a-f:]*\).*/\1/')
tool_ready sink in_server "$TOOLS/udp_echo" -q "$SERVER4" 9000 30
send() {
	in_client "$TOOLS/raw_send" c0 "$mac" "$CLIENT4" "$SERVER4" 9000 "$@"
}
start_record rec --netns "$SERVER" -i s0 -w "$WORK/rec.pcapng" -s 0
start_tcpdump "$SERVER" s0 "$WORK/td.pcap"
send 10 vlan:0
send 10 vlan:5
send 10 qinq:9
send 10 ethertype:34997
send 10 short
send 10 udp
stop_tcpdump
stop_record rec
cat "$WORK/rec.err"
check_file "$WORK/rec.pcapng"
check_timelines "$WORK/rec.pcapng" -v skip='other_ip|udp|non_ip|frag'
same_packets "$WORK/rec.pcapng" "$WORK/td.pcap"
assert_eq "$(count "$WORK/rec.pcapng" 'vlan.id == 5 && !vlan.too_many_tags && eth.type == 0x8100')" 10 "frames of VLAN 5"
assert_eq "$(count "$WORK/rec.pcapng" 'vlan.id == 0 && udp.dstport == 9000 && frame.comment contains "end=read"')" 10 "frames with a priority tag that were read"
assert_eq "$(count "$WORK/rec.pcapng" 'vlan.id == 5 && frame.comment contains "end=read"')" 0 "frames of a VLAN without device that were read"
assert_eq "$(count "$WORK/rec.pcapng" 'ieee8021ad.id == 9')" 10 "double-tagged frames"
assert_eq "$(count "$WORK/rec.pcapng" 'eth.type == 0x88b5')" 10 "frames of an unknown protocol"
assert_eq "$(count "$WORK/rec.pcapng" '!vlan && udp.dstport == 9000 && frame.comment contains "end=read"')" 10 "plain frames that were read"
