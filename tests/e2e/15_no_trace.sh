#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Nothing is left after a normal end, Ctrl-C, SIGTERM, SIGHUP and kill -9; with every way of attaching.
. "$(dirname "$0")/lib.sh"

make_pair gro
start_udp_echo
snapshot "$CLIENT" "$SERVER" >"$WORK/before"

say "something is attached while it records, or this test proves nothing"
start_record one --netns "$SERVER" -i s0 -w "$WORK/one.pcapng"
snapshot "$CLIENT" "$SERVER" >"$WORK/during"
! cmp -s "$WORK/before" "$WORK/during" || fail "nothing is attached during a recording"
stop_record one
no_trace "$WORK/before" "$CLIENT" "$SERVER"

for options in "" "--without tcx/ingress,tcx/egress"; do
	for signal in INT TERM KILL; do
		status=0
		[ $signal = KILL ] && status=137
		# shellcheck disable=SC2086
		start_record rec --netns "$SERVER" -i s0 -w "$WORK/rec.pcapng" $options
		udp_exchanges 5 64
		stop_record rec $signal $status
		no_trace "$WORK/before" "$CLIENT" "$SERVER"
		if [ $signal = KILL ]; then
			blocks "$WORK/rec.pcapng" >"$WORK/cut" || [ $? = 3 ] || fail "malformed after kill -9"
			awk -v cut=1 -f "$TOP/tests/lib/blocks.awk" "$WORK/cut" || fail "blocks after kill -9"
		else
			check_file "$WORK/rec.pcapng"
			assert_grep 'seen|packets' "$WORK/rec.err"
		fi
	done
done

say "killed while it attaches"
for pause in 0.02 0.1 0.2 0.4 0.6; do
	"$STAMPCAP" record --netns "$SERVER" -i s0 -w "$WORK/early.pcapng" 2>/dev/null &
	RECORD_PID=$!
	sleep $pause
	kill -KILL $RECORD_PID
	wait $RECORD_PID 2>/dev/null || true
	no_trace "$WORK/before" "$CLIENT" "$SERVER"
done

say "no process of ours outlives the recording"
wait_until 5 sh -c "! pgrep -f '[r]ecord --netns $SERVER' >/dev/null" || fail "left over: $(pgrep -af "record --netns $SERVER")"

say "the device goes away while it is recorded"
start_record gone --netns "$SERVER" -i s0 -w "$WORK/gone.pcapng"
udp_exchanges 2 64
ip -n "$SERVER" link del s0
sleep 1
if ! record_gone; then
	kill -INT "$RECORD_PID"
fi
wait_until 10 record_gone || fail "record hangs when its device goes"
wait "$RECORD_PID" || true
check_file "$WORK/gone.pcapng"
