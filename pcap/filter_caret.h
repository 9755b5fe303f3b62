/* SPDX-License-Identifier: GPL-2.0-only */
/* Where in an expression libpcap's complaint about it points to: libpcap says what is wrong, but not where. */
#pragma once

#include <stdint.h>

#include <pcap/pcap.h>

/*
 * The column, from 0, of what `message` (that pcap_compile() on `handle` refused the expression with) is about; strlen(expression): it ends too early; -1:
 * unknown. Compiles parts of the expression on `handle`, without looking up the names of hosts and networks again, for at most about a second.
 */
int filter_caret_find(pcap_t *handle, uint32_t netmask, const char *expression, const char *message);
