# SPDX-License-Identifier: GPL-2.0-only
# Numbered datagrams of udp_identity in a file as pcapng_dump -b prints it, one a line: number, interface, time, source and destination (address:port, hexadecimal), comment.
# `skip`: bytes before the Ethernet header, those of a tunnel. IPv4 without options only; anything else is left out.
BEGIN { FS = "\t"; OFS = "\t"; skip *= 2 }

/^EPB/ {
	bytes = comment = time = interface = ""
	for (i = 2; i <= NF; i++) {
		if ($i ~ /^bytes=/) bytes = substr($i, 7 + skip)
		else if ($i ~ /^comment=/) comment = substr($i, 9)
		else if ($i ~ /^time=/) time = substr($i, 6)
		else if ($i ~ /^if=/) interface = substr($i, 4)
	}
	if (substr(bytes, 25, 6) != "080045" || substr(bytes, 47, 2) != "11") next
	if (substr(bytes, 85, 20) !~ /^(3[0-9])+$/) next
	number = ""
	for (i = 86; i <= 104; i += 2) number = number substr(bytes, i, 1)
	print number, interface, time, substr(bytes, 53, 8) ":" substr(bytes, 69, 4), substr(bytes, 61, 8) ":" substr(bytes, 73, 4), comment
}
