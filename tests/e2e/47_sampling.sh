#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 60
# beside others
# Less than everything: one flow in N, whole and both ways; memory by request.
. "$(dirname "$0")/lib.sh"

make_pair plain
FLOWS=160 SHARE=4

# Which flows there are, "PORT PACKETS" each, the port being the client's.
flows() {
	clean_tshark -r "$1" -n -Y "tcp.port == 9600" -T fields -e tcp.srcport -e tcp.dstport |
		awk '{ count[$1 == 9600 ? $2 : $1]++ } END { for (port in count) print port, count[port] }' | sort
}

say "--sample: one flow in $SHARE of $FLOWS, each whole"
tool_ready pong in_server "$TOOLS/tcp_pingpong" -l -t 60 "$SERVER4" 9600
start_tcpdump "$SERVER" s0 "$WORK/all.pcap" tcp port 9600
start_record sample --netns "$SERVER" -i s0 --sample 1/$SHARE -w "$WORK/sample.pcapng" tcp
for ((i = 0; i < FLOWS; i++)); do
	in_client "$TOOLS/tcp_pingpong" -n 3 -t 5 "$SERVER4" 9600 >/dev/null
done
stop_record sample
stop_tcpdump
cat "$WORK/sample.err"
assert_grep 'one flow in 4' "$WORK/sample.err"
check_file "$WORK/sample.pcapng"
flows "$WORK/all.pcap" >"$WORK/all.flows"
flows "$WORK/sample.pcapng" >"$WORK/sample.flows"
assert_eq "$(wc -l <"$WORK/all.flows")" $FLOWS "flows there were"
taken=$(wc -l <"$WORK/sample.flows")
assert_ge "$taken" $((FLOWS / SHARE / 2)) "flows taken"
assert_ge $((FLOWS / SHARE * 2)) "$taken" "at most"
assert_eq "$(comm -23 "$WORK/sample.flows" "$WORK/all.flows")" "" "flows that are not whole"
check_timelines "$WORK/sample.pcapng" -v min_complete=0.98 -v irq=no
"$STAMPCAP" report "$WORK/sample.pcapng" >"$WORK/report"
assert_grep 'filter "tcp", one flow in 4' "$WORK/report"
assert_eq "$("$STAMPCAP" report --format json "$WORK/sample.pcapng" | jq .capture.sample)" 4 "as JSON has it"

say "--memory"
start_record memory -v --netns "$SERVER" -i s0 --memory 24 -w "$WORK/memory.pcapng" icmp
in_client ping -q -c 20 -i 0.01 "$SERVER4" >/dev/null
stop_record memory
grep 'kernel memory' "$WORK/memory.err"
memory=$(sed -n 's/.*kernel memory for timelines and rings: \([0-9]*\) KiB/\1/p' "$WORK/memory.err")
assert_ge $((24 * 1024 + 4096)) "$memory" "KiB of kernel memory, the tables that are always there included"
check_file "$WORK/memory.pcapng"
assert_grep '20 seen' "$WORK/memory.err"

say "what is wrong is said"
refuse 2 '--sample 2/3: ' "$STAMPCAP" record -i lo --sample 2/3
refuse 2 '--sample 1/0: ' "$STAMPCAP" record -i lo --sample 1/0
refuse 2 '--memory x: ' "$STAMPCAP" record -i lo --memory x
refuse 1 '--memory: .* at least [0-9]+ MiB' "$STAMPCAP" record -i lo --memory 1 -s 0 -w /dev/null
