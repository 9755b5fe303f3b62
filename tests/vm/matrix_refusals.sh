#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What a kernel lacks is told in one sentence: without BTF, locked down or without the privilege nothing is recorded and nothing is left; without
# clsact everything but the stage tc is.
# timeout: 2000
export STAMPCAP=${STAMPCAP:-$(cd "$(dirname "$0")/../.." && pwd)/build/stampcap} VM_TIMEOUT=900
# One guest of some ten dies in its kernel's test of the timer when this machine is busy.
export VM_APPEND="${VM_APPEND:-} no_timer_check"
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
guests 6.1:e1000 6.12:e1000

NO_BTF="this kernel has no BTF (/sys/kernel/btf/vmlinux), which stampcap needs to read its structures: run one with CONFIG_DEBUG_INFO_BTF=y"
NOT_PERMITTED="the kernel does not permit loading BPF programs: run as the machine's own root, with CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN"
NO_READING="this kernel lets no BPF program read kernel memory, which every stage needs: "
LOCKED="${NO_READING}it is locked down (lockdown=confidentiality); boot it with lockdown=integrity, which permits it"
SEEMS_LOCKED="${NO_READING}it acts as if locked down (lockdown=confidentiality); boot it with lockdown=integrity, which permits it"
NO_CLSACT="no qdisc clsact for ens33: this kernel lacks the module sch_ingress (CONFIG_NET_CLS_ACT), install or load it"
NO_CLS_BPF="no bpf filters for ens33: this kernel lacks the module cls_bpf (CONFIG_NET_CLS_BPF), install or load it"
# Linux 6.12 needs no module for the stage tc unless TCX is left out.
without=()
[ "$VM_SERIES" = 6.1 ] || without=(--without "tcx/ingress,tcx/egress")

# A record takes its time to start in here.
wait_recording() {
	wait_until 300 grep -qs 'recording on' "$WORK/$1.err" || fail "record does not record: $(cat "$WORK/$1.err")"
}

# says SENTENCE COMMAND...: fails, says that alone, and leaves no program behind.
says() {
	local sentence="$1"

	shift
	refuse 1 . "$@"
	assert_eq "$(cat "$WORK/refuse.err")" "stampcap: $sentence" "what is said"
	assert_eq "$(bpftool prog show | tally ' name sc_')" 0 "programs left"
	assert_eq "$(bpftool link show | wc -l)" 0 "links left"
}

# all_say SENTENCE [COMMAND...]: each way to start, by way of COMMAND. No file is made and none that was there is touched.
all_say() {
	local sentence="$1"

	shift
	says "$sentence" "$@" "$STAMPCAP" list
	says "$sentence" "$@" "$STAMPCAP" list -i ens33
	says "$sentence" "$@" "$STAMPCAP" record -i ens33 -c 1
	says "$sentence" "$@" "$STAMPCAP" record -i ens33 -c 1 -w -
	says "$sentence" "$@" "$STAMPCAP" record -i ens33 -c 1 -w "$WORK/fresh.pcapng" 'tcp port 80'
	[ ! -e "$WORK/fresh.pcapng" ] || fail "a file without a recording"
	echo precious >"$WORK/precious"
	says "$sentence" "$@" "$STAMPCAP" record -i ens33 -c 1 -w "$WORK/precious"
	assert_eq "$(cat "$WORK/precious")" precious "the file that was there"
}

# TCP and UDP in both directions, ping, and ARP before it.
traffic() {
	local address pids=()

	for address in "$OWN4" "$OWN6"; do
		tool_ready udp "$TOOLS/udp_echo" "$address" 9000 60
		pids+=("$LAST_PID")
		tool_ready tcp "$TOOLS/tcp_pingpong" -l -t 60 "$address" 9700
		pids+=("$LAST_PID")
	done
	ip neigh flush dev ens33
	ip -n peer neigh flush dev eth1
	for address in "$OWN4" "$OWN6"; do
		ns peer ping -q -c 2 -i 0.1 -W 2 "$address" >/dev/null || fail "no answer from $address"
		ns peer "$TOOLS/udp_client" "$address" 9000 10 64 || fail "UDP exchanges with $address"
		ns peer "$TOOLS/tcp_pingpong" -n 10 "$address" 9700 >/dev/null || fail "TCP exchanges with $address"
	done
	kill "${pids[@]}"
	wait "${pids[@]}" || true
}

# recorded NAME [-v NAME=VALUE...] -- OPTION...: a whole recording with traffic; variables are those of timelines.awk.
recorded() {
	local name="$1" variables=()

	shift
	while [ "$1" != -- ]; do
		variables+=("$1")
		shift
	done
	shift
	start_record "$name" -i ens33 -w "$WORK/$name.pcapng" "$@"
	traffic
	stop_record "$name"
	cat "$WORK/$name.err"
	check_file "$WORK/$name.pcapng"
	check_timelines "$WORK/$name.pcapng" -v min_complete=1 -v answers=no -v min_rx=50 -v min_tx=50 "${variables[@]}"
	assert_ge "$(count "$WORK/$name.pcapng" arp)" 2 "ARP packets"
}

# lines_of STAGE: of the table in $WORK/list.
lines_of() {
	sed -n "/^$1 /,/^[^ ]/{/^$1 /p;/^ /p}" "$WORK/list"
}

say "no sch_ingress, as without CONFIG_NET_CLS_ACT: everything but the stage tc"
printf 'install %s /bin/false\n' sch_ingress cls_bpf >/etc/modprobe.d/stampcap-test.conf
assert_no_grep '^(sch_ingress|cls_bpf|act_)' /proc/modules
recorded no_clsact -v tc=no -- "${without[@]}"
assert_eq "$(grep -v 'recording on' "$WORK/no_clsact.err" | head -n 1)" "stampcap: warning: without the stages rx.tc and tx.tc: $NO_CLSACT"
assert_eq "$(wc -l <"$WORK/no_clsact.err")" 4 "lines on stderr: the warning, the start and the summary"
assert_eq "$(comments "$WORK/no_clsact.pcapng" frame | tally ' tc=\+')" 0 "stamps of tc"
assert_grep '[;=]tx.netdev:' "$WORK/no_clsact.pcapng.blocks"
assert_no_grep '[;=][rt]x.tc:' "$WORK/no_clsact.pcapng.blocks"

"$STAMPCAP" list -i ens33 "${without[@]}" >"$WORK/list" 2>"$WORK/list.err" || fail "list: $(cat "$WORK/list.err")"
[ ! -s "$WORK/list.err" ] || fail "list says: $(cat "$WORK/list.err")"
for direction in rx:ingress tx:egress; do
	lines_of "${direction%:*}.tc" >"$WORK/list.tc"
	cat "$WORK/list.tc"
	assert_grep "no +cls:clsact/${direction#*:}" "$WORK/list.tc"
	grep -qF -- "$NO_CLSACT" "$WORK/list.tc" || fail "no reason in the row"
	assert_no_grep "in use" "$WORK/list.tc"
done
assert_no_grep 'Unknown error|libbpf' "$WORK/list"

if [ "$VM_SERIES" != 6.1 ]; then
	say "TCX needs no module"
	"$STAMPCAP" record -i ens33 -w "$WORK/tcx.pcapng" -a 1 2>"$WORK/tcx.err" || fail "record: $(cat "$WORK/tcx.err")"
	assert_no_grep warning "$WORK/tcx.err"
fi

say "sch_ingress, but no cls_bpf: the qdisc goes with the attempt, and the direction that is recorded is the one that is spoken of"
echo 'install cls_bpf /bin/false' >/etc/modprobe.d/stampcap-test.conf
start_record no_cls_bpf -i ens33 -w "$WORK/no_cls_bpf.pcapng" --direction in "${without[@]}"
assert_grep '^sch_ingress' /proc/modules
tc qdisc show dev ens33 >"$WORK/qdiscs"
assert_no_grep 'clsact' "$WORK/qdiscs"
stop_record no_cls_bpf
cat "$WORK/no_cls_bpf.err"
assert_eq "$(grep warning "$WORK/no_cls_bpf.err")" "stampcap: warning: without the stage rx.tc: $NO_CLS_BPF"

say "no BTF; a file from elsewhere is reported all the same"
mount -t tmpfs none /sys/kernel/btf
all_say "$NO_BTF"
"$STAMPCAP" report "$WORK/no_clsact.pcapng" >"$WORK/report" 2>"$WORK/report.err" || fail "report: $(cat "$WORK/report.err")"
[ ! -s "$WORK/report.err" ] || fail "report says: $(cat "$WORK/report.err")"
umount /sys/kernel/btf

say "not root, and root of a container"
says "recording needs root (CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN): try sudo" \
	setpriv --reuid 65534 --regid 65534 --clear-groups "$STAMPCAP" record -i ens33 -c 1
says "asking the kernel needs root (CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN): try sudo" \
	setpriv --reuid 65534 --regid 65534 --clear-groups "$STAMPCAP" list
all_say "$NOT_PERMITTED" setpriv --bounding-set=-bpf,-sys_admin "--inh-caps=-bpf,-sys_admin"
says "$NOT_PERMITTED" unshare --user --map-root-user "$STAMPCAP" record -i ens33 -c 1

say "lockdown=integrity forbids nothing that is needed; with clsact or TCX, not a word"
rm /etc/modprobe.d/stampcap-test.conf
modprobe -a sch_ingress cls_bpf
echo integrity >/sys/kernel/security/lockdown
recorded integrity --
assert_no_grep warning "$WORK/integrity.err"
tc qdisc show dev ens33 >"$WORK/qdiscs"
assert_no_grep clsact "$WORK/qdiscs"
recorded integrity_kprobe -v tc=no -- --probes kprobe --without tcx/ingress,tcx/egress,clsact/ingress,clsact/egress
# Who leaves a stage out himself is told nothing.
assert_no_grep warning "$WORK/integrity_kprobe.err"
assert_grep 'kprobe(\.multi)?:tcp_v4_rcv' "$WORK/integrity_kprobe.pcapng.blocks"

say "lockdown=confidentiality"
echo confidentiality >/sys/kernel/security/lockdown
all_say "$LOCKED"
umount /sys/kernel/security
all_say "$SEEMS_LOCKED"
