/* SPDX-License-Identifier: GPL-2.0-only */
/* What a recording says on stderr when it ends. */
#pragma once

#include "user/account.h"

/* One line per direction, unless the user wants quiet; and, whatever the user wants, a last line if packets were lost. */
void summary_print(const struct account *account);
