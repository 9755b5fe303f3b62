#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Another witness of the kernel's functions: bpftrace with kprobes at eth_type_trans, ip_rcv_core, tcp_v4_rcv and tcp_queue_rcv, beside a recording of the
# same TCP exchange on ens33. stampcap has every packet the script has, and its driver, ip, l4 and socket stamps agree with the script's.
#
# A well-known script has ip_rcv and tcp_data_queue in the place of ip_rcv_core and tcp_queue_rcv. They are counted: the first is never called for what a NAPI
# driver delivers (lists of packets go to ip_list_rcv), the second not for what takes the fast path of TCP.
#
# The script has a kprobe and a kfunc (what bpftrace calls fentry, the kind of probe stampcap uses) at each of the four. The kernel calls the kprobe first, and of the
# programs at its fentry the newest first: the recording, which starts after the script, stands between the script's two. So every stamp lies between two times of the
# script, as far apart as the first of its probes takes: that is the probes' own cost, packet by packet. The script's clock is monotonic, a capture's is wall time: their
# distance is one number for the whole file, within the error of the file's clock, and there must be one with which no stamp lies outside.
# timeout: 2000
export STAMPCAP=${STAMPCAP:-$(cd "$(dirname "$0")/../.." && pwd)/build/stampcap} VM_TIMEOUT=900
# One guest of some ten dies in its kernel's test of the timer when this machine is busy.
export VM_APPEND="${VM_APPEND:-} no_timer_check"
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
guests 6.1:e1000 6.12:e1000

need program:bpftrace
PORT=9700
# Requests of nine segments, of which GRO merges some, and small ones, most of which take the fast path: COUNT of BYTES each.
REQUESTS="25:12000 100:100"

# A record takes its time to start in here.
wait_recording() {
	wait_until 300 grep -qs 'recording on' "$WORK/$1.err" || fail "record does not record: $(cat "$WORK/$1.err")"
}

# probe NAME PROBE SKB IP_HEADER: a probe of the script. It tells of what is for this address and port, which comes by ens33: eth1 gets the other direction.
probe() {
	cat <<-END
		$2 {
			\$time_ns = nsecs;
			\$skb = (struct sk_buff *)$3;
			\$ip = (struct iphdr *)($4);
			\$tcp = (struct tcphdr *)($4 + \$ip->ihl * 4);
			if (\$ip->version == 4 && \$ip->protocol == $IPPROTO_TCP && \$ip->daddr == $OWN4_LE && \$tcp->dest == $PORT_LE) {
				printf("$1 %llu %u %u %u\n", \$time_ns, \$tcp->seq, \$ip->tot_len, \$ip->ihl * 4 + \$tcp->doff * 4);
			}
		}
	END
}
IPPROTO_TCP=6
OWN4_LE=$(awk -F . '{ print (($4 * 256 + $3) * 256 + $2) * 256 + $1 }' <<<"$OWN4")
PORT_LE=$((PORT % 256 * 256 + PORT / 256))
# shellcheck disable=SC2016 # bpftrace's variables
DATA='$skb->data' HEADER='$skb->head + $skb->network_header'

# start_script NAME FUNCTION...: in the background; returns when it has its probes. Lines of "STAGE TIME SEQ LENGTH HEADERS" go to $WORK/NAME.events.
start_script() {
	local name="$1"

	background bpftrace "$WORK/$name.bt" >"$WORK/$name.events" 2>"$WORK/$name.err"
	SCRIPT_PID=$LAST_PID
	wait_until 300 has_probes "${@:2}" || fail "bpftrace does not start: $(cat "$WORK/$name.err")"
	sleep 2 # for those that are not in that list
}

has_probes() {
	local function

	for function in "$@"; do
		grep -q " $function+0x[04] " /sys/kernel/debug/kprobes/list || return 1
	done
}

# Ends when all that was printed has arrived: bpftrace reads its buffers in its own time and gives up what is in them when it is told to end.
stop_script() {
	wait_until 120 settled "$WORK/$1.events" || fail "bpftrace does not come to an end"
	kill -INT "$SCRIPT_PID"
	wait "$SCRIPT_PID" || fail "bpftrace: $(cat "$WORK/$1.err")"
	cat "$WORK/$1.err"
	assert_no_grep 'Lost|WARN|ERROR' "$WORK/$1.err"
	assert_ge "$(payload "$1" driver)" "$SENT_BYTES" "bytes that came, by the script"
}

settled() {
	local before

	before=$(stat -c %s "$1")
	sleep 3
	[ "$(stat -c %s "$1")" = "$before" ]
}

# TCP connections of requests that come from ens33 and answers; how many bytes that makes is in $SENT_BYTES.
exchange() {
	local kind

	SENT_BYTES=0
	for kind in $REQUESTS; do
		tool_ready server "$TOOLS/tcp_pingpong" -l -t 100 -s "${kind#*:}" "$OWN4" $PORT
		ns peer "$TOOLS/tcp_pingpong" -n "${kind%:*}" -s "${kind#*:}" "$OWN4" $PORT || fail "no exchange"
		kill "$LAST_PID"
		wait "$LAST_PID" || true
		SENT_BYTES=$((SENT_BYTES + ${kind%:*} * ${kind#*:}))
	done
}

# payload NAME STAGE: bytes of it in the script's events.
payload() {
	awk -v stage="$2" '
		function swap(x) { return x % 256 * 256 + int(x / 256) }
		$1 == stage { sum += swap($4) - $5 }
		END { printf "%d\n", sum }' "$WORK/$1.events"
}

# events NAME STAGE: how many with payload.
events() {
	awk -v stage="$2" '
		function swap(x) { return x % 256 * 256 + int(x / 256) }
		$1 == stage && swap($4) > $5 { n++ }
		END { print n + 0 }' "$WORK/$1.events"
}

# The script's events and the packets of the capture, compared; prints a table in microseconds.
cat >"$WORK/compare.awk" <<'AWK'
function swap16(x) { return x % 256 * 256 + int(x / 256) }
function swap32(x) { return swap16(x % 65536) * 65536 + swap16(int(x / 65536)) }
function text(number) { return sprintf("%.0f", number) } # as an index: some awks shorten numbers above 2^31
function bad(what) { if (++bad_count <= 10) print "BAD: " what }
function name(seq, bytes) { return sprintf("%.0f+%d", seq, bytes) }
# Sorts list[1..n] of numbers.
function sort(list, n,    gap, i, j, x) {
	for (gap = int(n / 2); gap > 0; gap = int(gap / 2))
		for (i = gap + 1; i <= n; i++) {
			x = list[i]
			for (j = i; j > gap && list[j - gap] > x; j -= gap) list[j] = list[j - gap]
			list[j] = x
		}
}
# A quantile of values[stage, 1..n[stage]].
function quantile(values, n, stage, q,    list, i) {
	for (i = 1; i <= n[stage]; i++) list[i] = values[stage, i]
	sort(list, n[stage])
	return n[stage] ? list[int(q * (n[stage] - 1)) + 1] : 0
}
# The first packet of an skb, from the script's kprobe to its kfunc: how far the capture's clock may be ahead of the script's.
function held(stage, seq, packet, from_ns, stamp,    to_ns, i) {
	# What was sent again, or called twice, has no two times that are its own.
	if (events[stage, seq] != 1 || laters[stage, seq] != 1) return
	to_ns = later_ns[stage, seq]
	i = ++held_count[stage]
	waits[stage, i] = to_ns - from_ns
	least[stage, i] = stamp - to_ns
	most[stage, i] = stamp - from_ns
	if (ahead_least == "" || least[stage, i] > ahead_least) { ahead_least = least[stage, i]; least_of = packet " at " stage }
	if (ahead_most == "" || most[stage, i] < ahead_most) { ahead_most = most[stage, i]; most_of = packet " at " stage }
}
BEGIN { split("driver ip l4 socket", stages, " ") }
FNR == 1 { file++ }

file == 1 && NF == 5 {
	seq = text(swap32($3)); bytes = swap16($4) - $5
	if ($1 == "driver") script_has[name(seq, bytes)]++
	if (!bytes) next
	if ($1 ~ /_fentry$/) {
		sub(/_fentry$/, "", $1)
		later_ns[$1, seq] = $2
		laters[$1, seq]++
		next
	}
	i = ++event_count[$1]
	event_seq[$1, i] = seq; event_bytes[$1, i] = bytes; event_ns[$1, i] = $2
	events[$1, seq]++
}

# Time, sequence number, payload, comment.
file == 2 {
	split($1, part, ".")
	if (base_s == "") base_s = part[1]
	packet = name($2, $3)
	we_have[packet]++
	anchor_ns = (part[1] - base_s) * 1000000000 + part[2]
	at_ns = -1
	tokens = split($4, token, " ")
	for (i = 4; i <= tokens && token[i] != "|"; i++) {
		split(token[i], pair, /=\+|us/)
		split(pair[2], part, ".")
		step_ns = part[1] * 1000 + part[2]
		if (pair[1] == "driver") at_ns = anchor_ns
		else if (at_ns >= 0) at_ns += step_ns
		if (at_ns >= 0) stamp_ns[packet, pair[1]] = at_ns
		if ($3) steps[pair[1], ++step_count[pair[1]]] = step_ns
	}
}

END {
	for (packet in script_has) {
		packets += script_has[packet]
		if (script_has[packet] != we_have[packet]) bad("packet " packet ": " we_have[packet] + 0 " times, the script has it " script_has[packet] " times")
	}
	for (i = 1; i <= event_count["driver"]; i++) {
		seq = event_seq["driver", i]; packet = name(seq, event_bytes["driver", i])
		# Sent twice: which stamp is whose, a sequence number does not tell.
		if (script_has[packet] > 1) { twice++; continue }
		for (s = 1; s <= 4; s++) {
			stage = stages[s]
			if (!((packet, stage) in stamp_ns)) { bad("packet " packet " has no stamp at " stage); continue }
			for (e = (stage == "driver") ? i : 1; e <= event_count[stage]; e++) {
				# What GRO merged passes the other functions as one, and has the stamps of its first.
				past = seq - event_seq[stage, e]
				if (past < 0) past += 4294967296
				if (past >= event_bytes[stage, e]) continue
				stamp = stamp_ns[packet, stage]
				if (past == 0) {
					of_first[stage, e] = stamp
					held(stage, seq, packet, event_ns[stage, e], stamp)
				} else if ((stage, e) in of_first && (stamp - of_first[stage, e] > 1000 || of_first[stage, e] - stamp > 1000))
					bad("packet " packet ": not its parent's stamp at " stage)
				break
			}
			if (e > event_count[stage]) unseen[stage]++ # TCP merges what waits in a socket's backlog; a kprobe is not run inside another
		}
	}
	for (s = 1; s <= 4; s++)
		if (unseen[stages[s]] > 0.05 * packets) bad("the script missed " unseen[stages[s]] " segments at " stages[s])
	printf "%d packets, %d of them with payload (%d sent twice and left out); each stamp between the two probes of the script, in us\n", packets,
		event_count["driver"], twice
	print "stage       n  room: median     p90     max   step to here: median"
	for (s = 1; s <= 4; s++) {
		stage = stages[s]
		printf "%-7s %5d       %7.3f %7.3f %7.3f   %7.3f\n", stage, held_count[stage], quantile(waits, held_count, stage, 0.5) / 1000,
			quantile(waits, held_count, stage, 0.9) / 1000, quantile(waits, held_count, stage, 1) / 1000, quantile(steps, step_count, stage, 0.5) / 1000
		if (held_count[stage] < min_stamps || held_count[stage] < 0.9 * event_count[stage]) bad("too few at " stage)
	}
	printf "distance of the clocks: known to %.3f us by all stamps; the file's clock is certain to %.3f us\n", (ahead_most - ahead_least) / 1000, error_ns / 1000
	if (ahead_least > ahead_most + 2 * error_ns) {
		bad("no distance of the clocks serves " least_of " and " most_of ": " (ahead_least - ahead_most) / 1000 " us")
		for (s = 1; s <= 4; s++) {
			stage = stages[s]
			printf "%-7s ahead by at least %.3f at most %.3f us, of the medians\n", stage, quantile(least, held_count, stage, 0.5) / 1000 - ahead_least / 1000,
				quantile(most, held_count, stage, 0.5) / 1000 - ahead_least / 1000
		}
	}
	if (bad_count) { print bad_count " things are wrong"; exit 1 }
}
AWK

say "the script beside a recording"
{
	probe driver kprobe:eth_type_trans arg0 "$DATA + 14"
	probe ip kprobe:ip_rcv_core arg0 "$DATA"
	probe l4 kprobe:tcp_v4_rcv arg0 "$HEADER"
	probe socket kprobe:tcp_queue_rcv arg1 "$HEADER"
	probe driver_fentry kfunc:eth_type_trans 'args->skb' "$DATA + 14"
	probe ip_fentry kfunc:ip_rcv_core 'args->skb' "$DATA"
	probe l4_fentry kfunc:tcp_v4_rcv 'args->skb' "$HEADER"
	probe socket_fentry kfunc:tcp_queue_rcv 'args->skb' "$HEADER"
	probe ip_rcv kprobe:ip_rcv arg0 "$DATA"
	probe tcp_data_queue kprobe:tcp_data_queue arg1 "$HEADER"
} >"$WORK/both.bt"
start_script both eth_type_trans ip_rcv_core tcp_v4_rcv tcp_queue_rcv ip_rcv tcp_data_queue
start_record recording -i ens33 -w "$WORK/recording.pcapng"
exchange
stop_script both
stop_record recording
cat "$WORK/recording.err"
check_file "$WORK/recording.pcapng"
clean_tshark -r "$WORK/recording.pcapng" -n -Y "tcp.dstport == $PORT" -T fields -e frame.time_epoch -e tcp.seq_raw -e tcp.len -e frame.comment >"$WORK/packets"
error_ns=$("$TOOLS/pcapng_dump" <"$WORK/recording.pcapng" | sed -n '1s/.* clock_error=\([0-9]*\)ns.*/\1/p')
awk -v min_stamps=40 -v error_ns="${error_ns:?no clock error in the file}" -f "$WORK/compare.awk" "$WORK/both.events" FS='\t' "$WORK/packets" || fail "stampcap and the script do not agree"

say "what the well-known script sees of it"
for function in ip_rcv tcp_data_queue; do
	echo "$function: $(events both $function) calls with payload, of $(events both driver) segments in $(events both l4) skbs, $(events both socket) of them queued"
done
assert_eq "$(grep -c '^ip_rcv ' "$WORK/both.events" || true)" 0 "calls of ip_rcv"
[ "$(events both tcp_data_queue)" -lt "$(events both socket)" ] || fail "tcp_data_queue got all that was queued: this exchange does not take the fast path"
