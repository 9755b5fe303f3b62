#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A full disk: one clear line, exit 1, and the file is readable up to its last packet.
# beside others
. "$(dirname "$0")/lib.sh"

need tmpfs
mkdir "$WORK/small"
mount -t tmpfs -o size=1m tmpfs "$WORK/small"
defer "umount $WORK/small"
make_pair gro
tool_ready sink in_server "$TOOLS/udp_echo" -q "$SERVER4" 9300 60
start_record rec --netns "$SERVER" -i s0 -s 0 -w "$WORK/small/rec.pcapng"
in_client "$TOOLS/udp_flood" "$SERVER4" 9300 1000 3000 5000 5
wait_record rec 1
cat "$WORK/rec.err"
assert_grep 'stampcap: .*small/rec.pcapng.*[Nn]o space left' "$WORK/rec.err"
blocks "$WORK/small/rec.pcapng" >"$WORK/blocks" || fail "the file stops inside a block"
awk -v cut=1 -f "$TOP/tests/lib/blocks.awk" "$WORK/blocks" || fail "blocks"
n=$(grep -c '^EPB' "$WORK/blocks")
assert_ge "$n" 300 "packets kept"
assert_eq "$(clean_tshark -r "$WORK/small/rec.pcapng" -T fields -e frame.number | wc -l)" "$n" "packets that tshark reads"
"$STAMPCAP" report "$WORK/small/rec.pcapng" >"$WORK/report" 2>"$WORK/report.err" || fail "report on it: $(cat "$WORK/report.err")"

say "a full device from the first byte"
refuse 1 '/dev/full.*[Nn]o space left' "$STAMPCAP" record -q --netns "$SERVER" -i s0 -a 1 -w /dev/full
