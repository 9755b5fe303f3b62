#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What a filter leaves of a connection still tells whole stories: the send call of the first packet that matches, reads, and GRO with packets nobody wanted.
# timeout: 240
. "$(dirname "$0")/lib.sh"

make_pair gro
start_nginx "$SERVER"
get='tcp[((tcp[12:1] & 0xf0) >> 2):4] = 0x47455420' # payload begins with "GET "

say "one packet of each connection matches: sender, then receiver"
start_record sent --netns "$CLIENT" -i c0 -w "$WORK/sent.pcapng" "$get"
for i in 1 2 3 4 5 6 7 8 9 10; do in_client curl -s -f -o /dev/null "http://$SERVER4:8080/small"; done
stop_record sent
start_record taken --netns "$SERVER" -i s0 -w "$WORK/taken.pcapng" "$get"
for i in 1 2 3 4 5 6 7 8 9 10; do in_client curl -s -f -o /dev/null "http://$SERVER4:8080/small"; done
stop_record taken
for file in sent taken; do
	cat "$WORK/$file.err"
	check_file "$WORK/$file.pcapng"
	check_timelines "$WORK/$file.pcapng"
done
start_record late --netns "$CLIENT" -i c0 -w "$WORK/late.pcapng" --without tcx/egress,clsact/egress "$get"
in_client curl -s -f -o /dev/null "http://$SERVER4:8080/small"
stop_record late
assert_eq "$(count "$WORK/late.pcapng" 'frame.comment matches "stampcap tx .*write=.* ip=.* out=.* netdev=.* driver=.*comm=curl end=driver"')" 1 "requests sent, without TC"
assert_eq "$(count "$WORK/sent.pcapng" 'frame.comment matches "stampcap tx .*write=.* ip=.* out=.* tc=.* netdev=.* driver=.*comm=curl end=driver"')" 10 "requests sent"
assert_eq "$(count "$WORK/taken.pcapng" 'frame.comment matches "stampcap rx .*driver=.* ip=.* local=.* l4=.* socket=.* read=.*comm=nginx end=read"')" 10 "requests read"

say "a connection that was there before, of which every reply is recorded"
tool_ready pong in_server "$TOOLS/tcp_pingpong" -l -t 30 "$SERVER4" 9700
in_client "$TOOLS/tcp_pingpong" -t 7 "$SERVER4" 9700 >"$WORK/pingpong" &
client=$!
defer "kill $client"
sleep 0.5
start_record reply --netns "$SERVER" -i s0 -w "$WORK/reply.pcapng" -c 2000 tcp src port 9700
wait_record reply
wait "$client"
cat "$WORK/reply.err"
check_file "$WORK/reply.pcapng"
check_timelines "$WORK/reply.pcapng" -v min_tx=2000
assert_ge "$(comments "$WORK/reply.pcapng" 'tcp.len > 0' | tally ' write=\+')" 1990 "replies with their send call"

say "GRO: of bulk data, segments with PUSH; most of them ride in an skb that began with a segment nobody wanted"
head -c 30000000 /dev/urandom >"$WORK/data"
tool_ready sink in_server sh -c "echo ready; exec socat -u TCP4-LISTEN:7000,reuseaddr OPEN:$WORK/received,creat,trunc"
wait_until 5 in_server sh -c 'ss -ltn | grep -q 7000'
start_record push --netns "$SERVER" -i s0 -w "$WORK/push.pcapng" -s 128 --xdp off 'tcp dst port 7000 and tcp[tcpflags] & tcp-push != 0'
in_client socat -u OPEN:"$WORK/data" TCP4:"$SERVER4":7000
stop_record push
cat "$WORK/push.err"
cmp "$WORK/data" "$WORK/received" || fail "the transfer itself went wrong"
check_file "$WORK/push.pcapng"
check_timelines "$WORK/push.pcapng" -v min_rx=200
assert_eq "$(count "$WORK/push.pcapng" 'tcp.flags.push == 0')" 0 "segments without PUSH"
assert_ge "$(comments "$WORK/push.pcapng" tcp | grep -E ' flags=[a-z+]*gro' | grep -vc ' into=')" 100 "merged segments that carry their own story"
assert_eq "$(comments "$WORK/push.pcapng" tcp | tally ' flags=[a-z+]*hol')" 0 "segments behind a hole, of which there is none"
# A segment waits in GRO for the end of one poll: a longer wait would be that of somebody else's skb.
assert_eq "$(nanoseconds "$WORK/push.pcapng" tcp netif | awk '$1 > 5000000' | wc -l)" 0 "segments that GRO held for more than 5 ms"

say "GRO: every segment of large messages; its stories wait for their skbs without being in each other's way"
tool_ready large in_server "$TOOLS/tcp_pingpong" -l -t 60 -s 60000 "$SERVER4" 9701
start_record large --netns "$SERVER" -i s0 -w "$WORK/large.pcapng" -s 128 'tcp port 9701'
in_client "$TOOLS/tcp_pingpong" -n 150 -s 60000 "$SERVER4" 9701
stop_record large
cat "$WORK/large.err"
check_file "$WORK/large.pcapng"
check_timelines "$WORK/large.pcapng" -v min_rx=4000
assert_eq "$(tally '^stampcap: [rt]x: .* \+ 0 lost; ' <"$WORK/large.err")" 2 "directions without a loss"
assert_ge "$(comments "$WORK/large.pcapng" tcp | tally ' into=')" 2000 "segments that GRO merged"

say "datagrams: every tenth one is recorded, and its read lies within the call that returned it"
each=10500
tool_ready oracle in_server "$TOOLS/udp_oracle" read "$SERVER4" 9500 $((2 * each)) 20
start_record tenth --netns "$SERVER" -i s0 -w "$WORK/tenth.pcapng" 'udp dst port 9500 and udp[17] = 0x30'
senders=()
for cpu in 0 $(($(nproc) - 1)); do
	background in_client "$TOOLS/udp_oracle" send "$SERVER4" 9500 $((${#senders[@]} * each)) $each "$cpu" 1
	senders+=("$LAST_PID")
done
for sender in "${senders[@]}"; do
	wait "$sender" || fail "a sender"
done
wait_until 25 grep -q done "$WORK/oracle.out" || fail "the reader does not end"
stop_record tenth
cat "$WORK/tenth.err"
check_file "$WORK/tenth.pcapng"
check_timelines "$WORK/tenth.pcapng" -v min_complete=0 -v socket=no -v irq=no
sed '/^[0-9]/!d' "$WORK/oracle.out" | sort -n >"$WORK/oracle.log"
clean_tshark -r "$WORK/tenth.pcapng" -n -Y udp -T fields -e udp.payload -e frame.time_epoch -e frame.comment |
	awk -F '\t' '{ number = ""; for (i = 2; i <= 20; i += 2) number = number substr($1, i, 1); print number "\t" $2 "\t" $3 }' >"$WORK/tenth.packets"
assert_eq "$(wc -l <"$WORK/tenth.packets")" $((2 * each / 10)) "datagrams in the file"
awk -v stage=read -v min_share=0.95 -f "$TOP/tests/lib/oracle.awk" "$WORK/oracle.log" "$WORK/tenth.packets" || fail "reads are not where they were"
