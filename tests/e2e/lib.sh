# SPDX-License-Identifier: GPL-2.0-only
# What the end-to-end tests share: a cleanup stack, namespaces of their own, recordings, an oracle that is not our code. Source it first.
# shellcheck shell=bash
set -Eeuo pipefail

TEST=$(basename "$0" .sh)
TOP=${TOP:-$(cd "$(dirname "$0")/../.." && pwd)}
TOOLS=$TOP/build/tests
STAMPCAP=${STAMPCAP:-$TOP/build/asan/stampcap}
WORK=${WORK:-$(mktemp -d "/tmp/$TEST.XXXXXX")}
ID=t$$
CLIENT=$TEST-$ID-client
SERVER=$TEST-$ID-server
CLIENT4=10.77.0.1 SERVER4=10.77.0.2 CLIENT6=fd77::1 SERVER6=fd77::2
export LC_ALL=C TZ=UTC
SHRINK=${SHRINK:-1} # what long oracles divide their length by

# ---- ends: cleanup commands run last first, whatever the way out

declare -a cleanup_stack=()

defer() {
	cleanup_stack+=("$*")
}

run_cleanup() {
	local status=$? i

	trap - EXIT ERR INT TERM
	set +e
	for ((i = ${#cleanup_stack[@]} - 1; i >= 0; i--)); do
		eval "${cleanup_stack[$i]}" >/dev/null 2>&1
	done
	exit "$status"
}
trap run_cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'echo "$0:$LINENO: failed: $BASH_COMMAND" >&2' ERR

fail() {
	echo "FAIL: $*" >&2
	exit 1
}

skip() {
	echo "SKIP: $*"
	exit 77
}

say() {
	echo "--- $*"
}

# ---- what a test needs; the missing capability is named in the SKIP line

need() {
	local capability

	for capability in "$@"; do
		case "$capability" in
		root) [ "$(id -u)" = 0 ] || skip root ;;
		netns) { ip netns add "$TEST-$ID-probe" && ip netns del "$TEST-$ID-probe"; } 2>/dev/null ||
			skip "network namespaces" ;;
		bridge | ifb | vxlan) probe_link "$capability" || skip "$capability device" ;;
		tun) [ -c /dev/net/tun ] || skip "tun device" ;;
		tmpfs) [ "$(id -u)" = 0 ] || skip "mounting tmpfs" ;;
		program:*) command -v "${capability#program:}" >/dev/null || skip "program ${capability#program:}" ;;
		*) fail "need: unknown capability $capability" ;;
		esac
	done
}

probe_link() {
	local options=()

	[ "$1" = vxlan ] && options=(id 1 dstport 4789)
	ip netns add "$TEST-$ID-probe" 2>/dev/null || return 1
	if ip -n "$TEST-$ID-probe" link add probe0 type "$1" "${options[@]}" 2>/dev/null; then
		ip netns del "$TEST-$ID-probe"
		return 0
	fi
	ip netns del "$TEST-$ID-probe"
	return 1
}

# ---- processes: each ends with the test

# background COMMAND...: starts it, leaves its process id in $LAST_PID; `kill` and `wait` at the end of the test.
background() {
	{
		# The process in the background is the program itself, so that a signal reaches it and not a shell around it.
		IN_BACKGROUND=1
		if [ "$(type -t "$1")" = function ]; then "$@"; else exec "$@"; fi
	} &
	LAST_PID=$!
	defer "kill $LAST_PID; wait $LAST_PID"
}

# wait_until SECONDS COMMAND...: polls every 50 ms.
wait_until() {
	local deadline=$(($(date +%s%N) + $1 * 1000000000))

	shift
	until "$@" >/dev/null 2>&1; do
		[ "$(date +%s%N)" -lt $deadline ] || return 1
		sleep 0.05
	done
}

# in_ns NAMESPACE COMMAND...: only the network namespace changes, /sys stays (ip netns exec would hide cgroups and bpffs).
in_ns() {
	local ns="$1"

	shift
	${IN_BACKGROUND:+exec} nsenter --net="/run/netns/$ns" -- "$@"
}

in_client() {
	in_ns "$CLIENT" "$@"
}

in_server() {
	in_ns "$SERVER" "$@"
}

# tool_ready NAME COMMAND...: a background traffic program that says "ready"; output in $WORK/NAME.out.
tool_ready() {
	local name="$1"

	shift
	background "$@" >"$WORK/$name.out" 2>"$WORK/$name.err"
	wait_until 5 grep -q ready "$WORK/$name.out" || fail "$name did not start: $(cat "$WORK/$name.err")"
}

# ---- networks

make_ns() {
	ip netns add "$1"
	defer "ip netns del $1"
	# IPv6 addresses without detection of duplicates, and no traffic of their own.
	in_ns "$1" sh -c 'echo 0 >/proc/sys/net/ipv6/conf/all/accept_dad; echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad
		echo 0 >/proc/sys/net/ipv6/conf/default/router_solicitations' 2>/dev/null || true
	ip -n "$1" link set lo up
}

# make_veth NS1 IF1 NS2 IF2
make_veth() {
	ip -n "$1" link add "$2" type veth peer name "$4" netns "$3"
	ip -n "$1" link set "$2" addrgenmode none
	ip -n "$3" link set "$4" addrgenmode none
	ip -n "$1" link set "$2" up
	ip -n "$3" link set "$4" up
}

# offloads_off NS IF: what native XDP at the other end of a veth pair would turn off. Names that a kernel does not know are no loss.
offloads_off() {
	local feature

	for feature in tso tx-udp-segmentation tx-sctp-segmentation tx-gso-list; do
		in_ns "$1" ethtool -K "$2" $feature off >/dev/null 2>&1 || [ $feature != tso ] || fail "cannot turn $feature off"
	done
}

# make_pair [gro|plain]: client c0 and server s0. gro (default): NAPI with GRO at the server, TSO and the like off at the client, so that native XDP
# changes nothing; plain: as the kernel makes them.
make_pair() {
	make_ns "$CLIENT"
	make_ns "$SERVER"
	make_veth "$CLIENT" c0 "$SERVER" s0
	if [ "${1:-gro}" = gro ]; then
		in_server ethtool -K s0 gro on >/dev/null
		offloads_off "$CLIENT" c0
	fi
	ip -n "$CLIENT" addr add "$CLIENT4/24" dev c0
	ip -n "$SERVER" addr add "$SERVER4/24" dev s0
	ip -n "$CLIENT" addr add "$CLIENT6/64" dev c0 nodad
	ip -n "$SERVER" addr add "$SERVER6/64" dev s0 nodad
	wait_until 5 in_client ping -c 1 -W 1 -q "$SERVER4" || fail "no IPv4 between the namespaces"
	wait_until 5 in_client ping -c 1 -W 1 -q "$SERVER6" || fail "no IPv6 between the namespaces"
}

# make_router: client c0 - r0 router r1 - server s0, IPv4 and IPv6; in $ROUTER the router's namespace, in $FAR4 and $FAR6 the server's addresses.
make_router() {
	ROUTER=$TEST-$ID-router FAR4=10.78.2.1 FAR6=fd78:2::1
	make_ns "$CLIENT"
	make_ns "$SERVER"
	make_ns "$ROUTER"
	make_veth "$CLIENT" c0 "$ROUTER" r0
	make_veth "$SERVER" s0 "$ROUTER" r1
	in_ns "$ROUTER" sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'
	ip -n "$CLIENT" addr add 10.78.1.1/24 dev c0
	ip -n "$CLIENT" addr add fd78:1::1/64 dev c0 nodad
	ip -n "$ROUTER" addr add 10.78.1.254/24 dev r0
	ip -n "$ROUTER" addr add fd78:1::fe/64 dev r0 nodad
	ip -n "$ROUTER" addr add 10.78.2.254/24 dev r1
	ip -n "$ROUTER" addr add fd78:2::fe/64 dev r1 nodad
	# A router asks for neighbours from its link-local addresses.
	ip -n "$ROUTER" addr add fe80::1/64 dev r0 nodad
	ip -n "$ROUTER" addr add fe80::2/64 dev r1 nodad
	ip -n "$SERVER" addr add $FAR4/24 dev s0
	ip -n "$SERVER" addr add $FAR6/64 dev s0 nodad
	ip -n "$CLIENT" route add default via 10.78.1.254
	ip -n "$CLIENT" route add default via fd78:1::fe
	ip -n "$SERVER" route add default via 10.78.2.254
	ip -n "$SERVER" route add default via fd78:2::fe
	wait_until 10 in_client ping -c 1 -W 1 -q $FAR4 || fail "no IPv4 through the router"
	wait_until 10 in_client ping -c 1 -W 1 -q $FAR6 || fail "no IPv6 through the router"
}

# ---- recordings

# start_record NAME OPTION...: in the background until stop_record NAME; stdout and stderr in $WORK/NAME.out and .err; returns when it records.
start_record() {
	local name="$1"

	shift
	rm -f "$WORK/$name.err" # what a recording of that name said before
	say "stampcap record $*"
	# A shell starts background programs with SIGINT ignored; a user's Ctrl-C finds it in its default state.
	env --default-signal=INT "$STAMPCAP" record "$@" >"$WORK/$name.out" 2>"$WORK/$name.err" &
	RECORD_PID=$!
	defer "kill $RECORD_PID; wait $RECORD_PID"
	wait_recording "$name"
}

wait_recording() {
	local name="$1" deadline=$((SECONDS + ${RECORD_STARTS_IN:-20}))

	until grep -qs 'recording on' "$WORK/$name.err"; do
		if ! kill -0 "$RECORD_PID" 2>/dev/null; then
			cat "$WORK/$name.err" >&2
			fail "record ended before it recorded"
		fi
		if [ $SECONDS -ge $deadline ]; then
			cat "$WORK/$name.err" >&2
			fail "record does not say that it records"
		fi
		sleep 0.05
	done
}

# stop_record NAME [SIGNAL] [STATUS]: INT and 0 unless told otherwise. Lets what is under way arrive first.
stop_record() {
	local name="$1" signal="${2:-INT}" want="${3:-0}" status=0

	sleep 0.5
	kill -"$signal" "$RECORD_PID"
	wait_record "$name" "$want"
}

# wait_record NAME [STATUS]: until it ends by itself.
wait_record() {
	local name="$1" want="${2:-0}" status=0

	wait_until 30 record_gone || fail "record does not end"
	wait "$RECORD_PID" || status=$?
	if [ "$status" != "$want" ]; then
		cat "$WORK/$name.err" >&2
		fail "record: exit status $status, not $want"
	fi
}

record_gone() {
	! kill -0 "$RECORD_PID" 2>/dev/null
}

# start_tcpdump NS IF FILE [OPTION...]: the second witness.
start_tcpdump() {
	local ns="$1" dev="$2" file="$3"

	shift 3
	background in_ns "$ns" tcpdump -i "$dev" -w "$file" -U -s 0 -B 16384 --time-stamp-precision=nano "$@" 2>"$file.err"
	TCPDUMP_PID=$LAST_PID
	TCPDUMP_FILE=$file
	wait_until 5 grep -q 'listening on' "$file.err" || fail "tcpdump did not start: $(cat "$file.err")"
	sleep 0.2
}

stop_tcpdump() {
	# It gets its packets in blocks, at the latest after a second.
	sleep 1.3
	kill -TERM "$TCPDUMP_PID"
	wait "$TCPDUMP_PID" || true
	grep -q '^0 packets dropped by kernel' "$TCPDUMP_FILE.err" || fail "tcpdump lost packets: $(cat "$TCPDUMP_FILE.err")"
}

# ---- the oracle: tshark and our test's own block reader, never our own code

# tshark without its remark about root; anything else on stderr is a warning about the file and fails the test.
clean_tshark() {
	local status=0

	tshark "$@" 2>"$WORK/tshark.err" || status=$?
	if grep -v -e 'Running as user "root"' "$WORK/tshark.err" | grep -q .; then
		cat "$WORK/tshark.err" >&2
		fail "tshark $*: a warning"
	fi
	return $status
}

# The columns of timelines(), in order: timelines.awk names them again by number.
COLUMNS="frame.number frame.time_epoch frame.len frame.cap_len eth.type tcp.srcport tcp.len tcp.flags udp.srcport icmp.type icmpv6.type
	ip.frag_offset ip.flags.mf ipv6.fraghdr.nxt ip.version ipv6.version frame.interface_name frame.comment"

# timelines FILE: one line a packet into FILE.tsv.
timelines() {
	local field args=()

	for field in $COLUMNS; do
		args+=(-e "$field")
	done
	clean_tshark -r "$1" -o ip.defragment:FALSE -o ipv6.defragment:FALSE -o tcp.desegment_tcp_streams:FALSE -n \
		-T fields -E separator=/t -E occurrence=f "${args[@]}" >"$1.tsv"
}

blocks() {
	"$TOOLS/pcapng_dump" <"$1"
}

# A whole file: readable everywhere without a warning, blocks in order, and its accounting agrees with what it holds.
check_file() {
	local file="$1"

	capinfos "$file" >"$WORK/capinfos" 2>"$WORK/capinfos.err" || fail "capinfos $file: $(cat "$WORK/capinfos.err")"
	[ ! -s "$WORK/capinfos.err" ] || fail "capinfos $file: $(cat "$WORK/capinfos.err")"
	grep -q '^Strict time order: *True' "$WORK/capinfos" || fail "$file: capinfos finds packets out of order"
	blocks "$file" >"$file.blocks" || fail "$file: malformed"
	awk -f "$TOP/tests/lib/blocks.awk" "$file.blocks" || fail "$file: blocks or accounting are wrong"
	tcpdump -n -r "$file" >/dev/null 2>"$WORK/tcpdump.err" || fail "tcpdump cannot read $file: $(cat "$WORK/tcpdump.err")"
}

# unseen NAME: how many received packets the recording of that name may not have seen at most, because this kernel ran no program in some softirqs: a NAPI poll takes 64.
unseen() {
	echo $((64 * $(sed -n 's/^stampcap: rx: .*[( ]blind \([0-9]*\).*/\1/p' "$WORK/$1.err" | grep . || echo 0)))
}

# missed FILE: runs of its programs that the kernel skipped, because they had interrupted themselves, after check_file. Such a packet lacks a stage.
missed() {
	awk '/^ISB/ { n = split($0, token, " "); for (i = 1; i <= n; i++) if (sub(/^rejected\.missed=/, "", token[i])) sum += token[i] } END { print sum + 0 }' "$1.blocks"
}

# check_timelines FILE [-v NAME=VALUE...]: variables of timelines.awk.
check_timelines() {
	local file="$1"

	shift
	timelines "$file"
	awk -v missed="$(missed "$file")" "$@" -f "$TOP/tests/lib/timelines.awk" "$file.tsv" || fail "$file: timelines are wrong"
}

# count FILE DISPLAY_FILTER: packets that tshark finds.
count() {
	clean_tshark -r "$1" -n -o ip.defragment:FALSE -o ipv6.defragment:FALSE -Y "$2" -T fields -e frame.number | wc -l
}

# comments FILE DISPLAY_FILTER
comments() {
	clean_tshark -r "$1" -n -Y "$2" -T fields -e frame.comment
}

# wire_bytes FILE [EXTENDED_REGEX...]: the bytes of each packet, one a line, sorted; only those whose block line matches.
wire_bytes() {
	"$TOOLS/pcapng_dump" -b <"$1" | grep '^EPB' | grep -E -- "${2:-.}" | sed 's/.*\tbytes=\([0-9a-f]*\).*/\1/' | sort
}

# same_packets OURS TCPDUMP: the same bytes, packet by packet. Packets that GRO merged are one in tcpdump's file and several in ours: they are left out on
# both sides here (tcpdump's by being longer than what a wire carries) and compared by same_streams. Packets of no interest: neighbour and group
# maintenance, which may fall between the two starts.
same_packets() {
	local noise='^.{24}(0806|86dd.{12}3aff|86dd.{12}0001)'

	editcap -F pcapng "$2" "$2.ng"
	"$TOOLS/pcapng_dump" -b <"$1" | grep '^EPB' | grep -vE 'flags=[a-z+]*gro' |
		sed 's/.*\tbytes=\([0-9a-f]*\).*/\1/' | grep -vE "$noise" | sort >"$1.bytes"
	wire_bytes "$2.ng" | grep -vE "$noise" >"$2.bytes"
	comm -23 "$1.bytes" "$2.bytes" >"$1.only"
	comm -13 "$1.bytes" "$2.bytes" >"$2.only"
	say "packets: ours $(wc -l <"$1.bytes") unmerged, tcpdump $(wc -l <"$2.bytes"); only ours $(wc -l <"$1.only"), only tcpdump's $(wc -l <"$2.only")"
	[ ! -s "$1.only" ] || fail "packets that tcpdump did not see: $(head -c 300 "$1.only")"
	# What tcpdump has more of must be merged packets: as many as we have GRO parents.
	assert_eq "$(wc -l <"$2.only")" "$(gro_parents "$1")" "packets only tcpdump saw, against merged ones of ours"
}

# Packets of FILE that others were merged into.
gro_parents() {
	comments "$1" 'frame.comment contains "gro"' | grep -E ' flags=[a-z+]*gro' | grep -vc ' into=' || true
}

# stream_bytes FILE: TCP payload per direction of each connection, and UDP datagrams.
stream_bytes() {
	clean_tshark -r "$1" -n -Y 'tcp.len > 0' -T fields -e ip.src -e ipv6.src -e tcp.srcport -e tcp.dstport -e tcp.len |
		awk -F '\t' '{ sum[$1 $2 ":" $3 ">" $4] += $5 } END { for (s in sum) print s, sum[s] }' | sort
}

same_streams() {
	stream_bytes "$1" >"$1.streams"
	stream_bytes "$2" >"$2.streams"
	diff "$1.streams" "$2.streams" || fail "TCP payload differs from tcpdump's"
}

# nanoseconds FILE DISPLAY_FILTER STAGE: the step that ends at STAGE, one line a packet, in ns.
nanoseconds() {
	comments "$1" "$2" | sed -n "s/.* $3=+\([0-9]*\)\.\([0-9]*\)us.*/\1\2/p" | sed 's/^0*\([0-9]\)/\1/'
}

# tally EXTENDED_REGEX: matching lines of stdin; none is 0 and no failure.
tally() {
	grep -cE -- "$1" || true
}

# ---- streams that carry their own identity (tests/lib/stream.h)

# stream_packets FILE PORT [LAST_PORT]: its data packets, in the columns of identity.awk, into FILE.received (to these ports) and FILE.sent (from them).
stream_packets() {
	local last="${3:-$2}"

	clean_tshark -r "$1" -n -o tcp.desegment_tcp_streams:FALSE -Y "tcp.len > 0 && tcp.port in {$2..$last}" -T fields -E occurrence=f -e tcp.srcport -e tcp.dstport \
		-e tcp.seq_raw -e tcp.len -e tcp.payload -e frame.time_epoch -e frame.comment >"$1.streams"
	awk -F '\t' -v first="$2" -v last="$last" '$2 >= first && $2 <= last' "$1.streams" >"$1.received"
	awk -F '\t' -v first="$2" -v last="$last" '$1 >= first && $1 <= last' "$1.streams" >"$1.sent"
}

# judge_streams FILE received|sent STAGE MARK LOG [-v NAME=VALUE...]: what stream_packets left of FILE, by what its payload says, against the calls in LOG;
# variables of oracle.awk.
judge_streams() {
	local packets="$1.$2" stage="$3" mark="$4" log="$5"

	shift 5
	awk -v mark="$mark" -f "$TOP/tests/lib/identity.awk" "$packets" "$packets" >"$packets.places" || fail "$packets: not the bytes that belong there"
	# Nothing is forwarded where streams are judged: what was received has no stage of what is sent.
	! grep -m 1 'stampcap rx [^|]* tx_' "$packets" || fail "$packets: a received packet with stages of a sent one"
	sed -n "s/^$stage //p" "$log" >"$packets.calls"
	awk -v stage="$stage" "$@" -f "$TOP/tests/lib/oracle.awk" "$packets.calls" "$packets.places" || fail "$packets: $stage is not where it was"
}

# start_pair NAME PORT ROLE MODE COUNT OTHER_MODE OTHER_COUNT: tcp_paths at the recorded end and at the other, both in the background; process ids in ${NAME}_here, ${NAME}_there.
start_pair() {
	local name="$1" port="$2" stream=$(($2 - 9600)) other=send

	[ "$3" = receive ] || other=receive
	tool_ready "$name" in_server "$TOOLS/tcp_paths" serve "$SERVER4" "$port" "$3" "$4" "$5" $stream
	declare -g "${name}_here=$LAST_PID"
	background in_client "$TOOLS/tcp_paths" connect "$SERVER4" "$port" $other "$6" "$7" $stream >"$WORK/$name.other" 2>&1
	declare -g "${name}_there=$LAST_PID"
}

# end_pair NAME
end_pair() {
	wait_until 30 grep -q done "$WORK/$1.out" || fail "$1 does not end: $(cat "$WORK/$1.err" "$WORK/$1.other")"
}

# judge_path NAME PORT received|sent STAGE [-v NAME=VALUE...]
judge_path() {
	local name="$1" port="$2" way="$3" stage="$4"

	shift 4
	say "$name: $stage"
	stream_packets "$FILE" "$port"
	judge_streams "$FILE" "$way" "$stage" 3e "$WORK/$name.out" -v again=judge "$@"
}

# sum_of KEY FILE...: of its values.
sum_of() {
	awk -F = -v key="$1" '$1 == key { sum += $2 } END { print sum + 0 }' "${@:2}"
}

# datagrams FILE: port, number, time and comment of every datagram.
datagrams() {
	"$TOOLS/pcapng_dump" -b <"$1" | awk -f "$TOP/tests/lib/datagrams.awk" | awk -F '\t' -v OFS='\t' '{ print substr($5, 10), $1, $3, $6 }'
}

# broken_comments FILE: those of the datagrams that `udp_identity send ... b` made with a wrong checksum.
broken_comments() {
	"$TOOLS/pcapng_dump" -b <"$1" | grep -E 'bytes=[0-9a-f]{84}62626262' | sed 's/.*comment=//'
}

# judge_pace: of $FILE.sent, as it has just been judged, each packet's wait for the pace of `tcp_paths send paced` is there, between write and l4 (ip, where l4 has no
# stamp) or in the queue, as long as the place of its first byte says, and nowhere else.
judge_pace() {
	awk -F '\t' -v rate=1000000 -v free=30000 '
		function us(name) { return match($3, " " name "=\\+[0-9.]+us") ? substr($3, RSTART + length(name) + 3, RLENGTH - length(name) - 5) + 0 : 0 }
		{
			byte = $1 % 1099511627776 - $4 + 1
			wait = ($3 ~ / l4=/ ? us("l4") : us("ip")) + us("paced") + us("qdisc")
			split($3, part, "[= ]")
			rest = part[4] - wait
			if (byte < free) next
			count++
			if (wait < (byte - free) * 1000000 / rate) { print "BAD only " wait " us at byte " byte ": " $3; bad++ }
			waits += wait
			rests += rest
		}
		END {
			printf "%d packets waited %.0f us for their pace, and %.0f us elsewhere\n", count, waits / count, rests / count
			exit count < 4 || bad || rests > waits / 20
		}' "$FILE.sent.places" || fail "waits for the pace are not where they belong"
}

# kernel_count NAME: nstat's counter in the namespace of the recorded end.
kernel_count() {
	in_server nstat -asz "$1" | awk -v name="$1" '$1 == name { print $2 }'
}

# ---- servers

# start_nginx NS: port 8080, both families; /small (1 kB) and /large (200 kB).
start_nginx() {
	local dir="$WORK/nginx"

	need program:nginx
	mkdir -p "$dir/www" "$dir/tmp"
	head -c 1000 /dev/zero | tr '\0' s >"$dir/www/small"
	head -c 200000 /dev/zero | tr '\0' l >"$dir/www/large"
	cat >"$dir/conf" <<-END
		daemon off; master_process off; pid $dir/pid; error_log $dir/error.log;
		events { worker_connections 256; }
		http {
			access_log off; keepalive_requests 100000;
			client_body_temp_path $dir/tmp; proxy_temp_path $dir/tmp; fastcgi_temp_path $dir/tmp;
			uwsgi_temp_path $dir/tmp; scgi_temp_path $dir/tmp;
			server { listen 0.0.0.0:8080; listen [::]:8080; root $dir/www; }
		}
	END
	background in_ns "$1" nginx -p "$dir" -c "$dir/conf" -e "$dir/error.log"
	wait_until 5 in_ns "$1" curl -s -o /dev/null http://127.0.0.1:8080/small || fail "nginx did not start"
}

# http COUNT PATH [CURL_OPTION...]: COUNT requests over each family from the client; keep-alive unless told otherwise.
http() {
	local n="$1" path="$2" address

	shift 2
	for address in "$SERVER4" "[$SERVER6]"; do
		in_client curl -s -f --max-time 60 -o /dev/null "$@" "http://$address:8080/$path?[1-$n]" || fail "curl to $address"
	done
}

# udp_exchanges COUNT SIZE [OPTION...]: over each family; the servers are udp_echo on port 9000.
start_udp_echo() {
	tool_ready udp_echo4 in_server "$TOOLS/udp_echo" "$@" "$SERVER4" 9000 100
	tool_ready udp_echo6 in_server "$TOOLS/udp_echo" "$@" "$SERVER6" 9000 100
}

udp_exchanges() {
	local n="$1" size="$2" address

	shift 2
	for address in "$SERVER4" "$SERVER6"; do
		in_client "$TOOLS/udp_client" "$@" "$address" 9000 "$n" "$size" || fail "UDP exchanges with $address"
	done
}

# pings COUNT [OPTION...]: over each family.
pings() {
	local n="$1" address

	shift
	for address in "$SERVER4" "$SERVER6"; do
		in_client ping -q -i 0.01 -c "$n" -W 2 "$@" "$address" >"$WORK/ping.out" || fail "ping $address: $(cat "$WORK/ping.out")"
	done
}

# ---- asserts

assert_eq() {
	[ "$1" = "$2" ] || fail "${3:-values}: $1, not $2"
}

assert_ge() {
	[ "$1" -ge "$2" ] || fail "${3:-value}: $1 is below $2"
}

assert_le() {
	[ "$1" -le "$2" ] || fail "${3:-value}: $1 is above $2"
}

assert_grep() {
	grep -qE -- "$1" "$2" || {
		sed 's/^/      > /' "$2" | tail -n 20 >&2
		fail "no '$1' in $2"
	}
}

assert_no_grep() {
	! grep -E -- "$1" "$2" || fail "'$1' in $2"
}

# refuse STATUS PATTERN COMMAND...: fails with STATUS, nothing on stdout, and one line on stderr that matches PATTERN.
refuse() {
	local want="$1" pattern="$2" status=0

	shift 2
	say "must refuse: $*"
	timeout 20 "$@" >"$WORK/refuse.out" 2>"$WORK/refuse.err" </dev/null || status=$?
	cat "$WORK/refuse.err"
	assert_eq "$status" "$want" "exit status of $*"
	[ ! -s "$WORK/refuse.out" ] || fail "$*: wrote to stdout: $(head -c 200 "$WORK/refuse.out")"
	assert_eq "$(wc -l <"$WORK/refuse.err")" 1 "lines on stderr of $*"
	assert_grep "$pattern" "$WORK/refuse.err"
	assert_grep '^stampcap: ' "$WORK/refuse.err"
}

# ---- traces

# snapshot NS...: everything that can be attached, there and in the host's own namespace, as text to compare.
snapshot() {
	local ns

	echo "[links]"
	bpftool link show
	echo "[programs of ours]"
	bpftool prog show | grep -E 'name (sc_|stampcap)' || true
	echo "[maps of ours]"
	bpftool map show | grep -E 'name (timelines|events|xdp_marks|devices)' || true
	for ns in "$@"; do
		echo "[$ns]"
		in_ns "$ns" bpftool net
		in_ns "$ns" tc qdisc show
		for dev in $(ip -n "$ns" -o link show | sed 's/^[0-9]*: \([^:@]*\).*/\1/'); do
			in_ns "$ns" tc filter show dev "$dev" ingress 2>/dev/null || true
			in_ns "$ns" tc filter show dev "$dev" egress 2>/dev/null || true
			in_ns "$ns" ethtool -k "$dev" 2>/dev/null | grep -E 'segmentation|offload' || true
			ip -n "$ns" -d link show dev "$dev" | grep -vE 'qlen|state' || true
		done
	done
	echo "[namespaces]"
	ip netns list | grep -E "$ID|stampcap" | sort || true
}

# no_trace BEFORE NS...: within 5 s everything is as in the file BEFORE.
no_trace() {
	local before="$1" deadline=$((SECONDS + 5))

	shift
	until snapshot "$@" >"$before.after" && diff "$before" "$before.after" >"$before.diff"; do
		if [ $SECONDS -ge $deadline ]; then
			cat "$before.diff" >&2
			fail "traces are left"
		fi
		sleep 0.2
	done
}

need root netns
[ -x "$STAMPCAP" ] || fail "$STAMPCAP has not been built"

# same_sequence OURS TCPDUMP: the same packets with the same bytes in the same order.
same_sequence() {
	editcap -F pcapng "$2" "$2.ng"
	"$TOOLS/pcapng_dump" -b <"$1" | sed -n 's/^EPB.*\tbytes=\([0-9a-f]*\).*/\1/p' >"$1.sequence"
	"$TOOLS/pcapng_dump" -b <"$2.ng" | sed -n 's/^EPB.*\tbytes=\([0-9a-f]*\).*/\1/p' >"$2.sequence"
	say "packets: ours $(wc -l <"$1.sequence"), tcpdump $(wc -l <"$2.sequence")"
	diff "$1.sequence" "$2.sequence" >"$1.diff" || fail "ours (<) and tcpdump's (>) differ: $(head -c 600 "$1.diff")"
}
