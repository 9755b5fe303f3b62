#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# House limits: SPDX first, headers guarded, lengths of files and functions.
set -u
cd "$(dirname "$0")/../.." || exit 1
count=0 bad=0

complain() {
	echo "$*"
	bad=$((bad + 1))
}

lines_at_most() {
	[ "$(wc -l <"$1")" -le "$2" ] || complain "$1: $(wc -l <"$1") lines, more than $2"
}

for file in tracing/*.[ch] tracing/*.def xdp/*.[ch] tc/*.[ch] pcap/*.[ch] user/*.[ch] tests/*/*.[ch]; do
	[ -e "$file" ] || continue
	count=$((count + 1))
	head -n 1 "$file" | grep -q 'SPDX-License-Identifier: GPL-2.0-only' || complain "$file: no SPDX line"
	case "$file" in
	*.bpf.c) lines_at_most "$file" 300 ;;
	*.c) lines_at_most "$file" 600 ;;
	*.h) lines_at_most "$file" 150 ;;
	esac
	case "$file" in
	*.h) grep -q '^#pragma once' "$file" || complain "$file: no #pragma once" ;;
	esac
	long=$(awk '/^\{/ { start = NR } /^\}/ && start { if (NR - start > 71) print FILENAME ":" start ": a function of " NR - start - 1 " lines"; start = 0 }' "$file")
	[ -z "$long" ] || complain "$long"
done
for file in tests/run tests/*/*.sh tests/lib/*.awk; do
	count=$((count + 1))
	head -n 3 "$file" | grep -q 'SPDX-License-Identifier: GPL-2.0-only' || complain "$file: no SPDX line"
done
echo "$count files, $bad against the limits"
[ $count -gt 0 ] && [ $bad = 0 ]
