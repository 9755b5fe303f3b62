#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What a recording costs: TCP ping-pong over a veth pair, with `record -w` beside it and without, alternating, and the same without a recording at all
# (A against A) to show the noise. PAIRS and SECONDS_EACH in the environment change the length; CLIENT_CPUS and SERVER_CPUS pin the two ends (taskset
# lists). Both on CPU 0 unless told otherwise: the steadiest and, at the least time per transaction, the hardest case. Empty: wherever the scheduler puts them.
STAMPCAP=${STAMPCAP:-$(cd "$(dirname "$0")/../.." && pwd)/build/stampcap}
export WORK=${WORK:-$(mktemp -d /tmp/stampcap-bench.XXXXXX)}
. "$(dirname "$0")/../e2e/lib.sh"

CLIENT_CPUS=${CLIENT_CPUS-0}
SERVER_CPUS=${SERVER_CPUS-0}
pairs=${PAIRS:-7}
seconds=${SECONDS_EACH:-3}

facts() {
	echo "machine: $(sed -n 's/^model name[\t ]*: //p' /proc/cpuinfo | head -n 1), $(nproc) CPUs, Linux $(uname -r)"
	echo "load before: $(cut -d' ' -f1-3 /proc/loadavg); $("$STAMPCAP" --version)"
	echo "client on CPU ${CLIENT_CPUS:-any}, server on CPU ${SERVER_CPUS:-any}"
	echo "TCP ping-pong of 1 byte over veth with GRO, $pairs pairs of $seconds s; record -w to a file in $(stat -f -c %T "$WORK")"
}

# One run; transactions per second in $TPS.
ping_pong() {
	# shellcheck disable=SC2086
	in_client ${CLIENT_CPUS:+taskset -c $CLIENT_CPUS} "$TOOLS/tcp_pingpong" -t "$seconds" "$SERVER4" 9700 >"$WORK/result"
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

# Recording a device nothing passes: what the programs on global hooks (all but XDP and TC) cost before a packet is recorded.
with_hooks() {
	start_record hooks --netns "$SERVER" -i lo -w "$WORK/hooks.pcapng" >/dev/null
	ping_pong
	stop_record hooks
}

with_record() {
	start_record rec --netns "$SERVER" -i s0 -w "$WORK/rec.pcapng" "$@" >/dev/null
	ping_pong
	stop_record rec
}

ratio() {
	awk -v a="$1" -v b="$2" 'BEGIN { printf "%.3f", a / b }'
}

# Median of the numbers on stdin.
median() {
	sort -n | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

# series NAME COMMAND...: pairs of a plain run and one of COMMAND, order alternating, so that drift cancels out.
series() {
	local name="$1" i off on

	shift
	: >"$WORK/ratios"
	for ((i = 1; i <= pairs; i++)); do
		if ((i % 2)); then
			ping_pong
			off=$TPS
			"$@"
			on=$TPS
		else
			"$@"
			on=$TPS
			ping_pong
			off=$TPS
		fi
		ratio "$on" "$off" >>"$WORK/ratios"
		echo >>"$WORK/ratios"
		printf '%-22s pair %d: without %7d/s, with %7d/s, ratio %s\n' "$name" "$i" "$off" "$on" "$(tail -n 1 "$WORK/ratios")"
	done
	printf '%-22s median ratio %s, worst %s, best %s\n' "$name" "$(median <"$WORK/ratios")" "$(sort -n "$WORK/ratios" | head -n 1)" \
		"$(sort -n "$WORK/ratios" | tail -n 1)"
}

make_pair gro
start_pong
facts
ping_pong
series "A against A" ping_pong
start_pong
series "hooks alone" with_hooks
start_pong
series "record -w" with_record
tail -n 3 "$WORK/rec.err"
if command -v tcpdump >/dev/null && [ "${WITH_TCPDUMP:-1}" = 1 ]; then
	with_tcpdump() {
		start_tcpdump "$SERVER" s0 "$WORK/td.pcap"
		ping_pong
		stop_tcpdump
	}
	start_pong
	series "tcpdump -w, to compare" with_tcpdump
fi
