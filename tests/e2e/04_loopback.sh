#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# -i lo: each packet is sent and received, two timelines; both families, TCP, UDP and ping.
# beside others
. "$(dirname "$0")/lib.sh"

make_ns "$SERVER"
start_nginx "$SERVER"
tool_ready echo in_server "$TOOLS/udp_echo" ::1 9000 60
start_record rec --netns "$SERVER" -i lo -w "$WORK/rec.pcapng"
for address in 127.0.0.1 '[::1]'; do
	in_server curl -s -f --max-time 30 -o /dev/null "http://$address:8080/small?[1-50]" || fail curl
done
in_server curl -s -f -o /dev/null "http://127.0.0.1:8080/large"
in_server "$TOOLS/udp_client" ::1 9000 100 64
in_server ping -q -i 0.01 -c 10 127.0.0.1 >/dev/null
stop_record rec
cat "$WORK/rec.err"

check_file "$WORK/rec.pcapng"
# What a softirq sends to this host itself (ACKs, echo replies) may be taken within that same softirq: it has no entry of its own.
check_timelines "$WORK/rec.pcapng" -v min_rx=400 -v min_tx=400 -v irq=no
assert_eq "$(comments "$WORK/rec.pcapng" 'udp && frame.comment contains "stampcap rx"' | tally ' backlog=\+')" 200 "datagrams with backlog"
rx=$(count "$WORK/rec.pcapng" 'frame.comment contains "stampcap rx"')
tx=$(count "$WORK/rec.pcapng" 'frame.comment contains "stampcap tx"')
assert_eq "$rx" "$tx" "received and sent on lo"
assert_eq "$(count "$WORK/rec.pcapng" 'udp.dstport == 9000 && frame.comment contains "stampcap rx"')" 100 "UDP requests received"
