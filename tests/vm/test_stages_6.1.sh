#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Every stage of every packet on a real driver called ens33, on a kernel that most users run.
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
guests 6.1:e1000
# shellcheck source=tests/vm/stages.sh
. "$TOP/tests/vm/stages.sh"
check_stages
check_compatible
