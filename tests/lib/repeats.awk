# SPDX-License-Identifier: GPL-2.0-only
# Which packets of a stream repeat bytes that the file has had before, byte by byte, against flags=retrans and of=ID. Lines of identity.awk, one stream, in the
# order of the file (its place is the lower 40 bits of the number).
#
#   min  least number of repetitions
BEGIN { FS = "\t" }

function bad(text) {
	if (++bad_count <= 15) print "BAD " text ": " $0
}

{
	id = of = ""
	if (match($3, / id=[0-9]+/)) id = substr($3, RSTART + 4, RLENGTH - 4)
	if (match($3, / of=[0-9]+/)) of = substr($3, RSTART + 4, RLENGTH - 4)
	last = $1 % 1099511627776
	start = last - $4 + 1
	fresh = 0
	for (byte = start; byte <= last; byte++)
		if (!(byte in owner)) { fresh++; mine[byte] = 1 }
	flagged = $3 ~ / flags=[a-z+]*retrans/
	if (flagged != !fresh) bad(fresh " of " $4 " bytes are new")
	if (!fresh) {
		repeats++
		if (of != owner[start]) bad("its first byte was in " owner[start])
	} else if (of != "" && $3 !~ / flags=[a-z+]*segment/) bad("it repeats nothing")
	for (byte in mine) owner[byte] = id
	split("", mine)
	if (id == "") bad("no id")
}

END {
	printf "%d packets, %d of them repeat what was sent before, and say what\n", NR, repeats
	if (repeats < min + 0) { print "BAD: that is too few to say anything"; bad_count++ }
	if (bad_count) exit 1
}
