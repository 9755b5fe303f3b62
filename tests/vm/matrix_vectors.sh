#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Every stage of every packet with interrupts of one device: MSI and MSI-X, a vector per queue or per direction, several queues, native XDP (virtio).
# timeout: 1080
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
guests 5.10:e1000e 5.10:virtio-net-pci 6.1:vmxnet3 6.1:virtio-mq 6.12:e1000e 6.12:virtio-mq 6.12:virtio-net-pci 7:virtio-net-pci 7:vmxnet3
# shellcheck source=tests/vm/stages.sh
. "$TOP/tests/vm/stages.sh"
check_stages
