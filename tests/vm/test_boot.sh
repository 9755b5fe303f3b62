#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The VM harness itself: what a guest looks like from inside, and how scripts that end, die or hang come back.
# timeout: 600
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

# interrupts DEVICE: how many its line has raised.
interrupts() {
	awk -v device="$1" '$0 ~ "[ ,]" device "(,|$)" { for (i = 2; $i ~ /^[0-9]+$/; i++) sum += $i } END { print sum + 0 }' /proc/interrupts
}

inside() {
	local before address

	say "kernel"
	assert_eq "$(uname -r | cut -d . -f 1,2)" 6.1 "series of the kernel"
	assert_eq "$(stat -f -c %T /sys/kernel/btf/vmlinux)" sysfs "file system of the BTF"
	if [ "$(uname -r)" != "$HOST_RELEASE" ]; then
		[ "$(stat -c %s /sys/kernel/btf/vmlinux)" != "$HOST_BTF_BYTES" ] || fail "the BTF is the host's"
	fi
	assert_ge "$(date +%s)" "$HOST_TIME" "clock"
	assert_le "$(date +%s)" $((HOST_TIME + 600)) "clock"

	say "network"
	assert_eq "$(basename "$(readlink /sys/class/net/ens33/device/driver)")" e1000 "driver of ens33"
	before=$(interrupts ens33)
	for address in "$PEER4" "$PEER6"; do
		ping -q -c 5 -i 0.1 -W 2 "$address" >/dev/null || fail "no answer from $address"
	done
	ns peer ping -q -c 1 -W 2 "$OWN4" >/dev/null || fail "no answer to the peer"
	assert_ge "$(interrupts ens33)" $((before + 5)) "interrupts of ens33"

	say "what the kernel loads on demand, and where programs are pinned"
	tc qdisc add dev ens33 root netem delay 1ms || fail "no netem"
	tc qdisc del dev ens33 root
	nft add table inet probe || fail "no nftables"
	nft delete table inet probe
	for address in bpf:bpf_fs debug:debugfs; do
		grep -q "/${address%:*} " /proc/mounts || fail "${address%:*} is not mounted"
	done
	[ -e /sys/kernel/tracing/events/net/netif_receive_skb/id ] || fail "no tracefs"
	[ -e /sys/fs/cgroup/cgroup.controllers ] || fail "no cgroup2"

	say "what is written stays here or comes back"
	touch "$TOP/written-in-a-guest" /etc/written-in-a-guest
	echo "from inside" >"$OUT/left"
	exit 7
}

if [ -v VM_GUEST ]; then
	inside
fi

fail() {
	echo "FAIL: $*" >&2
	exit 1
}

# comes_back STATUS SCRIPT NAME: how it went is in $WORK/NAME.err.
comes_back() {
	local status=0

	"$TOP/tests/vm/boot" 6.1 e1000 "$2" "$WORK/$3" 2>"$WORK/$3.err" || status=$?
	cat "$WORK/$3.err"
	[ $status != 77 ] || [ "$1" = 77 ] || exit 77
	[ $status = "$1" ] || fail "$3: exit status $status, not $1"
	[ -s "$WORK/$3/console.log" ] || fail "$3: no console log"
}

# Each boot has its temporary files in TMPDIR.
left_behind() {
	pgrep -f "qemu-system.*$WORK" || [ -n "$(ls "$TMPDIR")" ]
}

WORK=${WORK:-$(mktemp -d /tmp/test_boot.XXXXXX)}
HOST_RELEASE=$(uname -r)
HOST_BTF_BYTES=$(stat -c %s /sys/kernel/btf/vmlinux 2>/dev/null || echo 0)
HOST_TIME=$(date +%s)
TMPDIR=$WORK/tmp
mkdir "$TMPDIR"
export HOST_RELEASE HOST_BTF_BYTES HOST_TIME TMPDIR

VM_ENV="HOST_RELEASE HOST_BTF_BYTES HOST_TIME" comes_back 7 "$0" facts
[ "$(cat "$WORK/facts/left")" = "from inside" ] || fail "the file left in \$OUT did not come back"
if [ -e "$TOP/written-in-a-guest" ] || [ -e /etc/written-in-a-guest ]; then
	fail "a guest wrote to the host"
fi

echo "echo c >/proc/sysrq-trigger" >"$WORK/panic.sh"
comes_back 125 "$WORK/panic.sh" panic
grep -q 'the guest died' "$WORK/panic.err" || fail "no word about the panic"
grep -q 'Kernel panic' "$WORK/panic.err" || fail "no tail of the console"

echo "echo hanging; sleep 1000" >"$WORK/hang.sh"
VM_TIMEOUT=15 comes_back 124 "$WORK/hang.sh" hang
grep -q 'no end after 15 s' "$WORK/hang.err" || fail "no word about the time"

! left_behind || fail "left behind"
echo "ends, deaths and hangs come back as they should"
