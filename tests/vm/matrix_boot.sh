#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Every kernel series with e1000, and one series with every network device: driver, interrupts, BTF, both families, queues.
# timeout: 900
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
guests 5.10:e1000 6.1:e1000 6.12:e1000 7:e1000 6.12:e1000e 6.12:vmxnet3 6.12:virtio-net-pci 6.1:virtio-mq 6.12:virtio-mq

# interrupts: of ens33 by name, or of the virtio device behind it.
interrupts() {
	local virtio

	virtio=$(basename "$(readlink -f /sys/class/net/ens33/device)")
	awk -v name="(^|[ ,])(ens33|$virtio)([-,]|\$)" '$0 ~ name { for (i = 2; $i ~ /^[0-9]+$/; i++) sum += $i } END { print sum + 0 }' /proc/interrupts
}

case $VM_NIC in
virtio*) driver=virtio_net ;;
*) driver=$VM_NIC ;;
esac
case "$(uname -r)" in
"$VM_SERIES".*) ;;
*) fail "kernel $(uname -r), not $VM_SERIES" ;;
esac
assert_eq "$(basename "$(readlink /sys/class/net/ens33/device/driver)")" "$driver" driver
assert_eq "$(stat -f -c %T /sys/kernel/btf/vmlinux)" sysfs "file system of the BTF"
before=$(interrupts)
for address in "$PEER4" "$PEER6"; do
	ping -q -c 5 -i 0.1 -W 2 "$address" >/dev/null || fail "no answer from $address"
done
assert_ge "$(interrupts)" $((before + 5)) interrupts
if [ "$VM_NIC" = virtio-mq ]; then
	assert_eq "$(nproc)" 2 CPUs
	assert_eq "$(find /sys/class/net/ens33/queues -name 'rx-*' | wc -l)" 2 queues
fi
echo "$(uname -r), $VM_NIC: interrupts of ens33 from $before to $(interrupts)"
