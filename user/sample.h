/* SPDX-License-Identifier: GPL-2.0-only */
/* Sampling by flow: an expression of pcap-filter(7), so that XDP, TC, the cache of connections and `record -d` have it with the rest of the filter. */
#pragma once

#include <stdint.h>

#define SAMPLE_MAX 65536

/*
 * *out becomes the expression that accepts what `expression` (NULL: everything) does of one flow in `n`: those of a hash of addresses and, of unfragmented TCP and UDP,
 * ports, the same for both directions. What is not IP has no flow and is left out. free() it. 0 or -ENOMEM.
 */
int sample_expression(char **out, uint32_t n, const char *expression);
