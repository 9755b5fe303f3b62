#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Bad input to record and to the command line: one line on stderr, the right exit status, nothing attached, nothing on stdout.
. "$(dirname "$0")/lib.sh"

make_ns "$SERVER"
snapshot "$SERVER" >"$WORK/before"
record=("$STAMPCAP" record --netns "$SERVER")
refuse 1 'nodev0.*lo' "${record[@]}" -i nodev0
refuse 1 '9999' "${record[@]}" -i 9999
refuse 2 '-c' "${record[@]}" -i lo -c 0
refuse 2 '-c' "${record[@]}" -i lo -c many
refuse 2 '-c' "${record[@]}" -i lo -c -5
refuse 2 '-a' "${record[@]}" -i lo -a 0
refuse 2 '-a' "${record[@]}" -i lo -a duration:
refuse 2 '-a' "${record[@]}" -i lo -a filesize:5
refuse 2 '-s' "${record[@]}" -i lo -s -1
refuse 2 '-s' "${record[@]}" -i lo -s 262145
refuse 2 'direction' "${record[@]}" -i lo --direction up
refuse 2 'nostage.*(netif|stampcap list)' "${record[@]}" -i lo --stages nostage
refuse 2 'stages' "${record[@]}" -i lo --stages ''
refuse 2 'without' "${record[@]}" -i lo --without no_such_probe
refuse 2 '-i' "${record[@]}"
refuse 2 'nooption' "${record[@]}" -i lo --nooption
refuse 2 'nocommand' "$STAMPCAP" nocommand
refuse 1 'nonamespace' "$STAMPCAP" record --netns nonamespace -i lo
refuse 1 'nofolder' "${record[@]}" -i lo -w "$WORK/nofolder/x.pcapng"
mkdir "$WORK/folder"
refuse 1 'folder' "${record[@]}" -i lo -w "$WORK/folder"

say "a recording that could not start leaves no file of its own and does not touch one that was there"
echo precious >"$WORK/precious"
refuse 1 'nodev0' "${record[@]}" -i nodev0 -w "$WORK/precious"
assert_eq "$(cat "$WORK/precious")" precious "the file that was there"
refuse 1 'nodev0' "${record[@]}" -i nodev0 -w "$WORK/fresh"
[ ! -e "$WORK/fresh" ] || fail "a file without a recording"

say "neither a filter that is refused nor one that is only printed leaves anything behind"
status=0
"${record[@]}" -i lo 'tcp prot 80' >"$WORK/filter.out" 2>"$WORK/filter.err" || status=$?
assert_eq $status 2 "exit status of a wrong filter"
"${record[@]}" -i lo -d tcp port 443 >"$WORK/filter.d"
assert_ge "$(wc -l <"$WORK/filter.d")" 5 "instructions"

say "no permission"
public=$(mktemp -d /tmp/stampcap-test.XXXXXX)
defer "rm -rf $public"
chmod 755 "$public"
cp "$STAMPCAP" "$public/stampcap"
chmod 755 "$public/stampcap"
refuse 1 '(permission|privilege|root|capab|permitted)' setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all --bounding-set=-all \
	"$public/stampcap" record -i lo -a 1

say "help and version on stdout"
"$STAMPCAP" --help >"$WORK/help"
for verb in list record report demo; do
	assert_grep "$verb" "$WORK/help"
done
"$STAMPCAP" record --help >"$WORK/help.record"
for option in -i -w -c -a -s -q -v --direction --xdp --stages --netns --without -B; do
	assert_grep "(^|[^a-z-])$option([^a-z]|\$)" "$WORK/help.record"
done
"$STAMPCAP" --version >"$WORK/version"
assert_grep '[0-9]+\.[0-9]+\.[0-9]+' "$WORK/version"
status=0
"$STAMPCAP" >"$WORK/none.out" 2>"$WORK/none.err" || status=$?
assert_eq $status 2 "exit status without a command"
[ ! -s "$WORK/none.out" ] || fail "without a command: on stdout"
no_trace "$WORK/before" "$SERVER"
