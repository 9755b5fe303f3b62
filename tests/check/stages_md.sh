#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Writes docs/stages.md from tracing/stages.def to stdout.
set -eu
cd "$(dirname "$0")/../.."
awk '
# A row of the table into field[1..n]: arguments without their quotes.
function row(line,    i, c, quoted, text, n) {
	sub(/^[A-Z]+\(/, "", line)
	sub(/\)[^)]*$/, "", line)
	n = 1; text = ""; quoted = 0
	for (i = 1; i <= length(line); i++) {
		c = substr(line, i, 1)
		if (c == "\"") { quoted = !quoted; continue }
		if (c == "," && !quoted) { field[n++] = text; text = ""; continue }
		if (c == " " && !quoted && text == "") continue
		text = text c
	}
	field[n] = text
	return n
}
function kind_name(kind) {
	if (kind == "TP") return "tracepoint"
	if (kind == "FUNC") return "fentry or kprobe"
	if (kind == "NETFILTER") return "netfilter hook"
	if (kind == "CGROUP") return "cgroup program"
	if (kind == "XDPMETA") return "XDP metadata"
	if (kind == "CLS") return "cls_bpf"
	return kind
}
/^STAGE\(/ {
	row($0)
	order[++stages] = field[1] SUBSEP field[2]
	name[field[1], field[2]] = field[3]
	layer[field[1], field[2]] = field[4] == "none" ? "-" : field[4]
	side[field[1], field[2]] = field[5] == "NONE" ? "-" : tolower(field[5])
}
/^PROBE\(/ {
	row($0)
	key = field[1] SUBSEP field[2]
	scope = field[3] == "ALL" ? "" : field[3] == "TCP" ? " (TCP)" : " (UDP, raw, ping)"
	text = kind_name(field[5]) " `" field[6] "`" scope (field[7] == "NONE" ? " (*)" : "")
	probes[key] = probes[key] (probes[key] == "" ? "" : last[key] == field[3] field[4] ? ", " : "; ") text
	last[key] = field[3] field[4]
}
/^SUPPORT\(/ {
	row($0)
	support[++supports] = kind_name(field[1]) " `" field[2] "`: " field[4]
}
END {
	print "# Stages and probes"
	print ""
	print "Generated from `tracing/stages.def` by `make docs`; a check compares the two. What a stage means is in the manual page, stampcap(8)."
	print ""
	print "Probes stand best first: those separated by a comma work together, a semicolon separates a better from a worse choice. `stampcap list` says"
	print "which of them this machine uses and why not a better one. (*): this version has no program for it yet."
	for (d = 1; d <= 2; d++) {
		dir = d == 1 ? "RX" : "TX"
		print ""
		print "## " (d == 1 ? "Receiving" : "Sending")
		print ""
		print "| stage | layer that ends here | side | probes |"
		print "|---|---|---|---|"
		for (i = 1; i <= stages; i++) {
			split(order[i], part, SUBSEP)
			if (part[1] == dir)
				print "| `" name[part[1], part[2]] "` | " layer[part[1], part[2]] " | " side[part[1], part[2]] " | " \
					probes[part[1] SUBSEP part[2]] " |"
		}
	}
	print ""
	print "## Programs that stamp nothing"
	print ""
	for (i = 1; i <= supports; i++) print "- " support[i]
}' tracing/stages.def
