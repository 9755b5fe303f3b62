/* SPDX-License-Identifier: GPL-2.0-only */
/* Names of the kernel's drop reasons. Their numbers differ between kernels, so they come from the running kernel's BTF. */
#pragma once

#include <stdint.h>

struct drop_reasons;

/* 0 or a negative errno; kernels before 5.17 have no reasons: *out then is an empty table. */
int drop_reasons_load(struct drop_reasons **out);
void drop_reasons_free(struct drop_reasons *d); /* NULL is fine */

/* "NO_SOCKET", or NULL: unknown, or of a subsystem with numbers of its own. */
const char *drop_reason_name(const struct drop_reasons *d, uint32_t reason);
