#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Known delays come out where they were put in: a reader that sleeps, datagrams that queue, a shaped device.
. "$(dirname "$0")/lib.sh"

make_pair gro

say "UDP: five datagrams at once, read 60 ms apart"
tool_ready slow in_server "$TOOLS/udp_echo" -q -d 60 -n 5 "$SERVER4" 9100 20
start_record udp --netns "$SERVER" -i s0 -w "$WORK/udp.pcapng"
in_client "$TOOLS/udp_flood" "$SERVER4" 9100 200 5 0 1
sleep 0.5
stop_record udp
check_file "$WORK/udp.pcapng"
check_timelines "$WORK/udp.pcapng"
nanoseconds "$WORK/udp.pcapng" 'udp.dstport == 9100' read >"$WORK/udp.read"
assert_eq "$(wc -l <"$WORK/udp.read")" 5 "reads"
k=0
while read -r ns; do
	k=$((k + 1))
	assert_ge "$ns" $((k * 58000000)) "datagram $k: time until its read"
	assert_le "$ns" $((k * 60000000 + 60000000)) "datagram $k: time until its read"
done <"$WORK/udp.read"

say "TCP: the server sleeps 80 ms before each read"
tool_ready tcp in_server "$TOOLS/tcp_pingpong" -l -d 80 -t 20 "$SERVER6" 9101
start_record tcp --netns "$SERVER" -i s0 -w "$WORK/tcp.pcapng"
in_client "$TOOLS/tcp_pingpong" -n 5 "$SERVER6" 9101
stop_record tcp
check_file "$WORK/tcp.pcapng"
check_timelines "$WORK/tcp.pcapng"
nanoseconds "$WORK/tcp.pcapng" 'tcp.dstport == 9101 && tcp.len > 0' read >"$WORK/tcp.read"
assert_eq "$(wc -l <"$WORK/tcp.read")" 5 "reads"
while read -r ns; do
	assert_ge "$ns" 78000000 "time until the read"
	assert_le "$ns" 140000000 "time until the read"
done <"$WORK/tcp.read"

say "the client's write is before its l4, and its own read is quick"
start_record both --netns "$CLIENT" -i c0 -w "$WORK/both.pcapng"
in_client "$TOOLS/tcp_pingpong" -n 5 "$SERVER6" 9101
stop_record both
nanoseconds "$WORK/both.pcapng" 'tcp.srcport == 9101 && tcp.len > 0' read >"$WORK/both.read"
assert_eq "$(wc -l <"$WORK/both.read")" 5 "reads at the client"
while read -r ns; do
	assert_le "$ns" 20000000 "time until the read of a waiting client"
done <"$WORK/both.read"

say "a token bucket of 1 Mbit/s holds packets of 1000 bytes back for about 8 ms each"
ip netns exec "$CLIENT" tc qdisc replace dev c0 root tbf rate 1mbit burst 1600 limit 100000
tool_ready sink in_server "$TOOLS/udp_echo" -q "$SERVER4" 9102 20
start_record tbf --netns "$CLIENT" -i c0 -w "$WORK/tbf.pcapng"
in_client "$TOOLS/udp_flood" "$SERVER4" 9102 958 10 0 1
sleep 0.3
stop_record tbf
check_file "$WORK/tbf.pcapng"
check_timelines "$WORK/tbf.pcapng"
nanoseconds "$WORK/tbf.pcapng" 'udp.dstport == 9102' qdisc >"$WORK/tbf.qdisc"
assert_eq "$(wc -l <"$WORK/tbf.qdisc")" 10 "packets that left the qdisc"
assert_ge "$(tail -n 1 "$WORK/tbf.qdisc")" 50000000 "wait of the last one"
assert_le "$(head -n 1 "$WORK/tbf.qdisc")" 10000000 "wait of the first one"
