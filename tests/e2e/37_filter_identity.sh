#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Verdicts and early stamps stay with their packets: merged, cut and forwarded ones, sockets without a peer, fragments, tags that a device cannot insert.
# timeout: 240
# beside others
. "$(dirname "$0")/lib.sh"

make_pair gro

# into_right FILE TCPDUMP: every packet that is told to be merged into another lies in the same skb as that one, by tcpdump's file of skbs.
into_right() {
	clean_tshark -r "$2" -n -o tcp.desegment_tcp_streams:FALSE -T fields -e tcp.seq_raw -e tcp.len >"$2.skbs"
	clean_tshark -r "$1" -n -o tcp.desegment_tcp_streams:FALSE -T fields -e tcp.seq_raw -e frame.comment |
		awk 'NR == FNR { from[n] = $1; len[n++] = $2; next }
		function skb(seq,    i, step) {
			for (i = last > 200 ? last - 200 : 0; i < n; i++)
				if (seq >= from[i] && seq < from[i] + len[i]) return last = i
			return -1
		}
		{ match($0, / id=[0-9]+/); id = substr($0, RSTART + 4, RLENGTH - 4); home[id] = skb($1)
		  if (match($0, / into=[0-9]+/)) into[id] = substr($0, RSTART + 6, RLENGTH - 6) }
		END { for (i in into) if (!(into[i] in home) || home[i] != home[into[i]] || home[i] < 0) bad++; else good++
		      print "merged packets: " good + 0 " in the skb of the one they are told to be in, " bad + 0 " not"
		      exit bad > 0 }' "$2.skbs" - || fail "merged into another skb's packet"
}

# bulk NAME BYTES OPTIONS EXPRESSION: what of a bulk transfer the expression chooses.
bulk() {
	head -c "$2" /dev/urandom >"$WORK/data"
	tool_ready "$1" in_server sh -c "echo ready; exec socat -u TCP4-LISTEN:7000,reuseaddr OPEN:/dev/null"
	wait_until 5 in_server sh -c 'ss -ltn | grep -q 7000'
	start_record "$1" --netns "$SERVER" -i s0 -w "$WORK/$1.pcapng" -s 128 --xdp off "$4"
	start_tcpdump "$SERVER" s0 "$WORK/$1.pcap" -s 96 'tcp dst port 7000 and tcp[tcpflags] & tcp-syn = 0'
	# shellcheck disable=SC2086
	in_client socat $3 -u OPEN:"$WORK/data" TCP4:"$SERVER4":7000
	stop_tcpdump
	stop_record "$1"
	tail -n 2 "$WORK/$1.err"
	check_file "$WORK/$1.pcapng"
	check_timelines "$WORK/$1.pcapng" -v min_rx=100
	into_right "$WORK/$1.pcapng" "$WORK/$1.pcap"
}

say "GRO: every other 8 kB of a stream; segments with PUSH, which end an skb; small segments"
bulk half 8000000 '' 'tcp dst port 7000 and tcp[4:4] & 0x2000 = 0 and tcp[tcpflags] & tcp-syn = 0'
assert_ge "$(comments "$WORK/half.pcapng" tcp | tally ' into=')" 500 "merged packets"
bulk push 8000000 '' 'tcp dst port 7000 and tcp[tcpflags] & tcp-push != 0'
assert_eq "$(comments "$WORK/push.pcapng" tcp | tally ' into=')" 0 "segments with PUSH that others end"
ip -n "$CLIENT" link set c0 mtu 600
ip -n "$SERVER" link set s0 mtu 600
bulk small 1500000 '-b1000' 'tcp dst port 7000 and tcp[tcpflags] & tcp-push != 0'
ip -n "$CLIENT" link set c0 mtu 1500
ip -n "$SERVER" link set s0 mtu 1500

# sent NAME EXPRESSION COMMAND...: what the client sends, against tcpdump.
sent() {
	local name="$1" expression="$2"

	shift 2
	start_record "$name" --netns "$CLIENT" -i c0 -w "$WORK/$name.pcapng" -s 0 --direction out "$expression"
	start_tcpdump "$CLIENT" c0 "$WORK/$name.pcap" -Q out "$expression"
	in_client "$@"
	stop_tcpdump
	stop_record "$name"
	check_file "$WORK/$name.pcapng"
	same_sequence "$WORK/$name.pcapng" "$WORK/$name.pcap"
}

say "UDP segments that software cuts: the whole may be turned down and its parts not"
background in_server socat -u UDP4-RECV:9000 OPEN:/dev/null
background in_server socat -u UDP4-RECV:9001 OPEN:/dev/null
sent cut 'udp dst port 9000 and less 600' "$TOOLS/udp_oracle" send "$SERVER4" 9000 0 3000 0 8
assert_ge "$(wc -l <"$WORK/cut.pcapng.sequence")" 3000 "segments"
sent part 'udp dst port 9000 and udp[17] & 3 = 1' "$TOOLS/udp_oracle" send "$SERVER4" 9000 0 3000 0 8
assert_ge "$(wc -l <"$WORK/part.pcapng.sequence")" 500 "segments of a kind"

say "a socket without a peer: every stage of what matches, whatever it sent before"
sent alternate 'udp dst port 9001' "$TOOLS/udp_sendto" "$SERVER4" 9000 200 100
assert_eq "$(count "$WORK/alternate.pcapng" 'frame.comment matches "tx total=[^ ]* ip=[^ ]* out=[^ ]* tc=[^ ]* netdev=[^ ]* driver="')" 200 "datagrams with every stage"

say "fragments of packets that went another way too: no stamp of the packet before, with a filter and without"
background in_client socat -u UDP4-RECV:5000,ip-add-membership=239.1.1.1:c0 OPEN:/dev/null
ip -n "$CLIENT" route add 239.1.1.1 dev c0
for expression in '' 'dst host 239.1.1.1'; do
	sent multicast "$expression" "$TOOLS/udp_flood" 239.1.1.1 5000 4000 60 50 10
	assert_ge "$(nanoseconds "$WORK/multicast.pcapng" 'ip.dst == 239.1.1.1' tc | wc -l)" 150 "fragments"
	assert_eq "$(nanoseconds "$WORK/multicast.pcapng" 'ip.dst == 239.1.1.1' tc | awk '$1 > 10000000' | wc -l)" 0 "fragments that waited 10 ms for TC"
done

say "tags that a bridge puts beside the bytes, and a device that takes them so and one that does not"
middle=$TEST-$ID-middle
make_ns "$middle"
make_veth "$CLIENT" c1 "$middle" b0
make_veth "$middle" b1 "$SERVER" s1
ip -n "$middle" link add br0 type bridge
ip -n "$middle" link set b0 master br0
ip -n "$middle" link set b1 master br0
ip -n "$middle" link set br0 up
mac=$(ip -n "$SERVER" -j link show s1 | jq -r '.[0].address')
tagged() {
	for frame in vlan:5 udp qinq:9; do
		in_client "$TOOLS/raw_send" c1 "$mac" "$CLIENT4" "$SERVER4" 9000 10 $frame >/dev/null
	done
}
wait_until 5 sh -c "ip -n $middle -j link show b1 | grep -q forwarding || true"
for insert in on off; do
	in_ns "$middle" ethtool -K b1 txvlan $insert tx-vlan-stag-hw-insert $insert >/dev/null 2>&1
	for expression in 'udp port 9000' 'vlan 5' 'ether[12:2] = 0x8100' 'vlan 9 and vlan'; do
		start_record bridge --netns "$middle" -i b1 -w "$WORK/bridge.pcapng" -s 0 --direction out "$expression"
		start_tcpdump "$middle" b1 "$WORK/bridge.pcap" -Q out "$expression"
		tagged
		stop_tcpdump
		stop_record bridge
		same_sequence "$WORK/bridge.pcapng" "$WORK/bridge.pcap"
		assert_ge "$(wc -l <"$WORK/bridge.pcapng.sequence")" 10 "packets that match $expression with txvlan $insert"
	done
done
