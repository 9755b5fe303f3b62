# SPDX-License-Identifier: GPL-2.0-only
# Sourced in a guest: traffic of every kind over ens33, both families, both directions, recorded there; then every packet's timeline is held against the
# contract and against /proc/interrupts. What was found goes into $WORK/facts, for docs/compatibility.md.
# shellcheck shell=bash

STAMPCAP=$TOP/build/stampcap # the sanitized one takes too long to start here
RECORD_STARTS_IN=90 # in emulation, beside another guest
SERVE_SECONDS=110

# vectors: of ens33 in /proc/interrupts, "NUMBER CPU COUNT NAME" per line.
vectors() {
	local virtio

	virtio=$(basename "$(readlink -f /sys/class/net/ens33/device)")
	awk -v name="(^|[ ,])(ens33|$virtio)([-,]|\$)" '
		NR == 1 { cpus = NF; next }
		$0 ~ name { sub(":", "", $1); for (i = 0; i < cpus; i++) print $1, i, $(i + 2), $NF }' /proc/interrupts
}

# serve NAME HOW ADDRESS: HOW is how to run a server.
serve() {
	local name="$1" how="$2" address="$3"

	# shellcheck disable=SC2086 # words
	{
		tool_ready "udp-$name" $how "$TOOLS/udp_echo" "$address" 9000 "$SERVE_SECONDS"
		tool_ready "small-$name" $how "$TOOLS/tcp_pingpong" -l -t "$SERVE_SECONDS" -s 200 "$address" 9001
		tool_ready "large-$name" $how "$TOOLS/tcp_pingpong" -l -t "$SERVE_SECONDS" -s 20000 "$address" 9002
	}
}

start_servers() {
	serve own4 "" "$OWN4"
	serve own6 "" "$OWN6"
	serve peer4 "ns peer" "$PEER4"
	serve peer6 "ns peer" "$PEER6"
}

# traffic_to HOW ADDRESS: HOW is how to run a client.
traffic_to() {
	local how="$1" address="$2"

	$how "$TOOLS/tcp_pingpong" -n 40 -s 200 "$address" 9001
	$how "$TOOLS/tcp_pingpong" -n 8 -s 20000 "$address" 9002
	$how "$TOOLS/udp_client" "$address" 9000 40 300
	$how ping -q -c 5 -i 0.05 -W 2 "$address" | grep received
}

traffic() {
	start_servers
	traffic_to "ns peer" "$OWN4"
	traffic_to "ns peer" "$OWN6"
	traffic_to "" "$PEER4"
	traffic_to "" "$PEER6"
}

# probe_used LIST STAGE: kinds of probes that LIST says are in use for it, joined by +.
probe_used() {
	awk -v stage="$2" '
		/^(rx|tx)\.|^\(/ { at = $1 }
		at == stage && (($1 == stage && $2 == "in" && $3 == "use") || ($1 == "in" && $2 == "use")) {
			kind = ($1 == "in") ? $3 : $4
			sub(":.*", "", kind)
			if (!(kind in seen)) { seen[kind] = 1; all = all (all == "" ? "" : "+") kind }
		}
		END { print (all == "") ? "-" : all }' "$1"
}

write_facts() {
	local stage

	for stage in $(sed -n 's/^\([rt]x\.[a-z0-9]*\) .*/\1/p' "$1"); do
		echo "probe $stage $(probe_used "$1" "$stage")"
	done >"$WORK/facts"
	awk -F '\t' '{
		n = split($18, token, " ")
		for (i = 3; i <= n; i++)
			if (token[i] ~ /^[a-z0-9]+=\+/) { sub("=.*", "", token[i]); stamped[token[2] "." token[i]]++ }
	} END { for (s in stamped) if (s != "tx.qdisc" && s != "tx.paced") print "stamped", s }' "$2" | sort >>"$WORK/facts"
	echo "vectors $(awk '!seen[$4]++ { printf "%s%s", (NR > 1) ? " " : "", $4 }' "$WORK/vectors.after" | sed 's/^eth1$/a line shared with eth1/')" >>"$WORK/facts"
}

# QEMU's models of these cards send a super-packet as IP fragments.
prepare_cards() {
	case "$VM_NIC" in
	e1000e | vmxnet3)
		ethtool -K ens33 tso off
		ns peer ethtool -K eth1 tso off
		;;
	esac
}

# judge_stages FILE PACKETS: its timelines, by both judges; at least so many PACKETS in each direction.
judge_stages() {
	local file="$1"

	check_file "$file"
	check_timelines "$file" -v min_complete=0.99 -v min_rx="$2" -v min_tx="$2" -v write=no -v answers="$(answers)"
	assert_eq "$(awk -F '\t' '$4 < ($3 < 256 ? $3 : 256)' "$file.tsv" | wc -l)" 0 "packets with fewer bytes than they have room for"
	awk -v functions="$(probe_used "$WORK/list" rx.l4 | grep -c -e fentry -e kprobe)" -v before="$WORK/vectors.before" -v after="$WORK/vectors.after" \
		-v answers="$(answers)" -v xdp="$(probe_used "$WORK/list" rx.xdp)" -v missed="$(missed "$file")" -f "$TOP/tests/vm/stages.awk" "$file.tsv" || fail "timelines on ens33 are wrong"
}

# no_loss NAME: of a recording.
no_loss() {
	cat "$WORK/$1.err"
	assert_eq "$(tally '^stampcap: [rt]x: .* \+ 0 lost; ' <"$WORK/$1.err")" 2 "directions without a loss"
	assert_eq "$(tally "rejected.*[( ]blind " <"$WORK/$1.err")" 0 "directions with softirqs that ran without our programs"
}

# check_compatible: after check_stages, against the columns of this kernel in docs/compatibility.md.
check_compatible() {
	awk -v kernel="$VM_SERIES" -v nic="$VM_NIC" -f "$TOP/tests/vm/compatible.awk" "$TOP/docs/compatibility.md" "$WORK/facts" || fail "docs/compatibility.md"
}

# check_filtered: what an expression asks for, and that alone, as whole as without one. After check_stages.
check_filtered() {
	local file="$WORK/filtered.pcapng"

	vectors >"$WORK/vectors.before"
	start_record filtered -i ens33 -w "$file" 'tcp port 9011 or udp port 9012'
	tool_ready filtered-tcp "$TOOLS/tcp_pingpong" -l -t 100 -s 200 "$OWN6" 9011
	tool_ready filtered-udp "$TOOLS/udp_echo" "$OWN4" 9012 100
	tool_ready filtered-peer ns peer "$TOOLS/tcp_pingpong" -l -t 100 -s 200 "$PEER4" 9011
	ns peer "$TOOLS/tcp_pingpong" -n 40 -s 200 "$OWN6" 9011
	ns peer "$TOOLS/udp_client" "$OWN4" 9012 40 300
	"$TOOLS/tcp_pingpong" -n 40 -s 200 "$PEER4" 9011
	ping -q -c 5 -i 0.05 -W 2 "$PEER4" | grep received
	stop_record filtered
	vectors >"$WORK/vectors.after"
	no_loss filtered
	judge_stages "$file" 120
	assert_eq "$(count "$file" '!(tcp.port == 9011 || udp.port == 9012)')" 0 "packets that nobody asked for"
}

# check_stages [OPTION...]: of record and list.
check_stages() {
	local file="$WORK/stages.pcapng"

	prepare_cards
	vectors >"$WORK/vectors.before"
	"$STAMPCAP" list -i ens33 "$@" >"$WORK/list"
	start_record stages -i ens33 -w "$file" -v "$@"
	traffic
	stop_record stages
	vectors >"$WORK/vectors.after"
	no_loss stages
	judge_stages "$file" 250
	write_facts "$WORK/list" "$file.tsv"
}
