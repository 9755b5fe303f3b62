#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Delays of known size, each in one place: the layer of that place grows by it, and no other layer does. All of it in one recording; every kind of traffic
# passes twice, without its delay and with it, on ports of their own. Times are read from the packets' comments by tshark and awk.
#
# DELAYS_OFF="CASE...", of netem reader gro hog softirq rules, leaves those delays out: the test must then fail in each of them.
# timeout: 1260
# A sanitized program takes minutes to load in an emulated machine.
STAMPCAP=${STAMPCAP:-$(cd "$(dirname "$0")/../.." && pwd)/build/stampcap}
DELAYS_OFF=${DELAYS_OFF:-}
# Two at a time on a busy machine: several times slower than alone.
VM_TIMEOUT=${VM_TIMEOUT:-600} VM_ENV="${VM_ENV:-} DELAYS_OFF"
export DELAYS_OFF VM_TIMEOUT VM_ENV
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
guests 6.1:e1000 6.12:e1000

EXCHANGES=30  # a median of so many is not moved by the few that a busy host stretches
MIN_PACKETS=25
NETEM_MS=20 READER_MS=30 GRO_MS=15
# Of the delay: what any other layer may grow by. The medians of all layers are below 1 ms without a delay, emulation moves them by as much again.
OTHERS_PERCENT=20
# Rules that a packet is held up by; 240000 of them take 15 ms or more. Below the least delay noise could be taken for it.
RULES_OUTER=24 RULES=100
LEAST_DELAY_NS=5000000

# Loading takes 15 to 40 s here; wait_recording of e2e/lib.sh gives up after 20.
wait_recording() {
	wait_until 200 grep -qs 'recording on' "$WORK/$1.err" || fail "record does not say that it records: $(cat "$WORK/$1.err")"
}

# off CASE: its delay is to be left out.
off() {
	[[ " $DELAYS_OFF " == *" $1 "* ]]
}

# ---- traffic: the peer asks, programs at ens33 answer

# udp PORT [SERVER_OPTION...], tcp PORT [SERVER_OPTION...]: each leaves the client's median time of an exchange in $EXCHANGE_NS.
udp() {
	local port="$1"

	tool_ready "udp$port" "$TOOLS/udp_echo" "${@:2}" "$OWN4" "$port" 120
	ns peer "$TOOLS/udp_client" "$OWN4" "$port" $EXCHANGES 100 >"$WORK/client.out" || fail "UDP to port $port: $(cat "$WORK/client.out")"
	EXCHANGE_NS=$(sed 's/.*p50_ns=\([0-9]*\).*/\1/' "$WORK/client.out")
}

tcp() {
	local port="$1"

	tool_ready "tcp$port" "$TOOLS/tcp_pingpong" -l -s 100 -t 120 "${@:2}" "$OWN4" "$port"
	ns peer "$TOOLS/tcp_pingpong" -n $EXCHANGES -s 100 "$OWN4" "$port" >"$WORK/client.out" || fail "TCP to port $port"
	EXCHANGE_NS=$(sed 's/.*p50_ns=\([0-9]*\).*/\1/' "$WORK/client.out")
}

# slow_rules FAMILY TABLE: the begin of a table with a chain `slow` that matches nothing and takes its time.
slow_rules() {
	local i

	echo "table $1 $2 {"
	echo "chain inner {"
	for ((i = 1; i <= RULES; i++)); do echo "meta mark $i drop"; done
	echo "}"
	echo "chain middle {"
	for ((i = 0; i < RULES; i++)); do echo "jump inner"; done
	echo "}"
	echo "chain slow {"
	for ((i = 0; i < RULES_OUTER; i++)); do echo "jump middle"; done
	echo "}"
}

# ---- verdicts

# record_ends: medians of every layer into $WORK/medians, a line "PROTOCOL.PORT DIRECTION.LAYER PACKETS NS" each.
record_ends() {
	stop_record delays
	cat "$WORK/delays.err"
	check_file "$WORK/delays.pcapng"
	COLUMNS+=" tcp.dstport udp.dstport"
	check_timelines "$WORK/delays.pcapng" -v min_complete=0.99 -v answers="$(answers)"
	layers <"$WORK/delays.pcapng.tsv" | sort -k 1,1 -k 2,2 -k 3,3n | medians >"$WORK/medians"
}

# From the lines of timelines(), for datagrams and TCP segments with payload: each packet's time in every layer of its direction, 0 where it has no step of that layer (no queue that held it, no interrupt of its own). The layer of a
# step is that of the stage it ends at, as docs/stampcap.8 says; a step to the first stamp there is none.
layers() {
	awk -F '\t' '
		BEGIN {
			rx_count = split("softirq:irq xdp:napi driver:driver backlog:backlog netif:gro tc:l2 ip:l2 local:l3 l4:l3 socket:l4 wakeup:app read:app",
				rx, " ")
			tx_count = split("l4:app ip:l4 out:l3 tc:l2 netdev:l2 paced:pacing qdisc:qdisc driver:driver txdone:nic", tx, " ")
			for (i = 1; i <= rx_count; i++) { split(rx[i], pair, ":"); layer["rx", pair[1]] = pair[2]; known["rx", pair[2]] = 1 }
			for (i = 1; i <= tx_count; i++) { split(tx[i], pair, ":"); layer["tx", pair[1]] = pair[2]; known["tx", pair[2]] = 1 }
		}
		($9 != "" || $7 > 0) && $18 !~ / flags=[a-z+]*(partial|retrans)/ && $18 !~ / end=drop/ {
			split($18, group, / \| /)
			count = split(group[1], token, " ")
			dir = token[2]
			delete sum
			for (i = 4; i <= count; i++) {
				split(token[i], pair, /=\+/)
				sub(/us$/, "", pair[2])
				sum[layer[dir, pair[1]]] += pair[2] * 1000
			}
			key = ($9 != "" ? "udp." : "tcp.") (dir == "rx" ? $19 $20 : $6 $9)
			for (k in known) {
				split(k, pair, SUBSEP)
				if (pair[1] == dir) printf "%s %s.%s %.0f\n", key, dir, pair[2], sum[pair[2]]
			}
		}'
}

medians() {
	awk '
		function finish() { if (count) printf "%s %d %.0f\n", name, count, value[int((count + 1) / 2)]; count = 0 }
		$1 " " $2 != name { finish(); name = $1 " " $2 }
		{ value[++count] = $3 }
		END { finish() }'
}

# judge PROTOCOL PORT_WITHOUT PORT_WITH DIRECTION.LAYER DELAY_NS TOLERANCE_PERCENT: the table, and whether that layer grew by the delay and it alone.
judge() {
	awk -v without="$1.$2" -v with="$1.$3" -v right="$4" -v delay_ns="$5" -v tolerance="$6" -v others=$OTHERS_PERCENT -v least=$LEAST_DELAY_NS \
		-v min_packets=$MIN_PACKETS '
		function wrong(text) { print "    WRONG: " text; bad = 1 }
		$1 == without { before[$2] = $4; packets_before[$2] = $3 }
		$1 == with { after[$2] = $4; packets[$2] = $3; names[++count] = $2 }
		END {
			printf "    %-12s %8s %13s %13s %13s\n", "layer", "packets", "without us", "with us", "grew us"
			for (i = 1; i <= count; i++) {
				name = names[i]
				grew = after[name] - before[name]
				printf "    %-12s %4d/%-4d %12.3f %13.3f %13.3f", name, packets_before[name], packets[name], before[name] / 1000,
					after[name] / 1000, grew / 1000
				print name == right ? sprintf("  <- %.3f us +- %d %%", delay_ns / 1000, tolerance) : ""
				if (packets[name] < min_packets || packets_before[name] < min_packets) wrong("too few packets")
				if (delay_ns < least) continue
				if (before[name] > delay_ns * others / 100) wrong(name " takes its time without the delay")
				if (name == right && (grew < delay_ns * (1 - tolerance / 100) || grew > delay_ns * (1 + tolerance / 100)))
					wrong(name " did not grow by what was put in")
				if (name != right && grew > delay_ns * others / 100)
					wrong(sprintf("%s grew by more than %d %% of it", name, others))
			}
			if (!(right in after)) wrong("no " right)
			if (delay_ns < least) wrong(sprintf("a delay of %.3f us is none", delay_ns / 1000))
			exit bad + 0
		}' "$WORK/medians"
}

failed=''

# verdict CASE WORDS JUDGE_ARGUMENT...
verdict() {
	local case="$1" got=pass

	say "$case: $2"
	shift 2
	judge "$@" || got=fail
	# The same traffic against itself has no delay at all.
	! judge "$1" "$2" "$2" "${@:4}" >/dev/null || got="a judge that finds a delay where there is none"
	if [ "$got" != pass ]; then
		failed+=" $case($1)"
		echo "    $got"
	fi
}

# ---- the delays

# Answers wait in a netem qdisc of ens33.
run_netem() {
	udp 9110
	tcp 9110
	off netem || tc qdisc add dev ens33 root netem delay ${NETEM_MS}ms
	udp 9111
	tcp 9111
	off netem || tc qdisc del dev ens33 root
}

# The program that is asked sees that something has come, and sleeps before it reads.
run_reader() {
	local delay_ms=$READER_MS

	! off reader || delay_ms=0
	udp 9120
	tcp 9120
	udp 9121 -d $delay_ms
	tcp 9121 -d $delay_ms
}

# GRO holds a TCP segment that is not pushed until the device's timer runs out (napi_complete_done()): between the stamps `driver` and `netif`, so it is the
# layer `gro` that grows. `irq` does not: what a frame waits in the ring because its interrupt is deferred comes before its first stamp.
run_gro() {
	ns peer nft -f - <<-END
		table inet nopush {
			chain output {
				type filter hook output priority 0
				tcp dport { 9130, 9131 } tcp flags psh tcp flags set ack
			}
		}
	END
	tcp 9130
	off gro || gro_timer 1 $((GRO_MS * 1000000))
	tcp 9131
	gro_timer 0 0
	ns peer nft delete table inet nopush
}

gro_timer() {
	echo "$1" >/sys/class/net/ens33/napi_defer_hard_irqs
	echo "$2" >/sys/class/net/ens33/gro_flush_timeout
}

# One packet does both: its copy goes out of eth1, so that ens33 has its interrupt, and then it takes its time where no softirq can run, or in one. It is
# a packet for ens33 that the peer sends into a device that leads nowhere.

# hog_device PEER_OPTION...
hog_device() {
	ip -n peer link add hog0 "$@"
	ip -n peer link set hog0 up
	ip -n peer route add "$OWN4/32" dev hog0 src "$PEER4"
	ip -n peer neigh replace "$OWN4" lladdr "$VM_MAC_OWN" dev hog0 nud permanent
}

# hog_rules CASE HOOK DEVICE PORT
hog_rules() {
	local slow="udp dport $(($4 + 1)) jump slow"

	! off "$1" || slow=''
	slow_rules netdev hog
	cat <<-END
		chain entry {
			type filter hook $2 device $3 priority 0
			udp dport { $4, $(($4 + 1)) } dup to "eth1"
			$slow
		}
		}
	END
}

# sends_ns PORT: one send call from each of many processes; their median time, as they see it.
sends_ns() {
	local i

	tool_ready "sink$1" "$TOOLS/udp_echo" -q "$OWN4" "$1" 120
	for ((i = 0; i < EXCHANGES; i++)); do
		ns peer "$TOOLS/udp_flood" "$OWN4" "$1" 100 1 0 5 || fail "UDP to port $1"
	done | sed 's/.* ns=//' | sort -n >"$WORK/sends"
	SENDS_NS=$(sed -n "$((EXCHANGES / 2))p" "$WORK/sends")
}

# run_hog CASE HOOK DEVICE PORT HOG_DEVICE_ARGUMENT...: leaves in $HOG_NS how much longer a slow send call takes.
run_hog() {
	local case="$1" device="$3" port="$4"

	hog_device "${@:5}"
	[ "$device" = hog0 ] || ip -n peer link set "$device" up
	hog_rules "${@:1:4}" >"$WORK/$case.nft"
	ns peer nft -f "$WORK/$case.nft"
	sends_ns "$port"
	HOG_NS=$SENDS_NS
	sends_ns $((port + 1))
	HOG_NS=$((SENDS_NS - HOG_NS))
	ns peer nft delete table netdev hog
	ip -n peer link del hog0
}

# Requests pass rules before they are routed and before they are delivered. UDP: an exchange of TCP that takes longer than an acknowledgement may be delayed has a second
# packet that passes them.
run_rules() {
	local jump='udp dport 9151 jump slow'

	! off rules || jump=''
	{
		slow_rules inet rules
		cat <<-END
			chain prerouting {
				type filter hook prerouting priority 0
				$jump
			}
			chain input {
				type filter hook input priority 0
				$jump
			}
			}
		END
	} >"$WORK/rules.nft"
	nft -f "$WORK/rules.nft"
	udp 9150
	RULES_NS=$EXCHANGE_NS
	udp 9151
	RULES_NS=$((EXCHANGE_NS - RULES_NS))
	nft delete table inet rules
}

ip neigh replace "$PEER4" lladdr "$VM_MAC_PEER" dev ens33 nud permanent
ip -n peer neigh replace "$OWN4" lladdr "$VM_MAC_OWN" dev eth1 nud permanent
start_record delays -i ens33 -w "$WORK/delays.pcapng"
run_netem
run_reader
run_gro
run_hog hog egress hog0 9140 type dummy
hog_ns=$HOG_NS
run_hog softirq ingress hog1 9160 type veth peer name hog1
softirq_ns=$HOG_NS
run_rules
record_ends

# 5 %: the qdisc's timer is late by some 100 us here, and 5 % of the delay is what the contract of this test asks for.
for protocol in udp tcp; do
	verdict netem "netem holds answers for $NETEM_MS ms, $protocol" $protocol 9110 9111 tx.qdisc $((NETEM_MS * 1000000)) 5
done
# 10 %: after its sleep the reader still has to get the CPU.
for protocol in udp tcp; do
	verdict reader "the reader sleeps for $READER_MS ms, $protocol" $protocol 9120 9121 rx.app $((READER_MS * 1000000)) 10
done
# 10 %: the timer starts when the poll ends, and its softirq comes after its interrupt.
verdict gro "GRO holds segments for $GRO_MS ms" tcp 9130 9131 rx.gro $((GRO_MS * 1000000)) 10
# 20 %: measured by the program that sends; its call does more than wait in the rules.
verdict hog "no softirq can run while a sender is in its rules" udp 9140 9141 rx.irq "$hog_ns" 20
verdict softirq "a softirq is busy with another device's packet" udp 9160 9161 rx.irq "$softirq_ns" 20
# 20 %: measured by the program that asks, over all of an exchange.
verdict rules "requests pass slow rules" udp 9150 9151 rx.l3 "$RULES_NS" 20
[ -z "$failed" ] || fail "not as expected:$failed"
