# SPDX-License-Identifier: GPL-2.0-only
# How long the programs take, by the kernel's own statistics, which add some 30 ns to every run: of both sides, so that ratios come out too small.
# shellcheck shell=bash

# Ids of a process's programs: what it and its children (a recording's guardian) have open, and what is on the device (libxdp's dispatcher is open nowhere).
programs_held() {
	local pid

	{
		for pid in "$HELD_PID" $(pgrep -P "$HELD_PID" || true); do
			sed -n 's/^prog_id:[ \t]*//p' "/proc/$pid"/fdinfo/* 2>/dev/null || true
		done
		ip -n "$SERVER" -j link show dev s0 | jq '.[0].xdp.prog.id // empty'
	} | sort -nu | jq -sc .
}

# about_programs IDS JQ: the answer about these programs.
about_programs() {
	bpftool -j prog show | jq -r --argjson ids "$1" "[.[] | select(.id | IN(\$ids[]))] | $2"
}

# How many of each type; behind a dispatcher, the program that it calls counts as none of its own. Older bpftool has only a number for netfilter's.
hooks_held() {
	about_programs "$(programs_held)" 'map(select(.type != "ext").type | if tostring == "32" then "netfilter" else . end) |
		group_by(.) | map("\(length) \(.[0])") | join(", ")'
}

# Lets the empty programs do about XDP what the recording does, and says whether both hold the same hooks.
same_hooks() {
	local record empty

	begin_recording hooks -v -i s0
	record=$(hooks_held)
	end_hooks
	! grep -q 'native XDP on s0[,;]' "$WORK/hooks.err" || EMPTY_XDP=-x
	begin_empty
	empty=$(hooks_held)
	end_empty
	echo "programs: recording $record"
	[ "$record" = "$empty" ] || echo "WARNING: not the same hooks: empty programs $empty"
}

# times THING: "PROGRAM NS RUNS" of each of its programs while the workload runs; the number of packets on s0 in $PACKETS. The empty programs bear the names of ours.
times() {
	local ids before list='.[] | "\(.id) \(.name) \(.run_time_ns // 0) \(.run_cnt // 0)"'

	"begin_$1"
	ids=$(programs_held)
	about_programs "$ids" "$list" >"$WORK/before"
	before=$(device_packets)
	run_workload
	about_programs "$ids" "$list" >"$WORK/after"
	PACKETS=$(($(device_packets) - before))
	"end_$1"
	awk 'NR == FNR { ns[$1] = $3; runs[$1] = $4; next } { name = $2; sub(/^e[0-9]*_/, "", name); sub(/^sc_/, "", name); print substr(name, 1, 12), $3 - ns[$1], $4 - runs[$1] }' \
		"$WORK/before" "$WORK/after" | awk '{ ns[$1] += $2; runs[$1] += $3 } END { for (name in ns) print name, ns[name], runs[name] }' | sort >"$WORK/times.$1"
}

device_packets() {
	ip -n "$SERVER" -s -j link show dev s0 | jq '.[0].stats64 | .rx.packets + .tx.packets'
}

program_times() {
	local was

	was=$(cat $stats)
	defer "echo $was >$stats"
	start_workload tcp:1:1
	echo 1 >$stats
	times floor
	FLOOR_PACKETS=$PACKETS
	times record
	echo "$was" >$stats
	stop_workload
	echo "programs, ns a run with the kernel's statistics; floor: empty but for a clock read"
	join -a 1 -a 2 -e 0 -o 0,1.2,1.3,2.2,2.3 "$WORK/times.floor" "$WORK/times.record" | awk -v floor_packets="$FLOOR_PACKETS" -v packets="$PACKETS" '
		$3 || $5 {
			floor = $3 ? $2 / $3 : 0; ours = $5 ? $4 / $5 : 0
			printf "    %-12s %5.2f runs a packet  floor %6.1f  record %6.1f  ratio %s\n", $1, $5 / packets, floor, ours, floor && ours ? sprintf("%.2f", ours / floor) : "-"
			floor_sum += $2 / floor_packets; sum += $4 / packets; runs += $5 / packets
		}
		END { printf "    %-12s %5.2f runs a packet  floor %6.1f  record %6.1f  ratio %.2f\n", "a packet", runs, floor_sum, sum, sum / floor_sum }'
}
