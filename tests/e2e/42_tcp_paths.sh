#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 300
# Special ways to receive and to send TCP, each judged by what the payload and the application's own log say: peeking, splice(), several readers, mapped
# pages, urgent data, a reader that closes early; sendfile(), zero-copy, corked and tiny writes, data with the FIN, pacing.
. "$(dirname "$0")/lib.sh"

# receive NAME PORT MODE COUNT SENDER SENDER_COUNT: the recorded end receives that way. send NAME PORT MODE COUNT RECEIVER: it sends that way.
receive() {
	local name="$1" port="$2" stream=$(($2 - 9600))

	say "$name"
	tool_ready "$name" in_server "$TOOLS/tcp_paths" serve "$SERVER4" "$port" receive "$3" "$4" $stream
	in_client "$TOOLS/tcp_paths" connect "$SERVER4" "$port" send "$5" "$6" $stream >"$WORK/$name.other"
	wait_until 20 grep -q done "$WORK/$name.out" || fail "$name does not end: $(cat "$WORK/$name.err")"
}

send() {
	local name="$1" port="$2" stream=$(($2 - 9600))

	say "$name"
	tool_ready "$name" in_server "$TOOLS/tcp_paths" serve "$SERVER6" "$port" send "$3" "$4" $stream
	in_client "$TOOLS/tcp_paths" connect "$SERVER6" "$port" receive "$5" 0 $stream >"$WORK/$name.other"
	wait_until 20 grep -q done "$WORK/$name.out" || fail "$name does not end: $(cat "$WORK/$name.err")"
}

# received NAME PORT [-v NAME=VALUE...], sent NAME PORT [-v NAME=VALUE...]: judges one of them.
received() {
	local name="$1" port="$2"

	shift 2
	say "$name"
	stream_packets "$FILE" "$port"
	judge_streams "$FILE" received read 3e "$WORK/$name.out" -v min_share=0.99 -v again=judge "$@"
}

sent() {
	local name="$1" port="$2"

	shift 2
	say "$name"
	stream_packets "$FILE" "$port"
	judge_streams "$FILE" sent write 3e "$WORK/$name.out" -v min_share=0.99 -v again=judge "$@"
}

make_pair gro
FILE=$WORK/rec.pcapng
start_record rec --netns "$SERVER" -i s0 -w "$FILE"
receive peek 9620 peek 0 plain 300
receive splice 9621 splice 0 plain 300
receive turns 9622 turns 0 plain 300
receive urgent 9623 urgent 0 urgent 60
receive inline 9624 inline 0 urgent 60
receive last 9625 plain 0 fin 40
receive closed 9626 some 30000 once 200000
receive copied 9627 zerocopy 0 plain 300
send sendfile 9630 sendfile 120 plain
send pages 9631 zerocopy 120 plain
send spliced 9636 spliced 60 plain
send more 9632 more 1000 plain
send nodelay 9633 nodelay 1000 plain
send fin 9634 fin 40 plain
send paced 9635 paced 200000 plain
stop_record rec
cat "$WORK/rec.err"
check_file "$FILE"
check_timelines "$FILE" -v min_complete=0.99

received peek 9620 -v min_cut=20
assert_ge "$(tally '^peek ' <"$WORK/peek.out")" 50 "peeks"
received splice 9621 -v min_cut=20
received turns 9622 -v min_cut=20
assert_ge "$(sed -n 's/.* comm=\(reader[0-9]\) .*/\1/p' "$FILE.received" | sort -u | wc -l)" 2 "threads that read"
received urgent 9623
assert_ge "$(count "$FILE" 'tcp.dstport == 9623 && tcp.flags.urg == 1')" 60 "segments with an urgent byte"
received inline 9624
assert_ge "$(count "$FILE" 'tcp.dstport == 9624 && tcp.flags.urg == 1')" 60 "segments with an urgent byte"
received last 9625
assert_eq "$(count "$FILE" 'tcp.dstport == 9625 && tcp.flags.fin == 1 && tcp.len > 0 && frame.comment contains " read=+"')" 1 "data that came with the FIN"
received closed 9626 -v min_share=0.1
sed -n 's/^read [0-9]* \([0-9]*\) .*/\1/p' "$WORK/closed.out" | tail -n 1 >"$WORK/closed.end"
awk -F '\t' -v end="$(cat "$WORK/closed.end")" '$1 >= end && $3 !~ / end=(unread|timeout) .*flags=[a-z+]*partial/ && $3 !~ / end=drop:/' \
	"$FILE.received.places" >"$WORK/closed.odd"
[ ! -s "$WORK/closed.odd" ] || fail "nobody read them, and no reason: $(head -n 2 "$WORK/closed.odd")"
assert_ge "$(tally ' end=(unread|timeout) ' <"$FILE.received")" 5 "packets that nobody has read"
received copied 9627
cat "$WORK/copied.out" | grep mapped
sent sendfile 9630 -v min_cut=5 -v min_many=5
sent pages 9631 -v min_cut=5 -v min_many=5
assert_grep '^zerocopy ([0-9]+) completed \1$' "$WORK/pages.out"
sent spliced 9636 -v min_many=5
sent more 9632 -v min_cut=50
sent nodelay 9633
assert_ge "$(wc -l <"$FILE.sent")" 500 "segments of small writes"
sent fin 9634
assert_eq "$(count "$FILE" 'tcp.srcport == 9634 && tcp.flags.fin == 1 && tcp.len > 0 && frame.comment contains " write=+"')" 1 "data that left with the FIN"
sent paced 9635 -v min_many=1
judge_pace

say "mapped pages: segments of whole pages, in packets as large as they come"
in_client ip link set c0 mtu 4148
in_server ip link set s0 mtu 4148
in_client ethtool -K c0 tso on >/dev/null
FILE=$WORK/mapped.pcapng
start_record mapped --netns "$SERVER" -i s0 -w "$FILE" --xdp off
receive pages_in 9640 zerocopy 0 spliced 60
stop_record mapped
check_file "$FILE"
check_timelines "$FILE" -v irq=no
received pages_in 9640
cat "$WORK/pages_in.out" | grep mapped
