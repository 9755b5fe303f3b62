#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 300
# 200000 numbered TCP records, half each way, over eight connections with sixteen threads at either end, in random pieces, through GRO and again without (a part of them
# in `make check`): every packet holds the bytes of its own stream and place, its write lies within the send call and its read within the receive call that had its last byte.
# The same of eight processes with 24 connections each while every CPU has more to do than it can: packets may be lost to us then, and are counted, never mixed up.
. "$(dirname "$0")/lib.sh"

FLOWS=8

# records NAME ADDRESS PORT RECORDS_PER_FLOW RECORD_OPTION...
records() {
	local name="$1" address="$2" port="$3" each="$4" file="$WORK/$1.pcapng"

	shift 4
	say "$name"
	tool_ready "$name" in_server "$TOOLS/tcp_oracle" serve "$address" "$port" "$each" 1 $FLOWS mixed
	start_record "$name.rec" --netns "$SERVER" -i s0 -w "$file" -s 128 -B 131072 "$@"
	in_client "$TOOLS/tcp_oracle" connect "$address" "$port" "$each" 2 $FLOWS mixed >"$WORK/$name.client"
	wait_until 30 grep -q done "$WORK/$name.out" || fail "the server does not end: $(cat "$WORK/$name.err")"
	stop_record "$name.rec"
	cat "$WORK/$name.rec.err"
	assert_eq "$(tally '^stampcap: [rt]x: .* \+ 0 lost; ' <"$WORK/$name.rec.err")" 2 "directions without a loss"
	assert_eq "$(tally 'rejected.*calls' <"$WORK/$name.rec.err")" 0 "lost calls"
	assert_ge "$(tally '^write ' <"$WORK/$name.client")" $((FLOWS * each)) "send calls of the client"
	assert_ge "$(tally '^write ' <"$WORK/$name.out")" $((FLOWS * each)) "send calls of the server"
	check_file "$file"
	stream_packets "$file" "$port"
	judge_streams "$file" received read 3e "$WORK/$name.out" -v min_share=0.999 -v again=judge -v min_cut=100 -v min_many=100
	judge_streams "$file" sent write 3c "$WORK/$name.out" -v min_share=0.999 -v again=judge -v min_cut=100 -v min_many=100
	rm -f "$file" "$file".*
}

PROCESSES=8 CONNECTIONS=24

# crowd RECORDS_PER_FLOW
crowd() {
	local each="$1" file="$WORK/crowd.pcapng" i clients=() hogs=()

	say "crowd: $PROCESSES processes at either end, $CONNECTIONS connections each"
	for ((i = 0; i < PROCESSES; i++)); do
		tool_ready "crowd$i" in_server "$TOOLS/tcp_oracle" serve "$SERVER4" $((9660 + i)) "$each" $i $CONNECTIONS mixed $((CONNECTIONS * i))
	done
	STAMPCAP=$TOP/build/stampcap start_record crowd.rec --netns "$SERVER" -i s0 -w "$file" -s 128
	for ((i = 0; i < $(nproc); i++)); do
		background timeout 200 sh -c 'while :; do :; done'
		hogs+=("$LAST_PID")
	done
	for ((i = 0; i < PROCESSES; i++)); do
		background in_client "$TOOLS/tcp_oracle" connect "$SERVER4" $((9660 + i)) "$each" $((100 + i)) $CONNECTIONS mixed $((CONNECTIONS * i)) >"$WORK/crowd$i.client"
		clients+=("$LAST_PID")
	done
	for i in "${clients[@]}"; do
		wait "$i" || fail "a client"
	done
	kill "${hogs[@]}"
	for ((i = 0; i < PROCESSES; i++)); do
		wait_until 30 grep -q done "$WORK/crowd$i.out" || fail "a server does not end: $(cat "$WORK/crowd$i.err")"
		cat "$WORK/crowd$i.out" >>"$WORK/crowd.out"
	done
	stop_record crowd.rec
	cat "$WORK/crowd.rec.err"
	check_file "$file"
	stream_packets "$file" 9660 $((9660 + PROCESSES - 1))
	judge_streams "$file" received read 3e "$WORK/crowd.out" -v min_share=0.9 -v again=judge -v min_cut=100 -v min_many=100
	judge_streams "$file" sent write 3c "$WORK/crowd.out" -v min_share=0.9 -v again=judge -v min_cut=100 -v min_many=100
}

make_pair gro
crowd $((1200 / SHRINK / SHRINK))
records gro "$SERVER4" 9610 $((12500 / SHRINK))
in_server ethtool -K s0 gro off >/dev/null
records wire "$SERVER6" 9611 $((12500 / SHRINK)) --xdp off
in_client ethtool -K c0 tso on >/dev/null
records large "$SERVER4" 9612 $((3000 / SHRINK)) --xdp off
