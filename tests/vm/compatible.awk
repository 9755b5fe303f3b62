# SPDX-License-Identifier: GPL-2.0-only
# Does docs/compatibility.md say what was found? Reads it, then a file of facts; -v kernel=, nic=.
BEGIN { FS = "|" }
function trim(text) { gsub(/^[ `]+|[ `]+$/, "", text); return text }
NR == FNR && $2 ~ /^ stage / { for (i = 3; i < NF; i++) if (trim($i) == kernel) column = i }
NR == FNR && $2 ~ /^ `[rt]x\./ { if (column) said[trim($2)] = trim($column) }
NR == FNR && trim($2) == nic && trim($3) == kernel { row = 1; received = " " trim($5) " "; sent = " " trim($6) " " }
NR == FNR { next }
{
	split($0, part, " ")
	if (part[1] == "probe" && nic == "e1000" && said[part[2]] != part[3]) { print "docs: " part[2] " on " kernel " is \"" said[part[2]] "\", found " part[3]; bad++ }
	if (part[1] == "stamped" && part[2] != "tx.qdisc" && index(part[2] ~ /^rx/ ? received : sent, " " substr(part[2], 4) " ") == 0) {
		print "docs: " part[2] " was stamped on " kernel " " nic; bad++
	}
}
END {
	if (!row || (nic == "e1000" && !column)) { print "docs: nothing of " kernel " " nic; bad++ }
	if (bad) { print "docs/compatibility.md is not current: make check-kernels says how"; exit 1 }
}
