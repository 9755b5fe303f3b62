#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A filter expression chooses what tcpdump chooses with it: same packets, same bytes, same order, both directions, out of traffic of which about 1 % matches.
# timeout: 240
# beside others
. "$(dirname "$0")/lib.sh"

# Ten thousand UDP packets that nobody asked for, and 50 exchanges on port 9001, TCP on port 8080 and pings among them. CLIENT is a function, see below.
traffic() {
	local client="$1" address="$2" ping

	for ping in 1 2 3; do
		"$client" "$TOOLS/udp_client" "$address" 9000 800 64
		"$client" "$TOOLS/udp_client" "$address" 9001 8 300
		"$client" curl -s -f --max-time 20 -o /dev/null "http://${3:-$address}:8080/small?[1-5]"
		"$client" "$TOOLS/udp_client" "$address" 9000 800 64
		"$client" ping -q -c 2 -i 0.01 "$address" >/dev/null
	done
}

# compare NAME NS IF CLIENT MINIMUM EXPRESSION...: at least MINIMUM packets have to match. With WITNESS set, tcpdump gets that expression instead: its own
# `inbound` and `outbound` miss the first packets, which libpcap filters in user space, where it knows no directions.
compare() {
	local name="$1" ns="$2" dev="$3" client="$4" minimum="$5"

	shift 5
	start_record "$name" --netns "$ns" -i "$dev" -w "$WORK/$name.pcapng" -s 0 --direction "${DIRECTION:-inout}" "$@"
	start_tcpdump "$ns" "$dev" "$WORK/$name.pcap" "${WITNESS:-$*}"
	traffic "$client" "$FROM4" ""
	traffic "$client" "$FROM6" "[$FROM6]"
	stop_tcpdump
	stop_record "$name"
	tail -n 2 "$WORK/$name.err"
	check_file "$WORK/$name.pcapng"
	same_sequence "$WORK/$name.pcapng" "$WORK/$name.pcap"
	assert_ge "$(wc -l <"$WORK/$name.pcapng.sequence")" "$minimum" "packets that match $*"
	capinfos "$WORK/$name.pcapng" | grep -qF "$*" || fail "the expression is not in the file"
}

servers() {
	start_nginx "$1"
	tool_ready echo1 in_server "$TOOLS/udp_echo" "$FROM4" 9000 120
	tool_ready echo2 in_server "$TOOLS/udp_echo" "$FROM4" 9001 120
	tool_ready echo3 in_server "$TOOLS/udp_echo" "$FROM6" 9000 120
	tool_ready echo4 in_server "$TOOLS/udp_echo" "$FROM6" 9001 120
}

say "veth, XDP decides"
make_pair gro
FROM4=$SERVER4 FROM6=$SERVER6
servers "$SERVER"
compare port "$SERVER" s0 in_client 90 udp port 9001
check_timelines "$WORK/port.pcapng" -v min_rx=40 -v min_tx=40
assert_eq "$(comments "$WORK/port.pcapng" 'frame.comment contains "stampcap rx"' | tally ' xdp=\+')" 48 "received packets that the XDP program saw"
say "veth, the driver stage decides: a length cannot be told at XDP"
mac=$(ip -n "$SERVER" -j link show s0 | jq -r '.[0].address')
WITNESS="greater 330 and udp and ether dst $mac" compare length "$SERVER" s0 in_client 45 greater 330 and udp and inbound
say "veth without XDP; the sender's side; what lies beyond the first 128 bytes; a direction"
WITNESS="(udp[140:2] = 0 and udp[4:2] > 150) or icmp[icmptype] = icmp-echo or (icmp6 and ip6[40] = 128)" compare far "$CLIENT" c0 in_client 55 \
	'(udp[140:2] = 0 and udp[4:2] > 150) or ((icmp or (icmp6 and ip6[40] = 128)) and outbound)'
compare flags "$SERVER" s0 in_client 20 'tcp[tcpflags] & (tcp-syn|tcp-fin) != 0 or ip6 proto 58'
compare none "$SERVER" s0 in_client 0 'host 192.0.2.1 and not arp'
assert_eq "$(wc -l <"$WORK/none.pcapng.sequence")" 0 "packets of a host that is not there"

say "loopback: each packet is there twice, and libpcap shows it once"
make_ns "$TEST-$ID-lo"
in_server() { in_ns "$TEST-$ID-lo" "$@"; }
FROM4=127.0.0.1 FROM6=::1
servers "$TEST-$ID-lo"
DIRECTION=in compare lo_in "$TEST-$ID-lo" lo in_server 90 udp port 9001
DIRECTION=out compare lo_out "$TEST-$ID-lo" lo in_server 90 udp port 9001
