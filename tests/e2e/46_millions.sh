#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 600
# Ten million packets (a part of them in `make check`), then nothing: every one is accounted for, no story stays open, and memory is what it was.
. "$(dirname "$0")/lib.sh"

PACKETS=$((10000000 / SHRINK / SHRINK))
IDLE_S=10 # longer than what is kept for late comers

# open_stories: slots of the table that belong to some skb.
open_stories() {
	bpftool -j map dump name sets | jq '[.. | objects | .key? | arrays | .[] | numbers | select(. != 0)] | length'
}

# Of its own: the pages of rings and tables that it has looked at by now are the kernel's, and of a fixed number.
memory_kib() {
	awk '$1 == "RssAnon:" { print $2 }' "/proc/$RECORD_PID/status"
}

# flood COUNT: datagrams from two processes, and a connection that sends and receives meanwhile.
flood() {
	local senders=() sender

	for _ in 1 2; do
		background in_client "$TOOLS/udp_flood" "$SERVER4" 9200 64 $(($1 / 2)) 0 300 >>"$WORK/flood.out"
		senders+=("$LAST_PID")
	done
	in_client "$TOOLS/tcp_pingpong" -n $(($1 / 20000)) -s 20000 "$SERVER4" 9300 >/dev/null
	for sender in "${senders[@]}"; do
		wait "$sender" || fail "a sender"
	done
}

# idle WHEN: leaves the memory of the recording in KiB in $MEMORY_KIB.
idle() {
	sleep $IDLE_S
	MEMORY_KIB=$(memory_kib)
	say "$1: $(open_stories) open stories, $MEMORY_KIB KiB"
	assert_eq "$(open_stories)" 0 "stories that are open $1"
}

need program:bpftool program:jq
make_pair gro
STAMPCAP=$TOP/build/stampcap # whose memory is its own
tool_ready sink in_server "$TOOLS/udp_echo" -q "$SERVER4" 9200 500
tool_ready pong in_server "$TOOLS/tcp_pingpong" -l -t 500 -s 20000 "$SERVER4" 9300
before=$(ip -n "$SERVER" -s -j link show s0 | jq '.[0].stats64.rx.packets')
start_record rec --netns "$SERVER" -i s0 -w /dev/null
say "a shaper holds packets: their stories are open, and seen to be"
in_server tc qdisc add dev s0 root tbf rate 8kbit burst 1600 limit 100000
in_server "$TOOLS/udp_flood" "$CLIENT4" 9400 1000 10 0 1 || true
assert_ge "$(open_stories)" 5 "stories that are open while their packets wait"
in_server tc qdisc del dev s0 root
flood $((PACKETS / 10))
idle "after the first tenth"
first_kib=$MEMORY_KIB
flood $((PACKETS * 9 / 10))
idle "after all"
arrived=$(($(ip -n "$SERVER" -s -j link show s0 | jq '.[0].stats64.rx.packets') - before))
stop_record rec
cat "$WORK/rec.err"
assert_le "$MEMORY_KIB" $((first_kib * 11 / 10)) "KiB of memory"
# A connection's handshake and its end, and what the device counted just before the recording.
seen=$(sed -n 's/^stampcap: rx: \([0-9]*\) .*/\1/p' "$WORK/rec.err")
say "$arrived packets arrived, $seen were seen"
assert_ge "$arrived" $((PACKETS / 2)) "packets that arrived"
assert_le "$seen" "$arrived" "packets seen, against those the device counted"
assert_ge "$seen" $((arrived - 5 - $(unseen rec))) "packets seen, against those the device counted"
