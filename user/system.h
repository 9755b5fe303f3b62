/* SPDX-License-Identifier: GPL-2.0-only */
/* Facts about the machine for a file's header. */
#pragma once

#include <stddef.h>

/* "Linux 6.18.0 x86_64" */
void system_os(char *buf, size_t size);
/* "x86_64, Intel(R) Xeon(R) ..., 2 CPUs" */
void system_hardware(char *buf, size_t size);
