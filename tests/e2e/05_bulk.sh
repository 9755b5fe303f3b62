#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Bulk TCP with GRO: each wire packet has its own timeline up to the merge; no byte is missing, none is told twice.
. "$(dirname "$0")/lib.sh"

make_pair gro
head -c 20000000 /dev/urandom >"$WORK/data"
tool_ready sink in_server sh -c "echo ready; exec socat -u TCP6-LISTEN:7000,reuseaddr,ipv6only=0 OPEN:$WORK/received,creat,trunc"
wait_until 5 in_server sh -c 'ss -ltn | grep -q 7000'
start_record rec --netns "$SERVER" -i s0 -w "$WORK/rec.pcapng" -s 128 --xdp off
start_tcpdump "$SERVER" s0 "$WORK/td.pcap" -s 128
in_client socat -u OPEN:"$WORK/data" TCP4:"$SERVER4":7000
stop_tcpdump
stop_record rec
cat "$WORK/rec.err"
cmp "$WORK/data" "$WORK/received" || fail "the transfer itself went wrong"

check_file "$WORK/rec.pcapng"
check_timelines "$WORK/rec.pcapng" -v min_rx=10000
same_streams "$WORK/rec.pcapng" "$WORK/td.pcap"
assert_eq "$(count "$WORK/rec.pcapng" 'tcp.dstport == 7000 && frame.len > 1514')" 0 "received packets longer than the wire allows"
assert_ge "$(comments "$WORK/rec.pcapng" 'frame.comment contains "into="' | wc -l)" 1000 "merged packets"

say "every parent that is named is there, and merged packets share the later stamps"
comments "$WORK/rec.pcapng" 'tcp.dstport == 7000' >"$WORK/comments"
sed -n 's/.* id=\([0-9]*\).*/\1/p' "$WORK/comments" | sort -u >"$WORK/ids"
sed -n 's/.* into=\([0-9]*\).*/\1/p' "$WORK/comments" | sort -u >"$WORK/parents"
assert_eq "$(comm -13 "$WORK/ids" "$WORK/parents" | wc -l)" 0 "parents that are not in the file"
assert_eq "$(grep -E ' into=' "$WORK/comments" | grep -vE 'flags=[a-z+]*gro' | wc -l)" 0 "merged packets without the flag"
