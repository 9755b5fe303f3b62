# SPDX-License-Identifier: GPL-2.0-only
# Checks the blocks of a recorded file as pcapng_dump prints them: order and options of section 7 of the contract, and the accounting equation against
# the packets that are there. cut=1: the file stops early (full disk, kill): no statistics block is asked for.
BEGIN { FS = "\t" }

function bad(text) {
	if (++bad_count <= 15) print "BAD block " NR ": " text
}

function field(name,    i) {
	for (i = 2; i <= NF; i++)
		if (index($i, name "=") == 1) return substr($i, length(name) + 2)
	return ""
}

NR == 1 && $1 != "SHB" { bad("the first block is no section header") }
NR > 1 && $1 == "SHB" { bad("a second section") }

$1 == "SHB" {
	if (field("hardware") == "" || field("os") == "" || field("userappl") !~ /^stampcap/) bad("section options")
	if (field("comment") !~ /^stampcap/) bad("section comment")
}

$1 == "IDB" {
	if (epb) bad("an interface after packets")
	interfaces++
	if (field("name") == "") bad("interface without name")
	if (field("tsresol") != "9") bad("tsresol " field("tsresol"))
	if (field("link") != "1" && field("link") != "101") bad("link type " field("link"))
}

$1 == "EPB" {
	epb++
	comment = field("comment")
	dir = comment ~ /^stampcap rx / ? "rx" : comment ~ /^stampcap tx / ? "tx" : ""
	if (dir == "") bad("packet comment")
	if (field("if") + 0 >= interfaces) bad("unknown interface")
	if (field("flags") % 4 != (dir == "rx" ? 1 : 2)) bad("direction in flags: " field("flags"))
	if (field("caplen") + 0 > field("len") + 0) bad("captured more than there was")
	id = comment
	sub(/.* id=/, "", id)
	sub(/ .*/, "", id)
	if (field("packetid") != id) bad("packetid " field("packetid") " and id " id)
	packets[dir]++
	if (comment ~ / flags=[a-z+]*partial/) partial[dir]++
	if (field("late") + 0 < 0) bad("a time in the future")
	dropcount += field("dropcount")
}

$1 == "ISB" {
	isb++
	text = field("comment")
	if (text == "") next
	if (text !~ /^stampcap accounting rx /) { bad("statistics comment"); next }
	# The accounting is the whole run's; with several interfaces each block may repeat it.
	accounted++
	partial_sum["rx"] = partial_sum["tx"] = lost_sum["rx"] = lost_sum["tx"] = unwritten_sum["rx"] = unwritten_sum["tx"] = 0
	line["rx"] = line["tx"] = ""
	n = split(text, token, " ")
	dir = ""
	for (i = 3; i <= n; i++) {
		if (token[i] == "rx" || token[i] == "tx") { dir = token[i]; continue }
		if (token[i] == "|") continue
		if (token[i] !~ /^(seen|complete|(partial|lost|rejected|unwritten)\.[a-z0-9]+)=[0-9]+$/) { bad("counter " token[i]); continue }
		pos = index(token[i], "=")
		name = substr(token[i], 1, pos - 1)
		value = substr(token[i], pos + 1) + 0
		if (name == "seen") seen[dir] = value
		else if (name == "complete") complete[dir] = value
		else if (name ~ /^partial/) partial_sum[dir] += value
		else if (name ~ /^lost/) lost_sum[dir] += value
		else if (name ~ /^unwritten/) unwritten_sum[dir] += value
		if (name == "unwritten.rate") above_rate[dir] = value
		if (value) line[dir] = line[dir] " " token[i]
	}
}

END {
	if (!interfaces) bad("no interface")
	if (!cut && isb != interfaces) bad(isb + 0 " statistics blocks for " interfaces " interfaces")
	if (!cut && !accounted) bad("no accounting")
	for (k = 1; k <= 2 && accounted; k++) {
		d = k == 1 ? "rx" : "tx"
		print d " accounting:" line[d] "; in the file: " packets[d] + 0 ", partial " partial[d] + 0
		if (!(d in seen) || !(d in complete)) bad(d " counters are missing")
		if (seen[d] != complete[d] + partial_sum[d] + lost_sum[d])
			bad(d ": seen " seen[d] " is not complete " complete[d] " + partial " partial_sum[d] " + lost " lost_sum[d])
		if (packets[d] + 0 != complete[d] + partial_sum[d] - unwritten_sum[d]) bad(d ": packets in the file and accounting differ")
		# --slower-than leaves out none of them, --rate may.
		if (partial[d] + 0 > partial_sum[d] + 0 || partial[d] + above_rate[d] < partial_sum[d] + 0) bad(d ": partial packets and accounting differ")
	}
	if (bad_count) exit 1
}
