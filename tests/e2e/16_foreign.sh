#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Programs of others (XDP, TC filters on clsact, a qdisc) work before, during and after a recording, and are the same afterwards.
. "$(dirname "$0")/lib.sh"

need program:clang
make_pair gro
start_udp_echo

# Each program counts in a map of its own and lets the packet pass; the filters end their chain, as many do.
cat >"$WORK/foreign.bpf.c" <<'END'
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>
#define COUNTER(name) \
	struct { \
		__uint(type, BPF_MAP_TYPE_ARRAY); \
		__uint(max_entries, 1); \
		__type(key, __u32); \
		__type(value, __u64); \
	} name SEC(".maps")
COUNTER(xdp_hits);
COUNTER(in_hits);
COUNTER(out_hits);
static __always_inline void count(void *map)
{
	__u32 key = 0;
	__u64 *hits = bpf_map_lookup_elem(map, &key);

	if (hits)
		__sync_fetch_and_add(hits, 1);
}
SEC("xdp") int foreign_xdp(struct xdp_md *ctx)
{
	count(&xdp_hits);
	return XDP_PASS;
}
SEC("tc") int foreign_in(struct __sk_buff *skb)
{
	count(&in_hits);
	return TC_ACT_OK;
}
SEC("tc/out") int foreign_out(struct __sk_buff *skb)
{
	count(&out_hits);
	return TC_ACT_OK;
}
char gpl[] SEC("license") = "GPL";
END
clang -O2 -g -target bpf -I"/usr/include/$(uname -m)-linux-gnu" -c "$WORK/foreign.bpf.c" -o "$WORK/foreign.bpf.o"
ip netns exec "$SERVER" ip link set dev s0 xdpdrv obj "$WORK/foreign.bpf.o" sec xdp
ip netns exec "$SERVER" tc qdisc add dev s0 clsact
ip netns exec "$SERVER" tc filter add dev s0 ingress pref 10 bpf da obj "$WORK/foreign.bpf.o" sec tc
ip netns exec "$SERVER" tc filter add dev s0 egress pref 10 bpf da obj "$WORK/foreign.bpf.o" sec tc/out
ip netns exec "$SERVER" tc qdisc add dev s0 root handle 77: htb default 1
ip netns exec "$SERVER" tc class add dev s0 parent 77: classid 77:1 htb rate 1gbit

# map_of PROGRAM_ID NAME: the map of that name that the program uses.
map_of() {
	local id

	for id in $(bpftool -j prog show id "$1" | jq '.map_ids[]'); do
		[ "$(bpftool -j map show id "$id" | jq -r .name)" = "$2" ] && echo "$id"
	done
}
filter_program() {
	ip netns exec "$SERVER" tc filter show dev s0 "$1" | sed -n 's/.* id \([0-9]*\) .*/\1/p' | head -n 1
}
xdp_map=$(map_of "$(ip -n "$SERVER" -d link show s0 | sed -n 's/.*prog\/xdp id \([0-9]*\).*/\1/p' | head -n 1)" xdp_hits)
in_map=$(map_of "$(filter_program ingress)" in_hits)
out_map=$(map_of "$(filter_program egress)" out_hits)
hits() {
	bpftool -j map dump id "$1" | jq '.[0].formatted.value'
}
xdp_hits() {
	hits "$xdp_map"
}
filter_hits() {
	if [ "$1" = ingress ]; then hits "$in_map"; else hits "$out_map"; fi
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
	# The foreign XDP program makes a forced one impossible: said, not done.
	if [ "$options" = "--xdp native" ]; then
		timeout 30 "$STAMPCAP" record --netns "$SERVER" -i s0 -a 1 --xdp native -w "$WORK/native.pcapng" >"$WORK/native.out" 2>"$WORK/native.err" || status=$?
		cat "$WORK/native.err"
		assert_eq $status 1 "exit status of --xdp native"
		assert_grep '^stampcap: --xdp native: s0 already runs XDP program ID [0-9]+ .*--xdp auto does without' "$WORK/native.err"
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
	assert_eq "$(comments "$WORK/rec.pcapng" 'udp.srcport == 9000' | tally ' qdisc=+')" 40 "packets with the qdisc's stamp"
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
