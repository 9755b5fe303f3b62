#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 240
# What recordings do not see whole: each retransmission is a packet of its own that points to the first; a recording that begins amid connections, and one
# that ends with packets still queued, leave out what they do not know, or say why it is missing. Judged by payload and the applications' own logs.
. "$(dirname "$0")/lib.sh"

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
before=$(kernel_count TcpRetransSegs)
start_pair in 9650 receive plain 0 plain 150
start_pair out 9651 send plain 150 plain 0
end_pair in
end_pair out
stop_record loss
cat "$WORK/loss.err"
again=$(($(kernel_count TcpRetransSegs) - before))
for end in "$CLIENT" "$SERVER"; do
	in_ns "$end" nft delete table netdev d
done
check_file "$FILE"
check_timelines "$FILE" -v min_complete=0.98 -v skip=tcp
judge_path in 9650 received read -v min_share=0.8
awk -v min=5 -f "$TOP/tests/lib/repeats.awk" "$FILE.received.places" || fail "repeated packets"
judge_path out 9651 sent write -v min_share=0.98
awk -v min=5 -f "$TOP/tests/lib/repeats.awk" "$FILE.sent.places" || fail "repeated packets"
flagged=$(comments "$FILE" "tcp.srcport == 9650 || tcp.srcport == 9651" | tally ' flags=[a-z+]*retrans')
say "retransmissions: $flagged; the kernel counts $again"
assert_eq "$flagged" "$again" "retransmissions, against the kernel's counter"

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
judge_path steady 9652 received read -v min_share=0.98
judge_path blocked 9653 sent write -v min_share=0.3 -v since_ns="$since"
assert_ge "$(grep -vc ' write=+' "$FILE.sent")" 5 "packets of send calls that were before the recording"

say "a shaper that cuts super-packets: segments know what they were cut from and how long they were held, however many others were cut since"
FILE=$WORK/cut.pcapng
in_server ethtool -K s0 gso on >/dev/null
in_server tc qdisc add dev s0 root tbf rate 8mbit burst 5000 limit 1000000
start_record cut --netns "$SERVER" -i s0 -w "$FILE" -s 128
start_pair cut 9656 send once 250000 plain 0
end_pair cut
stop_record cut
in_server tc qdisc del dev s0 root
in_server ethtool -K s0 gso off >/dev/null
cat "$WORK/cut.err"
check_file "$FILE"
check_timelines "$FILE" -v min_tx=170
judge_path cut 9656 sent write -v min_share=0.99 -v min_many=1
clean_tshark -r "$FILE" -n -Y "tcp.srcport == 9656 && tcp.len > 0" -T fields -e frame.time_epoch -e frame.comment >"$FILE.left"
awk -v max_segments=45 -v min=150 -f "$TOP/tests/lib/cut.awk" "$FILE.left" || fail "segments of another super-packet"
# The shaper holds the last ones for more than 50 ms; the driver's share of that is none.
assert_ge "$(nanoseconds "$FILE" "tcp.srcport == 9656" qdisc | sort -n | tail -n 1)" 50000000 "ns that the shaper held a segment"
assert_le "$(nanoseconds "$FILE" "tcp.srcport == 9656" driver | awk '$1 > 5000000' | wc -l)" 5 "segments with 5 ms between the queue and the driver"

say "a recording that ends with packets in the queue of the device and on a socket"
FILE=$WORK/queued.pcapng
in_server ip link set s0 gso_max_segs 1 # what waits as a segment has no story yet
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
judge_path stalled 9654 received read -v min_share=0.1
assert_ge "$(tally ' end=unread .*flags=[a-z+]*partial' <"$FILE.received")" 3 "packets that wait on the socket"
judge_path shaped 9655 sent write -v min_share=0.99
# Their bytes are read where the driver gets them.
assert_ge "$(grep -c 'caplen=0.*comment=stampcap tx .* netdev=+[^|]*|.* end=open .*flags=[a-z+]*partial.* at=netdev' "$FILE.blocks")" 3 \
	"packets that wait in the queue"
