#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# An L3 device: raw IP link type, both families, both directions.
# beside others
. "$(dirname "$0")/lib.sh"

need tun
make_ns "$CLIENT"
ip -n "$CLIENT" tuntap add mode tun name tun0 2>/dev/null || skip "tun device"
ip -n "$CLIENT" link set tun0 addrgenmode none
ip -n "$CLIENT" addr add 10.79.0.1/24 dev tun0
ip -n "$CLIENT" link set tun0 up
ip -n "$CLIENT" addr add fd79::1/64 dev tun0 nodad
tool_ready peer in_client "$TOOLS/tun_peer" tun0 60
start_record rec --netns "$CLIENT" -i tun0 -w "$WORK/rec.pcapng" -s 0
start_tcpdump "$CLIENT" tun0 "$WORK/td.pcap"
in_client ping -q -i 0.01 -c 20 10.79.0.2 >/dev/null || fail ping
in_client ping -q -i 0.01 -c 20 fd79::2 >/dev/null || fail "ping over IPv6"
in_client "$TOOLS/udp_client" 10.79.0.2 9000 50 100
in_client "$TOOLS/udp_client" fd79::2 9000 50 100
stop_tcpdump
stop_record rec
cat "$WORK/rec.err"
check_file "$WORK/rec.pcapng"
assert_grep $'^IDB\tlink=101' "$WORK/rec.pcapng.blocks"
check_timelines "$WORK/rec.pcapng" -v irq=no -v min_rx=140 -v min_tx=140
wire_bytes "$WORK/rec.pcapng" | grep -v '^6.\{11\}0001' >"$WORK/ours"
editcap -F pcapng "$WORK/td.pcap" "$WORK/td.pcapng"
wire_bytes "$WORK/td.pcapng" | grep -v '^6.\{11\}0001' >"$WORK/theirs"
diff "$WORK/ours" "$WORK/theirs" >"$WORK/diff" || fail "bytes differ from tcpdump's: $(head -c 300 "$WORK/diff")"

say "a filter for two kinds of links at once"
make_ns "$SERVER"
make_veth "$CLIENT" c0 "$SERVER" s0
ip -n "$CLIENT" addr add "$CLIENT4/24" dev c0
ip -n "$SERVER" addr add "$SERVER4/24" dev s0
start_record both --netns "$CLIENT" -i tun0 -i c0 -w "$WORK/both.pcapng" -s 0 '(icmp and ip[44] = 16) or (ip6 and udp port 9000)'
in_client ping -q -i 0.01 -c 20 10.79.0.2 >/dev/null || fail ping
in_client ping -q -i 0.01 -c 20 "$SERVER4" >/dev/null || fail "ping over veth"
in_client "$TOOLS/udp_client" 10.79.0.2 9000 50 100
in_client "$TOOLS/udp_client" fd79::2 9000 50 100
stop_record both
cat "$WORK/both.err"
capinfos "$WORK/both.pcapng" >/dev/null || fail "capinfos" # tcpdump reads no file with two link types
assert_eq "$(count "$WORK/both.pcapng" 'frame.interface_name == "tun0" && icmp')" 40 "pings by tun0"
assert_eq "$(count "$WORK/both.pcapng" 'frame.interface_name == "c0" && icmp')" 40 "pings by c0"
assert_eq "$(count "$WORK/both.pcapng" 'frame.interface_name == "tun0" && ipv6 && udp')" 100 "datagrams over IPv6"
assert_eq "$(count "$WORK/both.pcapng" 'ip && udp')" 0 "datagrams over IPv4, which nobody wanted"
