#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 240
# What GRO merges and what TSO and GSO leave whole is the same with a recording and without: segments per buffer of the stack, by the kernel's own counters, over ten
# alternating runs of the same traffic, with XDP and without.
. "$(dirname "$0")/lib.sh"

ROUNDS=10
EXCHANGES=60 EXCHANGE_BYTES=60000 # what one call sends fits the windows: how it is cut does not depend on who is faster

need program:nstat

# counters: packets received and buffers they came in, at the server; segments sent and buffers they went in, at the client.
counters() {
	in_server nstat -asz IpExtInNoECTPkts IpInReceives | awk '/NoECT/ { wire = $2 } /InReceives/ { skbs = $2 } END { printf "%d %d ", wire, skbs }'
	in_client nstat -asz TcpOutSegs IpOutRequests | awk '/OutSegs/ { wire = $2 } /OutRequests/ { skbs = $2 } END { print wire, skbs }'
}

# exchanges NAME: adds what the counters grew by to $WORK/NAME.
exchanges() {
	local before

	before=$(counters)
	in_client "$TOOLS/tcp_pingpong" -n $EXCHANGES -s $EXCHANGE_BYTES "$SERVER4" 9001 >/dev/null
	echo "$before $(counters)" | awk '{ print $5 - $1, $6 - $2, $7 - $3, $8 - $4 }' >>"$WORK/$1"
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
		{ for (i = 1; i <= 4; i++) sum[FILENAME == ARGV[1], i] += $i }
		function ratio(with, i) { return sum[with, i] / sum[with, i + 1] }
		function judge(what, i,    without, with) {
			without = ratio(1, i); with = ratio(0, i)
			printf "    %-8s %-28s %8.3f %8.3f  %+.2f %%\n", name, what, without, with, (with / without - 1) * 100
			if (with / without < 0.99 || with / without > 1.01) bad = 1
		}
		END {
			printf "    %-8s %-28s %8s %8s\n", "", "packets per buffer", "without", "with"
			judge("received (GRO)", 1)
			judge("sent (TSO, GSO)", 3)
			exit bad + 0
		}' "$WORK/$name.without" "$WORK/$name.with" || fail "$name: the recording changes what is merged, or cut"
}

make_pair gro
tool_ready pong in_server "$TOOLS/tcp_pingpong" -l -t 230 -s $EXCHANGE_BYTES "$SERVER4" 9001
compare xdp --xdp native
compare off --xdp off
