# SPDX-License-Identifier: GPL-2.0-only
# What runs beside the traffic: begin_NAME and end_NAME; the process that holds the programs in $HELD_PID.
# shellcheck shell=bash

HELD_PID=
begin_nothing() { :; }
end_nothing() { :; }

begin_recording() {
	start_record "$1" --netns "$SERVER" -w "$WORK/$1.pcapng" "${@:2}" >/dev/null
	HELD_PID=$RECORD_PID
}

# What it says of losses goes to $WORK/losses.
end_recording() {
	stop_record "$1"
	sed -n 's/^stampcap: \([rt]x: .* lost.*\)/\1/p' "$WORK/$1.err" | sed 's/[0-9]* seen = [0-9]* complete + //' >>"$WORK/losses"
	rm "$WORK/$1.pcapng"
}

# The device is one that nothing passes: what the programs on global hooks (all but XDP and TC) cost before a packet is recorded.
begin_hooks() { begin_recording hooks -i lo; }
end_hooks() { end_recording hooks; }
begin_record() { begin_recording record -i s0; }
end_record() { end_recording record; }
begin_hist() {
	RECORD_STARTS_IN=60 start_record hist --netns "$SERVER" -i s0 --hist >/dev/null
	HELD_PID=$RECORD_PID
}
end_hist() { stop_record hist; }
# shellcheck disable=SC2086
begin_filter() { begin_recording filter -i s0 $FILTER; }
end_filter() { end_recording filter; }

# Empty programs at the hooks of a recording, and such that read the clock: the floor.
EMPTY_XDP=
hold_hooks() {
	# shellcheck disable=SC2086
	tool_ready empty in_server "$TOOLS/bench/empty_hooks" -i s0 $EMPTY_XDP "$@"
	HELD_PID=$LAST_PID
}

end_hold() {
	kill "$HELD_PID"
	wait "$HELD_PID"
}
begin_empty() { hold_hooks; }
end_empty() { end_hold; }
begin_floor() { hold_hooks -k; }
end_floor() { end_hold; }

begin_tcpdump() { start_tcpdump "$SERVER" s0 "$WORK/td.pcap"; }
end_tcpdump() {
	sleep 1.3
	kill -TERM "$TCPDUMP_PID"
	wait "$TCPDUMP_PID" || true
	sed -n 's/^\([1-9][0-9]* packets dropped by kernel\)/tcpdump: \1/p' "$TCPDUMP_FILE.err" >>"$WORK/losses"
	rm -f "$TCPDUMP_FILE"
}

begin_dumpcap() {
	background in_server dumpcap -q -i s0 -w "$WORK/dc.pcapng" 2>"$WORK/dumpcap.err"
	HELD_PID=$LAST_PID
	wait_until 5 grep -q 'File:' "$WORK/dumpcap.err" || fail "dumpcap did not start: $(cat "$WORK/dumpcap.err")"
}
end_dumpcap() {
	kill -INT "$HELD_PID"
	wait "$HELD_PID" || true
	rm -f "$WORK/dc.pcapng"
}

# A line per packet at each of four tracepoints, as one writes it to find out where time goes.
begin_bpftrace() {
	background bpftrace -e 'BEGIN { printf("ready\n"); }
		tracepoint:net:napi_gro_receive_entry, tracepoint:net:netif_receive_skb, tracepoint:net:net_dev_queue, tracepoint:net:net_dev_start_xmit {
			printf("%llu %s %p\n", nsecs, probe, args->skbaddr);
		}' >"$WORK/bpftrace.out" 2>"$WORK/bpftrace.err"
	HELD_PID=$LAST_PID
	wait_until 20 grep -q ready "$WORK/bpftrace.out" || fail "bpftrace did not start: $(cat "$WORK/bpftrace.err")"
}
end_bpftrace() {
	kill -INT "$HELD_PID"
	wait "$HELD_PID" || true
	rm -f "$WORK/bpftrace.out"
}

# can NAME: is there what this needs? Else $CANNOT says why not.
can() {
	local program

	CANNOT=''
	case "$1" in
	nginx) program="nginx wrk" ;;
	tcpdump | dumpcap | bpftrace) program=$1 ;;
	*) return 0 ;;
	esac
	for program in $program; do
		command -v "$program" >/dev/null || { CANNOT="no $program" && return 1; }
	done
	if [ "$1" = bpftrace ] && ! bpftrace -e 'BEGIN { exit(); } tracepoint:net:netif_receive_skb { printf("%p", args->skbaddr); }' >/dev/null 2>&1; then
		CANNOT="bpftrace cannot trace on this kernel"
		return 1
	fi
}
