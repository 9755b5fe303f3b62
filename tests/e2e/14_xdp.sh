#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# --xdp: off never attaches, auto only where no offload changes, native and skb always and with a warning; what was there stays there.
# beside others
. "$(dirname "$0")/lib.sh"

make_pair gro
start_udp_echo
features() {
	in_server ethtool -k s0 | sed "s/ \[fixed\]//"
	in_client ethtool -k c0 | sed "s/ \[fixed\]//"
}
xdp_of() {
	ip -n "$SERVER" -o link show s0 | sed 's/link-netns.*//' | grep -oE ' xdp[a-z]*' | head -n 1 | tr -d ' ' || true
}
run() {
	local name="$1"

	shift
	features >"$WORK/features.before"
	start_record "$name" --netns "$SERVER" -i s0 -w "$WORK/$name.pcapng" "$@"
	attached=$(xdp_of)
	features >"$WORK/features.during"
	udp_exchanges 50 64
	stop_record "$name"
	cat "$WORK/$name.err"
	check_file "$WORK/$name.pcapng"
	check_timelines "$WORK/$name.pcapng" -v min_rx=100
	xdp_stamps=$(comments "$WORK/$name.pcapng" 'udp.dstport == 9000' | tally ' xdp=+')
	assert_eq "$(xdp_of)" "" "XDP after $name"
	features >"$WORK/features.after"
	diff "$WORK/features.before" "$WORK/features.after" || fail "offloads after $name"
}

run off --xdp off
assert_eq "$attached" "" "XDP with --xdp off"
assert_eq "$xdp_stamps" 0 "xdp stamps with --xdp off"

say "auto: the peer's TSO is off, native XDP changes nothing"
run auto
assert_eq "$attached" xdp "XDP with --xdp auto"
assert_eq "$xdp_stamps" 100 "xdp stamps with --xdp auto"
diff "$WORK/features.before" "$WORK/features.during" || fail "auto changed an offload"

say "auto: the peer's TSO is on, native XDP would turn it off"
in_client ethtool -K c0 tso on
run auto_tso
assert_eq "$attached" "" "XDP with --xdp auto and TSO"
diff "$WORK/features.before" "$WORK/features.during" || fail "auto changed an offload"

say "native all the same, with a warning"
run native --xdp native
assert_eq "$attached" xdp "XDP with --xdp native"
assert_eq "$xdp_stamps" 100 "xdp stamps with --xdp native"
if ! cmp -s "$WORK/features.before" "$WORK/features.during"; then
	assert_grep 'warning.*(tso|tcp-segmentation|TSO|offload)' "$WORK/native.err"
fi

say "skb: generic XDP is no driver stamp"
run skb --xdp skb
assert_eq "$attached" xdpgeneric "XDP with --xdp skb"
assert_grep 'warning' "$WORK/skb.err"

refuse 2 'xdp' "$STAMPCAP" record --netns "$SERVER" -i s0 --xdp sideways
