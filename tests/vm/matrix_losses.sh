#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Loss and disorder on ens33, both ways, and drops of every kind on the way: each retransmission, each wait behind a hole and each drop is told, and their sums are
# those that the kernel counts itself (nstat, tc -s, nft). What was read and sent is judged by payload and by the applications' own logs. And what fq holds back on purpose.
# timeout: 900
VM_TIMEOUT=${VM_TIMEOUT:-420}
export VM_TIMEOUT
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
guests 6.1:e1000 6.12:e1000

STAMPCAP=$TOP/build/stampcap # the sanitized one takes too long to start here
RECORD_STARTS_IN=90
SERVER4=$OWN4 # what e2e/lib.sh records is here, the other end is the peer
RECORDS=60 # of each of six connections
NETEM="netem delay 4ms 2ms loss 5% reorder 20%"

in_server() {
	${IN_BACKGROUND:+exec} "$@"
}

in_client() {
	in_ns peer "$@"
}

# qdisc_drops: of ens33, by its own count.
qdisc_drops() {
	tc -s -j qdisc show dev ens33 | jq '[.[].drops] | add'
}

nft_drops() {
	nft list table netdev d | sed -n 's/.* counter packets \([0-9]*\) .*/\1/p'
}

# told WHAT OURS KERNEL [UNKNOWN JOINED]: the line of a table, and whether both are the same, and more than none; UNKNOWN are those of which ours are not sure, JOINED those that
# the kernel may have counted with another.
failed=''
told() {
	printf '    %-44s %8d %8d%s\n' "$1" "$2" "$3" "${4:+  and $4 that may be; $5 joined in a backlog}"
	[ "$3" -ge $(($2 - ${5:-0})) ] && [ "$3" -le $(($2 + ${4:-0})) ] && [ "$2" -gt 0 ] || failed+=" $1;"
}

# One segment, one packet, one skb: counters of the kernel count segments.
ethtool -K ens33 gro off tso off gso off
ip link set ens33 gso_max_segs 1
ns peer ethtool -K eth1 tso off gso off
ip -n peer link set eth1 gso_max_segs 1
counters="TcpRetransSegs TcpExtTCPOFOQueue TcpExtTCPBacklogCoalesce UdpRcvbufErrors"
declare -A before=() after=()

say "netem both ways, and each 50th packet with data that comes is dropped behind the device"
FILE=$WORK/losses.pcapng
start_record losses -i ens33 -w "$FILE" -s 128
for name in $counters; do before[$name]=$(kernel_count "$name"); done
# shellcheck disable=SC2086 # words
{
	tc qdisc add dev ens33 root $NETEM
	ns peer tc qdisc add dev eth1 root $NETEM
}
nft -f - <<-'END'
	table netdev d {
		chain c { type filter hook ingress device ens33 priority 0; meta l4proto tcp meta length > 200 numgen inc mod 50 49 counter drop; }
	}
END
for i in 0 1 2; do
	start_pair "in$i" $((9650 + i)) receive plain 0 plain $RECORDS
	start_pair "out$i" $((9660 + i)) send plain $RECORDS plain 0
done
for i in 0 1 2; do
	end_pair "in$i"
	end_pair "out$i"
done
sleep 1 # what is on its way, FINs that are sent again
netem_drops=$(qdisc_drops)
firewall_drops=$(nft_drops)
nft delete table netdev d
tc qdisc del dev ens33 root
ns peer tc qdisc del dev eth1 root

say "a shaper whose queue is full, and a socket whose buffer is"
tc qdisc add dev ens33 root tbf rate 400kbit burst 2000 limit 8000
"$TOOLS/udp_flood" "$PEER4" 9700 1000 60 0 1 || true
sleep 0.5
shaper_drops=$(qdisc_drops)
tc qdisc del dev ens33 root
tool_ready sleeper "$TOOLS/udp_echo" -q -d 2000 "$OWN4" 9701 60
ns peer "$TOOLS/udp_flood" "$OWN4" 9701 1400 400 300 1
for name in $counters; do after[$name]=$(kernel_count "$name"); done
stop_record losses
cat "$WORK/losses.err"

check_file "$FILE"
assert_eq "$(tally '^stampcap: [rt]x: .* \+ 0 lost; ' <"$WORK/losses.err")" 2 "directions without a loss of ours"
check_timelines "$FILE" -v min_complete=0.85 -v skip=tcp -v answers="$(answers)"
for i in 0 1 2; do
	judge_path "in$i" $((9650 + i)) received read -v min_share=0.8
	awk -v min=3 -f "$TOP/tests/lib/repeats.awk" "$FILE.received.places" || fail "repeated packets of in$i"
	judge_path "out$i" $((9660 + i)) sent write -v min_share=0.9
	awk -v min=3 -f "$TOP/tests/lib/repeats.awk" "$FILE.sent.places" || fail "repeated packets of out$i"
done

# of WAY FLAGS_OR_END [DISPLAY_FILTER]: how many comments.
of() {
	comments "$FILE" "${3:-frame}" | grep -E "^stampcap $1 " | tally "$2"
}

# grew NAME: a counter of nstat's, since the recording began.
grew() {
	echo $((after[$1] - before[$1]))
}

printf '    %-44s %8s %8s\n' "" ours kernel
told "segments sent again (TcpRetransSegs)" "$(of tx ' flags=[a-z+]*retrans')" "$(grew TcpRetransSegs)"
clean_tshark -r "$FILE" -n -o tcp.desegment_tcp_streams:FALSE -Y 'tcp && frame.comment contains "stampcap rx"' -T fields -E occurrence=f -e tcp.srcport \
	-e tcp.dstport -e tcp.seq_raw -e tcp.len -e tcp.flags.syn -e tcp.flags.fin -e frame.comment >"$FILE.arrivals"
holes=$(awk -f "$TOP/tests/lib/holes.awk" "$FILE.arrivals") || fail "flags=hol is not where the holes were"
# While the socket is in use by its owner, tcp_add_backlog() makes one of segments that follow each other, behind a hole or not.
told "segments behind a hole (TCPOFOQueue)" "${holes% *}" "$(grew TcpExtTCPOFOQueue)" "${holes#* }" "$(grew TcpExtTCPBacklogCoalesce)"
told "dropped by netem (tc)" "$(of tx ' end=drop:.* at=netdev' '!(udp.dstport == 9700)')" "$netem_drops"
told "dropped by the firewall (nft)" "$(of rx ' end=drop:.* at=tc' tcp)" "$firewall_drops"
told "dropped by the shaper (tc)" "$(of tx ' end=drop:.* at=netdev' 'udp.dstport == 9700')" "$shaper_drops"
told "no room on the socket (UdpRcvbufErrors)" "$(of rx ' end=drop:' 'udp.dstport == 9701')" "$(grew UdpRcvbufErrors)"
say "TCP's pace, kept by fq: a stage of its own"
[ "$(of tx ' paced=')" = 0 ] || fail "a pace that nobody has set"
FILE=$WORK/fq.pcapng
tc qdisc add dev ens33 root fq
start_record fq -i ens33 -w "$FILE" -s 128
start_pair fq 9670 send paced 200000 plain 0
end_pair fq
stop_record fq
cat "$WORK/fq.err"
check_file "$FILE"
check_timelines "$FILE" -v answers="$(answers)"
judge_path fq 9670 sent write -v min_share=0.99
judge_pace
held_ns=$(nanoseconds "$FILE" 'tcp.srcport == 9670' paced | sort -n | awk '{ ns[NR] = $1 } END { print ns[int((NR + 1) / 2)] + 0 }')
late_ns=$(nanoseconds "$FILE" 'tcp.srcport == 9670 && frame.comment contains " paced="' qdisc | sort -n | awk '{ ns[NR] = $1 } END { print ns[int((NR + 1) / 2)] + 0 }')
say "fq held $(tally ' paced=' <"$FILE.sent") of $(wc -l <"$FILE.sent") packets, by $held_ns ns at the median, and was $late_ns ns late"
assert_ge "$(tally ' paced=' <"$FILE.sent")" 20 "packets that fq held"
assert_ge "$held_ns" 500000 "ns at the median"
assert_le "$late_ns" $((held_ns / 2)) "ns that fq was late at the median"
[ -z "$failed" ] || fail "not what the kernel counts:$failed"
