#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A tiny ring under a flood: what is lost is counted, the accounting holds to the packet, and the file is valid.
. "$(dirname "$0")/lib.sh"

make_pair gro
tool_ready sink in_server "$TOOLS/udp_echo" -q "$SERVER4" 9200 60
# What the device itself counted: veth drops what does not fit its ring before it arrives.
received() {
	ip -n "$SERVER" -s -j link show s0 | jq '.[0].stats64.rx.packets'
}
before=$(received)
start_record rec --netns "$SERVER" -i s0 -B 64 -w "$WORK/rec.pcapng"
for _ in 1 2; do
	in_client "$TOOLS/udp_flood" "$SERVER4" 9200 64 150000 0 3 | tee -a "$WORK/sent"
done
stop_record rec
cat "$WORK/rec.err"
check_file "$WORK/rec.pcapng"
# Partial timelines are expected here; everything else about them is not.
check_timelines "$WORK/rec.pcapng" -v min_complete=0 -v skip='udp'
arrived=$(($(received) - before))
sent=$(sed -n 's/^sent=\([0-9]*\).*/\1/p' "$WORK/sent" | awk '{ sum += $1 } END { print sum }')
text=$(grep '^ISB' "$WORK/rec.pcapng.blocks" | sed 's/.*comment=//')
rx_of() {
	echo "$text" | sed "s/ | tx.*//" | tr ' ' '\n' | sed -n "s/^$1=//p"
}
say "sent $sent, arrived $arrived: $text"
assert_ge "$arrived" $((sent / 2)) "packets that arrived"
# The device counts from a little before the recording to a little after it.
assert_le "$(rx_of seen)" "$arrived" "packets seen, against those the device counted"
assert_ge "$(rx_of seen)" $((arrived - 5 - $(unseen rec))) "packets seen, against those the device counted"
lost=$(echo "$text" | tr ' ' '\n' | awk -F= '/^lost/ { sum += $2 } END { print sum }')
assert_ge "$lost" 1 "lost packets: the flood was none"
assert_grep 'lost' <(tail -n 1 "$WORK/rec.err")

say "report and JSON say the same"
"$STAMPCAP" report "$WORK/rec.pcapng" --format json >"$WORK/json"
jq -e '.accounting | .seen == .complete + (.partial | add // 0) + (.lost | add // 0)' "$WORK/json" >/dev/null || fail "the equation in JSON: $(jq .accounting "$WORK/json")"
both=$(echo "$text" | tr ' ' '\n' | awk -F= '$1 == "seen" { sum += $2 } END { print sum }')
assert_eq "$(jq .accounting.seen "$WORK/json")" "$both" "seen in JSON"
assert_eq "$(jq '.accounting.lost | add' "$WORK/json")" "$lost" "lost in JSON"

say "epb_dropcount and the interface's own counters tell of the loss"
assert_eq "$(grep '^ISB' "$WORK/rec.pcapng.blocks" | sed -n 's/.*\tdropped=\([0-9]*\).*/\1/p')" "$lost" "dropped in the statistics block"
assert_grep 'dropcount=' "$WORK/rec.pcapng.blocks"

say "the same flood with the default ring, for comparison"
start_record full --netns "$SERVER" -i s0 -w "$WORK/full.pcapng"
in_client "$TOOLS/udp_flood" "$SERVER4" 9200 64 20000 10000 3
stop_record full
cat "$WORK/full.err"
check_file "$WORK/full.pcapng"
check_timelines "$WORK/full.pcapng" -v min_rx=20000
assert_no_grep 'lost\.[a-z]*=[1-9]' "$WORK/full.pcapng.blocks"
