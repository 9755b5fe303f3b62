#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 240
# What recordings do not see whole: each retransmission is a packet of its own that points to the first; a recording that begins amid connections, and one
# that ends with packets still queued, leave out what they do not know, or say why it is missing. Judged by payload and the applications' own logs.
. "$(dirname "$0")/lib.sh"

# start_pair NAME PORT ROLE MODE COUNT OTHER_MODE OTHER_COUNT: recorded end and other end, both in the background; process ids in ${NAME}_here, ${NAME}_there.
start_pair() {
	local name="$1" port="$2" stream=$(($2 - 9600)) other=send

	[ "$3" = receive ] || other=receive
	tool_ready "$name" in_server "$TOOLS/tcp_paths" serve "$SERVER4" "$port" "$3" "$4" "$5" $stream
	declare -g "${name}_here=$LAST_PID"
	background in_client "$TOOLS/tcp_paths" connect "$SERVER4" "$port" $other "$6" "$7" $stream >"$WORK/$name.other" 2>&1
	declare -g "${name}_there=$LAST_PID"
}

# end_pair NAME
end_pair() {
	wait_until 30 grep -q done "$WORK/$1.out" || fail "$1 does not end: $(cat "$WORK/$1.err" "$WORK/$1.other")"
}

# judge NAME PORT received|sent STAGE [-v NAME=VALUE...]
judge() {
	local name="$1" port="$2" way="$3" stage="$4"

	shift 4
	say "$name: $stage"
	stream_packets "$FILE" "$port"
	judge_streams "$FILE" "$way" "$stage" 3e "$WORK/$name.out" -v again=judge "$@"
}

retransmitted() {
	in_server nstat -asz TcpRetransSegs | awk '/TcpRetransSegs/ { print $2 }'
}

need program:nft program:nstat
make_pair gro
in_server ethtool -K s0 tso off gso off >/dev/null
say "each 15th packet with data is lost, both ways"
for end in "$CLIENT c0" "$SERVER s0"; do
	in_ns "${end% *}" nft -f - <<-END
		table netdev d {
			chain c { type filter hook ingress device ${end#* } priority 0; meta l4proto tcp meta length > 200 numgen inc mod 15 14 drop; }
		}
	END
done
FILE=$WORK/loss.pcapng
start_record loss --netns "$SERVER" -i s0 -w "$FILE" -s 128
before=$(retransmitted)
start_pair in 9650 receive plain 0 plain 150
start_pair out 9651 send plain 150 plain 0
end_pair in
end_pair out
stop_record loss
cat "$WORK/loss.err"
again=$(($(retransmitted) - before))
for end in "$CLIENT" "$SERVER"; do
	in_ns "$end" nft delete table netdev d
done
check_file "$FILE"
check_timelines "$FILE" -v min_complete=0.98 -v skip=tcp
judge in 9650 received read -v min_share=0.8
awk -v min=5 -f "$TOP/tests/lib/repeats.awk" "$FILE.received.places" || fail "repeated packets"
judge out 9651 sent write -v min_share=0.98
awk -v min=5 -f "$TOP/tests/lib/repeats.awk" "$FILE.sent.places" || fail "repeated packets"
# The kernel also counts a FIN that is sent again.
ours="tcp.srcport == 9650 || tcp.srcport == 9651"
flagged=$(comments "$FILE" "$ours" | tally ' flags=[a-z+]*retrans')
fins=$(count "$FILE" "($ours) && tcp.flags.fin == 1")
say "retransmissions: $flagged; the kernel counts $again; $fins segments with FIN of 2 connections"
assert_le "$flagged" "$again" "retransmissions, against the kernel's counter"
assert_ge "$flagged" $((again - fins + 2)) "retransmissions, against the kernel's counter"

say "a recording that begins, and ends, in the middle"
FILE=$WORK/middle.pcapng
start_pair steady 9652 receive plain 0 steady 3000
start_pair blocked 9653 send steady 200000 slow 0
wait_until 10 in_server sh -c 'ss -tn state established "sport = 9653" | awk "NR > 1 { exit \$2 < 100000 }"' || fail "nothing waits to be sent"
start_record middle --netns "$SERVER" -i s0 -w "$FILE" -s 128 -c 6000
since=$(date +%s%N)
wait_record middle
cat "$WORK/middle.err"
kill -USR1 "$steady_there" "$blocked_here"
end_pair steady
end_pair blocked
check_file "$FILE"
check_timelines "$FILE" -v min_complete=0.98 -v write=no
judge steady 9652 received read -v min_share=0.98
judge blocked 9653 sent write -v min_share=0.3 -v since_ns="$since"
assert_ge "$(grep -vc ' write=+' "$FILE.sent")" 5 "packets of send calls that were before the recording"

say "a recording that ends with packets in the queue of the device and on a socket"
FILE=$WORK/queued.pcapng
in_server ip link set s0 gso_max_segs 1 # what the shaper cuts does not know what it was cut from once the next has been cut
in_server tc qdisc add dev s0 root tbf rate 160kbit burst 5000 limit 1000000
start_record queued --netns "$SERVER" -i s0 -w "$FILE" -s 128
start_pair stalled 9654 receive stalled 20000 once 50000
start_pair shaped 9655 send once 100000 plain 0
wait_until 20 grep -q stalled "$WORK/stalled.out" || fail "nothing was read"
wait_until 10 in_server sh -c 'tc -s qdisc show dev s0 | grep -qE "backlog ([2-9][0-9]{4}b|[0-9]+Kb)"' || fail "nothing is queued: $(in_server tc -s qdisc show dev s0)"
stop_record queued
in_server tc qdisc del dev s0 root
cat "$WORK/queued.err"
kill -USR1 "$stalled_here"
end_pair stalled
end_pair shaped
check_file "$FILE"
check_timelines "$FILE" -v min_complete=0
judge stalled 9654 received read -v min_share=0.1
assert_ge "$(tally ' end=unread .*flags=[a-z+]*partial' <"$FILE.received")" 3 "packets that wait on the socket"
judge shaped 9655 sent write -v min_share=0.99
# Their bytes are read where the driver gets them.
assert_ge "$(grep -c 'caplen=0.*comment=stampcap tx .* netdev=+[^|]*|.* end=open .*flags=[a-z+]*partial.* at=netdev' "$FILE.blocks")" 3 \
	"packets that wait in the queue"
