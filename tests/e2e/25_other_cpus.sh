#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Packets that change the CPU on their way (RPS) or are polled by a thread (threaded NAPI): truthful timelines, or none.
. "$(dirname "$0")/lib.sh"

make_pair gro
start_nginx "$SERVER"
start_udp_echo
traffic() {
	http 50 small
	http 2 large
	udp_exchanges 50 64
	pings 10
}

say "RPS to every CPU"
rps=/sys/class/net/s0/queues/rx-0/rps_cpus
if ip netns exec "$SERVER" sh -c "echo $(printf '%x' $(((1 << $(nproc)) - 1))) >$rps" 2>/dev/null; then
	start_record rps --netns "$SERVER" -i s0 -w "$WORK/rps.pcapng"
	traffic
	stop_record rps
	cat "$WORK/rps.err"
	check_file "$WORK/rps.pcapng"
	check_timelines "$WORK/rps.pcapng" -v min_rx=200
	assert_ge "$(comments "$WORK/rps.pcapng" 'frame.comment contains "stampcap rx"' | tally ' backlog=+')" 1 "packets through a backlog queue"
	ip netns exec "$SERVER" sh -c "echo 0 >$rps"
else
	say "this kernel has no RPS"
fi

say "threaded NAPI"
if ip netns exec "$SERVER" sh -c 'echo 1 >/sys/class/net/s0/threaded' 2>/dev/null; then
	start_record threaded --netns "$SERVER" -i s0 -w "$WORK/threaded.pcapng"
	traffic
	stop_record threaded
	cat "$WORK/threaded.err"
	check_file "$WORK/threaded.pcapng"
	check_timelines "$WORK/threaded.pcapng" -v min_rx=200 -v irq=no
else
	skip "threaded NAPI"
fi
