/* SPDX-License-Identifier: GPL-2.0-only */
/* Ownership by scope, for user space: the helpers of tracing/cleanup.h, which may not look here. */
#pragma once

#include "tracing/cleanup.h"
