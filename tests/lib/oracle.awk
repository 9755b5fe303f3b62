# SPDX-License-Identifier: GPL-2.0-only
# Holds the stamps of a file against what the application itself saw.
#
# First file: the calls, "FROM TO BEFORE AFTER [THREAD]" a line, in the order of TO; half-open ranges of numbers or stream bytes, wall clock in ns, and the
# name that the packet must have as comm.
# Second file: the packets, "LAST<tab>EPOCH<tab>COMMENT[<tab>BYTES]": the number of a datagram or of a packet's last byte, tshark's frame.time_epoch, and how
# many bytes it has, if how calls and packets share them is to be counted.
#
#   stage      read or write: its stamp must lie within the call whose range holds LAST
#   slack_ns   of the two clocks, default 50000
#   min_share  least share of packets with that stamp, default 0.95
#   since_ns   when the recording began, wall clock: what a call that began before that has moved may lack the stamp
#   again=judge  retransmissions, too, as far as they have the stamp; else they are counted only
#   min_cut, min_many  least number of packets that hold bytes of several calls, and of calls that have bytes in several packets
BEGIN {
	if (slack_ns == "") slack_ns = 50000
	if (min_share == "") min_share = 0.95
	narrow_ns = 200000
}

function bad(text) {
	if (++bad_count <= 15) print "BAD " text
}

# Without what all of them share: doubles hold 15 digits.
function short_ns(text) {
	return substr(text, length(text) - 14) + 0
}

# Time of `stage` after the packet's own time stamp, which is that of the first stage the packet itself was at.
function offset_ns(comment,    tokens, token, i, name, at, anchor, found, wanted) {
	at = anchor = found = 0; wanted = ""
	sub(/ \| .*/, "", comment)
	tokens = split(comment, token, " ")
	for (i = 4; i <= tokens; i++) {
		name = token[i]
		sub(/=.*/, "", name)
		sub(/.*=\+/, "", token[i])
		sub(/us$/, "", token[i])
		sub(/\./, "", token[i])
		at += token[i]
		if (!found && (token[2] == "tx" ? name == "driver" : name !~ /^(hardirq|softirq)$/)) { anchor = at; found = 1 }
		if (name == stage) wanted = at
	}
	if (!found) bad("no anchor: " comment)
	return wanted - anchor
}

# Index of the first call whose range ends beyond `last`.
function call_of(last,    low, high, middle) {
	low = 1; high = calls + 1
	while (low < high) {
		middle = int((low + high) / 2)
		if (to[middle] > last) high = middle
		else low = middle + 1
	}
	return low
}

FNR == NR {
	from[++calls] = $1 + 0; to[calls] = $2 + 0; before[calls] = short_ns($3); after[calls] = short_ns($4); thread[calls] = $5
	if (calls > 1 && to[calls] <= to[calls - 1]) bad("the log itself, line " FNR)
	next
}

FNR == 1 { FS = "\t"; $0 = $0 }

{
	comment = $3
	stamped = comment ~ (" " stage "=\\+")
	if (comment ~ / flags=[a-z+]*retrans/) {
		again_count++
		if (again != "judge" || !stamped) next
	}
	packets++
	if (comment ~ / flags=[a-z+]*partial/) {
		partial++
		if (stamped) bad("partial, but with " stage ": " comment)
		next
	}
	if (!stamped) {
		i = call_of($1 + 0)
		if (since_ns != "" && i <= calls && from[i] <= $1 + 0 && before[i] < short_ns(since_ns)) { earlier++; next }
		unstamped++
		if (comment !~ / end=drop:/) bad("no " stage ", yet not partial: " comment)
		next
	}
	matched++
	epoch = $2
	sub(/\./, "", epoch)
	time = short_ns(epoch) + offset_ns(comment)
	i = call_of($1 + 0)
	if (i > calls || from[i] > $1 + 0) { bad("no call returned " $1 ": " comment); next }
	if (after[i] - before[i] < narrow_ns) narrow++
	if (thread[i] != "" && index(comment, " comm=" thread[i] " ") == 0) bad("not the call of " thread[i] ": " comment)
	if ($4 != "" && from[i] > $1 - $4 + 1) cut++
	if ($4 != "" && ++packets_of[i] == 2) many++
	early = before[i] - time; late = time - after[i]
	if (early > worst_early) worst_early = early
	if (late > worst_late) worst_late = late
	if (early > slack_ns || late > slack_ns) {
		violations++
		bad(sprintf("%s: %s %.0f ns before and %.0f ns after the call of %.0f ns: %s", $1, stage, early, late, after[i] - before[i], comment))
	}
}

END {
	printf "%s: %d packets, %d with the stamp, %d partial, %d dropped, %d sent again; %d violations; at most %.0f ns early and %.0f ns late; %d calls, %d shorter than %d us\n",
		stage, packets, matched, partial, unstamped, again_count, violations, worst_early, worst_late, calls, narrow, narrow_ns / 1000
	if (since_ns != "") printf "%s: %d packets without the stamp of calls that were before the recording\n", stage, earlier
	if (cut || many) printf "%s: %d packets hold bytes of several calls, %d calls have bytes in several packets\n", stage, cut, many
	if (cut < min_cut + 0 || many < min_many + 0) bad("calls and packets share their bytes too seldom to say anything")
	if (!packets || matched < min_share * packets) bad("too few stamps to say anything")
	if (bad_count) exit 1
}
