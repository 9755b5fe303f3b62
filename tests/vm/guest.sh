# SPDX-License-Identifier: GPL-2.0-only
# Inside a VM: the network of tests/vm/boot, then the script it was told to run. Copied to the control folder and started there by init.c.
# shellcheck shell=bash
set -euo pipefail

# What boot passes on: TOP, OUT, VM_*, the script's path.
# shellcheck disable=SC1091
. /run/vm/env

die() {
	echo "tests/vm/guest.sh: $*" >&2
	exit 125
}

# A guest that saw the machine's /sys would take its BTF for its own.
[ "$(stat -f -c %T /sys/kernel)" = sysfs ] || die "/sys is not the guest's own"

mkdir -p /lib/modules
ln -sfn "$VM_KERNEL_DIR/lib/modules/$(uname -r)" "/lib/modules/$(uname -r)"

# No udev here: network devices on PCI, and those behind a virtio device on PCI, get their drivers by their aliases.
for device in /sys/bus/pci/devices/*; do
	[[ $(<"$device/class") != 0x02* ]] || modprobe -q "$(<"$device/modalias")" || true
done
for device in /sys/bus/virtio/devices/*; do
	[[ $(<"$device/modalias") != virtio:d00000001* ]] || modprobe -q "$(<"$device/modalias")" || true
done

# device_of MAC: its name, once it is there.
device_of() {
	local address try

	for ((try = 0; try < 100; try++)); do
		for address in /sys/class/net/*/address; do
			if [ "$(<"$address")" = "$1" ]; then
				basename "$(dirname "$address")"
				return
			fi
		done
		sleep 0.1
	done
	die "no device $1"
}

# The two may have each other's names: by way of names nobody has.
own=$(device_of "$VM_MAC_OWN")
other=$(device_of "$VM_MAC_PEER")
ip link set "$own" name own
ip link set "$other" name other
ip link set own name ens33
ip netns add peer
ip link set other netns peer name eth1

# Addresses are there at once, and nothing is sent that no test sends.
# shellcheck disable=SC2016 # expanded in each namespace
quiet_ipv6='
	for dev in all default "$1"; do
		echo 0 >/proc/sys/net/ipv6/conf/$dev/accept_dad
		echo 0 >/proc/sys/net/ipv6/conf/$dev/router_solicitations
	done'
bash -c "$quiet_ipv6" - ens33
nsenter --net=/run/netns/peer bash -c "$quiet_ipv6" - eth1

ip link set lo up
ip addr add 10.0.0.1/24 dev ens33
ip addr add fd00::1/64 dev ens33 nodad
ip link set ens33 up
ip -n peer link set lo up
ip -n peer addr add 10.0.0.2/24 dev eth1
ip -n peer addr add fd00::2/64 dev eth1 nodad
ip -n peer link set eth1 up

# Drivers take their time to say that the link is up.
answers() {
	local try

	for ((try = 0; try < 30; try++)); do
		if ping -c 1 -W 1 -q "$1" >/dev/null 2>&1; then
			return
		fi
		sleep 0.1
	done
	die "no answer from $1"
}
answers 10.0.0.2
answers fd00::2

cd "$TOP"
exec bash "$VM_SCRIPT"
