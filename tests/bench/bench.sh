#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What a recording costs: the same traffic beside one thing and beside another, in pairs of alternating order, so that drift cancels out. The figures are ratios of B to
# A from one run; `noise` is nothing against nothing, and tells what a ratio is worth on this machine.
#
# Environment: SERIES (a list of names of the table below, or of first parts of them), PAIRS and SECONDS_EACH (the length), FILTER, CLIENT_CPUS and SERVER_CPUS
# (taskset lists that pin the two ends; empty: wherever the scheduler puts them), BENCH_JSON (the file that keeps the figures).
#
# NAME, WORKLOAD, A, B, least ratio of rates, greatest ratio of 99th percentiles (-: none asked for). Workloads: KIND:CONNECTIONS:BYTES; bulk: TCP with the device's offloads as they are by default; wire: the same cut to 1500 bytes before it is
# sent, and merged by GRO; nginx; flood: datagrams of 18 bytes as fast as it goes.
TABLE='
noise		tcp:1:1		nothing	nothing	-	-
floor		tcp:1:1		nothing	floor	-	-
record-floor	tcp:1:1		floor	record	0.93	-
filter-empty	tcp:1:1		empty	filter	0.97	-
record		tcp:1:1		nothing	record	0.85	1.25
filter		tcp:1:1		nothing	filter	0.90	1.15
hist-floor	tcp:1:1		floor	hist	0.96	-
hist		tcp:1:1		nothing	hist	0.88	1.2
hooks		tcp:1:1		nothing	hooks	-	-
peer-tcpdump	tcp:1:1		nothing	tcpdump	-	-
peer-dumpcap	tcp:1:1		nothing	dumpcap	-	-
peer-bpftrace	tcp:1:1		nothing	bpftrace -	-
tcp-1k		tcp:1:1000	nothing	record	-	-
tcp-64		tcp:64:1	nothing	record	-	-
tcp-64-floor	tcp:64:1	nothing	floor	-	-
udp		udp:1:1		nothing	record	-	-
udp-1k		udp:1:1000	nothing	record	-	-
udp-64		udp:64:1	nothing	record	-	-
bulk		bulk		nothing	record	0.90	-
bulk-tcpdump	bulk		tcpdump	record	1	-
wire		wire		nothing	record	-	-
wire-floor	wire		nothing	floor	-	-
nginx		nginx		nothing	record	0.90	1.10
nginx-hist	nginx		nothing	hist	-	-
nginx-floor	nginx		nothing	floor	-	-
flood		flood		nothing	record	0.80	-
flood-floor	flood		nothing	floor	-	-
'
STAMPCAP=${STAMPCAP:-$(cd "$(dirname "$0")/../.." && pwd)/build/stampcap}
export WORK=${WORK:-$(mktemp -d /tmp/stampcap-bench.XXXXXX)}
. "$(dirname "$0")/../e2e/lib.sh"

CLIENT_CPUS=${CLIENT_CPUS-0}
SERVER_CPUS=${SERVER_CPUS-$(($(nproc) > 1))}
FILTER=${FILTER:-udp port 9}
BENCH_JSON=${BENCH_JSON:-$TOP/build/bench.json}
pairs=${PAIRS:-7}
seconds=${SECONDS_EACH:-2}
stats=/proc/sys/kernel/bpf_stats_enabled
# shellcheck source=tests/bench/beside.sh
. "$(dirname "$0")/beside.sh"
# shellcheck source=tests/bench/workloads.sh
. "$(dirname "$0")/workloads.sh"
# shellcheck source=tests/bench/programs.sh
. "$(dirname "$0")/programs.sh"

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
	echo "over veth with GRO, $pairs pairs of $seconds s; record -w to a file in $(stat -f -c %T "$WORK")"
}

# ---- ratios

ratio() {
	awk -v a="$1" -v b="$2" 'BEGIN { printf "%.3f", b ? a / b : 0 }'
}

# Median of the numbers on stdin.
median() {
	sort -n | awk '{ v[NR] = $1 } END { printf "%.3f", NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

# judged VALUE LIMIT least|most: what came of a goal.
judged() {
	[ "$2" != - ] || return 0
	awk -v value="$1" -v limit="$2" -v how="$3" 'BEGIN { printf " (%s %s: %s)", how == "least" ? ">=" : "<=", limit, (how == "least" ? value >= limit : value <= limit) ? "met" : "MISSED" }'
}

# beside THING: one run of the workload; leaves $RATE and $P99.
beside() {
	"begin_$1"
	RATE=0 P99=0
	run_workload
	"end_$1"
}

# series NAME WORKLOAD A B LEAST MOST
series() {
	local name="$1" workload="$2" a="$3" b="$4" least="$5" most="$6" i first second value p99

	declare -A rate tail99
	start_workload "$workload"
	: >"$WORK/ratios"
	: >"$WORK/ratios99"
	: >"$WORK/losses"
	for ((i = 1; i <= pairs; i++)); do
		first=$a second=$b
		((i % 2)) || { first=$b second=$a; }
		beside "$first"
		rate[first]=$RATE tail99[first]=$P99
		beside "$second"
		rate[second]=$RATE tail99[second]=$P99
		if ((i % 2)); then
			echo "$(ratio "${rate[second]}" "${rate[first]}") ${rate[second]} ${rate[first]}" >>"$WORK/ratios"
			ratio "${tail99[second]}" "${tail99[first]}" >>"$WORK/ratios99"
		else
			echo "$(ratio "${rate[first]}" "${rate[second]}") ${rate[first]} ${rate[second]}" >>"$WORK/ratios"
			ratio "${tail99[first]}" "${tail99[second]}" >>"$WORK/ratios99"
		fi
		echo >>"$WORK/ratios99"
	done
	stop_workload
	value=$(cut -d' ' -f1 "$WORK/ratios" | median)
	p99=$(median <"$WORK/ratios99")
	printf '%-13s %-11s %-9s / %-9s %9s/s  rate %s%s, %s to %s' "$name" "$workload" "$b" "$a" "$(cut -d' ' -f3 "$WORK/ratios" | median | cut -d. -f1)" \
		"$value" "$(judged "$value" "$least" least)" "$(sort -n "$WORK/ratios" | head -n 1 | cut -d' ' -f1)" "$(sort -n "$WORK/ratios" | tail -n 1 | cut -d' ' -f1)"
	[ "$p99" = 0.000 ] || printf '; p99 %s%s' "$p99" "$(judged "$p99" "$most" most)"
	echo
	sort "$WORK/losses" | uniq -c | sed 's/^ *\([0-9]*\) /    \1 recordings: /'
	jq -n --arg name "$name" --arg workload "$workload" --arg a "$a" --arg b "$b" --argjson rate "$value" --argjson p99 "$p99" \
		--argjson ratios "$(cut -d' ' -f1 "$WORK/ratios" | jq -s .)" --argjson ratios99 "$(jq -s . "$WORK/ratios99")" --argjson bare "$(cut -d' ' -f3 "$WORK/ratios" | jq -s .)" \
		'{$name, $workload, $a, $b, rate_ratio: $rate, p99_ratio: $p99, rate_ratios: $ratios, p99_ratios: $ratios99, rates_a: $bare}' >>"$WORK/series.json"
}

wanted() {
	local word

	for word in $SERIES; do
		[[ $1 != "$word"* ]] || return 0
	done
	[ -z "$SERIES" ]
}

SERIES=${SERIES:-}
for word in $SERIES; do
	awk -v word="$word" 'index($1, word) == 1 { found = 1 } END { exit !found }' <<<"$TABLE"$'\nprograms' || fail "SERIES: nothing is called '$word'; there are: $(awk '{ print $1 }' <<<"$TABLE" | xargs) programs"
done
make_pair gro
facts
facts | jq -R . | jq -s '{facts: .}' >"$WORK/facts.json"
: >"$WORK/series.json"
same_hooks
while read -r name workload a b least most; do
	[ -n "$name" ] && wanted "$name" || continue
	if ! can "$workload" || ! can "$a" || ! can "$b"; then
		printf '%-13s left out: %s\n' "$name" "$CANNOT"
		continue
	fi
	series "$name" "$workload" "$a" "$b" "$least" "$most" </dev/null
done <<<"$TABLE"
! wanted programs || program_times
jq -s '.[0] + {series: .[1:]}' "$WORK/facts.json" "$WORK/series.json" >"$BENCH_JSON"
echo "kept in $BENCH_JSON"
