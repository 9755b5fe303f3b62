#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 60
# Two CPUs feed one UDP socket: every read stamp lies within the call that returned this very datagram, or there is none and the packet says so.
. "$(dirname "$0")/lib.sh"

# Without NAPI at the server each sender's CPU takes its own packets to the socket.
make_pair plain
last_cpu=$(($(nproc) - 1))
each=10500

# numbered FILE PORT: the lines that oracle.awk wants of the datagrams to PORT.
numbered() {
	clean_tshark -r "$1" -n -Y "udp.dstport == $2" -T fields -e udp.payload -e frame.time_epoch -e frame.comment |
		awk -F '\t' '{ number = ""; for (i = 2; i <= 20; i += 2) number = number substr($1, i, 1); print number "\t" $2 "\t" $3 }'
}

# two_senders MODE ADDRESS PORT
two_senders() {
	local mode="$1" address="$2" port="$3" senders=() cpu sender

	say "$mode: $((2 * each)) datagrams"
	tool_ready "$mode" in_server "$TOOLS/udp_oracle" "$mode" "$address" "$port" $((2 * each)) 20
	for cpu in 0 "$last_cpu"; do
		background in_client "$TOOLS/udp_oracle" send "$address" "$port" $((${#senders[@]} * each)) "$each" "$cpu" 1
		senders+=("$LAST_PID")
	done
	for sender in "${senders[@]}"; do
		wait "$sender" || fail "a sender"
	done
	wait_until 25 grep -q done "$WORK/$mode.out" || fail "the reader does not end"
	sed '/^[0-9]/!d' "$WORK/$mode.out" | sort -n >"$WORK/$mode.log"
	assert_ge "$(wc -l <"$WORK/$mode.log")" 20000 "datagrams that were read"
}

start_record rec --netns "$SERVER" -i s0 --direction in -w "$WORK/rec.pcapng"
two_senders read "$SERVER4" 9500
two_senders spin "$SERVER6" 9501
two_senders rest "$SERVER4" 9502
stop_record rec
cat "$WORK/rec.err"
check_file "$WORK/rec.pcapng"
# A reader that spins may be back before the kernel tells that there is something to read: such a packet has no socket stamp.
check_timelines "$WORK/rec.pcapng" -v min_complete=0 -v socket=no -v irq=no
failed=0
for row in read:9500:0.95 spin:9501:0.95 rest:9502:0.95; do
	IFS=: read -r mode port share <<<"$row"
	numbered "$WORK/rec.pcapng" "$port" >"$WORK/$mode.packets"
	assert_eq "$(wc -l <"$WORK/$mode.packets")" $((2 * each)) "datagrams in the file"
	say "$mode"
	awk -v stage=read -v min_share="$share" -f "$TOP/tests/lib/oracle.awk" "$WORK/$mode.log" "$WORK/$mode.packets" || failed=1
done
[ $failed = 0 ] || fail "reads are not where they were"
