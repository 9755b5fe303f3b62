#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Every option of the table in user/options.c has its place in the manual page, and every row of an option there is in the table.
set -u
cd "$(dirname "$0")/../.." || exit 1

page=docs/stampcap.8
rows=$(sed -n "s/^\t{ \('.'\|0\), \(\"[^\"]*\"\|NULL\), .*, set_[a-z_]* },$/\1 \2/p" user/options.c | tr -d "'\"")
[ -n "$rows" ] || { echo "no option found in user/options.c"; exit 1; }
missing=0 count=0
while read -r letter name; do
	count=$((count + 1))
	if [ "$letter" != 0 ] && ! grep -qE "^\.B[IR]* .*\\\\-$letter\\b" "$page"; then
		echo "$page: no -$letter"
		missing=$((missing + 1))
	fi
	[ "$name" = NULL ] && continue
	if ! grep -qF -- "\\-\\-${name//-/\\-}" "$page"; then
		echo "$page: no --$name"
		missing=$((missing + 1))
	fi
done <<<"$rows"
echo "$count options, $missing of their names not in $page"
[ "$missing" = 0 ]
