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
	if (part[1] == "stamped") stamped[part[2]] = 1
	if (part[1] == "probe") found[part[2]] = 1
}
function compare(dir, list,    n, stage, i, told) {
	n = split(list, stage, " ")
	for (i = 1; i <= n; i++) {
		told[dir stage[i]] = 1
		if (!((dir stage[i]) in stamped)) { print "docs: " dir stage[i] " was not stamped on " kernel " " nic; bad++ }
	}
	for (i in stamped)
		if (index(i, dir) == 1 && !(i in told)) { print "docs: " i " was stamped on " kernel " " nic; bad++ }
}
END {
	compare("rx.", received); compare("tx.", sent)
	for (i in said)
		if (nic == "e1000" && !(i in found)) { print "docs: `list` on " kernel " has no " i; bad++ }
	if (!row || (nic == "e1000" && !column)) { print "docs: nothing of " kernel " " nic; bad++ }
	if (bad) { print "docs/compatibility.md is not current: make check-kernels says how"; exit 1 }
}
