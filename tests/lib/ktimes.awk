# SPDX-License-Identifier: GPL-2.0-only
# Holds the stamps of one side's file against the kernel's own times of the same packets: log lines as ktimes prints them, packets as
# "FIRST<tab>LAST<tab>ACK<tab>NUMBER<tab>EPOCH<tab>COMMENT", numbers of datagrams or bytes of the stream; no LAST without payload.
#
# Files, each behind part=NAME: peer_log, log, peer_packets, packets.
#
#   proto     udp or tcp
#   rx        where the kernel takes RX software times: entry (between driver and netif) or delivery (between local and l4)
#   slack_ns  of the two clocks of one file; peer_slack_ns of this file's and the peer's
BEGIN {
	median_max_ns = 5000
	split("sched snd", tx_names, " ")
	rx_from = rx == "entry" ? "driver" : "local"
	rx_to = rx == "entry" ? "netif" : "l4"
}

function bad(text) {
	if (++bad_count <= 15) print "BAD " text
}

# Without what all of them share: doubles hold 15 digits.
function short_ns(text) {
	return substr(text, length(text) - 14) + 0
}

# Stages of the comment into at[] as wall time. The packet's own time stamp is that of the first stage the packet itself was at when it was received; of
# driver, else netdev, else tc when it was sent.
function read_stamps(epoch, comment,    tokens, token, i, name, now, anchor) {
	delete at
	sub(/\./, "", epoch)
	sub(/ \| .*/, "", comment)
	tokens = split(comment, token, " ")
	direction = token[2]; now = 0; anchor = ""
	for (i = 4; i <= tokens; i++) {
		name = token[i]
		sub(/=.*/, "", name)
		sub(/.*=\+/, "", token[i])
		sub(/us$/, "", token[i])
		sub(/\./, "", token[i])
		now += token[i]
		at[name] = now
		if (direction == "tx" ? name ~ /^(tc|netdev|driver)$/ : anchor == "" && name !~ /^(hardirq|softirq)$/) anchor = now
	}
	if (anchor == "") { bad("no anchor: " comment); return 0 }
	for (name in at) at[name] += short_ns(epoch) - anchor
	at["own"] = short_ns(epoch)
	return 1
}

# A packet with payload; one that repeats what was there before goes to the list of those sent again, and so does what it repeats.
function packet_add(kind,    i, name) {
	if (count[kind] && $1 + 0 <= last[kind, count[kind]]) {
		i = ++agains[kind]
		again_first[kind, i] = $1 + 0; again_last[kind, i] = $2 + 0
		return
	}
	i = ++count[kind]
	first[kind, i] = $1 + 0; last[kind, i] = $2 + 0; text[kind, i] = $6; cut_from[kind, i] = 0
	if (match($6, / of=[0-9]+/)) cut_from[kind, i] = substr($6, RSTART + 4, RLENGTH - 4)
	for (name in at) stamp[kind, i, name] = at[name]
}

# A packet without payload, by the byte it stands before.
function bare_add(    name) {
	bare[++bares] = $6
	followers[$1 + 0]++
	follower[$1 + 0, followers[$1 + 0]] = bares
	for (name in at) stamp["bare", bares, name] = at[name]
}

# Index of the packet that holds `key`, 0 if there is none, -1 if it was sent again.
function packet_of(kind, key,    low, high, middle, i) {
	for (i = 1; i <= agains[kind]; i++)
		if (again_first[kind, i] <= key && key <= again_last[kind, i]) return -1
	low = 1; high = count[kind] + 1
	while (low < high) {
		middle = int((low + high) / 2)
		if (last[kind, middle] >= key) high = middle
		else low = middle + 1
	}
	return (low <= count[kind] && first[kind, low] <= key) ? low : 0
}

# The packet's payload names the record that begins there.
function check_number(kind, started) {
	if (!($1 in started)) return
	if ($4 + 0 != started[$1]) bad(kind ": the packet with " $1 " says " $4 ", not " started[$1])
	named[kind]++
}

# How far `what` was out of its bounds at worst; negative: it never was.
function outside(what, distance) {
	if (!(what in worst) || distance > worst[what]) worst[what] = distance
}

function measure(name, distance) {
	if (distance < 0) distance = -distance
	distance = int(distance + 0.5)
	measured[name]++
	distances[name, distance]++
	if (distance > farthest[name]) farthest[name] = distance
}

# `time` is not before stage `from` and not after stage `to` of packet i.
function check_between(what, time, kind, i, from, to,    early, late) {
	if (!((kind, i, from) in stamp) || !((kind, i, to) in stamp)) {
		if (text[kind, i] ~ / flags=[a-z+]*partial/) { partial[what]++; return 0 }
		bad(what ": no " from " or no " to ": " text[kind, i])
		return 0
	}
	early = stamp[kind, i, from] - time; late = time - stamp[kind, i, to]
	outside(what, early)
	outside(what, late)
	if (early > slack_ns || late > slack_ns)
		bad(sprintf("%s %.0f ns before %s or %.0f ns after %s: %s", what, early, from, late, to, text[kind, i]))
	held[what]++
	return 1
}

# A record whose time the kernel gave to the record behind it: the socket had put the bytes of both into one buffer.
function overwritten(i, key,    j) {
	if (proto != "tcp") return 0
	if (last["tx", i] > key) return 1
	j = packet_of("tx", key + 1)
	return j > 0 && cut_from["tx", i] && cut_from["tx", i] == cut_from["tx", j]
}

function check_sent(key,    i, j, k, name) {
	i = packet_of("tx", key)
	if (i < 0) { sent_again++; return }
	if (!i) { bad("no packet with " key " in the file"); return }
	for (k = 1; k in tx_names; k++) {
		name = tx_names[k]
		if (!times[name, key] && overwritten(i, key)) { lost_time[name]++; continue }
		if (times[name, key] != 1) bad(times[name, key] + 0 " " name " times of " key ": " text["tx", i])
	}
	if (times["sched", key] == 1 && check_between("sched", time_of["sched", key], "tx", i, "out", "tc")) {
		measure("sched - tc", time_of["sched", key] - stamp["tx", i, "tc"])
		measure("sched - netdev", time_of["sched", key] - stamp["tx", i, "netdev"])
	}
	if (times["snd", key] == 1) check_snd(i, key)
	if (proto == "tcp") check_ack(i, key)
}

# The driver hands the packet over after it has taken the time: the peer's device has it later.
function check_snd(i, key,    j, late) {
	if (check_between("snd", time_of["snd", key], "tx", i, "driver", "forever"))
		measure("snd - driver", time_of["snd", key] - stamp["tx", i, "driver"])
	j = packet_of("peer", key)
	if (j < 1) { if (!j) bad("no packet with " key " at the peer"); return }
	late = time_of["snd", key] - stamp["peer", j, "own"]
	outside("snd at the peer", late)
	if (late > peer_slack_ns) bad(sprintf("snd %.0f ns after the peer's device had it: %s", late, text["peer", j]))
	held["snd at the peer"]++
}

# The first packet that acknowledges `key` had reached TCP; it may have waited there for the socket's owner. Two CPUs may have changed their order.
function check_ack(i, key,    low, high, middle, early, soonest) {
	if (!times["ack", key] && overwritten(i, key)) { lost_time["ack"]++; return }
	if (times["ack", key] != 1) { bad(times["ack", key] + 0 " ack times of " key ": " text["tx", i]); return }
	low = 1; high = acks + 1
	while (low < high) {
		middle = int((low + high) / 2)
		if (highest_ack[middle] > key) high = middle
		else low = middle + 1
	}
	if (low > acks) { bad("nothing acknowledges " key); return }
	for (soonest = low; low <= acks && ack_own[low] < ack_time[soonest]; low++)
		if (ack[low] > key && ack_time[low] < ack_time[soonest]) soonest = low
	early = ack_time[soonest] - time_of["ack", key]
	outside("ack", early)
	if (early > slack_ns) bad(sprintf("ack %.0f ns before l4: %s", early, ack_text[soonest]))
	held["ack"]++
	measure("ack - l4", early)
}

# While the socket belongs to a call, a packet without payload may join the one before it in the socket's backlog, and its time replaces the other's
# (tcp_add_backlog): `time` is then that of such a packet, and packet i reached its socket later.
function borrowed(i, time,    seq, n, k) {
	seq = last["rx", i] + 1
	for (n = 1; n <= followers[seq]; n++) {
		k = follower[seq, n]
		if (time >= stamp["bare", k, rx_from] - slack_ns && time <= stamp["bare", k, rx_to] + slack_ns && stamp["rx", i, "socket"] > time) return 1
	}
	return 0
}

function check_read(key, time,    i) {
	i = packet_of("rx", key)
	if (i < 0) { sent_again++; return }
	if (!i) { bad("no packet with " key " was received"); return }
	if (!time) { bad("no RX time: " text["rx", i]); return }
	if (time > stamp["rx", i, rx_to] + slack_ns && borrowed(i, time)) { lent++; return }
	check_between("rx", time, "rx", i, rx_from, rx_to)
	if (time - stamp["rx", i, "netif"] <= 2000) rx_early++
	measure("rx - netif", time - stamp["rx", i, "netif"])
	if (text["rx", i] ~ / flags=[a-z+]*gro/) merged++
}

function print_median(name, limit,    n, distance) {
	for (distance = 0; n < measured[name] / 2 && distance < 1000000; distance++) n += distances[name, distance]
	printf "   |%s|: median %d ns, at most %d ns, of %d\n", name, distance - 1, farthest[name], measured[name]
	if (limit && distance - 1 > limit) bad("median of " name)
}

part == "log" && $1 == "sent" { sent_key[++sent] = $4 + 0; own_start[$3] = $2 + 0; next }
part == "log" && $1 == "rx" { read_key[++reads] = $3 + 0; read_time[reads] = short_ns($4); next }
part == "log" && ($1 == "sched" || $1 == "snd" || $1 == "ack") { times[$1, $2 + 0]++; time_of[$1, $2 + 0] = short_ns($3); next }
part == "peer_log" && $1 == "sent" { peer_start[$3] = $2 + 0; next }
part ~ /log/ { next }

!read_stamps($5, $6) { next }

part == "peer_packets" { if (direction == "rx" && $2 != "") packet_add("peer"); next }

direction == "tx" {
	if ($2 == "") next
	at["forever"] = short_ns("999999999999999")
	packet_add("tx")
	check_number("tx", own_start)
	next
}

{
	if ($3 != "" && !("l4" in at)) {
		if ($6 !~ / flags=[a-z+]*partial/) bad("no l4: " $6)
	} else if ($3 != "") {
		ack[++acks] = $3 + 0; ack_time[acks] = at["l4"]; ack_own[acks] = at["own"]; ack_text[acks] = $6
		highest_ack[acks] = ack[acks] > highest_ack[acks - 1] ? ack[acks] : highest_ack[acks - 1]
	}
	if ($2 == "") { bare_add(); next }
	packet_add("rx")
	check_number("rx", peer_start)
}

END {
	for (i = 1; i <= sent; i++) check_sent(sent_key[i])
	for (i = 1; i <= reads; i++) check_read(read_key[i], read_time[i])
	printf "%d records sent, %d calls that received (%d of merged packets); slack %d ns, with the peer's clock %d ns\n", sent, reads, merged, slack_ns, peer_slack_ns
	for (name in held) printf "   %s: %d hold, %d partial, %.0f ns outside at worst\n", name, held[name], partial[name], worst[name]
	for (name in lost_time) printf "   %s: %d times the kernel gave to the record behind in the same buffer\n", name, lost_time[name]
	printf "   rx: %d times of a packet without payload that joined the last one in the backlog; %d not later than netif + 2 us\n", lent, rx_early
	printf "   %d of packets that were sent again\n", sent_again
	print_median("sched - tc", median_max_ns)
	print_median("sched - netdev", median_max_ns)
	print_median("snd - driver", median_max_ns)
	print_median("rx - netif", 0)
	if (proto == "tcp") print_median("ack - l4", 0)
	if (!sent || held["sched"] < 0.6 * sent || held["snd"] < 0.6 * sent || held["rx"] < 0.95 * reads || reads < 0.1 * sent)
		bad("too few to say anything")
	if (!named["tx"] || !named["rx"]) bad("no packet that names its record")
	if (bad_count) { print bad_count " things are wrong"; exit 1 }
}
