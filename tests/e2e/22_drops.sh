#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Drops end a timeline with the kernel's reason; a retransmission after a loss is flagged, and what waited for it too.
# beside others
. "$(dirname "$0")/lib.sh"

need program:nft
make_pair gro
start_record closed --netns "$SERVER" -i s0 -w "$WORK/closed.pcapng"
in_client "$TOOLS/udp_flood" "$SERVER4" 9999 64 20 1000 2 || true
stop_record closed
check_file "$WORK/closed.pcapng"
check_timelines "$WORK/closed.pcapng" -v min_rx=10
n=$(count "$WORK/closed.pcapng" 'udp.dstport == 9999 && !icmp')
assert_ge "$n" 10 "datagrams to a closed port"
assert_eq "$(count "$WORK/closed.pcapng" 'udp.dstport == 9999 && !icmp && frame.comment contains "end=drop:NO_SOCKET"')" "$n" "with the reason"

say "a firewall's drop"
in_server nft -f - <<-'END'
	table inet t {
		chain c { type filter hook input priority 0; udp dport 9500 drop; }
	}
END
start_record nft --netns "$SERVER" -i s0 -w "$WORK/nft.pcapng"
in_client "$TOOLS/udp_flood" "$SERVER4" 9500 64 10 1000 2
stop_record nft
check_file "$WORK/nft.pcapng"
assert_eq "$(count "$WORK/nft.pcapng" 'udp.dstport == 9500 && frame.comment contains "end=drop:NETFILTER_DROP"')" 10 "datagrams dropped by nft"

say "each 40th packet is lost between the device and TCP"
in_server nft -f - <<-'END'
	table netdev d {
		chain c { type filter hook ingress device s0 priority 0; tcp dport 7000 numgen inc mod 40 39 drop; }
	}
END
head -c 3000000 /dev/urandom >"$WORK/data"
background in_server socat -u TCP4-LISTEN:7000,reuseaddr OPEN:"$WORK/received",creat,trunc
wait_until 5 in_server sh -c 'ss -ltn | grep -q 7000'
start_record loss --netns "$SERVER" -i s0 -w "$WORK/loss.pcapng"
in_client timeout 60 socat -u OPEN:"$WORK/data" TCP4:"$SERVER4":7000
stop_record loss
cat "$WORK/loss.err"
cmp "$WORK/data" "$WORK/received" || fail "the transfer itself went wrong"
check_file "$WORK/loss.pcapng"
# Duplicates that TCP throws away never reach a reader.
check_timelines "$WORK/loss.pcapng" -v min_rx=100 -v skip='tcp_data' -v min_complete=0.99
drops=$(comments "$WORK/loss.pcapng" 'tcp.dstport == 7000' | tally 'end=drop:')
assert_ge "$drops" 5 "dropped segments"
assert_ge "$(comments "$WORK/loss.pcapng" 'tcp.dstport == 7000' | tally 'flags=[a-z+]*retrans')" 1 "retransmissions"
assert_ge "$(comments "$WORK/loss.pcapng" 'tcp.dstport == 7000' | tally 'flags=[a-z+]*hol')" 1 "segments that waited for an earlier one"
