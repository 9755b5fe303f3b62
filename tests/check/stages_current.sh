#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# docs/stages.md says what tracing/stages.def says.
set -u
cd "$(dirname "$0")/../.." || exit 1
[ "$(grep -c '^STAGE(' tracing/stages.def)" -gt 0 ] || { echo "no stage in tracing/stages.def"; exit 1; }
tests/check/stages_md.sh | diff docs/stages.md - || { echo "docs/stages.md is not current: make docs"; exit 1; }
