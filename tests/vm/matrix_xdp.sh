#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# XDP on the drivers and kernels that differ: no packets of several buffers (6.1), several queues and merging in hardware (virtio-mq), no native XDP (e1000).
# timeout: 2400
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/vm/xdp.sh
. "$TOP/tests/vm/xdp.sh"
guests 6.12:virtio-net-pci 6.1:virtio-net-pci 6.12:virtio-mq 6.12:e1000 7:virtio-net-pci
check_xdp
