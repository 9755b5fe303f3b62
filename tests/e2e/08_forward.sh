#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A router: IPv4 and IPv6 packets in by one device and out by another are one timeline.
# beside others
. "$(dirname "$0")/lib.sh"

make_router
tool_ready echo4 in_server "$TOOLS/udp_echo" "$FAR4" 9000 60
tool_ready echo6 in_server "$TOOLS/udp_echo" "$FAR6" 9000 60

start_record rec --netns "$ROUTER" -i r0 -w "$WORK/rec.pcapng"
in_client "$TOOLS/udp_client" "$FAR4" 9000 50 100
in_client "$TOOLS/udp_client" "$FAR6" 9000 50 100
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
