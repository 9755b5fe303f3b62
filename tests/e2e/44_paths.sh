#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 180
# Packets that pass several devices (router with NAT, bridge, tunnel, namespaces): one story each, with the devices on it, told of the right packet: numbers in the
# payload, tcpdump on the other device, and the reader's own log. Connections with equal addresses in two namespaces stay apart.
. "$(dirname "$0")/lib.sh"

need program:nft vxlan bridge
BRIDGE=$TEST-$ID-bridge
last_cpu=$(($(nproc) - 1))
count=2000
failed=0

# datagrams FILE [SKIP]: into FILE.datagrams, SKIP bytes of a tunnel left out.
datagrams() {
	"$TOOLS/pcapng_dump" -b <"$1" | awk -v skip="${2:-0}" -f "$TOP/tests/lib/datagrams.awk" >"$1.datagrams"
}

seen_by_tcpdump() {
	editcap -F pcapng "$1" "$1.ng"
	datagrams "$1.ng" "${2:-0}"
	mv "$1.ng.datagrams" "$1.datagrams"
}

# exchange NAME NS ADDRESS PORT TO_ADDRESS TO_PORT: the numbers from two CPUs; every one is read.
exchange() {
	local name="$1" ns="$2" sender pids=()

	tool_ready "$name" in_ns "$ns" "$TOOLS/udp_identity" read "$3" "$4" $count 20 1 1 -
	for sender in 0 1; do
		background in_client "$TOOLS/udp_identity" send "$5" "$6" $((sender * count / 2)) $((count / 2)) 1 1 $((sender ? last_cpu : 0)) - >"$WORK/$name.writes$sender"
		pids+=("$LAST_PID")
	done
	wait "${pids[@]}" || fail "a sender of $name"
	wait_until 25 grep -q "^done=$count$" "$WORK/$name.out" || fail "the reader of $name: $(tail -1 "$WORK/$name.out")"
	grep '^[0-9]' "$WORK/$name.out" | sort -n >"$WORK/$name.log"
}

# judge_path FILE TCPDUMP_FILE DST STAGE WANT
judge_path() {
	awk -v count=$count -v dst="$3" -v stage="$4" -v want="$5" -f "$TOP/tests/lib/paths.awk" "$2.datagrams" "$1.datagrams" || failed=1
}

# judge_reads FILE LOG WANT: each packet was read in the call that returned it, and matches WANT; at most one in a hundred says that it does not know by which call, as it
# may where two CPUs queue for one reader and no function tells (e2e/43).
judge_reads() {
	local unmatched

	assert_eq "$(wc -l <"$1.datagrams")" $count "packets of $1"
	unmatched=$(cut -f 6 "$1.datagrams" | tally '^stampcap rx .* end=unmatched flags=[a-z+]*partial ')
	assert_le "$unmatched" $((count / 100)) "packets whose read is not known"
	assert_eq "$(cut -f 6 "$1.datagrams" | tally "$3")" $((count - unmatched)) "packets with $3"
	cut -f 1,3,6 "$1.datagrams" >"$1.packets"
	awk -v stage=read -f "$TOP/tests/lib/oracle.awk" "$2" "$1.packets" || failed=1
}

# several_records NAME:NS:DEVICES...: recordings at the same time, in NAME.pcapng.
several_records() {
	local row name ns devices

	record_pids=()
	for row in "$@"; do
		IFS=: read -r name ns devices <<<"$row"
		# shellcheck disable=SC2086 # several options
		start_record "$name" --netns "$ns" $devices -w "$WORK/$name.pcapng"
		record_pids+=("$RECORD_PID")
	done
}

stop_records() {
	local i=0 name

	for name in "$@"; do
		RECORD_PID=${record_pids[$i]}
		stop_record "$name"
		cat "$WORK/$name.err"
		check_file "$WORK/$name.pcapng"
		i=$((i + 1))
	done
}

make_router

say "a router that rewrites both addresses; recorded on both its devices, and at the same time where the packets are sent and where they are read"
in_ns "$ROUTER" nft -f - <<-'END'
	table ip nat {
		chain pre { type nat hook prerouting priority -100; iifname r0 udp dport 9500 dnat to 10.78.2.1:20000; }
		chain post { type nat hook postrouting priority 100; oifname r1 masquerade; }
	}
END
several_records "nat_client:$CLIENT:-i c0 --direction out" "nat:$ROUTER:-i r0 -i r1" "nat_server:$SERVER:-i s0 --direction in"
start_tcpdump "$ROUTER" r1 "$WORK/nat.pcap" udp
exchange nat_reader "$SERVER" 10.78.2.1 20000 10.78.1.254 9500
stop_tcpdump
stop_records nat_client nat nat_server
seen_by_tcpdump "$WORK/nat.pcap"
for name in nat_client nat nat_server; do
	datagrams "$WORK/$name.pcapng"
done
judge_path "$WORK/nat.pcapng" "$WORK/nat.pcap" 0a4e0201:4e20 tx_driver '^stampcap rx .* tx_out=.* end=forward .*via=r1'
assert_eq "$(cut -f 5 "$WORK/nat.pcapng.datagrams" | sort -u)" 0a4e01fe:251c "address before the router"
assert_eq "$(cut -f 4 "$WORK/nat.pcap.datagrams" | sed 's/:.*//' | sort -u)" 0a4e02fe "source after it"
assert_eq "$(cut -f 6 "$WORK/nat_client.pcapng.datagrams" | tally '^stampcap tx .* end=driver ')" $count "packets that the client sent"
judge_reads "$WORK/nat_server.pcapng" "$WORK/nat_reader.log" '^stampcap rx .* end=read '
in_ns "$ROUTER" nft flush ruleset

say "a tunnel: the router sees it through, the receiver takes the inner packet out of the outer one"
ip -n "$CLIENT" link add vx0 type vxlan id 7 dstport 4789 local 10.78.1.1 remote 10.78.2.1 dev c0
ip -n "$SERVER" link add vx0 type vxlan id 7 dstport 4789 local 10.78.2.1 remote 10.78.1.1 dev s0
ip -n "$CLIENT" link set vx0 addrgenmode none up
ip -n "$SERVER" link set vx0 addrgenmode none up
ip -n "$CLIENT" addr add 10.99.0.1/24 dev vx0
ip -n "$SERVER" addr add 10.99.0.2/24 dev vx0
wait_until 10 in_client ping -c 1 -W 1 -q 10.99.0.2
several_records "tunnel_client:$CLIENT:-i c0 --direction out" "tunnel_router:$ROUTER:-i r0" "tunnel:$SERVER:-i s0 --direction in" "tunnel_two:$SERVER:-i s0 -i vx0 --direction in"
start_tcpdump "$ROUTER" r1 "$WORK/tunnel.pcap" udp
exchange tunnel_reader "$SERVER" 10.99.0.2 20000 10.99.0.2 20000
stop_tcpdump
stop_records tunnel_client tunnel_router tunnel tunnel_two
seen_by_tcpdump "$WORK/tunnel.pcap" 50
for name in tunnel_client tunnel_router tunnel; do
	datagrams "$WORK/$name.pcapng" 50
done
assert_eq "$(cut -f 6 "$WORK/tunnel_client.pcapng.datagrams" | tally '^stampcap tx .* out=.* end=driver ')" $count "outer packets that the client sent"
judge_path "$WORK/tunnel_router.pcapng" "$WORK/tunnel.pcap" 0a630002:4e20 tx_driver '^stampcap rx .* tx_out=.* end=forward .*via=r1'
judge_reads "$WORK/tunnel.pcapng" "$WORK/tunnel_reader.log" '^stampcap rx .* end=read .*via=vx0'
say "both devices recorded: the outer packet goes on to the tunnel's device, the inner one from there to the reader"
datagrams "$WORK/tunnel_two.pcapng" 50
assert_eq "$(cut -f 6 "$WORK/tunnel_two.pcapng.datagrams" | tally '^stampcap rx .* end=forward .*via=vx0')" $count "outer packets"
datagrams "$WORK/tunnel_two.pcapng"
judge_reads "$WORK/tunnel_two.pcapng" "$WORK/tunnel_reader.log" '^stampcap rx .* end=read '

say "a bridge, both ports recorded"
make_ns "$BRIDGE"
ip -n "$BRIDGE" link add br0 type bridge
ip -n "$BRIDGE" link set br0 up
make_veth "$CLIENT" c1 "$BRIDGE" p0
make_veth "$SERVER" s1 "$BRIDGE" p1
ip -n "$BRIDGE" link set p0 master br0
ip -n "$BRIDGE" link set p1 master br0
ip -n "$CLIENT" addr add 10.79.0.1/24 dev c1
ip -n "$SERVER" addr add 10.79.0.2/24 dev s1
wait_until 10 in_client ping -c 1 -W 1 -q 10.79.0.2
several_records "bridge:$BRIDGE:-i p0 -i p1"
start_tcpdump "$BRIDGE" p1 "$WORK/bridge.pcap" udp
exchange bridge_reader "$SERVER" 10.79.0.2 20000 10.79.0.2 20000
stop_tcpdump
stop_records bridge
seen_by_tcpdump "$WORK/bridge.pcap"
datagrams "$WORK/bridge.pcapng"
judge_path "$WORK/bridge.pcapng" "$WORK/bridge.pcap" 0a4f0002:4e20 tx_driver '^stampcap rx .* end=forward .*via=p1'

say "two pairs of namespaces with equal devices, addresses and ports, at the same time"
twins=()
for twin in a b; do
	for side in client server; do
		make_ns "$TEST-$ID-$twin-$side"
	done
	make_veth "$TEST-$ID-$twin-client" c0 "$TEST-$ID-$twin-server" s0
	ip -n "$TEST-$ID-$twin-client" addr add 10.80.0.1/24 dev c0
	ip -n "$TEST-$ID-$twin-server" addr add 10.80.0.2/24 dev s0
	wait_until 10 in_ns "$TEST-$ID-$twin-client" ping -c 1 -W 1 -q 10.80.0.2
	tool_ready "tcp_$twin" in_ns "$TEST-$ID-$twin-server" "$TOOLS/tcp_oracle" serve 10.80.0.2 9600 2000 1
	tool_ready "udp_$twin" in_ns "$TEST-$ID-$twin-server" "$TOOLS/udp_identity" read 10.80.0.2 20000 $count 30 1 1 -
	twins+=("twin_$twin:$TEST-$ID-$twin-server:-i s0")
done
assert_eq "$(ip -n "$TEST-$ID-a-server" -o link show s0 | cut -d : -f 1)" "$(ip -n "$TEST-$ID-b-server" -o link show s0 | cut -d : -f 1)" "index of the device"
several_records "${twins[@]}"
pids=()
for twin in a b; do
	first=$([ $twin = a ] && echo 0 || echo 1000000)
	background in_ns "$TEST-$ID-$twin-client" "$TOOLS/udp_identity" send 10.80.0.2 20000 "$first" $count 1 1 "$([ $twin = a ] && echo 0 || echo "$last_cpu")" c \
		>"$WORK/udp_$twin.writes"
	pids+=("$LAST_PID")
	background in_ns "$TEST-$ID-$twin-client" "$TOOLS/tcp_oracle" connect 10.80.0.2 9600 2000 "$([ $twin = a ] && echo 2 || echo 3)" >"$WORK/tcp_$twin.client"
	pids+=("$LAST_PID")
done
wait "${pids[@]}" || fail "a client of the twins"
for twin in a b; do
	wait_until 30 grep -q "^done=$count$" "$WORK/udp_$twin.out" || fail "reader $twin: $(tail -1 "$WORK/udp_$twin.out")"
	wait_until 30 grep -q done "$WORK/tcp_$twin.out" || fail "server $twin: $(cat "$WORK/tcp_$twin.err")"
done
stop_records twin_a twin_b

# stream FILE DISPLAY_FILTER: the lines that oracle.awk wants of the data packets. The stream's first byte has the relative number 1.
stream() {
	clean_tshark -r "$1" -n -o tcp.desegment_tcp_streams:FALSE -Y "tcp.len > 0 && $2" -T fields -e tcp.seq -e tcp.len -e frame.time_epoch \
		-e frame.comment | awk -F '\t' '{ printf "%.0f\t%s\t%s\n", $1 + $2 - 2, $3, $4 }'
}

for twin in a b; do
	datagrams "$WORK/twin_$twin.pcapng"
	grep '^[0-9]' "$WORK/udp_$twin.out" | sort -n >"$WORK/udp_$twin.log"
	assert_eq "$(cut -f 1 "$WORK/twin_$twin.pcapng.datagrams" | tally "^000$([ $twin = a ] && echo 0 || echo 1)")" $count "numbers of twin $twin"
	judge_reads "$WORK/twin_$twin.pcapng" "$WORK/udp_$twin.log" '^stampcap rx .* end=read '
	sed -n 's/^read //p' "$WORK/tcp_$twin.out" >"$WORK/tcp_$twin.reads"
	sed -n 's/^write //p' "$WORK/tcp_$twin.out" >"$WORK/tcp_$twin.writes"
	stream "$WORK/twin_$twin.pcapng" 'tcp.dstport == 9600' >"$WORK/tcp_$twin.received"
	stream "$WORK/twin_$twin.pcapng" 'tcp.srcport == 9600' >"$WORK/tcp_$twin.sent"
	awk -v stage=read -f "$TOP/tests/lib/oracle.awk" "$WORK/tcp_$twin.reads" "$WORK/tcp_$twin.received" || failed=1
	awk -v stage=write -f "$TOP/tests/lib/oracle.awk" "$WORK/tcp_$twin.writes" "$WORK/tcp_$twin.sent" || failed=1
done
[ $failed = 0 ] || fail "a story is not the packet's own"
