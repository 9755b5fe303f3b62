#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Two devices, one of them with the qdisc `ingress`, which leaves no place for a filter at TC egress: the stage is stamped on both or on none, the file says which,
# and the recording says why.
. "$(dirname "$0")/lib.sh"

make_pair gro
make_veth "$CLIENT" c1 "$SERVER" s1
in_server tc qdisc add dev s1 ingress
snapshot "$SERVER" >"$WORK/before"
start_record two --netns "$SERVER" -i s0 -i s1 -w "$WORK/two.pcapng" --without tcx/ingress,tcx/egress
pings 5
stop_record two
cat "$WORK/two.err"
check_file "$WORK/two.pcapng"
timelines "$WORK/two.pcapng"
assert_grep '^stampcap: warning: without the stage tx.tc: ' "$WORK/two.err"
assert_ge "$(cut -f 18 "$WORK/two.pcapng.tsv" | tally '^stampcap tx ')" 10 "packets sent"
assert_eq "$(cut -f 18 "$WORK/two.pcapng.tsv" | tally '^stampcap tx .* tc=\+')" 0 "stamps of tx.tc"
assert_ge "$(cut -f 18 "$WORK/two.pcapng.tsv" | tally '^stampcap rx .* tc=\+')" 10 "stamps of rx.tc"
assert_no_grep '[;=]tx\.tc:' "$WORK/two.pcapng.blocks"
assert_grep '[;=]rx\.tc:cls:' "$WORK/two.pcapng.blocks"
no_trace "$WORK/before" "$SERVER"
