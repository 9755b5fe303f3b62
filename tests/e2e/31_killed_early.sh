#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Killed at any moment of its start, with the ways of attaching that outlive a process: nothing stays.
. "$(dirname "$0")/lib.sh"

make_pair plain

# Cheaper than snapshot(): it is asked for after each of many kills.
attached() {
	local ns dev

	for ns in "$CLIENT:c0" "$SERVER:s0"; do
		dev=${ns#*:} ns=${ns%:*}
		in_ns "$ns" bpftool net
		in_ns "$ns" tc qdisc show
		in_ns "$ns" tc filter show dev "$dev" ingress
		in_ns "$ns" tc filter show dev "$dev" egress
		in_ns "$ns" ethtool -k "$dev"
		ip -n "$ns" -d link show dev "$dev" | grep -vE 'qlen|state'
	done 2>/dev/null
}

as_before() {
	attached >"$WORK/after"
	cmp -s "$WORK/before" "$WORK/after"
}

guardian_gone() {
	! pgrep -f "[r]ecord --netns $SERVER " >/dev/null
}

attached >"$WORK/before"
options=(--netns "$SERVER" -i s0 --xdp native --without tcx/ingress,tcx/egress)

say "something is attached while it records, or this test proves nothing"
start_record whole "${options[@]}" -w "$WORK/whole.pcapng"
! as_before || fail "nothing is attached during a recording"
assert_grep 'clsact' "$WORK/after"
assert_grep 'xdp' "$WORK/after"
stop_record whole
wait_until 3 as_before || fail "an ordinary end leaves traces"

recording=0 guarded=0
for pause_ms in $(seq 20 20 800); do
	"$STAMPCAP" record "${options[@]}" -w "$WORK/early.pcapng" >/dev/null 2>"$WORK/early.err" &
	RECORD_PID=$!
	defer "kill $RECORD_PID; wait $RECORD_PID"
	sleep "$(printf '0.%03d' $pause_ms)"
	grep -q 'recording on' "$WORK/early.err" && recording=$((recording + 1))
	kill -KILL $RECORD_PID || fail "it ended before it was killed: $(cat "$WORK/early.err")"
	wait $RECORD_PID 2>/dev/null || true
	guardian_gone || guarded=$((guarded + 1))
	# The guardian may still be attaching when its parent is killed: only what stands after its own end is left for good.
	wait_until 3 guardian_gone || fail "killed after $pause_ms ms: a process is left: $(pgrep -af "record --netns $SERVER ")"
	if ! as_before; then
		diff "$WORK/before" "$WORK/after" >&2 || true
		fail "killed after $pause_ms ms: traces are left"
	fi
done
say "of 40 recordings $recording had begun, $guarded had a guardian at work when they were killed"
assert_ge $((40 - recording)) 5 "recordings killed before they began"
