#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Living packets get new buffers: TCP's clones when a router writes to them, all when the device has no scatter-gather. Their stories go on.
# beside others
. "$(dirname "$0")/lib.sh"

# whole FILE DISPLAY_FILTER: none of these packets lost its way.
whole() {
	assert_eq "$(comments "$1" "$2" | tally ' end=(recycled|consumed|open|timeout|drop:)|flags=[a-z+]*partial')" 0 "packets cut short in $1"
}

# payload FILE DISPLAY_FILTER: the sum.
payload() {
	clean_tshark -r "$1" -n -Y "$2" -T fields -e tcp.len | awk '{ sum += $1 } END { printf "%.0f\n", sum }'
}

seen_tx() {
	sed -n 's/^ISB.* | tx seen=\([0-9]*\) .*/\1/p' "$1.blocks"
}

make_router
head -c 3000000 /dev/urandom >"$WORK/data"

# through_router NAME PORT RECORD_OPTION...
through_router() {
	local name="$1" port="$2" file="$WORK/$1.pcapng" data

	shift 2
	background in_server socat -u "TCP4-LISTEN:$port,reuseaddr" "OPEN:$WORK/$name.received,creat,trunc"
	wait_until 5 in_server sh -c "ss -ltn | grep -q $port"
	start_record "$name" --netns "$ROUTER" -i r0 -w "$file" "$@"
	start_tcpdump "$ROUTER" r0 "$WORK/$name.pcap" -s 128
	in_client socat -u OPEN:"$WORK/data" "TCP4:$FAR4:$port"
	stop_tcpdump
	stop_record "$name"
	cat "$WORK/$name.err"
	cmp "$WORK/data" "$WORK/$name.received" || fail "the transfer itself went wrong"
	check_file "$file"
	# What goes back begins, for the recorded device, where it is handed to it. A backlog queue that is being polled has no entry to tell of.
	check_timelines "$file" -v irq=no -v skip='tcp_control|non_ip|icmp_other'
	whole "$file" "tcp.port == $port"
	data=$(count "$file" "tcp.dstport == $port && tcp.len > 0")
	say "$name: $data data packets"
	assert_ge "$data" 40 "data packets"
	assert_eq "$(comments "$file" "tcp.dstport == $port && tcp.len > 0" | tally ' end=forward .*via=r1|via=r1 .*end=forward ')" "$data" \
		"data packets forwarded to r1"
	assert_eq "$(comments "$file" "tcp.dstport == $port && tcp.len > 0" | tally ' tx_driver=\+')" "$data" "data packets that r1's driver got"
	same_streams "$file" "$WORK/$name.pcap"
	assert_ge "$(payload "$file" "tcp.dstport == $port")" 3000000 "bytes of payload"
	assert_eq "$(count "$file" "tcp.srcport == $port")" "$(count "$WORK/$name.pcap" "tcp.srcport == $port")" "packets back"
}

say "a router, devices as the kernel makes them: large packets"
through_router large 7001
say "and with packets that fit the wire"
offloads_off "$CLIENT" c0
in_ns "$ROUTER" ethtool -K r0 gro off >/dev/null
through_router small 7002 --xdp off

say "a device without scatter-gather: every packet is copied into one piece after it was queued"
in_server ethtool -K s0 sg off tso off gso off tx off >/dev/null
start_nginx "$SERVER"
background in_server socat -u OPEN:"$WORK/data" TCP4-LISTEN:7003,reuseaddr
wait_until 5 in_server sh -c 'ss -ltn | grep -q 7003'
start_record linear --netns "$SERVER" -i s0 -w "$WORK/linear.pcapng"
start_tcpdump "$SERVER" s0 "$WORK/linear.pcap" -s 128
in_client curl -s -f --max-time 30 -o /dev/null 'http://10.78.2.1:8080/large?[1-10]'
in_client curl -s -f --max-time 30 -o /dev/null 'http://10.78.2.1:8080/small?[1-50]'
in_client socat -u TCP4:$FAR4:7003 "OPEN:$WORK/linear.received,creat,trunc"
stop_tcpdump
stop_record linear
cat "$WORK/linear.err"
cmp "$WORK/data" "$WORK/linear.received" || fail "the transfer itself went wrong"
check_file "$WORK/linear.pcapng"
check_timelines "$WORK/linear.pcapng" -v min_tx=1000 -v irq=no
whole "$WORK/linear.pcapng" 'tcp.srcport == 8080 || tcp.srcport == 7003'
assert_eq "$(count "$WORK/linear.pcapng" 'tcp.srcport == 8080 || tcp.srcport == 7003')" \
	"$(count "$WORK/linear.pcap" 'tcp.srcport == 8080 || tcp.srcport == 7003')" "sent TCP packets, against tcpdump's"
other=$(count "$WORK/linear.pcapng" '!tcp && frame.comment contains "stampcap tx"')
assert_eq "$(seen_tx "$WORK/linear.pcapng")" $(($(count "$WORK/linear.pcap" 'tcp.srcport == 8080 || tcp.srcport == 7003') + other)) "tx seen"
same_streams "$WORK/linear.pcapng" "$WORK/linear.pcap"
assert_ge "$(count "$WORK/linear.pcapng" 'tcp.srcport == 7003 && tcp.len > 0 && frame.comment contains "write="')" 2000 "data packets with their write"
