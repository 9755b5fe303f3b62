#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# `report` needs nothing but the file: groups, formats, agreement with the file, and files that are cut, foreign, empty or not there.
. "$(dirname "$0")/lib.sh"

make_pair gro
start_nginx "$SERVER"
start_udp_echo
start_record rec --netns "$SERVER" -i s0 -w "$WORK/rec.pcapng"
http 20 small
udp_exchanges 20 64
pings 5
stop_record rec
check_file "$WORK/rec.pcapng"
file=$WORK/rec.pcapng

for by in stage layer flow; do
	"$STAMPCAP" report "$file" --by $by >"$WORK/$by.table" 2>"$WORK/$by.err" || fail "--by $by: $(cat "$WORK/$by.err")"
	[ ! -s "$WORK/$by.err" ] || fail "--by $by: $(cat "$WORK/$by.err")"
	cat "$WORK/$by.table"
	"$STAMPCAP" report "$file" --by $by --format json >"$WORK/$by.json"
	jq -e '.stampcap.format == 1 and (.groups | length) > 0' "$WORK/$by.json" >/dev/null || fail "--by $by: JSON"
	jq -e '.accounting | .seen == .complete + (.partial | add // 0) + (.lost | add // 0)' "$WORK/$by.json" >/dev/null || fail "--by $by: the equation"
	jq -e '[.groups[].packets] | add == '"$(grep -c '^EPB' "$file.blocks")" "$WORK/$by.json" >/dev/null || fail "--by $by: packets of the groups"
	jq -e '[.groups[] | .total, .intervals[]? | select(.count > 0)
		| .min_ns <= .p50_ns and .p50_ns <= .p90_ns and .p90_ns <= .p99_ns and .p99_ns <= .p999_ns and .p999_ns <= .max_ns] | all' \
		"$WORK/$by.json" >/dev/null || fail "--by $by: quantiles out of order"
done
for stage in driver netif tc ip local l4 socket read write out netdev; do
	assert_grep "(^|[^a-z])$stage([^a-z]|\$)" "$WORK/stage.table"
done
jq -e '.capture.interface == "s0" and .capture.duration_ns > 0 and (.capture.probes | length) > 5' "$WORK/stage.json" >/dev/null || fail "capture facts"
jq -e '[.groups[] | select(.key.proto == "udp")] | length > 0' "$WORK/flow.json" >/dev/null || fail "no UDP flow"
jq -e '[.groups[] | select(.by == "flow") | .direction] | unique == ["rx", "tx"]' "$WORK/flow.json" >/dev/null || fail "directions of flows"

say "the largest read step agrees with tshark's reading of the same file"
want=$(nanoseconds "$file" 'frame.comment contains "stampcap rx"' read | sort -n | tail -n 1)
have=$(jq '[.groups[] | select(.direction == "rx") | .intervals[] | select(.to == "read") | .max_ns] | max' "$WORK/stage.json")
assert_eq "$have" "$want" "largest step to read"
packets=$(comments "$file" 'frame.comment contains "stampcap rx"' | tally ' ip=+')
have=$(jq '[.groups[] | select(.direction == "rx") | .intervals[] | select(.to == "ip") | .count] | add' "$WORK/stage.json")
assert_eq "$have" "$packets" "steps to ip"

say "the same file on a machine without it all: no privileges, from a pipe"
public=$(mktemp -d /tmp/stampcap-test.XXXXXX)
defer "rm -rf $public"
chmod 755 "$public"
cp "$STAMPCAP" "$public/stampcap"
cp "$file" "$public/rec.pcapng"
chmod 755 "$public"/*
setpriv --reuid 65534 --regid 65534 --clear-groups "$public/stampcap" report "$public/rec.pcapng" --by stage >"$WORK/nobody.table"
diff "$WORK/stage.table" "$WORK/nobody.table" || fail "nobody gets another report"

say "files that are not right"
report=("$STAMPCAP" report)
refuse 1 'nofile' "${report[@]}" "$WORK/nofile"
refuse 1 'folder|directory' "${report[@]}" "$WORK"
: >"$WORK/empty"
refuse 1 'empty.*pcapng' "${report[@]}" "$WORK/empty"
echo 'just some text, longer than a header of a block' >"$WORK/text"
refuse 1 'text.*pcapng' "${report[@]}" "$WORK/text"
editcap -F pcap "$file" "$WORK/classic.pcap" 2>/dev/null
refuse 1 'classic.pcap.*classic pcap' "${report[@]}" "$WORK/classic.pcap"
in_server timeout 2 tcpdump -i lo -w "$WORK/td.pcap" 2>/dev/null &
sleep 0.5
in_server ping -q -c 2 -i 0.1 127.0.0.1 >/dev/null
wait $! || true
editcap -F pcapng "$WORK/td.pcap" "$WORK/foreign.pcapng"
refuse 1 'foreign.pcapng.*stampcap' "${report[@]}" "$WORK/foreign.pcapng"
refuse 2 'by' "${report[@]}" "$file" --by colour
refuse 2 'format' "${report[@]}" "$file" --format xml
refuse 2 'file' "${report[@]}"

say "truncated: what is there is reported, and that it is cut is said, with exit 1"
size=$(stat -c %s "$file")
for keep in $((size - 10)) $((size / 2 + 1)) $((size / 3 + 2)); do
	head -c "$keep" "$file" >"$WORK/cut.pcapng"
	status=0
	"$STAMPCAP" report "$WORK/cut.pcapng" >"$WORK/cut.out" 2>"$WORK/cut.err" || status=$?
	cat "$WORK/cut.err"
	assert_le $status 1 "exit status"
	assert_grep 'cut.pcapng.*(truncated|cut|ends)' "$WORK/cut.err"
	[ -s "$WORK/cut.out" ] || fail "nothing of the readable part"
done
