#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Filters on devices that libpcap asks in vain, down ones and raw IP by another name; and the output file of a recording that cannot start.
# timeout: 180
# beside others
. "$(dirname "$0")/lib.sh"

need tun
make_pair gro
make_ns "$TEST-$ID-down"
make_veth "$TEST-$ID-down" d0 "$TEST-$ID-down" d1
record=("$STAMPCAP" record --netns "$SERVER" -i s0)

say "a recording that cannot start leaves an older file alone, and no new one"
head -c 300000 /dev/zero | tr '\0' x >"$WORK/old.pcapng"
cp -p "$WORK/old.pcapng" "$WORK/kept"
refuse 2 'no_such_probe' "${record[@]}" -w "$WORK/old.pcapng" --without no_such_probe
cmp "$WORK/old.pcapng" "$WORK/kept" || fail "the older file was changed"
refuse 2 'no_such_probe' "${record[@]}" -w "$WORK/new.pcapng" --without no_such_probe
[ ! -e "$WORK/new.pcapng" ] || fail "a file without a recording"
ln -s "$WORK/nowhere" "$WORK/link"
refuse 2 'no_such_probe' "${record[@]}" -w "$WORK/link" --without no_such_probe
[ -L "$WORK/link" ] || fail "the link is gone"
mkfifo "$WORK/fifo"
background cat "$WORK/fifo" >/dev/null
refuse 2 'no_such_probe' "${record[@]}" -w "$WORK/fifo" --without no_such_probe
[ -p "$WORK/fifo" ] || fail "the FIFO is gone"

say "one that can writes over all of it, and to whatever else there is"
# ping_recording NAME OPTION...: three pings, six packets.
ping_recording() {
	local name="$1"

	shift
	start_record "$name" --netns "$SERVER" -i s0 -c 6 "$@" icmp
	in_client ping -q -c 3 -i 0.05 "$SERVER4" >/dev/null
	wait_record "$name"
}
ping_recording old -w "$WORK/old.pcapng"
assert_le "$(stat -c %s "$WORK/old.pcapng")" 100000 "bytes of the new file"
check_file "$WORK/old.pcapng"
assert_eq "$(count "$WORK/old.pcapng" icmp)" 6 "packets over an older file"
ping_recording link -w "$WORK/link"
check_file "$WORK/nowhere"
ping_recording null -w /dev/null
[ -c /dev/null ] || fail "/dev/null is gone"
cp "$WORK/kept" "$WORK/stdout.out"
ping_recording stdout -w /dev/stdout
check_file "$WORK/stdout.out"
assert_eq "$(count "$WORK/stdout.out" icmp)" 6 "packets on /dev/stdout"
background cat "$WORK/fifo" >"$WORK/fifo.pcapng"
ping_recording fifo -w "$WORK/fifo"
wait_until 5 eval '! kill -0 $LAST_PID' || fail "the FIFO's reader waits"
check_file "$WORK/fifo.pcapng"

say "a device that is down: the code is that of the same device when it is up"
down=("$STAMPCAP" record --netns "$TEST-$ID-down" -i d0)
ip -n "$TEST-$ID-down" addr add 10.81.0.1/20 dev d0
i=0
for expression in 'vlan 5' 'inbound and vlan and udp' 'ip broadcast' 'ifindex 7 or greater 100'; do
	i=$((i + 1))
	"${down[@]}" -d "$expression" >"$WORK/up$i"
	assert_ge "$(wc -l <"$WORK/up$i")" 3 "instructions of $expression"
done
ip -n "$TEST-$ID-down" link set d0 down
i=0
for expression in 'vlan 5' 'inbound and vlan and udp' 'ip broadcast' 'ifindex 7 or greater 100'; do
	i=$((i + 1))
	"${down[@]}" -d "$expression" >"$WORK/down$i" || fail "-d $expression on a device that is down"
	diff "$WORK/up$i" "$WORK/down$i" || fail "$expression: other code when the device is down"
done
assert_grep vlanp "$WORK/down1"
assert_grep 0xfff "$WORK/down3"
ip -n "$TEST-$ID-down" link set lo down
refuse 1 'd0 is down.*ip link set d0 up' "${down[@]}" -d 'vlan 5'

say "it is recorded once it is up"
ip -n "$SERVER" link set s0 down
start_record late --netns "$SERVER" -i s0 -w "$WORK/late.pcapng" udp port 9001 or icmp
ip -n "$SERVER" link set s0 up
tool_ready echo1 in_server "$TOOLS/udp_echo" "$SERVER4" 9001 60
tool_ready echo2 in_server "$TOOLS/udp_echo" "$SERVER4" 9002 60
wait_until 5 in_client ping -c 1 -W 1 -q "$SERVER4" || fail "s0 does not come up again"
in_client "$TOOLS/udp_client" "$SERVER4" 9002 20 64
in_client "$TOOLS/udp_client" "$SERVER4" 9001 10 64
stop_record late
check_file "$WORK/late.pcapng"
assert_eq "$(count "$WORK/late.pcapng" 'udp.port == 9001')" 20 "packets of port 9001"
assert_eq "$(count "$WORK/late.pcapng" 'not udp.port == 9001 and not icmp')" 0 "packets that nobody asked for"

# raw NAME ARPHRD: packets with nothing in front of the IP header, on a device that libpcap captures as something else.
raw() {
	local name="$1" ns="$TEST-$ID-$1"

	say "raw IP on a device of link type $1"
	make_ns "$ns"
	ip -n "$ns" tuntap add mode tun name tun0
	in_ns "$ns" "$TOOLS/tun_link" tun0 "$2"
	ip -n "$ns" link show tun0 | grep -qE "link/($name|\[$2\])" || fail "no link type $name"
	"$STAMPCAP" record --netns "$ns" -i tun0 -d 'outbound and udp port 9001' >"$WORK/$name.d" || fail "-d on $name"
	"$STAMPCAP" record --netns "$ns" -i tun0 -d udp port 9001 | sed 's/^([0-9]*)//' | head -n 1 >"$WORK/$name.first"
	assert_grep 'ldb +\[0\]' "$WORK/$name.first"
	"$STAMPCAP" record --netns "$ns" -i tun0 -d vlan 5 2>"$WORK/$name.vlan" && fail "tags on $name"
	assert_grep 'no VLAN support' "$WORK/$name.vlan"
	ip -n "$ns" addr add 10.79.0.1/24 peer 10.79.0.2 dev tun0
	ip -n "$ns" link set tun0 up
	tool_ready "peer.$name" in_ns "$ns" "$TOOLS/tun_peer" tun0 60
	start_record "$name" --netns "$ns" -i tun0 -w "$WORK/$name.pcapng" -s 0 '(outbound and udp port 9001) or (inbound and icmp[icmptype] = icmp-echoreply)'
	in_ns "$ns" "$TOOLS/udp_client" 10.79.0.2 9002 20 64
	in_ns "$ns" "$TOOLS/udp_client" 10.79.0.2 9001 10 64
	in_ns "$ns" ping -q -c 5 -i 0.02 10.79.0.2 >/dev/null
	stop_record "$name"
	check_file "$WORK/$name.pcapng"
	assert_grep $'^IDB\tlink=101' "$WORK/$name.pcapng.blocks"
	assert_eq "$(count "$WORK/$name.pcapng" 'udp.dstport == 9001 and ip.src == 10.79.0.1')" 10 "datagrams sent on $name"
	assert_eq "$(count "$WORK/$name.pcapng" 'icmp.type == 0 and ip.src == 10.79.0.2')" 5 "replies received on $name"
	assert_eq "$(count "$WORK/$name.pcapng" frame)" 15 "packets on $name"
}
raw none 65534
raw ppp 512
raw ipip 768
raw sit 776
raw gre 778
raw rawip 519
