# SPDX-License-Identifier: GPL-2.0-only
# Holds the story of each numbered packet against what tcpdump saw of it on another device. Both files as datagrams.awk prints them, tcpdump's first.
#
#   want    regular expression that each comment matches
#   dst     what tcpdump saw it addressed to
#   stage   of ours, at which tcpdump saw it
#   count   numbers, each of which is there exactly once
#   slack_ns, late_ns   not earlier than tcpdump's time by more than slack_ns; later by late_ns only now and then (the machine may pause)
BEGIN { FS = "\t"; if (slack_ns == "") slack_ns = 50000; if (late_ns == "") late_ns = 1000000 }

function bad(text) {
	if (++bad_count <= 10) print "BAD " text
}

# Time of `stage` after the packet's time stamp, which is that of the first stage the packet itself was at; -1: not stamped.
function offset_ns(comment,    tokens, token, i, name, at, anchor, seen) {
	at = anchor = seen = 0
	sub(/ \| .*/, "", comment)
	tokens = split(comment, token, " ")
	for (i = 4; i <= tokens; i++) {
		name = token[i]
		sub(/=.*/, "", name)
		gsub(/.*=\+|us$|\./, "", token[i])
		at += token[i]
		if (!seen && (token[2] == "tx" ? name == "driver" : name !~ /^(hardirq|softirq)$/)) { anchor = at; seen = 1 }
		if (name == stage) return at - anchor
	}
	return -1
}

FNR == NR {
	if ($5 != dst) next
	if ($1 in theirs) bad("tcpdump saw it twice: " $1)
	theirs[$1] = substr($3, length($3) - 14) + 0
	their_count++
	next
}

{
	if ($1 in ours) { bad("told twice: " $1 " " $6); next }
	ours[$1]
	our_count++
	if ($6 !~ want) { bad("another story: " $1 " " $6); next }
	offset = offset_ns($6)
	if (offset < 0) { bad("no " stage ": " $6); next }
	if (!($1 in theirs)) { bad("tcpdump did not see it: " $1); next }
	late = substr($3, length($3) - 14) + offset - theirs[$1]
	if (late < -slack_ns) bad(sprintf("%s %.0f ns before tcpdump saw it: %s", $1, -late, $6))
	if (late > late_ns) too_late++
	if (late > worst) worst = late
}

END {
	printf "%d packets, tcpdump %d; at most %.0f ns after it, %d of them more than %.0f\n", our_count, their_count, worst, too_late, late_ns
	if (our_count != count || their_count != count) bad(count " were sent")
	if (too_late > 0.02 * count) bad("too many too late")
	if (bad_count) exit 1
}
