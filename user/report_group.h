/* SPDX-License-Identifier: GPL-2.0-only */
/* The part of a report that holds its groups; for report.c. */
#pragma once

#include "user/report.h"

int report_groups_init(struct report *r);
/* Counts p, of which `d` was dissected if r->by->fill asks for it, in its group: 0 or -ENOMEM. */
int report_group_add(struct report *r, const struct packet *p, const struct dissect *d);
void report_groups_sort(struct report *r);
void report_groups_clear(struct report *r);
