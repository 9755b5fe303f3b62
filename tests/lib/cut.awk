# SPDX-License-Identifier: GPL-2.0-only
# Segments that software cut, in the order in which they left, against what they say of the super-packet they were cut from (of=ID): those of one follow each other,
# share its time at netdev to the ns, and are no more than it can have had; the next super-packet got there later.
#
# Lines "EPOCH<tab>COMMENT", tshark's frame.time_epoch, which is the driver's stamp.
#
#   max_segments  of one super-packet;   min  least number of segments that name theirs
BEGIN { FS = "\t" }

function bad(text) {
	if (++bad_count <= 15) print "BAD " text ": " $0
}

function step_ns(name) {
	if (!match($2, " " name "=\\+[0-9]+\\.[0-9]+us")) return 0
	name = substr($2, RSTART + length(name) + 3, RLENGTH - length(name) - 5)
	sub(/\./, "", name)
	return name + 0
}

{
	if (!match($2, / of=[0-9]+/)) { alone++; next }
	of = substr($2, RSTART + 4, RLENGTH - 4)
	named++
	time = $1
	sub(/\./, "", time)
	time = substr(time, length(time) - 14) - step_ns("driver") - step_ns("qdisc")
	if (of == last) {
		if (time != at) bad("another time at netdev than the segment before, of the same super-packet")
		if (++segments > max_segments) bad("segment " segments " of one super-packet")
		next
	}
	if (of in seen) bad("its super-packet was over")
	if (last != "" && time < at) bad("its super-packet was at netdev before the one whose segments left before")
	seen[of] = 1
	last = of; at = time; segments = 1; wholes++
}

END {
	printf "%d segments of %d super-packets, %d packets that name none\n", named, wholes, alone
	if (named < min + 0) { print "BAD: too few to say anything"; bad_count++ }
	exit bad_count > 0
}
