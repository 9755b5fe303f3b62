#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A shaper holds packets for longer than the deadline of a live recording: each is told once, whole, and with the wait that it had.
. "$(dirname "$0")/lib.sh"

bits_per_s=64000 burst_bytes=1600 packet_bytes=1000 packets=10

make_pair gro
ip -n "$CLIENT" neigh replace "$SERVER4" lladdr "$(ip -n "$SERVER" -j link show s0 | jq -r '.[0].address')" dev c0 nud permanent
ip netns exec "$CLIENT" tc qdisc replace dev c0 root tbf rate $bits_per_s burst $burst_bytes limit 100000
tool_ready sink in_server "$TOOLS/udp_echo" -q "$SERVER4" 9200 60

# check_shaped FILE: everything that was asked of the packets in it.
check_shaped() {
	local file="$1" line=0 last=0 other ns want

	check_file "$file"
	check_timelines "$file" -v min_tx=$packets
	assert_eq "$(count "$file" 'udp.dstport == 9200')" $packets "datagrams"
	assert_eq "$(count "$file" 'udp.dstport == 9200 && frame.comment contains "stampcap tx" && frame.comment contains " end=driver"')" $packets \
		"datagrams that the driver got"
	assert_eq "$(comments "$file" frame | tally 'flags=[a-z+]*partial')" 0 "partial packets"
	assert_eq "$(tally $'^EPB\t.*\t(cap)?len=0(\t|$)' <"$file.blocks")" 0 "packets without a byte"
	other=$(count "$file" '!(udp.dstport == 9200)')
	assert_eq "$(sed -n 's/^ISB.* | tx seen=\([0-9]*\) .*/\1/p' "$file.blocks")" $((packets + other)) "tx seen"
	# The bucket is full at first: packet k waits until all before it and itself, less the burst, have gone at the rate.
	while read -r ns; do
		line=$((line + 1)) last=$ns
		want=$(((line * packet_bytes - burst_bytes) * 8 * 1000000 / bits_per_s * 1000))
		[ $want -gt 0 ] || want=0
		assert_ge "$ns" $((want * 8 / 10)) "ns that packet $line waited"
		assert_le "$ns" $((want * 12 / 10 + 5000000)) "ns that packet $line waited"
	done < <(nanoseconds "$file" 'udp.dstport == 9200' qdisc)
	assert_eq $line $packets "waits"
	say "last wait $last ns, the shaper's $want ns"
}

send_shaped() {
	in_client "$TOOLS/udp_flood" "$SERVER4" 9200 $((packet_bytes - 42)) $packets 0 1
	sleep 1.2
}

record_pipe() {
	local reader

	cat <"$WORK/pipe" >"$1" &
	reader=$!
	defer "kill $reader; wait $reader"
	env --default-signal=INT "$STAMPCAP" record --netns "$CLIENT" -i c0 --direction out -w - >"$WORK/pipe" 2>"$WORK/live.err" &
	RECORD_PID=$!
	defer "kill $RECORD_PID; wait $RECORD_PID"
	wait_recording live
	send_shaped
	stop_record live
	wait $reader
	cat "$WORK/live.err"
}

record_file() {
	start_record plain --netns "$CLIENT" -i c0 --direction out -w "$1"
	send_shaped
	stop_record plain
	cat "$WORK/plain.err"
}

mkfifo "$WORK/pipe"
say "a pipe: the deadline is 150 ms"
record_pipe "$WORK/pipe.pcapng"
check_shaped "$WORK/pipe.pcapng"
say "a file"
record_file "$WORK/plain.pcapng"
check_shaped "$WORK/plain.pcapng"

# cut NAME: 100 calls of eight datagrams each, cut on the way.
cut_datagrams() {
	local name="$1" file="$WORK/$1.pcapng"

	start_record "$name" --netns "$CLIENT" -i c0 --direction out -w "$file" udp port 9200
	in_client "$TOOLS/udp_oracle" send "$SERVER4" 9200 0 800 0 8
	wait_until 20 sh -c "ip netns exec $CLIENT tc -s qdisc show dev c0 | grep -q 'backlog 0b 0p\|noqueue'"
	stop_record "$name"
	cat "$WORK/$name.err"
	check_file "$file"
	assert_eq "$(count "$file" udp)" 800 "datagrams"
	clean_tshark -r "$file" -n -Y udp -T fields -e frame.time_epoch -e frame.comment >"$file.left"
}

say "datagrams that are cut know their whole where there is but one; in a shaper's queue there are several, and then they say that they do not"
ip netns exec "$CLIENT" tc qdisc del dev c0 root
cut_datagrams whole
awk -v max_segments=8 -v min=800 -f "$TOP/tests/lib/cut.awk" "$WORK/whole.pcapng.left" || fail "datagrams of another whole"
ip netns exec "$CLIENT" tc qdisc replace dev c0 root tbf rate 8mbit burst 3000 limit 1000000
cut_datagrams shaped
awk -v max_segments=8 -f "$TOP/tests/lib/cut.awk" "$WORK/shaped.pcapng.left" || fail "datagrams of another whole"
assert_eq "$(grep -vE ' of=| end=unstamped .*flags=[a-z+]*partial' "$WORK/shaped.pcapng.left" | wc -l)" 0 "datagrams that know nothing and do not say so"
