#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 60
# beside others
# Of what was recorded only the slow, or so many a second, goes to the file; the rest is counted.
. "$(dirname "$0")/lib.sh"

make_pair plain
SLOW=10

# unwritten REASON FILE: by the accounting of the file, after check_file.
unwritten() {
	awk -v name="unwritten.$1=" '/^ISB/ { n = split($0, token, " "); for (i = 1; i <= n; i++) if (index(token[i], name) == 1) sum += substr(token[i], length(name) + 1) } END { print sum + 0 }' "$2.blocks"
}

say "--slower-than: of many fast packets those $SLOW that wait for 50 ms and more"
tool_ready pong in_server "$TOOLS/tcp_pingpong" -l -t 60 "$SERVER4" 9600
tool_ready slow in_server "$TOOLS/udp_reader" peek "$SERVER4" 9601 $SLOW 20
start_record slower --netns "$SERVER" -i s0 --slower-than 45ms -w "$WORK/slower.pcapng"
in_client "$TOOLS/tcp_pingpong" -n 500 -t 10 "$SERVER4" 9600 >/dev/null
in_client ping -q -c 50 -i 0.01 "$SERVER4" >/dev/null
in_client "$TOOLS/udp_flood" "$SERVER4" 9601 100 $SLOW 1000 5 >/dev/null
wait_until 10 grep -q . "$WORK/slow.out" || fail "the slow reader does not end"
sleep 1
stop_record slower
cat "$WORK/slower.err"
check_file "$WORK/slower.pcapng"
comments "$WORK/slower.pcapng" "frame" >"$WORK/slower.comments"
assert_eq "$(grep -vc ' flags=[a-z+]*partial' "$WORK/slower.comments")" "$(awk '!/ flags=[a-z+]*partial/ { sub(/.* total=/, ""); if ($1 + 0 >= 45000) n++ } END { print n + 0 }' "$WORK/slower.comments")" \
	"packets in the file that took that long"
assert_eq "$(count "$WORK/slower.pcapng" "udp.dstport == 9601")" $SLOW "slow datagrams"
assert_ge "$(unwritten faster "$WORK/slower.pcapng")" 1000 "faster packets, counted"
"$STAMPCAP" report "$WORK/slower.pcapng" >"$WORK/report" 2>"$WORK/report.err"
assert_eq "$(cat "$WORK/report.err")" "" "what report warns of"
assert_grep "unwritten \(faster $(unwritten faster "$WORK/slower.pcapng")\)" "$WORK/report"

say "--rate: 100 packets a second of 1000"
start_record rate --netns "$SERVER" -i s0 --direction in --rate 100 -w "$WORK/rate.pcapng" udp
in_client "$TOOLS/udp_flood" "$SERVER4" 9602 100 2000 1000 10 >/dev/null
stop_record rate
cat "$WORK/rate.err"
check_file "$WORK/rate.pcapng"
written=$(count "$WORK/rate.pcapng" udp)
# Some sends fail: nobody listens, and says so.
assert_ge $((written + $(unwritten rate "$WORK/rate.pcapng"))) 1900 "packets, written or counted"
# Two seconds, if the sender was not held up, and a burst of a tenth of one.
assert_ge "$written" 180 "packets written"
seconds=$(clean_tshark -r "$WORK/rate.pcapng" -n -T fields -e frame.time_relative | tail -n 1)
assert_ge "$(awk -v s="$seconds" 'BEGIN { printf "%d", 100 * s + 11 + 1 }')" "$written" "at most, in $seconds s"

say "what is wrong is said"
refuse 2 '--slower-than 50: .*unit' "$STAMPCAP" record -i lo --slower-than 50
refuse 2 '--slower-than -1us: ' "$STAMPCAP" record -i lo --slower-than=-1us
refuse 2 '--rate 0: ' "$STAMPCAP" record -i lo --rate 0
