#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Every stage of every packet, every series of kernels, with an interrupt line that two cards share (e1000).
# timeout: 900
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
guests 5.10:e1000 6.1:e1000 6.12:e1000 7:e1000
# shellcheck source=tests/vm/stages.sh
. "$TOP/tests/vm/stages.sh"
check_stages
check_filtered
