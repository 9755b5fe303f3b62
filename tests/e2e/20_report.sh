#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# `report` needs nothing but the file: groups, formats, agreement with the file, expressions as tcpdump understands them, and files that are cut, foreign,
# empty or not there.
# beside others
. "$(dirname "$0")/lib.sh"

make_pair gro
start_nginx "$SERVER"
start_udp_echo
start_record rec --netns "$SERVER" -i s0 -w "$WORK/rec.pcapng"
http 20 small
udp_exchanges 20 64
pings 5
mac=$(ip -n "$SERVER" -o link show s0 | sed 's/.*link\/ether \([0-9a-f:]*\).*/\1/')
for kind in vlan:5 qinq:9 ethertype:34997; do
	in_client "$TOOLS/raw_send" c0 "$mac" "$CLIENT4" "$SERVER4" 9001 3 "$kind"
done
in_client ping -q -b -c 1 -W 0.2 10.77.0.255 >/dev/null 2>&1 || true
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

say "an expression selects what tcpdump selects from the same file"
# report_count EXPRESSION: the packets in the groups.
report_count() {
	"$STAMPCAP" report --by flow --format json "$file" "$1" >"$WORK/only.json" 2>"$WORK/only.err" || fail "report '$1': $(cat "$WORK/only.err")"
	[ ! -s "$WORK/only.err" ] || fail "report '$1': $(cat "$WORK/only.err")"
	jq -r --arg only "$1" 'if .capture.report_filter == $only then [.groups[].packets] | add // 0 else "no report_filter" end' "$WORK/only.json"
}
all=$(grep -c '^EPB' "$file.blocks") nothing=0
while read -r expression; do
	want=$(tcpdump --count -n -r "$file" "$expression" 2>/dev/null | sed 's/ packets\?$//')
	have=$(report_count "$expression")
	echo "$have of $all packets: $expression"
	assert_eq "$have" "$want" "packets that match '$expression'"
	[ "$have" -gt 0 ] || nothing=$((nothing + 1))
done <<END
tcp
udp port 9000
udp and dst port 9000
host $CLIENT4
src host $SERVER4 and tcp src port 8080
ip6
ip6 host $CLIENT6 and not tcp
net 10.77.0.0/24
dst net fd77::/64
port 8080 or port 9000
portrange 8000-8999
icmp or icmp6
icmp[icmptype] = icmp-echo
len > 200
greater 1000
less 100
tcp[tcpflags] & (tcp-syn|tcp-fin) != 0
tcp[tcpflags] & tcp-push != 0 and len > 1000
ip[8] = 64 and ip[9] = 17
ip[2:2] - ((ip[0] & 0xf) << 2) > 200
ether src $mac
ether proto 0x88b5
ether broadcast or ether multicast
vlan
vlan 5
vlan 5 and udp
vlan 9 and vlan 7
not ip and not ip6
udp and not port 53 and (src port 9000 or dst port 9000) and len = 106
arp or rarp
END
assert_le $nothing 1 "expressions that matched nothing"
for dir in inbound:rx outbound:tx; do
	assert_eq "$(report_count "${dir%:*}")" "$(comments "$file" "frame.comment contains \"stampcap ${dir#*:} \"" | wc -l)" "packets ${dir%:*}"
done
assert_eq "$(report_count 'inbound and tcp')" "$(comments "$file" 'tcp && frame.comment contains "stampcap rx "' | wc -l)" "TCP packets inbound"
"$STAMPCAP" report "$file" --by flow udp port 9000 >"$WORK/udp.table"
"$STAMPCAP" report --by flow - udp port 9000 <"$file" >"$WORK/piped.table"
diff "$WORK/udp.table" "$WORK/piped.table" || fail "another report from a pipe"
assert_grep "^only packets that match \"udp port 9000\": [0-9]+ of $all\$" "$WORK/udp.table"

say "a wrong expression: where, and nothing on stdout"
# refuse_expression COLUMN PATTERN WORD...
refuse_expression() {
	local column="$1" pattern="$2" status=0

	shift 2
	"$STAMPCAP" report "$file" "$@" >"$WORK/refuse.out" 2>"$WORK/refuse.err" || status=$?
	cat "$WORK/refuse.err"
	assert_eq $status 2 "exit status of report with $*"
	[ ! -s "$WORK/refuse.out" ] || fail "report $*: wrote to stdout"
	assert_grep "^stampcap: filter: .*$pattern" "$WORK/refuse.err"
	assert_eq "$(sed -n 2p "$WORK/refuse.err")" "  $*" "expression"
	assert_eq "$(sed -n '3,$p' "$WORK/refuse.err")" "$(printf '%*s^' $((column + 2)) '')" "caret"
}
refuse_expression 4 'syntax error' tcp prot 80
refuse_expression 7 'syntax error' 'tcp and'
refuse_expression 5 "unknown host 'no.such.host.invalid'" host no.such.host.invalid
refuse_expression 5 'illegal port number' port 99999
refuse_expression 0 'ifindex' ifindex 3

say "the same file on a machine without it all: no privileges, from a pipe"
public=$(mktemp -d /tmp/stampcap-test.XXXXXX)
defer "rm -rf $public"
chmod 755 "$public"
cp "$STAMPCAP" "$public/stampcap"
cp "$file" "$public/rec.pcapng"
chmod 755 "$public"/*
setpriv --reuid 65534 --regid 65534 --clear-groups "$public/stampcap" report "$public/rec.pcapng" --by stage >"$WORK/nobody.table"
diff "$WORK/stage.table" "$WORK/nobody.table" || fail "nobody gets another report"
setpriv --reuid 65534 --regid 65534 --clear-groups "$public/stampcap" report --by flow "$public/rec.pcapng" udp port 9000 >"$WORK/nobody.table"
diff "$WORK/udp.table" "$WORK/nobody.table" || fail "nobody gets another report of some packets"

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
