#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Who may include whom: tracing/ and pcap/ nothing of ours from elsewhere, xdp/ and tc/ only tracing/, user/ everything; libxdp, libpcap in one place each.
set -u
cd "$(dirname "$0")/../.." || exit 1
count=0 bad=0

# folder_of FILE INCLUDED: the folder of ours that "INCLUDED" is in, as seen from FILE.
folder_of() {
	local dir

	dir=$(dirname "$1")
	if [ -e "$dir/$2" ]; then
		dirname "$(realpath --relative-to=. "$dir/$2")"
	elif [ -e "$2" ]; then
		dirname "$2"
	elif [ -e "tracing/$2" ]; then
		echo tracing # BPF sources are compiled with -Itracing
	elif [ "$2" = ingress.skel.h ]; then
		echo xdp
	elif [[ $2 = stampcap*.skel.h ]]; then
		echo tracing
	else
		echo unknown
	fi
}

allowed() {
	case "$1:$2" in
	tracing:tracing | pcap:pcap | xdp:xdp | xdp:tracing | tc:tc | tc:tracing) return 0 ;;
	user:tracing | user:pcap | user:xdp | user:tc | user:user) return 0 ;;
	esac
	return 1
}

for file in tracing/*.[ch] xdp/*.[ch] tc/*.[ch] pcap/*.[ch] user/*.[ch]; do
	[ -e "$file" ] || continue
	count=$((count + 1))
	for included in $(sed -n 's/^#[ \t]*include[ \t]*"\([^"]*\)".*/\1/p' "$file"); do
		if ! allowed "$(dirname "$file")" "$(folder_of "$file" "$included")"; then
			echo "$file must not include $included"
			bad=$((bad + 1))
		fi
	done
done

# only FOLDER PATTERN: system headers that belong to one folder.
only() {
	local found

	found=$(grep -lE "^#[ \t]*include[ \t]*<$2" tracing/* xdp/* tc/* pcap/* user/* 2>/dev/null | grep -v "^$1/")
	if [ -n "$found" ]; then
		echo "only $1/ includes <$2: $found"
		bad=$((bad + 1))
	fi
}
only xdp 'xdp/'
only pcap 'pcap'
echo "$count files, $bad includes against the direction"
[ $count -gt 0 ] && [ $bad = 0 ]
