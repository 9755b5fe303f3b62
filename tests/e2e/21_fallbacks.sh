#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Kernels differ: each probe that has a second best is taken away in turn, and the timelines stay truthful.
# beside others
. "$(dirname "$0")/lib.sh"

make_pair gro
start_nginx "$SERVER"
start_udp_echo
run() {
	local name="$1" probes="$2"

	shift 2
	start_record "$name" --netns "$SERVER" -i s0 -w "$WORK/$name.pcapng" --without "$probes" -v
	http 20 small
	udp_exchanges 20 64
	pings 5
	stop_record "$name"
	check_file "$WORK/$name.pcapng"
	check_timelines "$WORK/$name.pcapng" -v min_rx=100 "$@"
}

run cls tcx/ingress,tcx/egress
assert_grep 'tc=clsact|clsact' "$WORK/cls.pcapng.blocks"
run tcp_probe cgroup_skb/ingress -v l4=no
assert_ge "$(comments "$WORK/tcp_probe.pcapng" 'tcp.dstport == 8080 && tcp.len > 0' | tally ' l4=+')" 30 "TCP packets stamped at l4 by tcp_probe"
# Linear datagrams never reach that tracepoint: their story cannot go further than the socket.
run iovec sock_recv_length -v skip=udp -v min_complete=0.5
assert_ge "$(comments "$WORK/iovec.pcapng" 'udp.dstport == 9000' | tally ' socket=\+')" 40 "datagrams that reached their socket"
# Nothing tells when a datagram is queued, so reads cannot be counted from there: `l4` is where it ends.
run nodata sk_data_ready -v socket=no -v skip=udp
assert_eq "$(comments "$WORK/nodata.pcapng" frame | tally ' socket=+')" 0 "socket stamps without a probe"
run nowrite tcp_sendmsg_locked -v write=no
assert_eq "$(comments "$WORK/nowrite.pcapng" frame | tally ' write=+')" 0 "write stamps without a probe"
run nogro napi_gro_receive_entry,napi_gro_frags_entry
run noirq irq_handler_entry,softirq_raise

say "nothing but the tracepoints of the oldest kernels"
start_record least --netns "$SERVER" -i s0 -w "$WORK/least.pcapng" --xdp off \
	--without tcx/ingress,tcx/egress,sk_data_ready,sock_recv_length,tcp_sendmsg_locked,PRE_ROUTING,LOCAL_IN,LOCAL_OUT,POST_ROUTING
http 5 small
udp_exchanges 5 64
stop_record least
check_file "$WORK/least.pcapng"
timelines "$WORK/least.pcapng"
assert_eq "$(count "$WORK/least.pcapng" 'udp.dstport == 9000')" 10 "UDP requests"
