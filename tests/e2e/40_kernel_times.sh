#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 180
# The kernel's own times (SO_TIMESTAMPING) of the same packets, matched by number: each lies between the two of our stamps that stand around the place where
# the kernel takes it, and is near the one it should be, at the median.
#
#   TX sched     out..tc        first thing in __dev_queue_xmit()
#   TX software  driver..       in the driver's transmit function, before the peer's device has the packet
#   TX ack       l4..           of the first packet that acknowledges the byte
#   RX software  driver..netif  net_timestamp_check(), on the way into netif_rx(), netif_receive_skb() or the list of GRO
#                local..l4      but for TCP over veth since Linux 5.18: the field still holds the sender's departure time there, until
#                               skb_clear_delivery_time() in ip_local_deliver_finish() or ip6_input_finish()
#
# A receive call of a stream tells the time of its last packet only, and that of an ACK which joined it in the socket's backlog. A record that shares its
# buffer with the one behind has no TX times. Both are counted.
. "$(dirname "$0")/lib.sh"

records=1000

# packets NAME SIDE: of each exchange's port the lines that ktimes.awk wants, in $WORK/PORT.SIDE. A stream's first byte has the relative number 1.
packets() {
	clean_tshark -r "$WORK/$1.$2.pcapng" -n -o tcp.desegment_tcp_streams:FALSE -Y 'tcp || udp' -T fields -e tcp.port -e udp.port -e tcp.seq \
		-e tcp.len -e tcp.ack -e tcp.payload -e udp.payload -e frame.time_epoch -e frame.comment | awk -F '\t' -v base="$WORK/$1" -v side="$2" '{
			hex = $1 != "" ? $6 : $7; number = first = last = ack = ""
			for (i = 2; i <= 20; i += 2) number = number substr(hex, i, 1)
			if ($1 == "") first = last = number + 0
			else {
				ack = $5 - 1
				first = sprintf("%.0f", $3 - 1)
				if ($4 > 0) last = sprintf("%.0f", $3 + $4 - 2)
			}
			split($1 $2, port, ",")
			if (port[1] !~ /^970[0-3]$/) port[1] = port[2]
			if (port[1] ~ /^970[0-3]$/) print first "\t" last "\t" ack "\t" number "\t" $8 "\t" $9 >(base "." port[1] "." side)
		}'
}

clock_error() {
	blocks "$1" | sed -n '1s/.* clock_error=\([0-9]*\)ns.*/\1/p'
}

# judge NETWORK SIDE PEER PROTO PORT RX: SIDE's log and file of one exchange.
judge() {
	local dir="$WORK/$1" side="$2" peer="$3" proto="$4" port="$5" own all

	say "$1, $proto port $port at the $side: the kernel takes RX software times at its $6"
	own=$(($(clock_error "$dir.$side.pcapng") + clock_slack_ns))
	all=$((own + $(clock_error "$dir.$peer.pcapng") + clock_slack_ns))
	awk -v proto="$proto" -v rx="$6" -v slack_ns="$own" -v peer_slack_ns="$all" -f "$TOP/tests/lib/ktimes.awk" \
		FS=' ' part=peer_log "$dir.$port.$peer.out" part=log "$dir.$port.$side.out" \
		FS='\t' part=peer_packets "$dir.$port.$peer" part=packets "$dir.$port.$side" || failed=1
}

# exchange NETWORK PROTO ADDRESS PORT
exchange() {
	local name="$1.$4" low high

	tool_ready "$name.server" in_server "$TOOLS/ktimes" serve "$2" "$3" "$4" $records
	in_client "$TOOLS/ktimes" connect "$2" "$3" "$4" $records >"$WORK/$name.client.out" || fail "$name: the client"
	wait_until 20 grep -q done "$WORK/$name.server.out" || fail "the server does not end: $(cat "$WORK/$name.server.err")"
	# The two clocks run at one rate, adjusted or not. Their difference moves when somebody sets the wall clock, and no bound covers that.
	read -r low high < <(sed -n 's/^clock //p' "$WORK/$name".*.out | sort -n | sed -n '1p;$p' | paste -sd ' ')
	assert_le $((high - low)) 1000 "ns by which the wall clock was set during the test: run it again"
}

# network NAME STREAM_RX: every exchange over the pair that stands, recorded at both ends.
network() {
	local name="$1" side proto port client_pid

	start_record "$name.client" --netns "$CLIENT" -i c0 -w "$WORK/$name.client.pcapng"
	client_pid=$RECORD_PID
	start_record "$name.server" --netns "$SERVER" -i s0 -w "$WORK/$name.server.pcapng"
	exchange "$name" udp "$SERVER4" 9700
	exchange "$name" udp "$SERVER6" 9701
	exchange "$name" tcp "$SERVER4" 9702
	exchange "$name" tcp "$SERVER6" 9703
	stop_record "$name.server"
	RECORD_PID=$client_pid
	stop_record "$name.client"
	for side in client server; do
		cat "$WORK/$name.$side.err"
		check_file "$WORK/$name.$side.pcapng"
		packets "$name" $side
	done
	for port in 9700 9701; do
		judge "$name" client server udp $port entry
		judge "$name" server client udp $port entry
	done
	for port in 9702 9703; do
		judge "$name" client server tcp $port "$2"
		judge "$name" server client tcp $port "$2"
	done
}

# namespaces NAME: of its own for each network.
namespaces() {
	CLIENT=$TEST-$ID-$1-client
	SERVER=$TEST-$ID-$1-server
}

# The clock that programs read may be this far from the others, for a moment, when the kernel adjusts their rate (ktime_get_mono_fast_ns).
clock_slack_ns=100
failed=0
stream_rx=delivery
printf '%s\n5.18\n' "$(uname -r)" | sort -VC && stream_rx=entry
for kind in gro plain; do
	namespaces $kind
	make_pair $kind
	network $kind $stream_rx
done
need tun
namespaces tun
make_ns "$CLIENT"
make_ns "$SERVER"
ip -n "$CLIENT" tuntap add mode tun name c0 2>/dev/null || skip "tun device"
ip -n "$SERVER" tuntap add mode tun name s0
tool_ready relay "$TOOLS/tun_relay" "$CLIENT" c0 "$SERVER" s0 60
for end in "$CLIENT c0 $CLIENT4 $CLIENT6" "$SERVER s0 $SERVER4 $SERVER6"; do
	read -r ns dev four six <<<"$end"
	ip -n "$ns" link set "$dev" addrgenmode none
	ip -n "$ns" addr add "$four/24" dev "$dev"
	ip -n "$ns" link set "$dev" up
	ip -n "$ns" addr add "$six/64" dev "$dev" nodad
done
network tun entry
[ $failed = 0 ] || fail "our stamps and the kernel's times disagree"
