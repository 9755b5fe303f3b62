#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Live output: -w - into a pipe reaches its reader within 200 ms of the packet, and tshark reads along.
. "$(dirname "$0")/lib.sh"

make_pair gro
start_udp_echo
mkfifo "$WORK/pipe"
"$TOOLS/pcapng_dump" <"$WORK/pipe" >"$WORK/live" &
reader=$!
defer "kill $reader; wait $reader"
env --default-signal=INT "$STAMPCAP" record --netns "$SERVER" -i s0 -w - >"$WORK/pipe" 2>"$WORK/rec.err" &
RECORD_PID=$!
defer "kill $RECORD_PID; wait $RECORD_PID"
wait_recording rec
udp_exchanges 10 64 -p 50000
pings 5 -i 0.1
stop_record rec
wait $reader || fail "the live reader found a malformed block"
awk -f "$TOP/tests/lib/blocks.awk" "$WORK/live" || fail "blocks are wrong"
grep '^EPB' "$WORK/live" | sed 's/.*\tlate=\([0-9-]*\).*/\1/' | sort -n >"$WORK/late"
say "late: median $(sed -n "$(($(wc -l <"$WORK/late") / 2))p" "$WORK/late") ns, last $(tail -n 1 "$WORK/late") ns"
assert_ge "$(wc -l <"$WORK/late")" 60 "packets read live"
assert_le "$(tail -n 1 "$WORK/late")" 200000000 "ns until the reader had the packet"

say "tshark reads along"
"$STAMPCAP" record --netns "$SERVER" -i s0 -w - 2>"$WORK/rec.err" | tshark -n -l -i - -T fields -e frame.comment >"$WORK/tshark.live" 2>"$WORK/tshark.err" &
RECORD_PID=
wait_until 20 grep -q 'recording on' "$WORK/rec.err" || fail "record does not say that it records"
sleep 1
udp_exchanges 5 64
wait_until 3 sh -c "[ \$(grep -c '^stampcap ' $WORK/tshark.live) -ge 20 ]" || fail "tshark had $(wc -l <"$WORK/tshark.live") packets: $(tail -n 2 "$WORK/tshark.err")"

say "record ends, without an error of its own, when its reader goes"
tshark_pid=$(pgrep -P $$ -x tshark | head -n 1)
[ -n "$tshark_pid" ] || fail "no tshark"
kill "$tshark_pid"
udp_exchanges 5 64
wait_until 5 sh -c "! pgrep -P $$ -f '[r]ecord --netns $SERVER' >/dev/null" || fail "record goes on without a reader"
assert_no_grep 'Sanitizer' "$WORK/rec.err"
