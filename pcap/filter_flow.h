/* SPDX-License-Identifier: GPL-2.0-only */
/* Which filters say the same of every packet that a socket sends. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <linux/filter.h>

/*
 * Does the code read nothing but what names a flow: link-layer addresses and type, IP versions, protocols, addresses, fragment offsets and ports? `header_bytes`: of
 * the link-layer header, 14 or 0. A rule of thumb, for caches that may be wrong: address rewriting and odd expressions (ip[9], read as a number) escape it.
 */
bool filter_is_flow(const struct sock_fprog *program, uint32_t header_bytes);
