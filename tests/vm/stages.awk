# SPDX-License-Identifier: GPL-2.0-only
# What has to hold on a real driver beyond lib/timelines.awk (same columns): every payload packet has its interrupt, or came while NAPI was polling, the
# right one, on the right CPU; no stage that this kernel can stamp is missing.
#
#   before, after  vectors of the device around the recording: "NUMBER CPU COUNT NAME" per line
#   answers=no     as in timelines.awk
#   missed         runs of programs that the kernel skipped: so many stages may be missing
#   polled=no      packets may come neither by an interrupt of their CPU nor in a softirq
#   same_cpu=no    a thread polls, not the CPU that was interrupted
#   xdp            kind of the probe of rx.xdp: xdp, or - without
#   functions      the kernel lets functions be probed: socket and datagram stages are there
BEGIN {
	FS = "\t"
	polled_option = polled; polled = 0
	while ((getline line < before) > 0) { split(line, part, " "); count[part[1], part[2]] = part[3]; name_of[part[1]] = part[4] }
	while ((getline line < after) > 0) { split(line, part, " "); if (part[3] > count[part[1], part[2]]) raised[part[1], part[2]] = raised_anywhere[part[1]] = 1 }
}

function bad(text) {
	if (++bad_count <= 15) print "BAD #" $1 ": " text " :: " $18
}

function parse(comment,    n, token, i) {
	delete have; delete info
	n = split(comment, token, " ")
	dir = token[2]
	for (i = 3; i <= n; i++) {
		if (token[i] ~ /=\+/) have[substr(token[i], 1, index(token[i], "=") - 1)] = 1
		else if (token[i] ~ /=/) info[substr(token[i], 1, index(token[i], "=") - 1)] = substr(token[i], index(token[i], "=") + 1)
	}
}

function require(what, list,    n, stage, i) {
	n = split(list, stage, " ")
	for (i = 1; i <= n; i++)
		if (!(stage[i] in have) && ++lacking > missed + 0) bad(what " lacks " stage[i])
}

{
	parse($18)
	tcp = $6 != "" && $7 > 0; udp = $9 != ""; reply = $10 == "0" || $11 == "129"; request = $10 == "8" || $11 == "128"
	# Nothing is lost here but what TCP sent twice.
	if (info["end"] ~ /^drop/ && (udp || reply || request || info["end"] !~ /TCP_(OLD_DATA|OVERWINDOW|OFOMERGE)/) && $6 $9 $10 $11 != "" && polled_option != "no") bad("a drop")
	if (info["flags"] ~ /partial/ || info["end"] ~ /^drop/) next
	if (dir == "rx" && (tcp || udp || reply)) {
		require("received", polled_option == "no" ? "driver netif tc" : "softirq driver netif tc")
		if (xdp == "xdp") require("received", "xdp")
		if (functions + 0) require("received", "ip local l4 socket read")
		if (polled_option != "no" && !("hardirq" in have) && info["flags"] !~ /polled/) bad("neither an interrupt nor polled")
		interrupts += "hardirq" in have; polled += info["flags"] ~ /polled/; received++
	}
	if ("hardirq" in have) {
		if (same_cpu == "no" ? !(info["irq"] in raised_anywhere) : !((info["irq"], info["cpu"]) in raised)) bad("interrupt " info["irq"] " was not raised on CPU " info["cpu"])
		if (name_of[info["irq"]] ~ /-tx|output|config/) bad("a vector that receives nothing: " name_of[info["irq"]])
		if (match(name_of[info["irq"]], /(input\.|rx-|rxtx-)[0-9]+$/)) {
			queue = substr(name_of[info["irq"]], RSTART)
			sub(/^[a-z]*[-.]/, "", queue)
			if (queue != info["queue"]) bad("interrupt of queue " queue)
		}
		if (polled_option != "no" && info["flags"] ~ /polled/) bad("an interrupt, and polled")
		vector[info["irq"] " on CPU " info["cpu"]]++
	}
	if (dir == "tx") {
		require("sent", "tc netdev driver txdone")
		if (functions + 0) {
			if ($15 != "" || $16 != "") require("sent", answers == "no" && $16 != "" && !(tcp || udp || request || reply) ? "out" : "ip out")
			if (tcp || udp) require("sent", "write l4")
			if (request) require("sent", "write")
			if ((udp || request) && info["comm"] == "") bad("sent by nobody")
		}
		sent++
	}
}

END {
	printf "received payload packets: %d, with interrupt %d, polled %d; sent %d\n", received, interrupts, polled, sent
	for (v in vector) { split(v, part, " "); printf "   interrupt %s (%s): %d packets\n", v, name_of[part[1]], vector[v] }
	if (!received || !interrupts || (!sent && polled_option != "no")) { print "BAD: nothing to judge"; bad_count++ }
	# A packet of a request or an answer comes to an idle device: few come while it is polled.
	if (polled_option != "no" && interrupts < received / 2) { print "BAD: most packets without an interrupt of their own"; bad_count++ }
	if (bad_count) { print bad_count " things are wrong"; exit 1 }
}
