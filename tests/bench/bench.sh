#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What a recording costs: TCP ping-pong over a veth pair, with something beside it and without, or with one thing and with another, alternating. Series:
#	noise		nothing against nothing: what the machine does by itself
#	hooks		a recording of a device that nothing passes
#	record		record -w
#	filter		record -w with a FILTER that matches nothing, against empty programs at the same hooks: what rejecting a packet costs
#	filter-bare	the same against nothing; empty: empty programs against nothing: the floor of any recording
#	program-time	how long the programs of both take per packet, by the kernel's own statistics
#	tcpdump		tcpdump -w, to compare
# Environment: SERIES (a list of those names), PAIRS and SECONDS_EACH (the length), FILTER, CLIENT_CPUS and SERVER_CPUS (taskset lists that pin the two
# ends). Both on CPU 0 unless told otherwise: the steadiest and, at the least time per transaction, the hardest case. Empty: wherever the scheduler puts them.
STAMPCAP=${STAMPCAP:-$(cd "$(dirname "$0")/../.." && pwd)/build/stampcap}
export WORK=${WORK:-$(mktemp -d /tmp/stampcap-bench.XXXXXX)}
. "$(dirname "$0")/../e2e/lib.sh"

CLIENT_CPUS=${CLIENT_CPUS-0}
SERVER_CPUS=${SERVER_CPUS-0}
FILTER=${FILTER:-udp port 9}
pairs=${PAIRS:-7}
seconds=${SECONDS_EACH:-3}
all_series="noise hooks record filter filter-bare empty program-time tcpdump"
stats=/proc/sys/kernel/bpf_stats_enabled

placement() {
	local cpus="client on CPU ${CLIENT_CPUS:-any}, server on CPU ${SERVER_CPUS:-any}"

	case "$CLIENT_CPUS:$SERVER_CPUS" in
	:) echo "both ends wherever the scheduler puts them" ;;
	"$SERVER_CPUS:$CLIENT_CPUS") echo "$cpus: the same for both, the hardest case" ;;
	*) echo "$cpus" ;;
	esac
}

facts() {
	echo "machine: $(sed -n 's/^model name[\t ]*: //p' /proc/cpuinfo | head -n 1), $(nproc) CPUs, Linux $(uname -r)"
	echo "load before: $(cut -d' ' -f1-3 /proc/loadavg); $("$STAMPCAP" --version)"
	echo "placement: $(placement)"
	echo "TCP ping-pong of 1 byte over veth with GRO, $pairs pairs of $seconds s; record -w to a file in $(stat -f -c %T "$WORK")"
}

# One run; transactions in $COUNT, per second in $TPS.
ping_pong() {
	# shellcheck disable=SC2086
	in_client ${CLIENT_CPUS:+taskset -c $CLIENT_CPUS} "$TOOLS/tcp_pingpong" -t "$seconds" "$SERVER4" 9700 >"$WORK/result"
	COUNT=$(sed 's/.*count=\([0-9]*\).*/\1/' "$WORK/result")
	TPS=$(sed 's/.*tps=\([0-9]*\).*/\1/' "$WORK/result")
}

# The server, fresh for each series: it is bounded in time.
PONG_PID=
start_pong() {
	if [ -n "$PONG_PID" ]; then
		kill "$PONG_PID"
		wait "$PONG_PID" 2>/dev/null || true
	fi
	# shellcheck disable=SC2086
	tool_ready pong in_server ${SERVER_CPUS:+taskset -c $SERVER_CPUS} "$TOOLS/tcp_pingpong" -l -t 120 "$SERVER4" 9700
	PONG_PID=$LAST_PID
}

# ---- what runs beside the ping-pong: begin_NAME and end_NAME; the process that holds the programs in $HELD_PID

declare -A label=([nothing]="nothing" [hooks]="hooks alone" [record]="record -w" [filter]="filter, matches nothing" [empty]="empty programs"
	[tcpdump]="tcpdump -w, to compare")

begin_nothing() { :; }
end_nothing() { :; }

begin_recording() {
	: >"$WORK/$1.err" # else what the last one said could be taken for this one's word
	start_record "$1" --netns "$SERVER" -w "$WORK/$1.pcapng" "${@:2}" >/dev/null
	HELD_PID=$RECORD_PID
}

end_recording() {
	stop_record "$1"
	rm "$WORK/$1.pcapng"
}

# The device is one that nothing passes: what the programs on global hooks (all but XDP and TC) cost before a packet is recorded.
begin_hooks() { begin_recording hooks -i lo; }
end_hooks() { end_recording hooks; }
begin_record() { begin_recording record -i s0; }
end_record() { end_recording record; }
# shellcheck disable=SC2086
begin_filter() { begin_recording filter -i s0 $FILTER; }
end_filter() { end_recording filter; }

EMPTY_XDP=
begin_empty() {
	tool_ready empty in_server "$TOOLS/bench/empty_hooks" -i s0 $EMPTY_XDP
	HELD_PID=$LAST_PID
}

end_empty() {
	kill "$HELD_PID"
	wait "$HELD_PID"
}

begin_tcpdump() { start_tcpdump "$SERVER" s0 "$WORK/td.pcap"; }
end_tcpdump() {
	stop_tcpdump
	rm "$TCPDUMP_FILE"
}

beside() {
	"begin_$1"
	ping_pong
	"end_$1"
}

# ---- the programs of a process

# Their ids: what it and its children (a recording's guardian) have open, and what is on the device (libxdp's dispatcher is open nowhere).
programs_held() {
	local pid

	{
		for pid in "$HELD_PID" $(pgrep -P "$HELD_PID" || true); do
			sed -n 's/^prog_id:[ \t]*//p' "/proc/$pid"/fdinfo/* 2>/dev/null || true
		done
		ip -n "$SERVER" -j link show dev s0 | jq '.[0].xdp.prog.id // empty'
	} | sort -nu | jq -sc .
}

# about_programs IDS JQ: the answer about these programs, one line.
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
	local filter empty

	# shellcheck disable=SC2086
	begin_recording filter -v -i s0 $FILTER
	filter=$(hooks_held)
	end_filter
	! grep -q 'native XDP on s0[,;]' "$WORK/filter.err" || EMPTY_XDP=-x
	begin_empty
	empty=$(hooks_held)
	end_empty
	echo "programs: recording $filter"
	[ "$filter" = "$empty" ] || echo "WARNING: not the same hooks: empty programs $empty"
}

# ---- results

ratio() {
	awk -v a="$1" -v b="$2" 'BEGIN { printf "%.3f", a / b }'
}

# Median of the numbers on stdin.
median() {
	sort -n | awk '{ v[NR] = $1 } END { printf "%.3f", NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

# series A B: pairs of a run beside A and one beside B, order alternating, so that drift cancels out; the ratios are those of B to A.
series() {
	local name="${label[$2]}" i a b

	[ "$1" = nothing ] || name+="/${label[$1]}"
	[ "$1" != "$2" ] || name="A against A"
	start_pong
	: >"$WORK/ratios"
	for ((i = 1; i <= pairs; i++)); do
		if ((i % 2)); then
			beside "$1"
			a=$TPS
			beside "$2"
			b=$TPS
		else
			beside "$2"
			b=$TPS
			beside "$1"
			a=$TPS
		fi
		ratio "$b" "$a" >>"$WORK/ratios"
		echo >>"$WORK/ratios"
		printf '%-38s pair %d: %7d/s against %7d/s, ratio %s\n' "$name" "$i" "$b" "$a" "$(tail -n 1 "$WORK/ratios")"
	done
	printf '%-38s median ratio %s, worst %s, best %s\n' "$name" "$(median <"$WORK/ratios")" "$(sort -n "$WORK/ratios" | head -n 1)" \
		"$(sort -n "$WORK/ratios" | tail -n 1)"
}

# One run beside $1 with the kernel's statistics on: "NS RUNS" of its programs per packet on s0 in $PER_PACKET. A ping-pong has two packets a transaction,
# pure acknowledgements are none of them.
count_programs() {
	local ids before after sum='"\(map(.run_time_ns // 0) | add) \(map(.run_cnt // 0) | add)"'

	"begin_$1"
	ids=$(programs_held)
	before=$(about_programs "$ids" "$sum")
	ping_pong
	after=$(about_programs "$ids" "$sum")
	"end_$1"
	PER_PACKET=$(awk -v packets=$((COUNT * 2)) '{ printf "%.1f %.2f", ($3 - $1) / packets, ($4 - $2) / packets }' <<<"$before $after")
}

# Both ends are on this machine: programs on tracepoints and cgroups also run for what the client does with the packet.
program_time() {
	local was empty filter

	was=$(cat $stats)
	defer "echo $was >$stats"
	start_pong
	echo 1 >$stats
	count_programs empty
	empty=$PER_PACKET
	count_programs filter
	filter=$PER_PACKET
	echo "$was" >$stats
	awk -v empty="${label[empty]}" -v filter="${label[filter]}" '{
		printf "program time per packet, both ends: %s %s ns in %s runs; %s %s ns in %s runs\n", empty, $1, $2, filter, $3, $4
		printf "program time per rejected packet: %.1f ns more than %s (the statistics add some 30 ns to every run: only the difference counts)\n",
			$3 - $1, empty
	}' <<<"$empty $filter"
}

run_series() {
	case "$1" in
	noise) series nothing nothing ;;
	hooks) series nothing hooks ;;
	record)
		series nothing record
		tail -n 3 "$WORK/record.err"
		;;
	filter)
		series empty filter
		tail -n 2 "$WORK/filter.err"
		;;
	filter-bare) series nothing filter ;;
	empty) series nothing empty ;;
	program-time) program_time ;;
	tcpdump) ! command -v tcpdump >/dev/null || series nothing tcpdump ;;
	esac
}

selected=${SERIES:-$all_series}
for name in $selected; do
	case " $all_series " in
	*" $name "*) ;;
	*) fail "SERIES: no series is called '$name'; there are: $all_series" ;;
	esac
done
make_pair gro
facts
start_pong
ping_pong
case " $selected " in
*" filter "* | *" filter-bare "* | *" empty "* | *" program-time "*) same_hooks ;;
esac
for name in $selected; do
	run_series "$name"
done
