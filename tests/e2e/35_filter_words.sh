#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Filter expressions on the command line: what is wrong is shown; -d and -dd; tags that the stack takes out; filters without any TC or XDP.
# timeout: 180
# beside others
. "$(dirname "$0")/lib.sh"

make_pair gro
record=("$STAMPCAP" record --netns "$SERVER" -i s0)

# wrong COLUMN PATTERN EXPRESSION...: exit status 2, libpcap's message, and a caret under the column (from 1) of the expression's line.
wrong() {
	local column="$1" pattern="$2" status=0

	shift 2
	"${record[@]}" -w "$WORK/wrong.pcapng" "$@" >"$WORK/wrong.out" 2>"$WORK/wrong.err" || status=$?
	assert_eq "$status" 2 "exit status for '$*'"
	[ ! -s "$WORK/wrong.out" ] || fail "something on stdout"
	[ ! -e "$WORK/wrong.pcapng" ] || fail "a file although the filter was refused"
	assert_grep "$pattern" "$WORK/wrong.err"
	if [ "$column" != 0 ]; then
		assert_eq "$(sed -n '/^  *^$/=' "$WORK/wrong.err")" 3 "line of the caret for '$*'"
		assert_eq "$(sed -n 's/^\( *\)^$/\1/p' "$WORK/wrong.err" | tr -d '\n' | wc -c)" $((column + 1)) "spaces before the caret for '$*'"
	fi
}

say "expressions that are wrong"
wrong 5 'syntax error' 'tcp prot 80'
wrong 5 'syntax error' tcp prot 80
wrong 9 'syntax error' 'tcp port'
wrong 6 'unknown host' 'host no.such.host.invalid'
wrong 0 'protochain' 'ip6 protochain 17'
wrong 0 '[0-9]+ instructions.* 4096' "$(seq -f 'ether[%g]=1 or' 1 2100 | tr '\n' ' ') tcp"

say "-d prints what tcpdump prints; -dd the translation"
for expression in 'tcp port 443 and host 10.0.0.7' 'vlan 5 and udp' 'inbound and greater 100' 'ether broadcast or ip multicast' 'ip[6:2] & 0x1fff = 0' ''; do
	"${record[@]}" -d "$expression" >"$WORK/ours.d"
	[ -z "$expression" ] || in_server tcpdump -i s0 -d "$expression" 2>/dev/null >"$WORK/theirs.d"
	[ -z "$expression" ] || diff "$WORK/ours.d" "$WORK/theirs.d" || fail "-d $expression"
done
"${record[@]}" -dd tcp port 443 >"$WORK/dd"
assert_grep '^0: .* r6 = r1$' "$WORK/dd"
assert_grep 'be16 r7$' "$WORK/dd"
assert_grep 'exit$' "$WORK/dd"

say "a large filter works"
many=$(seq -f 'host 10.0.0.%g or' 1 255 | tr '\n' ' ')
start_record large --netns "$SERVER" -i s0 -w "$WORK/large.pcapng" -c 2 "$many" icmp
in_client ping -q -c 3 -i 0.1 "$SERVER4" >/dev/null
wait_record large
assert_eq "$(count "$WORK/large.pcapng" icmp)" 2 "packets by a large filter"

say "tags: what the stack takes out of the bytes, the filter still sees, as tcpdump's does"
mac=$(ip -n "$SERVER" -j link show s0 | jq -r '.[0].address')
tool_ready sink in_server "$TOOLS/udp_echo" -q "$SERVER4" 9000 120
tags() {
	for frame in vlan:0 vlan:5 vlan:7 qinq:9 udp short ethertype:34997; do
		in_client "$TOOLS/raw_send" c0 "$mac" "$CLIENT4" "$SERVER4" 9000 10 $frame
	done
}
n=0
for expression in 'vlan 5' 'udp port 9000' 'not arp and not ip6 and not vlan' 'vlan 9 and vlan' 'vlan and not vlan 5 and not ip6'; do
	for side in "$SERVER s0" "$CLIENT c0"; do
		n=$((n + 1))
		start_record tag$n --netns "${side% *}" -i "${side#* }" -w "$WORK/tag$n.pcapng" -s 0 "$expression"
		start_tcpdump "${side% *}" "${side#* }" "$WORK/tag$n.pcap" "$expression"
		tags
		stop_tcpdump
		stop_record tag$n
		same_sequence "$WORK/tag$n.pcapng" "$WORK/tag$n.pcap"
		assert_ge "$(wc -l <"$WORK/tag$n.pcapng.sequence")" 10 "packets that match $expression"
	done
done
say "without XDP, TC and cgroup programs the same packets are chosen"
for without in xdp tcx/egress,clsact/egress cgroup_skb/ingress tcx/ingress,clsact/ingress,tcx/egress,clsact/egress,xdp,cgroup_skb/ingress; do
	n=$((n + 1))
	start_record plain$n --netns "$SERVER" -i s0 -w "$WORK/plain$n.pcapng" --without "$without" icmp or udp port 9000
	in_client ping -q -c 5 -i 0.02 "$SERVER4" >/dev/null
	in_client "$TOOLS/raw_send" c0 "$mac" "$CLIENT4" "$SERVER4" 9000 10 udp
	in_client curl -s -m 1 -o /dev/null "http://$SERVER4:1/" || true
	stop_record plain$n
	check_file "$WORK/plain$n.pcapng"
	assert_eq "$(count "$WORK/plain$n.pcapng" 'icmp.type == 8')" 5 "requests received without $without"
	assert_eq "$(count "$WORK/plain$n.pcapng" 'icmp.type == 0')" 5 "replies sent without $without"
	assert_eq "$(count "$WORK/plain$n.pcapng" 'udp && !icmp')" 10 "datagrams without $without"
	assert_eq "$(count "$WORK/plain$n.pcapng" 'tcp')" 0 "segments that nobody wanted without $without"
done
