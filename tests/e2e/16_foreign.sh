#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Programs of others (XDP, TC filters on clsact, a qdisc) work before, during and after a recording, and are the same afterwards.
. "$(dirname "$0")/lib.sh"

need program:clang
make_pair gro
start_udp_echo

cat >"$WORK/foreign.bpf.c" <<'END'
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} foreign_hits SEC(".maps");
SEC("xdp") int foreign_xdp(struct xdp_md *ctx)
{
	__u32 key = 0;
	__u64 *hits = bpf_map_lookup_elem(&foreign_hits, &key);

	if (hits)
		__sync_fetch_and_add(hits, 1);
	return XDP_PASS;
}
char license[] SEC("license") = "GPL";
END
clang -O2 -g -target bpf -I"/usr/include/$(uname -m)-linux-gnu" -c "$WORK/foreign.bpf.c" -o "$WORK/foreign.bpf.o"
ip -n "$SERVER" link set dev s0 xdpdrv obj "$WORK/foreign.bpf.o" sec xdp
id=$(ip -n "$SERVER" -d link show s0 | sed -n 's/.*prog\/xdp id \([0-9]*\).*/\1/p' | head -n 1)
[ -n "$id" ] || fail "the foreign XDP program is not attached"
map=$(bpftool prog show id "$id" | sed -n 's/.*map_ids \([0-9]*\).*/\1/p')
ip netns exec "$SERVER" tc qdisc add dev s0 clsact
ip netns exec "$SERVER" tc filter add dev s0 ingress pref 10 protocol all matchall action ok
ip netns exec "$SERVER" tc filter add dev s0 egress pref 10 protocol all matchall action ok
ip netns exec "$SERVER" tc qdisc add dev s0 root handle 77: htb default 1
ip netns exec "$SERVER" tc class add dev s0 parent 77: classid 77:1 htb rate 1gbit

xdp_hits() {
	bpftool -j map dump id "$map" | jq '.[0].formatted.value // .[0].value'
}
filter_hits() {
	ip netns exec "$SERVER" tc -s -j filter show dev s0 "$1" | jq '[.[] | .options.actions[]? | .stats.packets] | add'
}
qdisc_hits() {
	ip netns exec "$SERVER" tc -s -j qdisc show dev s0 root | jq '[.[] | select(.kind == "htb") | .packets] | add'
}
state() {
	ip netns exec "$SERVER" tc qdisc show dev s0
	ip netns exec "$SERVER" tc filter show dev s0 ingress
	ip netns exec "$SERVER" tc filter show dev s0 egress
	ip netns exec "$SERVER" tc class show dev s0
	ip -n "$SERVER" -d link show s0 | grep -oE 'prog/xdp id [0-9]+.*'
}
state >"$WORK/state.before"
snapshot "$CLIENT" "$SERVER" >"$WORK/before"
for options in "" "--xdp native" "--without tcx/ingress,tcx/egress"; do
	say "with options '$options'"
	status=0
	# A foreign XDP program may make a forced one impossible; that is then said, not done.
	if [ "$options" = "--xdp native" ]; then
		timeout 10 "$STAMPCAP" record --netns "$SERVER" -i s0 -a 1 --xdp native -w "$WORK/native.pcapng" >"$WORK/native.out" 2>"$WORK/native.err" || status=$?
		cat "$WORK/native.err"
		assert_le $status 1 "exit status of --xdp native"
		state | diff "$WORK/state.before" - || fail "--xdp native touched what others had"
		continue
	fi
	x=$(xdp_hits) i=$(filter_hits ingress) e=$(filter_hits egress) q=$(qdisc_hits)
	# shellcheck disable=SC2086
	start_record rec --netns "$SERVER" -i s0 -w "$WORK/rec.pcapng" $options
	udp_exchanges 20 64
	assert_ge "$(xdp_hits)" $((x + 40)) "packets through the foreign XDP program during a recording"
	assert_ge "$(filter_hits ingress)" $((i + 40)) "packets through the foreign ingress filter during a recording"
	assert_ge "$(filter_hits egress)" $((e + 40)) "packets through the foreign egress filter during a recording"
	assert_ge "$(qdisc_hits)" $((q + 40)) "packets through the qdisc during a recording"
	stop_record rec
	cat "$WORK/rec.err"
	check_file "$WORK/rec.pcapng"
	check_timelines "$WORK/rec.pcapng" -v min_rx=40 -v min_tx=40
	assert_eq "$(comments "$WORK/rec.pcapng" 'udp.srcport == 9000' | grep -c ' qdisc=+')" 40 "packets with the qdisc's stamp"
	no_trace "$WORK/before" "$CLIENT" "$SERVER"
	state | diff "$WORK/state.before" - || fail "something of others changed"
done
x=$(xdp_hits) i=$(filter_hits ingress)
udp_exchanges 20 64
assert_ge "$(xdp_hits)" $((x + 40)) "packets through the foreign XDP program afterwards"
assert_ge "$(filter_hits ingress)" $((i + 40)) "packets through the foreign ingress filter afterwards"

say "killed with -9, beside the foreign programs"
start_record killed --netns "$SERVER" -i s0 -w "$WORK/killed.pcapng" --without tcx/ingress,tcx/egress
stop_record killed KILL 137
no_trace "$WORK/before" "$CLIENT" "$SERVER"
state | diff "$WORK/state.before" - || fail "something of others changed after kill -9"
