#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Every header compiles alone.
set -u
cd "$(dirname "$0")/../.." || exit 1
unset MAKEFLAGS MAKELEVEL MFLAGS
flags=$(make -s print-flags)
cc_flags=$(sed -n 's/^CC_FLAGS=//p' <<<"$flags" | tr -d "'")
bpf_flags=$(sed -n 's/^BPF_FLAGS=//p' <<<"$flags")
count=0 bad=0

for header in tracing/*.h xdp/*.h tc/*.h pcap/*.h user/*.h tests/lib/*.h; do
	[ -e "$header" ] || continue
	count=$((count + 1))
	case "$header" in
	*.bpf.h | tracing/kernel_*.h)
		# shellcheck disable=SC2086
		echo "#include \"$header\"" | clang $bpf_flags -Wno-unused-function -fsyntax-only -x c - || bad=$((bad + 1))
		;;
	*)
		# shellcheck disable=SC2086
		echo "#include \"$header\"" | gcc $cc_flags -fsyntax-only -x c - || bad=$((bad + 1))
		;;
	esac
done
echo "$count headers, $bad do not compile alone"
[ $count -gt 0 ] && [ $bad = 0 ]
