# SPDX-License-Identifier: GPL-2.0-only
# Checks the timelines of a recorded file as tshark prints them (columns: COLUMNS in e2e/lib.sh). Knows the contract from its text, not from our code.
#
#   min_complete  least share of complete timelines, default 0.999; at least this many of each direction must be there: min_rx, min_tx
#   max_ms        longest credible step, default 20000
#   irq=no        the device delivers without softirq or backlog of its own (tun in the writer's context, answers on loopback)
#   l4=no         no probe for l4 is in use;   socket=no  nor for socket
#   write=no      the kernel cannot stamp write
#   answers=no    nor ip of what is sent over IPv6 without a socket of its own: answers of TCP (SYN-ACK, RST), neighbour discovery
#   tc=no         nor tc
#   missed        runs of programs that the kernel skipped, as the recording counts them: so many stages may be missing
#   skip          regular expression of kinds that are counted only
BEGIN {
	FS = "\t"
	if (min_complete == "") min_complete = 0.999
	if (max_ms == "") max_ms = 20000
	rx_count = split("hw hardirq softirq xdp driver backlog netif tc ip local l4 socket wakeup read", rx_order, " ")
	tx_count = split("write l4 ip out tc netdev paced qdisc driver txdone", tx_order, " ")
	for (i = 1; i <= rx_count; i++) place["rx", rx_order[i]] = i
	for (i = 1; i <= tx_count; i++) { place["tx", tx_order[i]] = i; place["rx", "tx_" tx_order[i]] = rx_count + i }
	split("polled gro gso segment frag vlan retrans hol partial", names, " ")
	for (i in names) flag_known[names[i]] = 1
}

function bad(text) {
	if (++bad_count <= 15) print "BAD #" $1 ": " text " :: " $18
}

# "152.318us" in ns, -1 if it is not of that form.
function ns(text,    part) {
	if (text !~ /^[0-9]+\.[0-9][0-9][0-9]us$/) return -1
	sub(/us$/, "", text)
	split(text, part, ".")
	return part[1] * 1000 + part[2]
}

function kind_of() {
	if ($12 + 0 > 0 || $13 == "1" || $13 == "True" || $14 != "") return "frag"
	if ($10 != "") return ($10 == 8) ? "icmp_request" : ($10 == 0) ? "icmp_reply" : "icmp_other"
	if ($11 != "") return ($11 == 128) ? "icmp_request" : ($11 == 129) ? "icmp_reply" : "icmp_other"
	if ($6 != "") return ($7 > 0) ? "tcp_data" : "tcp_control"
	if ($9 != "") return "udp"
	if ($15 == "" && $16 == "") return "non_ip"
	return "other_ip"
}

# The comment into dir, stage[], have[], info[]; 0 if its grammar is broken.
function parse(comment,    group, groups, token, tokens, i, pos, name, value, last_place, sum, p, sides) {
	delete have; delete info
	groups = split(comment, group, / \| /)
	if (groups != 3 && groups != 2) { bad(groups " groups"); return 0 }
	tokens = split(group[1], token, " ")
	if (token[1] != "stampcap" || (token[2] != "rx" && token[2] != "tx")) { bad("head"); return 0 }
	dir = token[2]
	if (comment ~ /,/ || comment ~ /  / || comment ~ /[^ -~]/) { bad("a comma, two spaces or an unprintable byte"); return 0 }
	last_place = 0; sum = 0; stages = 0; total = -1; last_stage = ""
	for (i = 3; i <= tokens; i++) {
		pos = index(token[i], "=")
		if (!pos) { bad("token " token[i]); return 0 }
		name = substr(token[i], 1, pos - 1); value = substr(token[i], pos + 1)
		if (i == 3) {
			if (name != "total" || (total = ns(value)) < 0) { bad("total"); return 0 }
			continue
		}
		if (substr(value, 1, 1) != "+" || (value = ns(substr(value, 2))) < 0) { bad("step " token[i]); return 0 }
		p = place[dir, name]
		if (!p) { bad("stage " name); return 0 }
		if (p <= last_place) { bad("order at " name); return 0 }
		if (!stages && value != 0) bad("the first stage is not +0.000us")
		if (value > max_ms * 1000000) bad("absurd step " token[i])
		last_place = p; last_stage = name; have[name] = 1; step[name] = value; sum += value; stages++
		seen_stage[dir, kind, name]++
	}
	if (sum != total) bad("total " total " is not the sum of the steps " sum)
	if (groups == 3) {
		sides = 0
		tokens = split(group[2], token, " ")
		for (i = 1; i <= tokens; i++) {
			if (token[i] !~ /^(driver_side|stack|app|unsplit)=/) { bad("side " token[i]); return 0 }
			value = ns(substr(token[i], index(token[i], "=") + 1))
			if (value < 0) { bad("side " token[i]); return 0 }
			sides += value
		}
		if (sides != total) bad("the sides add up to " sides)
	}
	tokens = split(group[groups], token, " ")
	for (i = 1; i <= tokens; i++) {
		pos = index(token[i], "=")
		if (!pos) { bad("token " token[i]); return 0 }
		info[substr(token[i], 1, pos - 1)] = substr(token[i], pos + 1)
	}
	return 1
}

# gro=K/N: those of one skb, in the order of the file.
function merged(    part, skb) {
	if (!("gro" in info)) {
		if ("into" in info && info["flags"] ~ /gro/ && info["flags"] !~ /partial/) bad("merged, but no gro=")
		return
	}
	if (split(info["gro"], part, "/") != 2 || info["flags"] !~ /gro/) { bad("gro=" info["gro"]); return }
	skb = ("into" in info) ? info["into"] : info["id"]
	if (skb in gro_of && gro_of[skb] != part[2]) bad("its skb had " gro_of[skb] " packets")
	gro_of[skb] = part[2]
	if (++gro_seen[skb] != part[1]) bad("the " gro_seen[skb] ". packet of its skb")
}

function require(list,    n, names, i, choice, c, any) {
	n = split(list, names, " ")
	for (i = 1; i <= n; i++) {
		any = 0
		split(names[i], choice, "|")
		for (c in choice) if (choice[c] in have) any = 1
		if (!any && (missed + 0 == 0 || ++lacking > missed)) bad(dir " " kind " lacks " names[i])
	}
}

function need_rx(    irq, upper) {
	# What a softirq sends to this very host (ACKs, echo replies) may be taken in that same softirq: it has no entry of its own.
	irq = (irq_option != "no" && (kind == "tcp_data" || kind == "udp")) ? "softirq|backlog " : ""
	# So may what waited for an answer to neighbour discovery, which a softirq brings: the backlog queue is then being polled. Rare, or it is wrong.
	if (irq != "" && info["flags"] ~ /polled/ && !("softirq" in have) && !("backlog" in have)) { unturned++; irq = "" }
	upper = irq "driver|xdp netif" tc_stage
	if (kind == "non_ip") { require(upper); return }
	require(upper " ip")
	if (info["end"] == "forward") return
	if (kind == "frag" || kind == "other_ip" || kind == "icmp_other") return
	require("local")
	if (kind == "tcp_data" || kind == "udp" || kind == "icmp_reply") {
		require((l4_option == "no" ? "" : "l4 ") (socket_option == "no" ? "" : "socket ") "read")
		if (info["end"] != "read") bad("end of " kind)
	}
	if (kind == "icmp_request" && info["end"] != "l4" && info["end"] != "read") bad("end of " kind)
	if (kind == "tcp_control" && info["end"] != "l4") bad("end of " kind)
}

function need_tx(    sockless) {
	if (kind == "non_ip") { require("netdev driver" tc_stage); return }
	sockless = $16 != "" && (kind == "tcp_control" || kind == "icmp_other")
	require((answers_option == "no" && sockless ? "" : "ip ") "out netdev driver" tc_stage)
	if (kind == "tcp_data" && write_option != "no") require("write")
	if (info["end"] != "driver" && info["end"] != "txdone") bad("end of " kind)
}

NR == 1 {
	irq_option = irq; l4_option = l4; socket_option = socket; write_option = write; answers_option = answers
	tc_stage = (tc == "no") ? "" : " tc"
}

{
	kind = kind_of()
	if ($18 == "") { bad("no comment"); next }
	if (!parse($18)) next
	count[dir, kind]++; total_of[dir]++
	if (($2 "") < (last_time "") && length($2) == length(last_time)) bad("earlier than the packet before")
	last_time = $2
	if (info["id"] !~ /^[1-9][0-9]*$/) bad("id")
	if (info["id"] in ids) bad("id twice")
	ids[info["id"]] = 1
	if (info["end"] == "") bad("no end")
	if (info["end"] !~ /^(read|l4|tc|txdone|driver|forward|drop:[A-Z0-9_]+|timeout|unread|open|consumed|recycled|parent|unmatched|unstamped|window)$/)
		bad("end=" info["end"])
	merged()
	n = split(info["flags"], flag, "+")
	partial = 0
	for (i = 1; i <= n; i++) {
		if (!(flag[i] in flag_known)) bad("flag " flag[i])
		if (flag[i] == "partial") partial = 1
	}
	if (partial) { partials[dir, kind]++; partial_of[dir]++; ends[dir, kind, info["end"]]++; next }
	ends[dir, kind, info["end"]]++
	if (skip != "" && kind ~ skip) next
	if (info["end"] ~ /^drop:/) next
	if (dir == "rx") need_rx(); else need_tx()
}

END {
	for (key in count) {
		split(key, part, SUBSEP)
		line = sprintf("%s %-13s %6d packets, %d partial, ends:", part[1], part[2], count[key], partials[key])
		for (e in ends) {
			split(e, piece, SUBSEP)
			if (piece[1] == part[1] && piece[2] == part[2]) line = line " " piece[3] "=" ends[e]
		}
		print line
		line = "   stages:"
		for (s in seen_stage) {
			split(s, piece, SUBSEP)
			if (piece[1] == part[1] && piece[2] == part[2]) line = line " " piece[3] "=" seen_stage[s]
		}
		print line
	}
	if (lacking > 1 + 0.001 * (total_of["rx"] + total_of["tx"])) { print "BAD: " lacking " stages are missing, too many for interruptions"; bad_count++ }
	if (lacking) print lacking " stages are missing; the kernel skipped " missed + 0 " runs of programs"
	for (d in total_of)
		if (total_of[d] - partial_of[d] < min_complete * total_of[d]) {
			print "BAD: of " total_of[d] " " d " timelines " partial_of[d] + 0 " are partial"
			bad_count++
		}
	if (unturned > 3 + 0.01 * total_of["rx"]) { print "BAD: " unturned " rx packets without softirq or backlog"; bad_count++ }
	if (total_of["rx"] + 0 < min_rx + 0) { print "BAD: only " total_of["rx"] + 0 " rx packets"; bad_count++ }
	if (total_of["tx"] + 0 < min_tx + 0) { print "BAD: only " total_of["tx"] + 0 " tx packets"; bad_count++ }
	for (skb in gro_of) if (gro_seen[skb] != gro_of[skb]) { print "BAD: " gro_seen[skb] " packets of " gro_of[skb] " in the skb of " skb; bad_count++ }
	if (bad_count) { print bad_count " things are wrong"; exit 1 }
}
