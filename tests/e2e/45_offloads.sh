#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 240
# What GRO merges and what TSO and GSO leave whole is the same with a recording and without: segments per buffer of the stack, by the kernel's own counters, over ten
# alternating runs of the same traffic, with XDP and without.
. "$(dirname "$0")/lib.sh"

ROUNDS=$(((10 + SHRINK - 1) / SHRINK)) # ten at full length
EXCHANGES=60 EXCHANGE_BYTES=60000 # what one call sends fits the windows: how it is cut does not depend on who is faster

need program:nstat program:jq

# counters: of each end, packets received and the buffers they came in, segments sent and the frames that its device got.
counters() {
	local end

	for end in "$SERVER s0" "$CLIENT c0"; do
		in_ns "${end% *}" nstat -asz IpExtInNoECTPkts IpInReceives TcpOutSegs | awk '
			{ value[$1] = $2 } END { printf "%d %d %d ", value["IpExtInNoECTPkts"], value["IpInReceives"], value["TcpOutSegs"] }'
		echo "$(ip -n "${end% *}" -s -j link show "${end#* }" | jq '.[0].stats64.tx.packets') "
	done | tr -d '\n'
}

# exchanges NAME: adds what the counters grew by to $WORK/NAME.
exchanges() {
	local before

	before=$(counters)
	in_client "$TOOLS/tcp_pingpong" -n $EXCHANGES -s $EXCHANGE_BYTES "$SERVER4" 9001 >/dev/null
	echo "$before $(counters)" | awk '{ for (i = 1; i <= 8; i++) printf "%d ", $(i + 8) - $i; print "" }' >>"$WORK/$1"
}

# compare NAME RECORD_OPTION...
compare() {
	local name="$1" i

	shift
	: >"$WORK/$name.without"
	: >"$WORK/$name.with"
	exchanges warm
	for ((i = 0; i < ROUNDS; i++)); do
		exchanges "$name.without"
		start_record "$name" --netns "$SERVER" -i s0 -w "$WORK/$name.pcapng" "$@"
		exchanges "$name.with"
		stop_record "$name"
	done
	awk -v name="$name" '
		{ for (i = 1; i <= 8; i++) sum[FILENAME == ARGV[1], i] += $i }
		function judge(what, i,    without, with) {
			without = sum[1, i] / sum[1, i + 1]; with = sum[0, i] / sum[0, i + 1]
			printf "    %-6s %-34s %8.3f %8.3f  %+.2f %%\n", name, what, without, with, (with / without - 1) * 100
			if (with / without < 0.99 || with / without > 1.01) bad = 1
		}
		END {
			printf "    %-6s %-34s %8s %8s\n", "", "", "without", "with"
			judge("recorded end: packets per buffer", 1)
			judge("recorded end: segments per frame", 3)
			judge("other end: packets per buffer", 5)
			judge("other end: segments per frame", 7)
			exit bad + 0
		}' "$WORK/$name.without" "$WORK/$name.with" || fail "$name: the recording changes what is merged, or cut"
}

make_pair gro
tool_ready pong in_server "$TOOLS/tcp_pingpong" -l -t 230 -s $EXCHANGE_BYTES "$SERVER4" 9001
compare xdp --xdp native
compare off --xdp off
say "TSO, which native XDP at the other end would turn off: left alone"
in_client ethtool -K c0 tso on >/dev/null
in_server ethtool -K s0 tso on >/dev/null
compare tso
