#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# `stampcap demo`: real traffic, a report, a file for Wireshark, and nothing left; also after Ctrl-C, and after kill -9 at the next run.
# timeout: 180
. "$(dirname "$0")/lib.sh"

# The demo keeps its file for the user; here it goes to the test's folder.
export TMPDIR="$WORK"
left() {
	ip netns list | grep -E '^stampcap-demo-' || true
}
[ -z "$(left)" ] || fail "a demo is running: $(left)"
snapshot >"$WORK/before"
begin=$SECONDS
timeout 90 "$STAMPCAP" demo >"$WORK/demo.out" 2>"$WORK/demo.err" || { tail -n 20 "$WORK/demo.err" >&2; fail "exit status $?"; }
say "$((SECONDS - begin)) s"
cat "$WORK/demo.err" "$WORK/demo.out"
file=$(grep -ohE '/[^ ]*\.pcapng' "$WORK/demo.out" "$WORK/demo.err" | tail -n 1)
[ -s "$file" ] || fail "the file that the demo names is not there: '$file'"
check_file "$file"
check_timelines "$file" -v min_rx=100 -v min_tx=100
assert_ge "$(count "$file" 'http.request && ip')" 1 "HTTP requests over IPv4"
assert_ge "$(count "$file" 'http.request && ipv6')" 1 "HTTP requests over IPv6"
assert_ge "$(count "$file" 'udp')" 2 "UDP packets"
assert_ge "$(count "$file" 'icmp || icmpv6')" 2 "pings"
assert_grep 'read' "$WORK/demo.out"
no_trace "$WORK/before"
[ -z "$(left)" ] || fail "left over: $(left)"

for signal in INT TERM; do
	say "$signal in the middle"
	# In a session of its own, so that job control does not make it ignore SIGINT.
	setsid env --default-signal=INT "$STAMPCAP" demo >"$WORK/int.out" 2>"$WORK/int.err" &
	demo=$!
	wait_until 20 grep -q 'recording on' "$WORK/int.err" || fail "the demo does not get to recording: $(cat "$WORK/int.err")"
	kill -$signal $demo
	status=0
	wait $demo || status=$?
	[ $status != 0 ] || fail "exit status 0 after $signal"
	no_trace "$WORK/before"
	[ -z "$(left)" ] || fail "left over after $signal: $(left)"
	wait_until 10 sh -c "! pgrep -s $demo >/dev/null" || fail "processes left: $(pgrep -as $demo)"
done

say "kill -9: the next run removes what was left"
setsid "$STAMPCAP" demo >"$WORK/kill.out" 2>"$WORK/kill.err" &
demo=$!
wait_until 20 grep -q 'recording on' "$WORK/kill.err" || fail "the demo does not get to recording: $(cat "$WORK/kill.err")"
kill -KILL $demo
wait $demo 2>/dev/null || true
wait_until 10 sh -c "! pgrep -s $demo >/dev/null" || fail "processes left after kill -9: $(pgrep -as $demo)"
timeout 90 "$STAMPCAP" demo >"$WORK/again.out" 2>"$WORK/again.err" || fail "the next run: $(tail -n 5 "$WORK/again.err")"
no_trace "$WORK/before"
[ -z "$(left)" ] || fail "left over after the next run: $(left)"

say "a program that is missing is named with its package"
mkdir "$WORK/path"
for program in ip ethtool ping socat busybox sh; do
	ln -s "$(command -v $program)" "$WORK/path/$program"
done
refuse 1 'curl.*apt-get install' env PATH="$WORK/path" "$STAMPCAP" demo
