#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 60
# 20000 records each way over one connection: every read stamp lies within the call that returned the packet's last byte, every write stamp within the
# send call that covers it.
. "$(dirname "$0")/lib.sh"

make_pair gro

# stream FILE DISPLAY_FILTER: the lines that oracle.awk wants of the data packets. The stream's first byte has the relative number 1.
stream() {
	clean_tshark -r "$1" -n -o tcp.desegment_tcp_streams:FALSE -Y "tcp.len > 0 && $2" -T fields -e tcp.seq -e tcp.len -e frame.time_epoch \
		-e frame.comment | awk -F '\t' '{ printf "%.0f\t%s\t%s\n", $1 + $2 - 2, $3, $4 }'
}

# both_ways NAME ADDRESS PORT
both_ways() {
	local name="$1" address="$2" port="$3"

	tool_ready "$name" in_server "$TOOLS/tcp_oracle" serve "$address" "$port" 20000 1
	start_record "$name.rec" --netns "$SERVER" -i s0 -w "$WORK/$name.pcapng"
	in_client "$TOOLS/tcp_oracle" connect "$address" "$port" 20000 2 >"$WORK/$name.client"
	wait_until 10 grep -q done "$WORK/$name.out" || fail "the server does not end: $(cat "$WORK/$name.err")"
	stop_record "$name.rec"
	cat "$WORK/$name.rec.err"
	check_file "$WORK/$name.pcapng"
	check_timelines "$WORK/$name.pcapng" -v min_rx=2000 -v min_tx=2000
	assert_eq "$(grep -c '^write' "$WORK/$name.out")" 20000 "send calls of the server"
	sed -n 's/^read //p' "$WORK/$name.out" >"$WORK/$name.reads"
	sed -n 's/^write //p' "$WORK/$name.out" >"$WORK/$name.writes"
	stream "$WORK/$name.pcapng" "tcp.dstport == $port" >"$WORK/$name.received"
	stream "$WORK/$name.pcapng" "tcp.srcport == $port" >"$WORK/$name.sent"
	awk -v stage=read -f "$TOP/tests/lib/oracle.awk" "$WORK/$name.reads" "$WORK/$name.received" || failed=1
	awk -v stage=write -f "$TOP/tests/lib/oracle.awk" "$WORK/$name.writes" "$WORK/$name.sent" || failed=1
}

failed=0
both_ways four "$SERVER4" 9600

say "and while the recording program gets next to no CPU: what it joins then comes late, and from one CPU earlier than from the other"
need program:chrt
printf '#!/bin/sh\nexec chrt -i 0 "%s" "$@"\n' "$STAMPCAP" >"$WORK/idle"
chmod +x "$WORK/idle"
STAMPCAP=$WORK/idle
both_ways six "$SERVER6" 9601
[ $failed = 0 ] || fail "reads or writes are not where they were"
