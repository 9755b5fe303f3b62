#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 240
# 200000 numbered datagrams (a part of them in `make check`) from two CPUs, through GRO and without, read in every way: each read stamp lies within the call that returned this very datagram, or there is
# none and the packet says so.
. "$(dirname "$0")/lib.sh"

make_pair plain
last_cpu=$(($(nproc) - 1))
failed=0 base=20000 first=0 total=0
rows=()

# A veth device with NAPI drops what its ring has no room for.
device_drops() {
	in_client ip -s -s link show dev c0 | awk '/TX:/ { getline; print $4; exit }'
}

# series NAME SHARE SENDERS COUNT SOCKETS THREADS SEGMENTS READER SENDER [PEER]: COUNT datagrams a sender, one sender a CPU in turn; at least SHARE of the packets have their read.
series() {
	local name="$1" share="$2" senders="$3" count="$4" sockets="$5" threads="$6" segments="$7" how="$8" send="$9" pids=() i address lost

	shift 9
	address=$SERVER4
	lost=$(device_drops)
	say "$name: $((senders * count)) datagrams, $senders senders, $sockets sockets with $threads threads each, $segments in a call; reader $how, sender $send"
	tool_ready "$name" in_server "$TOOLS/udp_identity" read "$address" $base $((senders * count)) 40 "$sockets" "$threads" "$how" "$@"
	for ((i = 0; i < senders; i++)); do
		background in_client "$TOOLS/udp_identity" send "$address" $base $first "$count" "$sockets" "$segments" $((i % 2 ? last_cpu : 0)) "$send" \
			>"$WORK/$name.writes$i"
		pids+=("$LAST_PID")
		first=$((first + count))
	done
	for i in "${pids[@]}"; do
		wait "$i" || fail "a sender of $name"
	done
	wait_until 45 grep -q done= "$WORK/$name.out" || fail "the reader of $name does not end: $(cat "$WORK/$name.err")"
	lost=$(($(device_drops) - lost))
	assert_eq "$(sed -n 's/^done=//p' "$WORK/$name.out")" $((senders * count - lost)) "datagrams read of $name, but for $lost that the device dropped"
	assert_eq "$(sum_of drops "$WORK/$name.out")" "$(sum_of broken "$WORK/$name".writes?)" "datagrams that the sockets dropped: those with a wrong checksum"
	rows+=("$name:$share:$base:$((base + sockets))")
	base=$((base + 100)) total=$((total + senders * count))
}

# judge NAME SHARE FROM TO STAGE LOG
judge() {
	local name="$1" share="$2" from="$3" to="$4" i

	for ((i = from; i < to; i++)); do
		printf '%04x\n' $i
	done >"$WORK/ports"
	awk -F '\t' 'FNR == NR { port[$1]; next } $1 in port { print $2 "\t" $3 "\t" $4 }' "$WORK/ports" "$WORK/datagrams" >"$WORK/$name.packets"
	grep '^[0-9]' "$WORK/$name.out" | sort -n >"$WORK/$name.log"
	say "$name"
	awk -v stage=read -v min_share="$share" -f "$TOP/tests/lib/oracle.awk" "$WORK/$name.log" "$WORK/$name.packets" || failed=1
}

start_record rec --netns "$SERVER" -i s0 --direction in -w "$WORK/rec.pcapng"
series mixed 0.95 2 $((14000 / SHRINK)) 2 1 1 pt -
series equal 0.5 2 $((14000 / SHRINK)) 1 1 1 r ef
series many 0.95 2 $((14000 / SHRINK)) 2 1 1 m e
series spin 0.9 2 $((14000 / SHRINK)) 2 1 1 s e
series connected 0.95 1 $((14000 / SHRINK)) 2 1 1 pr c "$CLIENT4"
series shared 0 2 $((14000 / SHRINK)) 1 3 1 - ef
series super 0.95 2 $((16000 / SHRINK)) 2 1 20 g -
in_server ethtool -K s0 gro on >/dev/null
offloads_off "$CLIENT" c0
series gro 0.9 2 $((16000 / SHRINK)) 2 1 20 gm -
series napi 0.9 2 $((14000 / SHRINK)) 2 1 1 pt e
stop_record rec
cat "$WORK/rec.err"
assert_ge $total $((200000 / SHRINK)) "datagrams"
check_file "$WORK/rec.pcapng"
datagrams "$WORK/rec.pcapng" >"$WORK/datagrams"
for row in "${rows[@]}"; do
	IFS=: read -r name share from to <<<"$row"
	judge "$name" "$share" "$from" "$to"
done
[ $failed = 0 ] || fail "reads are not where they were"
assert_eq "$(grep -c ' end=unmatched' "$WORK/shared.packets")" $((28000 / SHRINK)) "packets that say that several threads read their socket"

say "write: within the send call, where this kernel can tell of send calls of datagrams; else absent"
start_record write.rec --netns "$CLIENT" -i c0 --direction out -w "$WORK/write.pcapng"
series write 0 2 2000 2 1 1 - -
stop_record write.rec
check_file "$WORK/write.pcapng"
datagrams "$WORK/write.pcapng" | cut -f 2- >"$WORK/write.packets"
assert_eq "$(wc -l <"$WORK/write.packets")" 4000 "datagrams sent"
if "$STAMPCAP" list -i lo | awk '$1 == "tx.write" { stage = 1 } $1 ~ /^[rt]x/ && $1 != "tx.write" { stage = 0 } stage && /in use.*udp_sendmsg/ { found = 1 } END { exit !found }'; then
	cat "$WORK"/write.writes? | grep '^[0-9]' | sort -n >"$WORK/write.log"
	awk -v stage=write -f "$TOP/tests/lib/oracle.awk" "$WORK/write.log" "$WORK/write.packets" || fail "writes are not where they were"
else
	assert_no_grep ' write=+' "$WORK/write.packets"
fi

say "a full socket buffer: as many drops with that reason as the socket counts; what fitted is read"
rcvbuf_errors() {
	in_server nstat -asz UdpRcvbufErrors 2>/dev/null | awk '$1 == "UdpRcvbufErrors" { print $2 }'
}
errors=$(rcvbuf_errors)
start_record full.rec --netns "$SERVER" -i s0 --direction in -w "$WORK/full.pcapng"
tool_ready full in_server "$TOOLS/udp_identity" read "$SERVER4" 29000 3000 4 1 1 w
in_client "$TOOLS/udp_identity" send "$SERVER4" 29000 0 3000 1 1 0 e >/dev/null
wait_until 10 grep -q done= "$WORK/full.out" || fail "the reader does not end"
stop_record full.rec
cat "$WORK/full.rec.err"
check_file "$WORK/full.pcapng"
datagrams "$WORK/full.pcapng" >"$WORK/datagrams"
dropped=$(sed -n 's/^drops=//p' "$WORK/full.out")
assert_ge "$dropped" 1000 "datagrams that the socket dropped"
assert_eq $(($(rcvbuf_errors) - errors)) "$dropped" "UdpRcvbufErrors"
assert_eq "$(tally ' end=drop:SOCKET_RCVBUFF .*at=l4' <"$WORK/datagrams")" "$dropped" "packets dropped for that reason"
judge full 0.005 29000 29001
[ $failed = 0 ] || fail "reads are not where they were"
assert_eq "$(tally ' end=read ' <"$WORK/full.packets")" $((3000 - dropped)) "packets read"

# One in eight is dropped, and which one the reader took in its place nobody tells.
say "wrong checksums: the reader drops them, and what it then takes is not the one it found first"
checksum_errors() {
	in_server nstat -asz UdpInCsumErrors 2>/dev/null | awk '$1 == "UdpInCsumErrors" { print $2 }'
}
errors=$(checksum_errors)
start_record broken.rec --netns "$SERVER" -i s0 --direction in -w "$WORK/broken.pcapng"
series broken 0.8 2 $((14000 / SHRINK)) 1 1 1 r b
stop_record broken.rec
cat "$WORK/broken.rec.err"
check_file "$WORK/broken.pcapng"
datagrams "$WORK/broken.pcapng" >"$WORK/datagrams"
judge broken 0.8 $((base - 100)) $((base - 99))
[ $failed = 0 ] || fail "reads are not where they were"
broken_comments "$WORK/broken.pcapng" >"$WORK/broken.comments"
broken=$(sum_of broken "$WORK"/broken.writes?)
assert_ge "$broken" $((2 * 14000 / SHRINK / 10)) "datagrams with a wrong checksum"
assert_eq $(($(checksum_errors) - errors)) "$broken" "UdpInCsumErrors"
assert_eq "$(wc -l <"$WORK/broken.comments")" "$broken" "of them in the file"
assert_no_grep ' read=+' "$WORK/broken.comments"
assert_ge "$(tally ' end=drop:[A-Z_]+ .*at=socket' <"$WORK/broken.comments")" $((broken * 95 / 100)) "of them told as dropped in the queue"

say "multicast: read by a socket of the group, in a call that returned it"
ip -n "$CLIENT" route add 239.0.0.0/8 dev c0
ip -n "$SERVER" route add 239.0.0.0/8 dev s0
start_record group --netns "$SERVER" -i s0 --direction in -w "$WORK/group.pcapng"
for reader in one two; do
	tool_ready group_$reader in_server "$TOOLS/udp_identity" read 239.7.7.7 29100 2000 10 1 1 r
done
in_client "$TOOLS/udp_identity" send 239.7.7.7 29100 0 2000 1 1 0 - >/dev/null
for reader in one two; do
	wait_until 15 grep -q done=2000 "$WORK/group_$reader.out" || fail "reader $reader: $(tail -1 "$WORK/group_$reader.out")"
done
stop_record group
cat "$WORK/group.err"
check_file "$WORK/group.pcapng"
datagrams "$WORK/group.pcapng" >"$WORK/datagrams"
for reader in one two; do
	pid=$(sed -n "s/^pid=//p" "$WORK/group_$reader.out")
	grep '^[0-9]' "$WORK/group_$reader.out" | sort -n >"$WORK/group_$reader.log"
	grep -E " pid=$pid " "$WORK/datagrams" | cut -f 2- >"$WORK/group_$reader.packets" || true
	say "$reader, pid $pid: $(wc -l <"$WORK/group_$reader.packets") packets"
	[ ! -s "$WORK/group_$reader.packets" ] ||
		awk -v stage=read -f "$TOP/tests/lib/oracle.awk" "$WORK/group_$reader.log" "$WORK/group_$reader.packets" || failed=1
done
[ $failed = 0 ] || fail "reads are not where they were"
assert_eq "$(tally ' ends=2( |$)' <"$WORK/datagrams")" 2000 "datagrams that say that they went to two sockets"
assert_ge "$(cat "$WORK"/group_*.packets | wc -l)" 1900 "datagrams with the end at one of their sockets"
