#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Whose datagram did a read return, where tracepoints alone tell, and this kernel gives no reason when a reader drops what it finds broken (before 6.15): the next one is what
# it returns then, and the dropped one has no read.
# timeout: 600
VM_TIMEOUT=${VM_TIMEOUT:-400}
export VM_TIMEOUT
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
guests 6.12:e1000

STAMPCAP=${STAMPCAP:-$TOP/build/stampcap} # the sanitized one takes too long to start here
RECORD_STARTS_IN=90
PORT=20000 COUNT=6000

make_pair plain
start_record broken --netns "$SERVER" -i s0 --direction in --probes tracepoint -w "$WORK/broken.pcapng"
tool_ready reader in_server "$TOOLS/udp_identity" read "$SERVER4" $PORT $COUNT 150 1 1 r
in_client "$TOOLS/udp_identity" send "$SERVER4" $PORT 0 $COUNT 1 1 0 b >"$WORK/writes"
wait_until 60 grep -q done= "$WORK/reader.out" || fail "the reader does not end: $(cat "$WORK/reader.err")"
stop_record broken
cat "$WORK/broken.err"
check_file "$WORK/broken.pcapng"
datagrams "$WORK/broken.pcapng" >"$WORK/datagrams"
cut -f 2- "$WORK/datagrams" >"$WORK/packets"
grep '^[0-9]' "$WORK/reader.out" | sort -n >"$WORK/reads"
# The lack of a reason costs stamps: which datagram was dropped, and which came next, is not always certain.
awk -v stage=read -v min_share=0.5 -f "$TOP/tests/lib/oracle.awk" "$WORK/reads" "$WORK/packets" || fail "reads are not where they were"
broken_comments "$WORK/broken.pcapng" >"$WORK/comments"
assert_ge "$(wc -l <"$WORK/comments")" $((COUNT / 10)) "datagrams with a wrong checksum in the file"
assert_eq "$(wc -l <"$WORK/comments")" "$(sum_of broken "$WORK/writes")" "datagrams with a wrong checksum"
assert_no_grep ' read=+' "$WORK/comments"
