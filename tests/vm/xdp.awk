# SPDX-License-Identifier: GPL-2.0-only
# Where the stage xdp stands in the timelines of one device (columns: COLUMNS in e2e/lib.sh): on every received packet with payload, right between softirq
# and driver; or nowhere.
#
#   dev      the device;   least  received packets with payload that must be there
#   xdp=no   nothing is attached to it
BEGIN { FS = "\t" }

function bad(text) {
	if (++bad_count <= 15) print "BAD #" $1 ": " text " :: " $18
}

$17 != dev || $18 !~ /^stampcap rx / { next }
xdp == "no" && $18 ~ / xdp=\+/ { bad("an xdp stamp") }
!($6 != "" && $7 > 0) && $9 == "" { next }
{ payload++ }
xdp != "no" && $18 !~ / softirq=\+[0-9.]+us xdp=\+[0-9.]+us driver=\+/ { bad("no xdp between softirq and driver") }

END {
	print dev ": " payload + 0 " received with payload, xdp stamps " (xdp == "no" ? "on none" : "expected on all")
	if (payload + 0 < least + 0) { print "BAD: less than " least; bad_count++ }
	if (bad_count) { print bad_count " things are wrong"; exit 1 }
}
