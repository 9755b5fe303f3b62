# SPDX-License-Identifier: GPL-2.0-only
# What the VM tests share. A test sources it first, says where it runs (`guests KERNEL:NIC...`), and goes on with what is done inside each guest, with all of
# tests/e2e/lib.sh at hand. A test that has work to do on the host calls tests/vm/boot itself.
# shellcheck shell=bash

TOP=${TOP:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}
# shellcheck disable=SC2034 # for the tests
OWN4=10.0.0.1 OWN6=fd00::1 PEER4=10.0.0.2 PEER6=fd00::2

# guests KERNEL:NIC...: on the host, runs the calling test in one guest after the other and exits with what came of it; in a guest, returns. What a test
# leaves in $WORK is found in the host's $WORK/KERNEL-NIC, and so is there what its function for_guest, if it has one, has put into that folder, its argument.
# The first failure ends it; a kernel that cannot be had makes a skip, after the others have run.
guests() {
	local guest status skipped=''

	[ ! -v VM_GUEST ] || return 0
	WORK=${WORK:-$(mktemp -d "/tmp/$(basename "$0" .sh).XXXXXX")}
	for guest in "$@"; do
		echo "=== ${guest/:/ }"
		mkdir -p "$WORK/${guest/:/-}"
		[ "$(type -t for_guest)" != function ] || for_guest "$WORK/${guest/:/-}"
		status=0
		"$TOP/tests/vm/boot" "${guest%:*}" "${guest#*:}" "$0" "$WORK/${guest/:/-}" || status=$?
		case $status in
		0) ;;
		77) skipped+=" ${guest/:/ }" ;;
		*) exit $status ;;
		esac
	done
	[ -z "$skipped" ] || exit 77
	exit 0
}

# ns NAMESPACE COMMAND...: `ns peer ping ...`.
ns() {
	in_ns "$@"
}

# answers: "no" where what is sent over IPv6 without a socket of its own has no stamp of ip. Before netfilter programs (6.4) functions have to tell where IP output
# begins: fentry does not get at ip6_xmit, and neighbour discovery passes none of them.
answers() {
	case "$VM_SERIES" in
	5.10 | 6.1) echo no ;;
	esac
}

if [ -v VM_GUEST ]; then
	# shellcheck source=tests/e2e/lib.sh
	. "$TOP/tests/e2e/lib.sh"
else
	set -Eeuo pipefail
fi
