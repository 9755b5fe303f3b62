# SPDX-License-Identifier: GPL-2.0-only
# Which received segments came behind a hole, by their sequence numbers alone, against flags=hol; prints how many there were, and how many copies of what waited there
# already of which nobody knows what became of them. The kernel counts the former as TCPOFOQueue, and of the latter those that it did not turn down before. Whole connections only.
#
# Lines "SRCPORT<tab>DSTPORT<tab>SEQUENCE<tab>LENGTH<tab>SYN<tab>FIN<tab>COMMENT" in the order of arrival, raw sequence numbers.
BEGIN { FS = "\t" }

function bad(text) {
	if (++bad_count <= 15) print "BAD " text ": " $0 >"/dev/stderr"
}

# Bytes [start, end) wait behind a hole of the flow; true if all of them did before.
function wait(flow, start, end,    i, kept) {
	for (i = 1; i <= count[flow]; i++)
		if (from[flow, i] <= start && end <= to[flow, i]) return 1
	kept = 0
	for (i = 1; i <= count[flow]; i++) {
		if (from[flow, i] > end || to[flow, i] < start) { kept++; from[flow, kept] = from[flow, i]; to[flow, kept] = to[flow, i]; continue }
		if (from[flow, i] < start) start = from[flow, i]
		if (to[flow, i] > end) end = to[flow, i]
	}
	count[flow] = ++kept
	from[flow, kept] = start
	to[flow, kept] = end
	return 0
}

# The flow's bytes have come up to `end`, and with them what waited there.
function advance(flow, end,    i, moved) {
	if (end > next_byte[flow]) next_byte[flow] = end
	do {
		moved = 0
		for (i = 1; i <= count[flow]; i++) {
			if (from[flow, i] > next_byte[flow]) continue
			if (to[flow, i] > next_byte[flow]) next_byte[flow] = to[flow, i]
			from[flow, i] = from[flow, count[flow]]
			to[flow, i] = to[flow, count[flow]--]
			moved = 1
		}
	} while (moved)
}

{
	flow = $1 ">" $2
	syn = $5 == "1" || $5 == "True"; fin = $6 == "1" || $6 == "True"
	if (syn) { first[flow] = $3 + 1; next_byte[flow] = 0; next }
	start = $3 - first[flow]
	if (start < 0) start += 4294967296
	end = start + $4 + fin
	flagged = $7 ~ / flags=[a-z+]*hol/
	# What was dropped before TCP had it leaves the hole; what TCP drops is a copy.
	dropped = $7 ~ / end=drop:/ && $7 !~ / end=drop:TCP_(OFOMERGE|OLD_DATA)/ && $7 !~ / end=drop:NOT_SPECIFIED .* at=l4/
	hole = end > start && !dropped && start > next_byte[flow]
	copy = hole && wait(flow, start, end)
	if (flagged != (hole && !copy)) bad(hole ? copy ? "flagged, but a copy" : "not flagged" : "flagged, but in order")
	if (hole) { if (copy && $7 ~ / flags=[a-z+]*partial/) unknown++; else beyond++ }
	if (!hole && !dropped && end > start) advance(flow, end)
}

END {
	print beyond + 0, unknown + 0
	exit bad_count > 0
}
