#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The options of record: text lines, -c, -a, -s, --direction, --stages, -q, -v, an interface by number, several interfaces, a namespace by process.
# beside others
. "$(dirname "$0")/lib.sh"

make_pair gro
start_udp_echo

say "text: one line a packet on stdout, messages on stderr"
start_record text --netns "$SERVER" -i s0
udp_exchanges 5 64
stop_record text
cat "$WORK/text.out"
assert_eq "$(tally ' udp ' <"$WORK/text.out")" 20 "lines of UDP packets"
assert_grep "$CLIENT4.*9000" "$WORK/text.out"
assert_no_grep 'recording on' "$WORK/text.out"

say "-c N: exactly N packets, ends by itself"
start_record c --netns "$SERVER" -i s0 -c 7 -w "$WORK/c.pcapng"
udp_exchanges 20 64
wait_record c
check_file "$WORK/c.pcapng"
assert_eq "$(count "$WORK/c.pcapng" frame)" 7 "packets"

for limit in 2 duration:2; do
	say "-a $limit: ends by itself after two seconds"
	begin=$(date +%s%N)
	start_record a --netns "$SERVER" -i s0 -a $limit -w "$WORK/a.pcapng"
	udp_exchanges 5 64
	wait_record a
	lasted=$((($(date +%s%N) - begin) / 1000000))
	assert_ge $lasted 1900 "milliseconds"
	assert_le $lasted 6000 "milliseconds"
	check_file "$WORK/a.pcapng"
	check_timelines "$WORK/a.pcapng" -v min_rx=10
done

say "-s: 64 bytes of each, and 0 for all"
start_record s64 --netns "$SERVER" -i s0 -s 64 -w "$WORK/s64.pcapng"
udp_exchanges 10 1000
stop_record s64
check_file "$WORK/s64.pcapng"
assert_eq "$(count "$WORK/s64.pcapng" 'frame.cap_len > 64')" 0 "packets with more than 64 bytes"
assert_eq "$(count "$WORK/s64.pcapng" 'udp && frame.cap_len == 64 && frame.len >= 1042')" 40 "packets cut at 64 bytes"
assert_grep $'^IDB\t.*snaplen=64(\t|$)' "$WORK/s64.pcapng.blocks"
start_record s0 --netns "$SERVER" -i s0 -s 0 -w "$WORK/s0.pcapng"
udp_exchanges 10 1000
stop_record s0
check_file "$WORK/s0.pcapng"
assert_eq "$(count "$WORK/s0.pcapng" 'frame.cap_len < frame.len')" 0 "cut packets"
start_record default --netns "$SERVER" -i s0 -w "$WORK/default.pcapng"
udp_exchanges 10 1000
stop_record default
assert_eq "$(count "$WORK/default.pcapng" 'udp && frame.cap_len == 256')" 40 "packets cut at the default 256 bytes"

for direction in in out inout; do
	say "--direction $direction"
	start_record "$direction" --netns "$SERVER" -i s0 --direction $direction -w "$WORK/$direction.pcapng"
	udp_exchanges 10 64
	stop_record "$direction"
	check_file "$WORK/$direction.pcapng"
done
assert_eq "$(count "$WORK/in.pcapng" 'frame.comment contains "stampcap tx"')" 0 "sent packets with --direction in"
assert_ge "$(count "$WORK/in.pcapng" 'udp.dstport == 9000')" 20 "received packets with --direction in"
assert_eq "$(count "$WORK/out.pcapng" 'frame.comment contains "stampcap rx"')" 0 "received packets with --direction out"
assert_ge "$(count "$WORK/out.pcapng" 'udp.srcport == 9000')" 20 "sent packets with --direction out"
assert_eq "$(count "$WORK/inout.pcapng" udp)" 40 "packets with --direction inout"

say "--stages: only those are stamped"
start_record stages --netns "$SERVER" -i s0 --direction in --stages netif,ip,socket,read -w "$WORK/stages.pcapng"
udp_exchanges 10 64
stop_record stages
check_file "$WORK/stages.pcapng"
comments "$WORK/stages.pcapng" udp >"$WORK/stages.comments"
assert_eq "$(wc -l <"$WORK/stages.comments")" 20 "packets"
assert_eq "$(grep -cE 'us netif=\+0.000us ip=\+[0-9.]+us socket=\+[0-9.]+us read=\+[0-9.]+us \|' "$WORK/stages.comments")" 20 \
	"timelines of exactly these stages"

say "-q says nothing but errors, -v says more"
timeout 30 "$STAMPCAP" record --netns "$SERVER" -i s0 -q -a 1 -w "$WORK/q.pcapng" >"$WORK/q.out" 2>"$WORK/q.err" || fail "-q: exit status $?"
[ ! -s "$WORK/q.err" ] || fail "-q: $(cat "$WORK/q.err")"
start_record v --netns "$SERVER" -i s0 -v -w "$WORK/v.pcapng"
stop_record v
start_record plain --netns "$SERVER" -i s0 -w "$WORK/plain.pcapng"
stop_record plain
assert_ge "$(wc -l <"$WORK/v.err")" $(($(wc -l <"$WORK/plain.err") + 1)) "lines of -v"

say "an interface by number, a namespace by process"
index=$(ip -n "$SERVER" -o link show s0 | cut -d: -f1)
start_record index --netns "$SERVER" -i "$index" -w "$WORK/index.pcapng"
udp_exchanges 1 64
stop_record index
check_file "$WORK/index.pcapng"
assert_grep 'name=s0' "$WORK/index.pcapng.blocks"
background in_server sleep 60
start_record pid --netns "$LAST_PID" -i s0 -w "$WORK/pid.pcapng"
udp_exchanges 1 64
stop_record pid
check_file "$WORK/pid.pcapng"
assert_eq "$(count "$WORK/pid.pcapng" udp)" 4 "packets"

say "several interfaces, each packet by its own"
start_record several --netns "$SERVER" -i s0 -i lo -w "$WORK/several.pcapng"
udp_exchanges 5 64
in_server ping -q -c 3 -i 0.01 127.0.0.1 >/dev/null
stop_record several
check_file "$WORK/several.pcapng"
check_timelines "$WORK/several.pcapng"
assert_eq "$(grep -c '^IDB' "$WORK/several.pcapng.blocks")" 2 "interfaces"
assert_eq "$(count "$WORK/several.pcapng" 'frame.interface_name == "s0" && udp.port == 9000')" 20 "packets of s0"
assert_eq "$(count "$WORK/several.pcapng" 'frame.interface_name == "lo" && icmp')" 12 "packets of lo"

say "inside the namespace itself, and under ip netns exec, which hides cgroups"
for how in "nsenter --net=/run/netns/$SERVER --" "ip netns exec $SERVER"; do
	rm -f "$WORK/inside.err" # what the one before said
	# shellcheck disable=SC2086
	$how env --default-signal=INT "$STAMPCAP" record -i s0 -w "$WORK/inside.pcapng" >"$WORK/inside.out" 2>"$WORK/inside.err" &
	RECORD_PID=$!
	defer "kill $RECORD_PID; wait $RECORD_PID"
	wait_recording inside
	udp_exchanges 5 64
	stop_record inside
	check_file "$WORK/inside.pcapng"
	assert_eq "$(count "$WORK/inside.pcapng" udp)" 20 "packets"
	check_timelines "$WORK/inside.pcapng" -v l4=no
done
