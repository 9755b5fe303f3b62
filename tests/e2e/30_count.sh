#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# -c N under load: exactly N packets, an end within seconds, and accounting that holds; super-packets that software cuts count as their segments.
# beside others
. "$(dirname "$0")/lib.sh"

make_pair gro
start_nginx "$SERVER"
in_client ethtool -K c0 tso off gso on >/dev/null
background in_server socat -u TCP4-LISTEN:7000,reuseaddr,fork OPEN:/dev/null
wait_until 5 in_server sh -c 'ss -ltn | grep -q 7000'

bulk() {
	in_client sh -c "head -c 3000000 /dev/zero | socat -u - TCP4:$SERVER4:7000"
}

# exactly NAME N NAMESPACE DEVICE TRAFFIC...
exactly() {
	local name="$1" n="$2" ns="$3" dev="$4" file="$WORK/$1.pcapng" begin lasted

	shift 4
	start_record "$name" --netns "$ns" -i "$dev" -c "$n" -w "$file"
	"$@"
	begin=$(date +%s%N)
	wait_until 5 record_gone || fail "$name: it goes on though there were more than $n packets"
	lasted=$((($(date +%s%N) - begin) / 1000000))
	wait_record "$name"
	cat "$WORK/$name.err"
	check_file "$file"
	say "$name: ended $lasted ms after the traffic"
	assert_eq "$(count "$file" frame)" "$n" "packets"
	assert_eq "$(grep '^ISB' "$file.blocks" | grep -oE ' seen=[0-9]+' | awk -F= '{ sum += $2 } END { print sum }')" "$n" "packets seen"
}

for n in 3 100; do
	for round in 1 2; do
		exactly "bulk$n.$round" $n "$CLIENT" c0 bulk
	done
	exactly "http$n" $n "$SERVER" s0 http 40 small
	exactly "large$n" $n "$SERVER" s0 http 3 large
done
assert_ge "$(comments "$WORK/bulk100.1.pcapng" frame | tally 'flags=[a-z+]*segment')" 1 "segments that software cut: the limit met no super-packet"
