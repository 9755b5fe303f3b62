#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Datagrams that are cut on their way: by IP into fragments, by a socket that cannot take several in one (UDP_SEGMENT). None is called what it is not.
# beside others
. "$(dirname "$0")/lib.sh"

make_pair gro
start_udp_echo

# super_datagrams NAME PORT: 30 calls of 20 datagrams, then 200 single ones to the same socket, whose reads must be their own.
super_datagrams() {
	local name="$1" port="$2" file="$WORK/$1.pcapng"

	tool_ready "$name.reader" in_server "$TOOLS/udp_oracle" read "$SERVER4" "$port" 800 20
	start_record "$name" --netns "$SERVER" -i s0 --direction in --xdp off -w "$file"
	in_client "$TOOLS/udp_oracle" send "$SERVER4" "$port" 0 600 0 20
	sleep 0.2
	in_client "$TOOLS/udp_oracle" send "$SERVER4" "$port" 1000 200 0 1
	wait_until 10 grep -q done "$WORK/$name.reader.out" || fail "$name: not all were delivered"
	stop_record "$name"
	cat "$WORK/$name.err"
	check_file "$file"
	check_timelines "$file" -v min_complete=0 -v skip=udp
	comments "$file" "udp.dstport == $port" >"$WORK/$name.all"
	say "$name: $(sed 's/.* \(end=[^ ]*\).*/\1/' "$WORK/$name.all" | sort | uniq -c | tr -s ' \n' ' ')"
	assert_no_grep ' end=(l4|socket|drop:[A-Z_0-9]*)( |$)' "$WORK/$name.all"
	assert_eq "$(awk '!/flags=[a-z+]*partial/ && !/ read=\+.* end=read( |$)/' "$WORK/$name.all" | wc -l)" 0 "complete packets without a read"
	assert_eq "$(tally $'^EPB\t.*\t(cap)?len=0(\t|$)' <"$file.blocks")" 0 "packets without a byte"
	sed '/^[0-9]/!d' "$WORK/$name.reader.out" | sort -n >"$WORK/$name.log"
	clean_tshark -r "$file" -n -Y "udp.dstport == $port" -T fields -e udp.payload -e frame.time_epoch -e frame.comment |
		awk -F '\t' '{ number = ""; for (i = 2; i <= 20; i += 2) number = number substr($1, i, 1); print number "\t" $2 "\t" $3 }' \
			>"$WORK/$name.packets"
	awk -v stage=read -v min_share="$3" -f "$TOP/tests/lib/oracle.awk" "$WORK/$name.log" "$WORK/$name.packets" ||
		fail "$name: reads are not where they were"
	grep -E $'^0*1[0-9][0-9][0-9]\t' "$WORK/$name.packets" >"$WORK/$name.single"
	assert_eq "$(wc -l <"$WORK/$name.single")" 200 "$name: single datagrams"
}

say "UDP_SEGMENT, cut by software before the device: datagrams like any other"
super_datagrams software 9700 0.95
assert_eq "$(wc -l <"$WORK/software.all")" 800 "datagrams"
say "UDP_SEGMENT, whole over the device: the socket takes them apart"
in_client ethtool -K c0 tx-udp-segmentation on >/dev/null
in_server ethtool -K s0 gro off >/dev/null
super_datagrams device 9701 0
assert_eq "$(wc -l <"$WORK/device.all")" 230 "packets"

say "fragments of both families"
start_record frag --netns "$SERVER" -i s0 -s 0 -w "$WORK/frag.pcapng"
start_tcpdump "$SERVER" s0 "$WORK/frag.pcap"
udp_exchanges 40 4000
pings 20 -s 4000
stop_tcpdump
stop_record frag
cat "$WORK/frag.err"
check_file "$WORK/frag.pcapng"
check_timelines "$WORK/frag.pcapng" -v min_rx=360 -v min_tx=360
same_packets "$WORK/frag.pcapng" "$WORK/frag.pcap"
fragments='(ip.flags.mf == 1 || ip.frag_offset > 0 || ipv6.fraghdr.nxt)'
# One exchange is three fragments each way.
for what in "udp:17:120:read" "icmp:1:60:l4" "udp6:17:120:read" "icmp6:58:60:l4"; do
	IFS=: read -r name proto packets end <<<"$what"
	if [ "${name%6}" = "$name" ]; then filter="ip.proto == $proto"; else filter="ipv6.fraghdr.nxt == $proto"; fi
	comments "$WORK/frag.pcapng" "$fragments && $filter && frame.comment contains \"stampcap rx\"" >"$WORK/$name.rx"
	comments "$WORK/frag.pcapng" "$fragments && $filter && frame.comment contains \"stampcap tx\"" >"$WORK/$name.tx"
	say "$name: $(sed 's/.* \(end=[^ ]*\).*/\1/' "$WORK/$name.rx" | sort | uniq -c | tr -s ' \n' ' ')"
	assert_eq "$(wc -l <"$WORK/$name.rx")" "$packets" "$name: fragments received"
	assert_eq "$(tally " end=$end( |$)" <"$WORK/$name.rx")" "$packets" "$name: received fragments that end with $end"
	assert_eq "$(wc -l <"$WORK/$name.tx")" "$packets" "$name: fragments sent"
	assert_eq "$(tally " end=driver( |$)" <"$WORK/$name.tx")" "$packets" "$name: sent fragments that the driver got"
	assert_no_grep 'flags=[a-z+]*partial|end=drop' <(cat "$WORK/$name.rx" "$WORK/$name.tx")
done
