# SPDX-License-Identifier: GPL-2.0-only
# Sourced by the tests of XDP: native on virtio-net and veth, alone and beside programs of others, with jumbo frames; generic only when asked for.
# shellcheck shell=bash

STAMPCAP=$TOP/build/stampcap # the sanitized one takes too long to start here
RECORD_STARTS_IN=180 # in emulation, beside other guests
export VM_TIMEOUT="${VM_TIMEOUT:-700}"
# Starts sooner without functions, where the driver's end of a timeline is what matters.
QUICK="--probes tracepoint"

for_guest() {
	clang -O2 -g -Wall -Werror -target bpf -I"/usr/include/$(uname -m)-linux-gnu" -c "$TOP/tests/vm/foreign.bpf.c" -o "$1/foreign.bpf.o"
}

# ---- traffic from namespace peer

# datagrams COUNT SIZE ADDRESS...: to each address, and echoed.
datagrams() {
	local count="$1" size="$2" address

	shift 2
	for address in "$@"; do
		tool_ready udp "$TOOLS/udp_echo" -n "$count" "$address" 9000 100
		ns peer "$TOOLS/udp_client" "$address" 9000 "$count" "$size"
	done
}

# "PACKETS SKBS": what ens33 took from the wire, and what TCP got of it, after GRO.
received() {
	echo "$(</sys/class/net/ens33/statistics/rx_packets) $(awk '/^Tcp: [0-9]/ { print $11 }' /proc/net/snmp)"
}

# bulk: TCP over both families; sets $merging, how many packets came in 10 skbs.
bulk() {
	local before after address

	before=$(received)
	for address in "$OWN4" "$OWN6"; do
		tool_ready tcp "$TOOLS/tcp_pingpong" -l -t 100 -s 60000 "$address" 9002
		ns peer "$TOOLS/tcp_pingpong" -n 15 -t 100 -s 60000 "$address" 9002
		kill "$LAST_PID"
		wait "$LAST_PID" || true
	done
	after=$(received)
	merging=$(awk -v before="$before" -v after="$after" 'BEGIN { split(before, b); split(after, a); printf "%d", 10 * (a[1] - b[1]) / (a[2] - b[2]) }')
	say "GRO: $merging packets in 10 skbs"
}

# same_merging: $merging is that without stampcap, $usual. Emulation is noisy, a third up or down; where metadata or generic XDP stop GRO, each skb is one packet.
same_merging() {
	assert_ge "$usual" 40 "packets in 10 skbs without stampcap"
	assert_ge "$merging" $((usual * 55 / 100)) "packets in 10 skbs during a recording, $usual without"
}

# ---- what is attached

# xdp_of DEVICE: "xdp" is native, "xdpgeneric" is not, "" is nothing.
xdp_of() {
	ip -o link show dev "$1" | grep -oE ' xdp[a-z]*' | head -n 1 | tr -d ' ' || true
}

xdp_id() {
	ip -d link show dev "$1" | sed -n 's/.*prog\/xdp id \([0-9]*\).*/\1/p'
}

# sharing: names of the programs behind libxdp's dispatcher on ens33, in their order.
sharing() {
	xdp-loader status ens33 | awk '$1 == "=>" { printf "%s%s", n++ ? " " : "", $3 }'
}

# counted COUNT COMMAND...: what the command sends comes by the foreign program, every datagram once.
counted() {
	local before want="$1"

	shift
	before=$(foreign_hits)
	"$@"
	assert_eq "$(foreign_hits)" $((before + want)) "datagrams that the foreign program counted"
}

foreign_hits() {
	bpftool -j map dump name foreign_hits | jq '.[0].formatted.value'
}

foreign_drops() {
	bpftool -j map dump name foreign_hits | jq '.[1].formatted.value'
}

# only_foreign [NAME PINS]: nothing of ours is left, though the guardian may take a moment; programs of others behind the dispatcher.
only_foreign() {
	wait_until 30 sh -c "! bpftool prog show | grep -qE 'name sc_'" || fail "programs are left: $(bpftool prog show | grep -E 'name sc_')"
	wait_until 30 pinned "${2:-0}" || fail "pins are left: $(find /sys/fs/bpf/xdp)"
	assert_eq "$(sharing)" "${1:-}" "programs on ens33 afterwards"
	[ $# -gt 0 ] || assert_eq "$(xdp_of ens33)$(xdp_of veth0)$(xdp_of veth1)" "" "XDP afterwards"
}

pinned() {
	[ "$(find /sys/fs/bpf -name 'dispatch-*' | wc -l)" = "$1" ]
}

# Whether one could be changed is no matter.
offloads() {
	{
		ethtool -k ens33
		ethtool -k veth0
		ethtool -k veth1
		ns peer ethtool -k far0
		ns peer ethtool -k far1
	} | sed 's/ \[fixed\]//'
}

# ---- what is in the file

# stamped FILE DEVICE yes|no LEAST
stamped() {
	awk -v dev="$2" -v xdp="$3" -v least="$4" -f "$TOP/tests/vm/xdp.awk" "$1.tsv" || fail "$1: xdp stamps on $2"
}

# rx FILE [EXTENDED_REGEX]: received packets whose block matches; the file may be cut.
rx() {
	{ blocks "$1" || true; } | grep 'comment=stampcap rx ' | tally "${2:-.}"
}

DATAGRAM='	len=2[46]2	' # of 200 bytes
XDP_STAMP=' softirq=\+[0-9.]*us xdp=\+[0-9.]*us driver=\+'

# rx_reaches COUNT FILE EXTENDED_REGEX
rx_reaches() {
	[ "$(rx "$2" "$3")" -ge "$1" ]
}

# ---- the checks

# veth0: its peer has nothing to lose; veth1: its peer would lose TSO. Neighbours are found now: what waits for an answer is sent in the softirq that brings it.
make_veths() {
	local i address

	for i in 0 1; do
		make_veth own veth$i peer far$i
		ip addr add 10.0.$((i + 1)).1/24 dev veth$i
		ip -n peer addr add 10.0.$((i + 1)).2/24 dev far$i
		ip addr add fd0$((i + 1))::1/64 dev veth$i nodad
		ip -n peer addr add fd0$((i + 1))::2/64 dev far$i nodad
		for address in 10.0.$((i + 1)).1 fd0$((i + 1))::1; do
			ns peer ping -q -c 1 -W 5 "$address" >"$WORK/ping.out" || fail "no $address"
		done
	done
	ethtool -K veth0 gro on
	offloads_off peer far0
}

load_foreign() {
	xdp-loader load -m native -s xdp ens33 "$WORK/foreign.bpf.o"
}

# Native XDP where it changes no offload, on three devices at once, and together with what is there already.
check_auto() {
	local file="$WORK/auto.pcapng" ours='' watch=()

	if [ -n "$ENS33_XDP" ]; then
		load_foreign
		watch=(counted 50) ours=sc_xdp
	fi
	offloads >"$WORK/offloads.before"
	start_record auto -i ens33 -i veth0 -i veth1 -w "$file" -v
	offloads | diff "$WORK/offloads.before" - || fail "auto changed an offload"
	bpftool net >"$WORK/net"
	assert_no_grep generic "$WORK/net"
	assert_eq "$(xdp_of ens33)" "$ENS33_XDP" "XDP on ens33"
	assert_eq "$(sharing)" "${ours:+$ours foreign}" "programs on ens33"
	assert_eq "$(xdp_of veth0)" xdp "XDP on veth0"
	assert_eq "$(xdp_of veth1)" "" "XDP on veth1"
	assert_grep 'native XDP on veth veth1 would turn offloads of its peer far1 off' "$WORK/auto.err"
	bulk
	"${watch[@]}" datagrams 25 300 "$OWN4" "$OWN6" 10.0.1.1 fd01::1 10.0.2.1 fd02::1
	stop_record auto
	cat "$WORK/auto.err"
	same_merging
	if [ -n "$ours" ]; then
		only_foreign foreign 1
		counted 10 datagrams 5 200 "$OWN4" "$OWN6"
		xdp-loader unload -a ens33
	fi
	only_foreign
	check_file "$file"
	check_timelines "$file" -v min_complete=0.99 -v min_rx=1000 -v write=no -v answers="$(answers)"
	stamped "$file" ens33 "${ENS33_XDP:-no}" 1000
	stamped "$file" veth0 yes 50
	stamped "$file" veth1 no 50
}

# Alone at first; somebody else's program comes while ours is there, and stays when ours is killed.
check_native() {
	local file="$WORK/native.pcapng" all

	# shellcheck disable=SC2086
	start_record native -i ens33 -w "$file" --xdp native $QUICK
	assert_eq "$(sharing)" sc_xdp "programs on ens33"
	bulk
	load_foreign
	assert_eq "$(sharing)" "sc_xdp foreign" "programs on ens33"
	counted 50 datagrams 25 200 "$OWN4" "$OWN6"
	wait_until 30 rx_reaches 50 "$file" "$DATAGRAM.*$XDP_STAMP" || fail "of 50 datagrams $(rx "$file" "$DATAGRAM.*$XDP_STAMP") have an xdp stamp"
	stop_record native KILL 137
	only_foreign foreign 1
	counted 10 datagrams 5 200 "$OWN4" "$OWN6"
	xdp-loader unload -a ens33
	only_foreign
	same_merging
	all=$(rx "$file")
	assert_ge "$all" 1000 "packets recorded"
	assert_eq "$(rx "$file" "$XDP_STAMP")" "$all" "packets with an xdp stamp, of all"
	assert_le "$(rx "$file" ' flags=[a-z+]*partial')" $((all / 100)) "packets without an end"
}

# What a program behind ours drops never becomes an skb: each has its story and its bytes all the same, and a filter decides about it like about others.
check_drops() {
	local file="$WORK/drops.pcapng"

	load_foreign
	# shellcheck disable=SC2086
	start_record drops -i ens33 -w "$file" $QUICK
	ns peer "$TOOLS/udp_flood" "$OWN4" 9500 100 200 2000 20
	datagrams 25 200 "$OWN4" "$OWN6"
	ns peer "$TOOLS/udp_flood" "$OWN4" 9500 100 200 100 20
	stop_record drops
	cat "$WORK/drops.err"
	check_file "$file"
	assert_eq "$(foreign_drops)" 400 "datagrams that the foreign program dropped"
	assert_eq "$(rx "$file" ' end=xdp ')" 400 "packets that end in XDP"
	assert_eq "$(rx "$file" "	len=142	.* total=[^ ]*( hardirq=\\+[^ ]*)? softirq=\\+[^ ]* xdp=\\+[^ ]* \\| driver_side=[^|]*\\| .* end=xdp ")" 400 "of them with interrupt or softirq, xdp and nothing else"
	assert_ge "$(rx "$file" "	len=142	.* hardirq=\\+.* end=xdp ")" 100 "of them with their interrupt"
	assert_eq "$(clean_tshark -r "$file" -n -Y 'udp.dstport == 9500 && ip.dst == '"$OWN4" | wc -l)" 400 "of them with their bytes"
	assert_eq "$(rx "$file" "$DATAGRAM.*$XDP_STAMP")" 50 "datagrams that passed, with their stamp"
	assert_eq "$(rx "$file" ' flags=[a-z+]*partial')" 0 "partial packets"

	# shellcheck disable=SC2086
	start_record chosen -i ens33 -w "$file" $QUICK 'udp dst port 9500 and udp[4:2] = 108'
	ns peer "$TOOLS/udp_flood" "$OWN4" 9500 200 50 500 10
	ns peer "$TOOLS/udp_flood" "$OWN4" 9500 100 50 500 10
	datagrams 10 200 "$OWN4"
	stop_record chosen
	cat "$WORK/chosen.err"
	check_file "$file"
	assert_eq "$(foreign_drops)" 500 "datagrams that the foreign program dropped"
	assert_eq "$(rx "$file" '	len=142	.* end=xdp ')/$(rx "$file")" 50/50 "packets that end in XDP, of those that the filter wants"
	xdp-loader unload -a ens33
	only_foreign
}

# A program that shares with nobody keeps the device.
check_occupied() {
	local file="$WORK/occupied.pcapng" id status=0 sentence

	ip link set dev ens33 xdpdrv obj "$WORK/foreign.bpf.o" sec xdp
	id=$(xdp_id ens33)
	sentence="ens33 already runs XDP program ID $id \(foreign\), which does not share the device by libxdp's dispatcher; it stays"
	# shellcheck disable=SC2086
	start_record occupied -i ens33 -w "$file" -v $QUICK
	assert_eq "$(grep -cE "$sentence" "$WORK/occupied.err")" 1 "sentences about the program on ens33"
	counted 40 datagrams 20 200 "$OWN4" "$OWN6"
	stop_record occupied
	assert_eq "$(xdp_id ens33)" "$id" "program on ens33"
	check_file "$file"
	assert_eq "$(rx "$file" ' xdp=')" 0 "xdp stamps"
	assert_ge "$(rx "$file" ' driver=')" 40 "packets recorded"

	say "it cannot be forced away either: said, not done"
	# shellcheck disable=SC2086
	"$STAMPCAP" record -i ens33 -w "$WORK/forced.pcapng" -a 0.1 --xdp native $QUICK 2>"$WORK/forced.err" || status=$?
	cat "$WORK/forced.err"
	assert_eq $status 1 "exit status"
	[ ! -e "$WORK/forced.pcapng" ] || fail "a file of nothing"
	assert_eq "$(grep -cE "$sentence" "$WORK/forced.err")" 1 "sentences about the program on ens33"
	assert_eq "$(xdp_id ens33)" "$id" "program on ens33"
	counted 10 datagrams 5 200 "$OWN4" "$OWN6"
	ip link set dev ens33 xdp off
}

# 8900 bytes in a datagram: several buffers, in one packet. Before 6.3 virtio-net has no XDP for those.
check_jumbo() {
	local file="$WORK/jumbo.pcapng" stamps=20

	ip link set mtu 9000 dev ens33
	ip -n peer link set mtu 9000 dev eth1
	start_tcpdump own ens33 "$WORK/jumbo.pcap" udp
	# shellcheck disable=SC2086
	start_record jumbo -i ens33 -w "$file" -s 0 -v $QUICK udp
	datagrams 10 8900 "$OWN4" "$OWN6"
	stop_record jumbo
	stop_tcpdump
	cat "$WORK/jumbo.err"
	check_file "$file"
	assert_eq "$(blocks "$file" | tally '^EPB.*	len=89[46]2	')" 40 "jumbo frames"
	if [ "$VM_SERIES" = 6.1 ]; then
		stamps=0
		assert_grep 'the driver of ens33 refuses native XDP with its present settings, such as the MTU' "$WORK/jumbo.err"
	fi
	same_packets "$file" "$WORK/jumbo.pcap"
	assert_eq "$(rx "$file" "$XDP_STAMP")" $stamps "jumbo frames with an xdp stamp"
	only_foreign
	ip link set mtu 1500 dev ens33
	ip -n peer link set mtu 1500 dev eth1
}

# Generic XDP comes after the driver: no stamp, a warning, and gone afterwards.
check_generic() {
	local file="$WORK/generic.pcapng"

	# shellcheck disable=SC2086
	start_record generic -i ens33 -i veth0 -w "$file" --xdp skb $QUICK
	assert_eq "$(xdp_of ens33)" xdpgeneric "XDP on ens33"
	assert_eq "$(xdp_of veth0)" xdpgeneric "XDP on veth0"
	assert_grep 'warning: .*generic XDP on ens33.* rx-gro on ens33 without effect' "$WORK/generic.err"
	datagrams 10 200 "$OWN4" 10.0.1.1
	stop_record generic
	check_file "$file"
	assert_ge "$(rx "$file" ' driver=')" 20 "packets recorded"
	assert_eq "$(rx "$file" ' xdp=')" 0 "xdp stamps"
	only_foreign
}

# With several queues QEMU's wire lets the card merge in hardware, which native XDP would stop.
check_hardware_merging() {
	# shellcheck disable=SC2086
	"$STAMPCAP" list -i ens33 $QUICK >"$WORK/list"
	assert_grep '^XDP on ens33: native XDP would stop ens33 merging packets \(rx-gro-hw\)' "$WORK/list"
	ethtool -K ens33 rx-gro-hw off
}

check_xdp() {
	need program:xdp-loader program:jq
	ip netns attach own $$
	make_veths
	ENS33_XDP=xdp
	[ "$VM_NIC" != e1000 ] || ENS33_XDP=''
	[ "$VM_NIC" != virtio-mq ] || check_hardware_merging
	bulk
	usual=$merging
	check_auto
	if [ -n "$ENS33_XDP" ]; then
		check_native
		check_drops
		check_occupied
		check_jumbo
	else
		assert_grep 'the driver of ens33 has no native XDP' "$WORK/auto.err"
	fi
	check_generic
}
