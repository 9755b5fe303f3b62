#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The same traffic, recorded with fentry, with kprobe and with neither (tracepoints, TC, netfilter, cgroup): the same packets, whole, and the time goes to
# the same places. What a family cannot stamp is left out of the comparison, by what its file holds, not by a list here: 6.1 with tracepoints alone has no
# netfilter links, no sk_data_ready and no tcp_sendmsg_locked, so `ip`, `local`, `socket`, `write` are missing and datagrams end at `l4`.
# timeout: 1260
# A sanitized program takes minutes to load in an emulated machine.
STAMPCAP=${STAMPCAP:-$(cd "$(dirname "$0")/../.." && pwd)/build/stampcap}
# Two at a time on a busy machine: several times slower than alone.
export VM_TIMEOUT=${VM_TIMEOUT:-600}
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
guests 6.1:e1000 6.12:e1000

FAMILIES="fentry kprobe tracepoint"
EXCHANGES=20
# A layer counts as longer than another if its median is FACTOR times the other's. Below that the stamps of a family, which cost microseconds here and not
# the same in each, and what happens to be at the borders decide.
FACTOR=3

# lacking FAMILY: options of timelines.awk for what this kernel cannot stamp so: see docs/compatibility.md.
lacking() {
	case "$VM_SERIES:$1" in
	6.1:fentry | 6.1:kprobe) echo "-v answers=$(answers)" ;;
	esac
}

# drops FAMILY: nothing is dropped here. But where nothing tells of a raw socket's clone, all that is seen of an echo reply is the original, which finds no ping
# socket.
drops() {
	case "$VM_SERIES:$1" in
	6.1:tracepoint) echo $((2 * EXCHANGES)) ;;
	*) echo 0 ;;
	esac
}

# Loading takes 5 to 40 s here; wait_recording of e2e/lib.sh gives up after 20.
wait_recording() {
	wait_until 200 grep -qs 'recording on' "$WORK/$1.err" || fail "record does not say that it records: $(cat "$WORK/$1.err")"
}

# ---- traffic: every packet follows from the one before, so all recordings see the same in the same order

# Neighbours are known, so nobody asks in the middle of a recording.
know_neighbours() {
	local address

	for address in "$PEER4" "$PEER6"; do
		ip neigh replace "$address" lladdr "$VM_MAC_PEER" dev ens33 nud permanent
	done
	for address in "$OWN4" "$OWN6"; do
		ip -n peer neigh replace "$address" lladdr "$VM_MAC_OWN" dev eth1 nud permanent
	done
}

# serve NAME PORT ADDRESS PREFIX...: both servers; PREFIX runs them on their side.
serve() {
	local name="$1" port="$2" address="$3"

	tool_ready "$name.tcp" "${@:4}" "$TOOLS/tcp_pingpong" -l -s 100 -t 100 "$address" "$port"
	servers+=("$LAST_PID")
	tool_ready "$name.udp" "${@:4}" "$TOOLS/udp_echo" "$address" "$port" 100
	servers+=("$LAST_PID")
}

# ask PORT ADDRESS PREFIX...
ask() {
	local port="$1" address="$2"

	shift 2
	"$@" "$TOOLS/tcp_pingpong" -n $EXCHANGES -s 100 "$address" "$port" >"$WORK/client.out" || fail "TCP with $address"
	"$@" "$TOOLS/udp_client" "$address" "$port" $EXCHANGES 100 >"$WORK/client.out" || fail "UDP with $address"
	"$@" ping -q -i 0.05 -c $EXCHANGES -W 2 "$address" >"$WORK/client.out" || fail "no answer from $address"
}

traffic() {
	local servers=()

	serve own4 9201 "$OWN4" env
	serve own6 9202 "$OWN6" env
	serve peer4 9203 "$PEER4" ns peer
	serve peer6 9204 "$PEER6" ns peer
	ask 9201 "$OWN4" ns peer
	ask 9202 "$OWN6" ns peer
	ask 9203 "$PEER4" env
	ask 9204 "$PEER6" env
	# They end what they have in hand: the last connection.
	sleep 0.3
	kill "${servers[@]}"
	wait "${servers[@]}" || true
}

# ---- what is in use, by `list` and by the kernel itself

# in_use FILE KIND: probes of that kind in use.
in_use() {
	sed -nE "s/^.{12}in use +$2://p" "$1" | tr -s ', ' '\n' | tally .
}

# assert_some or assert_none NUMBER WHAT
assert_some() {
	assert_ge "$1" 1 "$2"
}

assert_none() {
	assert_eq "$1" 0 "$2"
}

# check_in_use FAMILY FENTRY KPROBE WHAT: both numbers as they should be.
check_in_use() {
	case "$1" in
	fentry) assert_some "$2" "fentry probes $4" && assert_none "$3" "kprobes $4" ;;
	kprobe) assert_some "$3" "kprobes $4" && assert_none "$2" "fentry probes $4" ;;
	tracepoint) assert_none "$2" "fentry probes $4" && assert_none "$3" "kprobes $4" ;;
	esac
}

check_list() {
	local fentry kprobe

	"$STAMPCAP" list -i ens33 --probes "$1" >"$WORK/$1.list" || fail "list --probes $1"
	fentry=$(in_use "$WORK/$1.list" fentry) kprobe=$(in_use "$WORK/$1.list" 'kprobe(\.multi)?')
	say "list --probes $1: $fentry fentry, $kprobe kprobe, $(in_use "$WORK/$1.list" tp) tracepoints in use"
	assert_some "$(in_use "$WORK/$1.list" tp)" "tracepoints in use"
	check_in_use "$1" "$fentry" "$kprobe" "in use"
}

# check_links FAMILY: while it records. kprobe.multi and fentry are links; other kprobes are the kernel's own list.
check_links() {
	local fentry kprobe

	bpftool -j link show >"$WORK/$1.links" || fail "bpftool link show"
	fentry=$(jq '[.[] | select(.attach_type // "" | tostring | test("trace_fentry|trace_fexit|modify_return"))] | length' "$WORK/$1.links")
	kprobe=$(jq '[.[] | select(.type // "" | tostring | test("kprobe_multi"))] | length' "$WORK/$1.links")
	say "attached: $fentry fentry, $kprobe kprobe.multi, $(wc -l </sys/kernel/debug/kprobes/list) kprobe"
	kprobe=$((kprobe + $(wc -l </sys/kernel/debug/kprobes/list)))
	check_in_use "$1" "$fentry" "$kprobe" "attached"
}

# ---- packets

# packets FILE.tsv: what of each packet must not differ between recordings, in order within a conversation. Ports of clients, sequence numbers' offsets,
# timestamps and identifications do differ; acknowledgements alone come or not as time goes; what was sent again is one packet.
packets() {
	awk -F '\t' '
		function side(own) { return own ? "ens33" : "peer" }
		{
			split($18, word, " ")
			dir = word[2]
			family = $16 == "" ? "4" : "6"
			kind = ""
			if ($6 != "") {
				if ($7 == 0 && $8 ~ /^0x0*10$/) next
				kind = sprintf("tcp%s port %s %s flags=%s seq=%s len=%s", family, $6 < $19 ? $6 : $19, dir, $8, $21, $7)
				key = "tcp" family ($6 < $19 ? $6 : $19) dir
			} else if ($9 != "") {
				kind = sprintf("udp%s port %s %s %s", family, $9 < $20 ? $9 : $20, dir, $22)
				key = "udp" family ($9 < $20 ? $9 : $20) dir
			} else if ($10 ~ /^[08]$/ || $11 ~ /^12[89]$/) {
				kind = sprintf("icmp%s %s type=%s seq=%s", family, dir, $10 $11, $23 $24)
				key = "icmp" family $10 $11 dir
			}
			if (kind != "") printf "%s\t%s bytes=%s captured=%s payload=%s\n", key, kind, $3, $4, $25
		}' "$1" | sort -s -t "$(printf '\t')" -k 1,1 | cut -f 2 | awk '!seen[$0]++'
}

# check_family FAMILY OPTION...: of timelines.awk.
check_family() {
	local family="$1" file="$WORK/$1.pcapng" lacking=()

	shift
	timelines "$file"
	read -ra lacking <<<"$(lacking "$family")"
	awk "$@" "${lacking[@]}" -f "$TOP/tests/lib/timelines.awk" "$file.tsv" || fail "$file: timelines are wrong"
	assert_eq "$(cut -f 18 "$file.tsv" | tally ' end=drop:')" "$(drops "$family")" "packets told as drops"
}

record_family() {
	local family="$1" options=()

	start_record "$family" -i ens33 -w "$WORK/$family.pcapng" --probes "$family"
	check_links "$family"
	traffic
	stop_record "$family"
	cat "$WORK/$family.err"
	check_file "$WORK/$family.pcapng"
	[ "$family" != tracepoint ] || options=(-v write=no)
	# Without netfilter links and sk_data_ready a contract on stages has little left; grammar, order, sums and ends are checked of all.
	[ "$VM_SERIES:$family" != 6.1:tracepoint ] || options+=(-v "skip=.")
	check_family "$family" -v min_complete=0.99 -v min_rx=$((EXCHANGES * 10)) -v min_tx=$((EXCHANGES * 10)) "${options[@]}"
	packets "$WORK/$family.pcapng.tsv" >"$WORK/$family.packets"
}

# Of each exchange two packets, of each connection SYN and FIN twice: over four addresses, TCP, UDP and ping.
same_packets_in_all() {
	local family

	assert_eq "$(wc -l <"$WORK/fentry.packets")" $((4 * (3 * 2 * EXCHANGES + 4))) "packets of the traffic in the file of fentry"
	for family in kprobe tracepoint; do
		diff "$WORK/fentry.packets" "$WORK/$family.packets" >"$WORK/$family.diff" ||
			fail "packets differ between fentry (<) and $family (>): $(head -n 10 "$WORK/$family.diff")"
	done
	say "packets: the same $(wc -l <"$WORK/fentry.packets") in each; and acknowledgements alone: $(for family in $FAMILIES; do
		awk -F '\t' '$6 != "" && $7 == 0 && $8 ~ /^0x0*10$/' "$WORK/$family.pcapng.tsv" | wc -l
	done | paste -s -d ' ')"
}

# ---- shares

# steps FAMILY: of each whole packet with payload "DIRECTION PROTOCOL STAGE=NS...", the time since the stage before.
steps() {
	awk -F '\t' '
		($9 != "" || $7 > 0) && $18 !~ / flags=[a-z+]*(partial|retrans)/ {
			split($18, group, / \| /)
			count = split(group[1], token, " ")
			line = token[2] " " ($9 != "" ? "udp" : "tcp")
			for (i = 4; i <= count; i++) {
				split(token[i], pair, /=\+/)
				sub(/us$/, "", pair[2])
				line = line sprintf(" %s=%.0f", pair[1], pair[2] * 1000)
			}
			print line
		}' "$WORK/$1.pcapng.tsv"
}

# shellcheck disable=SC2016 # awk
SHARES='
function median(values, count,    i, j, value) {
	for (i = 2; i <= count; i++) {
		value = values[i]
		for (j = i - 1; j >= 1 && values[j] > value; j--) values[j + 1] = values[j]
		values[j + 1] = value
	}
	return values[int((count + 1) / 2)]
}

# Layers of the stages after place `from` up to `to`. A stage that not every packet passes, or that this NIC never has (xdp), counts only if it is there.
function owners(dir, from, to,    i, list, name) {
	list = ""
	for (i = from + 1; i <= to; i++) {
		name = layer[dir, i]
		if ((i == to || always[dir, i]) && index("+" list "+", "+" name "+") == 0) list = list (list == "" ? "" : "+") name
	}
	return list
}

function stages(dir, text,    i, part) {
	places[dir] = split(text, part, " ")
	for (i = 1; i <= places[dir]; i++) {
		split(part[i], field, ":")
		place[dir, field[1]] = i; stage[dir, i] = field[1]; layer[dir, i] = field[2]; always[dir, i] = field[3]
	}
}

BEGIN {
	stages("rx", "hardirq::0 softirq:irq:0 driver:driver:1 backlog:backlog:0 netif:gro:1 tc:l2:1 ip:l2:1 local:l3:1 l4:l3:1 socket:l4:1 wakeup:app:0 read:app:1")
	stages("tx", "write::1 l4:app:1 ip:l4:1 out:l3:1 tc:l2:1 netdev:l2:1 paced:pacing:0 qdisc:qdisc:0 driver:driver:1 txdone:nic:1")
}
'

# shares: what each layer adds to a packet's time, and its share; all families side by side. Medians, as a busy host stretches some packets a hundredfold. A
# layer that a family cannot tell from the next is in a row with it; one whose begin it cannot stamp is shorter there or missing.
shares() {
	local family

	for family in $FAMILIES; do
		steps "$family" | sed "s/^/$family /"
	done | awk "$SHARES"'
		{
			dir = $2; kind = dir " " $3; from = 0
			packets[$1, kind]++
			delete sum
			for (i = 4; i <= NF; i++) {
				split($i, pair, "=")
				to = place[dir, pair[1]]
				if (from) {
					name = owners(dir, from, to)
					sum[name] += pair[2]
					if (!((kind, name) in last)) { rows[kind]++; row[kind, rows[kind]] = name }
					if (last[kind, name] < to) last[kind, name] = to
				}
				from = to
			}
			for (name in sum) value[$1, kind, name, packets[$1, kind]] = sum[name]
		}
		# The median of the packets that have it, times their part of all.
		function layer_ns(family, kind, name,    i, list, count) {
			count = 0
			for (i = 1; i <= packets[family, kind]; i++)
				if ((family, kind, name, i) in value) list[++count] = value[family, kind, name, i]
			return count ? median(list, count) * count / packets[family, kind] : -1
		}
		function table(kind,    f, r, n, name, ns, total, place_now, dir) {
			printf "    %-18s", kind
			for (f = 1; f <= families; f++) printf "%22s", family[f] " (" packets[family[f], kind] + 0 ")"
			print ""
			for (f = 1; f <= families; f++) {
				total[f] = 0
				for (r = 1; r <= rows[kind]; r++) {
					ns[f, r] = layer_ns(family[f], kind, row[kind, r])
					if (ns[f, r] > 0) total[f] += ns[f, r]
				}
			}
			for (place_now = 1; place_now <= 14; place_now++)
				for (r = 1; r <= rows[kind]; r++) {
					if (last[kind, row[kind, r]] != place_now) continue
					printf "    %-18s", "  " row[kind, r]
					for (f = 1; f <= families; f++)
						printf "%22s", ns[f, r] < 0 ? "-" : sprintf("%.1f us %5.1f %%", ns[f, r] / 1000, ns[f, r] * 100 / total[f])
					print ""
				}
		}
		END {
			families = split("'"$FAMILIES"'", family, " ")
			split("rx tcp,rx udp,tx tcp,tx udp", kinds, ",")
			for (k = 1; k <= 4; k++) table(kinds[k])
		}'
}

# same_order A B: the order of the layers, told apart by stages that nearly all packets have in both families: what takes FACTOR times as long as another
# layer in A takes no less than it in B, and the other way round. Layers and not steps: where a family's probe sits at another place of a layer, as
# cgroup_skb does for `l4`, steps of a few microseconds change places.
same_order() {
	{
		steps "$1" | sed 's/^/a /'
		steps "$2" | sed 's/^/b /'
	} | awk -v a="$1" -v b="$2" -v factor=$FACTOR "$SHARES"'
		{
			kind = $2 " " $3
			n = ++packets[$1, kind]
			at = 0
			for (i = 4; i <= NF; i++) {
				split($i, pair, "=")
				at += pair[2]
				time[$1, kind, n, pair[1]] = at
				having[$1, kind, pair[1]]++
			}
		}
		function nearly_all(who, kind, name) {
			return packets[who, kind] && having[who, kind, name] >= 0.9 * packets[who, kind]
		}
		# The layers between common stages into layer_name[1..layer_count], borders[layer] "FROM TO...".
		function find_layers(kind,    dir, i, from, name) {
			dir = substr(kind, 1, 2); from = 0; layer_count = 0
			delete borders
			for (i = 1; i <= places[dir]; i++) {
				if (!nearly_all("a", kind, stage[dir, i]) || !nearly_all("b", kind, stage[dir, i])) continue
				if (from) {
					name = owners(dir, from, i)
					if (!(name in borders)) layer_name[++layer_count] = name
					borders[name] = borders[name] " " stage[dir, from] " " stage[dir, i]
				}
				from = i
			}
		}
		# Of packets that have all of its borders.
		function layer_ns(who, kind, name,    i, j, part, parts, sum, list, count) {
			count = 0
			parts = split(borders[name], part, " ")
			for (i = 1; i <= packets[who, kind]; i++) {
				sum = 0
				for (j = 1; j < parts && (who, kind, i, part[j]) in time && (who, kind, i, part[j + 1]) in time; j += 2)
					sum += time[who, kind, i, part[j + 1]] - time[who, kind, i, part[j]]
				if (j > parts) list[++count] = sum
			}
			return median(list, count)
		}
		function compare(kind,    i, j, in_a, in_b) {
			find_layers(kind)
			for (i = 1; i <= layer_count; i++) {
				in_a[i] = layer_ns("a", kind, layer_name[i])
				in_b[i] = layer_ns("b", kind, layer_name[i])
			}
			layers_of = layers_of sprintf(" %s %d,", kind, layer_count)
			for (i = 1; i <= layer_count; i++)
				for (j = 1; j <= layer_count; j++) {
					if (i == j || (in_a[i] < factor * in_a[j] && in_b[i] < factor * in_b[j])) continue
					pairs++
					if (in_a[i] >= factor * in_a[j] ? in_b[i] >= in_b[j] : in_a[i] >= in_a[j]) continue
					printf "    WRONG: %s: %s against %s: %.1f and %.1f us with %s, %.1f and %.1f us with %s\n", kind, layer_name[i],
						layer_name[j], in_a[i] / 1000, in_a[j] / 1000, a, in_b[i] / 1000, in_b[j] / 1000, b
					bad++
				}
		}
		END {
			split("rx tcp,rx udp,tx tcp,tx udp", kinds, ",")
			for (k = 1; k <= 4; k++) compare(kinds[k])
			sub(/,$/, "", layers_of)
			printf "    %s and %s: layers of both:%s; of %d pairs that differ %d-fold %d are in another order\n", a, b, layers_of, pairs, factor,
				bad
			# Nothing compared is nothing shown.
			if (pairs < 15) { print "    WRONG: too little in common"; bad++ }
			exit bad > 0
		}'
}

know_neighbours
# Beyond those of timelines(): 19 to 25.
COLUMNS+=" tcp.dstport udp.dstport tcp.seq udp.length icmp.seq icmpv6.echo.sequence_number udp.payload"
for family in $FAMILIES; do
	check_list "$family"
	record_family "$family"
done
same_packets_in_all
say "where the time went, median of a packet with payload"
shares
say "the order of its layers"
failed=0
same_order fentry kprobe || failed=1
same_order fentry tracepoint || failed=1
same_order kprobe tracepoint || failed=1
[ $failed = 0 ] || fail "the time goes elsewhere"

# nothing_of_ours: no program of a recording is loaded, and no kprobe set.
nothing_of_ours() {
	[ "$(bpftool -j prog show | jq '[.[] | select(.name // "" | startswith("sc_"))] | length')" = 0 ] && [ ! -s /sys/kernel/debug/kprobes/list ]
}

for family in fentry kprobe; do
	say "kill -9 with $family"
	start_record killed -i ens33 -w "$WORK/killed.pcapng" --probes "$family"
	! nothing_of_ours || fail "nothing was attached"
	kill -9 "$RECORD_PID"
	wait_until 20 nothing_of_ours || fail "left behind: $(bpftool prog show | grep sc_; cat /sys/kernel/debug/kprobes/list)"
done
