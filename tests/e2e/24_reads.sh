#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Every way to read UDP gives the right packet its read: peeking, cutting, many at once, one call a datagram.
. "$(dirname "$0")/lib.sh"

make_pair gro
start_record rec --netns "$SERVER" -i s0 -w "$WORK/rec.pcapng"
port=9400
for mode in recv peek truncate recvmmsg recvmsg read; do
	port=$((port + 1))
	tool_ready "$mode" in_server "$TOOLS/udp_reader" $mode "$SERVER4" $port 5 20
	in_client "$TOOLS/udp_flood" "$SERVER4" $port 200 5 500 1
	wait_until 5 grep -q 'count=5' "$WORK/$mode.out" || fail "$mode: $(cat "$WORK/$mode.out")"
done
stop_record rec
cat "$WORK/rec.err"
check_file "$WORK/rec.pcapng"
check_timelines "$WORK/rec.pcapng" -v min_rx=30
port=9400
for mode in recv peek truncate recvmmsg recvmsg read; do
	port=$((port + 1))
	nanoseconds "$WORK/rec.pcapng" "udp.dstport == $port" read >"$WORK/$mode.ns"
	assert_eq "$(wc -l <"$WORK/$mode.ns")" 5 "$mode: reads"
	assert_eq "$(count "$WORK/rec.pcapng" "udp.dstport == $port && frame.comment contains \"comm=udp_reader\"")" 5 "$mode: readers named"
done
# peek: the first 50 ms only look; the read that counts is the one that takes the datagram away.
while read -r ns; do
	assert_ge "$ns" 45000000 "peek: time until the read"
done <"$WORK/peek.ns"
