#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 90
# Histograms that the kernel keeps: of the same traffic the same packets and intervals as a file's report, the time where it was spent, and a sum that adds up.
. "$(dirname "$0")/lib.sh"

make_pair plain
SLOW=8 EXCHANGES=1500

say "--hist beside a file"
tool_ready pong in_server "$TOOLS/tcp_pingpong" -l -t 60 "$SERVER4" 9600
tool_ready slow in_server "$TOOLS/udp_reader" peek "$SERVER4" 9601 $SLOW 20
RECORD_STARTS_IN=60 STAMPCAP=$TOP/build/stampcap start_record hist --hist --format json --netns "$SERVER" -i s0
hist_pid=$RECORD_PID
start_record file --netns "$SERVER" -i s0 -w "$WORK/file.pcapng"
in_client "$TOOLS/tcp_pingpong" -n $EXCHANGES -t 10 "$SERVER4" 9600 >/dev/null
in_client ping -q -c 60 -i 0.02 "$SERVER4" >/dev/null
in_client "$TOOLS/udp_flood" "$SERVER4" 9601 100 $SLOW 1000 5 >/dev/null
wait_until 10 grep -q . "$WORK/slow.out" || fail "the slow reader does not end"
stop_record file
RECORD_PID=$hist_pid
stop_record hist
cat "$WORK/file.err" "$WORK/hist.err"
check_file "$WORK/file.pcapng"
"$STAMPCAP" report --format json "$WORK/file.pcapng" >"$WORK/file.json"
tail -n 1 "$WORK/hist.out" >"$WORK/hist.json"

# rows FILE: "DIR FROM TO COUNT P50" of the intervals, and of the totals and sides.
rows() {
	jq -r '.groups[] | .direction as $d | (.intervals[] | [$d, .from, .to, .count, .p50_ns]), [$d, "total", "-", .total.count, .total.p50_ns],
		(.sides | to_entries[] | [$d, "side", .key, .value.count, .value.p50_ns]) | @tsv' "$1" | sort
}
rows "$WORK/file.json" >"$WORK/file.rows"
rows "$WORK/hist.json" >"$WORK/hist.rows"

say "the same packets, and as many of every interval"
# It began before the file and ended after it: a neighbour that asked meanwhile is in one of them.
for dir in rx tx; do
	packets=".groups[] | select(.direction == \"$dir\") | .packets"
	assert_ge "$(jq "$packets" "$WORK/hist.json")" "$(jq "$packets" "$WORK/file.json")" "$dir packets"
	assert_ge $(($(jq "$packets" "$WORK/file.json") + 4)) "$(jq "$packets" "$WORK/hist.json")" "$dir packets, at most"
done
# Which read a datagram or a segment was taken by is not always certain; two in a hundred may be missing. What else was recorded beside moves stamps by some microseconds.
awk -F '\t' '
	FNR == NR { count[$1, $2, $3] = $4; p50[$1, $2, $3] = $5; next }
	{
		have = count[$1, $2, $3]; other = p50[$1, $2, $3]
		printf "    %-3s %-8s %-8s %6d %6d %10d %10d ns\n", $1, $2, $3, $4, have, $5, other
		if ($4 >= 20 && (have < 0.98 * $4 || have > $4 + 4)) { print "BAD " have " of " $4 " " $1 " " $2 " -> " $3; bad++ }
		if ($4 >= 20 && (other > 3 * $5 + 5000 || $5 > 3 * other + 5000)) { print "BAD the median of " $1 " " $2 " -> " $3; bad++ }
		compared++
	}
	END { exit bad || compared < 15 }' "$WORK/hist.rows" "$WORK/file.rows" || fail "histograms and file differ"

say "time where it was spent: $SLOW datagrams that were read after 50 ms and more"
assert_ge "$(jq '[.groups[] | select(.direction == "rx") | .intervals[] | select(.to == "read") | .max_ns] | max' "$WORK/hist.json")" 49000000 "ns that the slowest waited for its reader"
assert_ge "$(jq '[.groups[] | select(.direction == "rx")][0].sides.app.max_ns' "$WORK/hist.json")" 49000000 "ns on the application's side"

say "seconds add up to the whole, and the accounting to what was seen"
assert_eq "$(head -n -1 "$WORK/hist.out" | jq -s '[.[].groups[].packets] | add')" "$(jq '[.groups[].packets] | add' "$WORK/hist.json")" "packets"
assert_ge "$(wc -l <"$WORK/hist.out")" 3 "lines"
assert_eq "$(jq '.accounting | .seen - .complete - ([.partial[]] | add) - ([.lost[]] | add)' "$WORK/hist.json")" 0 "what is not accounted for"
assert_eq "$(jq '.accounting | .seen - ([.partial.open, .partial.timeout] | add)' "$WORK/hist.json")" "$(jq '[.groups[].packets] | add' "$WORK/hist.json")" "packets that ended"

# Hundreds of small calls wait in the send buffer, for 90 ms by a file: which one a segment is of is forgotten for most, and then no shorter time is counted in its place.
say "a sender that is far ahead"
head -c 8000000 /dev/zero >"$WORK/data"
tc -n "$SERVER" qdisc add dev s0 root tbf rate 60mbit burst 20kb latency 1s
tool_ready sink in_client sh -c "echo ready; exec socat -u TCP4-LISTEN:7001,reuseaddr OPEN:/dev/null"
wait_until 5 in_client sh -c 'ss -ltn | grep -q 7001'
RECORD_STARTS_IN=60 STAMPCAP=$TOP/build/stampcap start_record ahead --hist --format json --netns "$SERVER" -i s0 --direction out tcp port 7001
hist_pid=$RECORD_PID
start_record ahead_file --netns "$SERVER" -i s0 --direction out -w "$WORK/ahead.pcapng" tcp port 7001
in_server socat -u -b1000 OPEN:"$WORK/data" TCP4:"$CLIENT4":7001
stop_record ahead_file
RECORD_PID=$hist_pid
stop_record ahead
cat "$WORK/ahead.err"
"$STAMPCAP" report --format json "$WORK/ahead.pcapng" >"$WORK/ahead_file.json"
tail -n 1 "$WORK/ahead.out" >"$WORK/ahead.json"
total='.groups[] | select(.direction == "tx") | .total'
jq -r "$total | [.count, .p50_ns, .max_ns] | @tsv" "$WORK/ahead.json" "$WORK/ahead_file.json"
# The first ones find an empty buffer, and their calls are known.
seen=$(jq .accounting.seen "$WORK/ahead.json")
assert_ge "$(jq '.accounting.partial.unmatched' "$WORK/ahead.json")" $((seen * 8 / 10)) "segments whose call is forgotten, of $seen"
assert_ge $((seen * 2 / 10)) "$(jq "$total.count" "$WORK/ahead.json")" "those that are in the total, at most"
tc -n "$SERVER" qdisc del dev s0 root

say "a table, with a filter"
tool_ready pong2 in_server "$TOOLS/tcp_pingpong" -l -t 60 "$SERVER4" 9602
RECORD_STARTS_IN=60 start_record table --hist --netns "$SERVER" -i s0 tcp port 9602
in_client "$TOOLS/tcp_pingpong" -n 300 -t 10 "$SERVER4" 9602 >/dev/null
in_client ping -q -c 20 -i 0.01 "$SERVER4" >/dev/null
stop_record table
cat "$WORK/table.err" "$WORK/table.out"
assert_grep '^[0-9:]{8} rx 3[0-9]{2} packets [0-9]+ bytes; p50/p99 us:  total [0-9.]+/[0-9.]+  driver ' "$WORK/table.out"
assert_grep '^rx: 3[0-9]{2} packets' "$WORK/table.out"
assert_grep 'socket -> read +app +300 ' "$WORK/table.out"
assert_grep 'write -> .* +300 ' "$WORK/table.out"

say "what is wrong is said"
refuse 2 '--hist writes no packets' "$STAMPCAP" record -i lo --hist -w "$WORK/no.pcapng"
refuse 2 '--format x: ' "$STAMPCAP" record -i lo --hist --format x
refuse 2 '--format is for --hist' "$STAMPCAP" record -i lo --format json
refuse 2 '--format is for --hist' "$STAMPCAP" record -i lo --format table
[ ! -e "$WORK/no.pcapng" ] || fail "a file was made"
