# SPDX-License-Identifier: GPL-2.0-only
# Tells from the payload alone (tests/lib/stream.h) where in which stream each packet belongs, and compares every one with what it should hold there.
#
# Reads the same file twice: "SRCPORT<tab>DSTPORT<tab>SEQUENCE<tab>LENGTH<tab>PAYLOAD<tab>EPOCH<tab>COMMENT", raw sequence numbers, payload in hexadecimal as
# far as it was captured. Prints what oracle.awk wants, "PLACE OF THE LAST BYTE<tab>EPOCH<tab>COMMENT<tab>LENGTH"; says what it found on stderr.
#
#   mark  3e (>) what the client sends, 3c (<) what the server sends
#   at_most  bytes of payload compared, default 48
BEGIN {
	FS = "\t"
	if (at_most == "") at_most = 48
	two_32 = 4294967296
	for (i = 0; i < 16; i++) {
		digit = sprintf("%x", i)
		value[i < 10 ? "3" i : "6" (i - 9)] = i
		hex[digit] = i < 10 ? "3" i : "6" (i - 9)
	}
}

function bad(text) {
	if (++bad_count <= 15) print "BAD " text >"/dev/stderr"
}

# The place that the first whole unit in the payload names, less its distance from the payload's first byte; -1 without a whole unit.
function place_in(payload,    i, at, place) {
	for (at = 1; at <= 31 && substr(payload, at, 2) != mark; at += 2)
		;
	if (at > 31 || length(payload) < at + 31) return -1
	place = 0
	for (i = at + 2; i < at + 32; i += 2) {
		if (!(substr(payload, i, 2) in value)) return -1
		place = place * 16 + value[substr(payload, i, 2)]
	}
	return place - (at - 1) / 2
}

# `bytes` bytes of the stream from `place` on, in hexadecimal.
function expected(place, bytes,    unit, text, digits, i) {
	unit = place - place % 16
	text = ""
	while (length(text) < 2 * (bytes + place % 16)) {
		digits = sprintf("%07x%08x", int(unit / two_32), unit % two_32)
		text = text mark
		for (i = 1; i <= 15; i++) text = text hex[substr(digits, i, 1)]
		unit += 16
	}
	return substr(text, 1 + 2 * (place % 16), 2 * bytes)
}

# What to add to a sequence number, modulo 2^32, to have the byte of the stream; and the stream's number.
NR == FNR {
	place = place_in($5)
	if (place < 0) next
	byte = place % 1099511627776
	key = $1 ">" $2
	base = byte - $3
	while (base < 0) base += two_32
	if (!(key in flow)) { flow[key] = place - byte; distance[key] = base; flows++ }
	else if (flow[key] != place - byte || distance[key] != base) bad("bytes of another place or stream: " $0)
	next
}

{
	key = $1 ">" $2
	if (!(key in flow)) { homeless++; next }
	byte = $3 + distance[key]
	if (byte >= two_32) byte -= two_32
	place = flow[key] + byte
	bytes = length($5) / 2
	if (bytes > at_most) bytes = at_most
	if (bytes > $4 || !bytes) bad("payload of " bytes " bytes: " $0)
	else if (substr($5, 1, 2 * bytes) != expected(place, bytes)) bad("other bytes than belong to place " place ": " $0)
	else known++
	printf "%.0f\t%s\t%s\t%d\n", place + $4 - 1, $6, $7, $4
}

END {
	printf "identity: %d packets of %d streams hold the bytes of their place, %d of streams of too few bytes to tell\n", known, flows, homeless >"/dev/stderr"
	if (bad_count || !known) exit 1
}
