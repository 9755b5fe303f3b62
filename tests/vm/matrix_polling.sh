#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Ways to poll that are not the interrupt's own softirq: another CPU (RPS), a thread, the reader itself, ksoftirqd. Timelines stay true, or say less.
# timeout: 600
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
export VM_TIMEOUT=500
guests 6.12:virtio-mq
# shellcheck source=tests/vm/stages.sh
. "$TOP/tests/vm/stages.sh"

queue=/sys/class/net/ens33/queues

# tell NAME VALUE PATH...
tell() {
	local name="$1" value="$2" path

	shift 2
	for path in "$@"; do
		echo "$value" >"$path" || fail "$name: cannot write $value to $path"
	done
}

# recorded NAME COMMAND...: timelines of what COMMAND sends to this host, into $WORK/NAME.pcapng.tsv.
recorded() {
	local name="$1"

	shift
	say "$name"
	start_record "$name" -i ens33 -w "$WORK/$name.pcapng"
	"$@"
	stop_record "$name"
	tail -n 2 "$WORK/$name.err"
	check_file "$WORK/$name.pcapng"
	check_timelines "$WORK/$name.pcapng" -v min_complete=0.99 -v write=no -v irq=no
}

# having NAME TOKEN...: received payload packets that have all of these in their comments.
having() {
	local name="$1" token

	shift
	awk -F '\t' '($7 > 0 || $9 != "") && $18 ~ /^stampcap rx /{ print $18 }' "$WORK/$name.pcapng.tsv" >"$WORK/$name.having"
	for token in "$@"; do
		grep -E -- "$token" "$WORK/$name.having" >"$WORK/$name.left" || true
		mv "$WORK/$name.left" "$WORK/$name.having"
	done
	wc -l <"$WORK/$name.having"
}

# Servers end by themselves after a while: a pair for each recording, on ports of its own.
port=9000
from_peer() {
	port=$((port + 10))
	tool_ready "udp$port" "$TOOLS/udp_echo" "$OWN4" "$port" 100
	tool_ready "tcp4-$port" "$TOOLS/tcp_pingpong" -l -t 100 -s 200 "$OWN4" "$port"
	tool_ready "tcp6-$port" "$TOOLS/tcp_pingpong" -l -t 100 -s 200 "$OWN6" "$port"
	ns peer "$TOOLS/tcp_pingpong" -n 60 -s 200 "$OWN4" "$port"
	ns peer "$TOOLS/tcp_pingpong" -n 60 -s 200 "$OWN6" "$port"
	ns peer "$TOOLS/udp_client" "$OWN4" "$port" 60 300
}

# Payload from the peer: 60 requests of TCP over each family, 60 datagrams.
all=180
vectors >"$WORK/vectors.before"

recorded softirq from_peer
assert_eq "$(having softirq ' softirq=\+')" $all "payload packets with the softirq"
assert_eq "$(having softirq ' backlog=\+')" 0 "packets from another CPU's queue"

# Each queue's packets go to the other CPU: its backlog queue, taken in a softirq there.
tell RPS 2 $queue/rx-0/rps_cpus
tell RPS 1 $queue/rx-1/rps_cpus
recorded rps from_peer
tell RPS 0 $queue/rx-*/rps_cpus
assert_eq "$(having rps ' softirq=\+')" $all "payload packets with the softirq of the CPU that polled"
assert_ge "$(having rps ' (backlog=\+|flags=[a-z+]*polled)')" $((all * 9 / 10)) "payload packets that say how the other CPU took them"
assert_ge "$(having rps ' backlog=\+')" $((all / 2)) "payload packets with backlog"
awk -F '\t' '$18 ~ / backlog=/ && $18 !~ /driver=\+[^ ]* backlog=\+[^ ]* netif=\+/ { print "BAD: " $18; bad = 1 } END { exit bad }' "$WORK/rps.pcapng.tsv" ||
	fail "backlog lies between driver and netif"

# A thread polls, whenever it is run and on any CPU: the interrupt that asked for it is known all the same, and the softirq stamp is the poll itself.
tell threads 1 /sys/class/net/ens33/threaded
recorded threaded from_peer
tell threads 0 /sys/class/net/ens33/threaded
assert_eq "$(having threaded ' softirq=\+')" $all "payload packets with the thread's poll"
assert_eq "$(having threaded ' (hardirq=\+|flags=[a-z+]*polled)')" $all "payload packets with an interrupt, or polled on"
assert_ge "$(having threaded ' hardirq=\+')" $((all / 2)) "payload packets with an interrupt"

# The reader polls the device before it sleeps.
tell busy 200 /proc/sys/net/core/busy_read /proc/sys/net/core/busy_poll
recorded busy from_peer
tell busy 0 /proc/sys/net/core/busy_read /proc/sys/net/core/busy_poll
echo "busy polling: of $all payload packets $(having busy ' softirq=\+') came by a softirq, $(having busy ' hardirq=\+') of them by an interrupt"

# More than the CPU can take: the softirq goes to ksoftirqd, which other work makes wait; what is lost is lost by the kernel, and told.
flood() {
	tool_ready flood "$TOOLS/udp_echo" -q "$OWN4" 9100 100
	background sh -c 'while :; do :; done'
	ns peer timeout 20 "$TOOLS/udp_flood" "$OWN4" 9100 64 1500 0 3
	kill "$LAST_PID"
}
recorded ksoftirqd flood
assert_ge "$(having ksoftirqd ' softirq=\+')" 500 "datagrams of the flood"

vectors >"$WORK/vectors.after"
for name in softirq rps threaded busy ksoftirqd; do
	cpu=yes
	[ $name != threaded ] || cpu=no
	awk -v same_cpu=$cpu -v before="$WORK/vectors.before" -v after="$WORK/vectors.after" -v functions=0 -v polled=no -f "$TOP/tests/vm/stages.awk" "$WORK/$name.pcapng.tsv" ||
		fail "$name: interrupts are wrong"
done
