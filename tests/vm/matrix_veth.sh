#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A veth device, with NAPI and without, where functions tell: its sender calls eth_type_trans(), too, long before the packet is received, and that is not when it is handed over.
# timeout: 600
VM_TIMEOUT=${VM_TIMEOUT:-400}
export VM_TIMEOUT
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
guests 6.12:e1000

STAMPCAP=${STAMPCAP:-$TOP/build/stampcap} # the sanitized one takes too long to start here
RECORD_STARTS_IN=90
failed=''

# series NAME PORT OPTION...
series() {
	local name="$1" port="$2"

	shift 2
	say "$name"
	start_record "$name" "$@" --netns "$SERVER" -i s0 --direction in -w "$WORK/$name.pcapng"
	tool_ready "pong_$name" in_server "$TOOLS/tcp_pingpong" -l -t 60 "$SERVER4" "$port"
	in_client "$TOOLS/tcp_pingpong" -n 300 -t 30 "$SERVER4" "$port" >/dev/null
	in_client ping -q -c 50 -i 0.01 "$SERVER4" >/dev/null
	stop_record "$name"
	cat "$WORK/$name.err"
	check_file "$WORK/$name.pcapng"
	assert_grep 'eth_type_trans' "$WORK/$name.pcapng.blocks"
	check_timelines "$WORK/$name.pcapng" -v min_rx=300 -v min_complete=0.98
	assert_eq "$(tally 'backwards' <"$WORK/$name.err")" 0 "stamps earlier than the one before"
	# Its sender gave it to the driver a good while before the softirq began that received it.
	comments "$WORK/$name.pcapng" tcp >"$WORK/$name.comments"
	awk '/ softirq=/ && !/ driver=/ { bad++ } / driver=/ { good++ } END { print good + 0 " with driver, " bad + 0 " without"; exit bad > good / 50 || good < 250 }' "$WORK/$name.comments" || failed+=" $name"
}

make_pair plain
series plain 9600
in_server ethtool -K s0 gro on >/dev/null
offloads_off "$CLIENT" c0 # else it takes the way without NAPI
series xdp 9601
series napi 9602 --xdp off # with a program it is called again, in the poll
[ -z "$failed" ] || fail "no stamp of the driver:$failed"
