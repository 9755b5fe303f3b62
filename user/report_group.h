/* SPDX-License-Identifier: GPL-2.0-only */
/* The part of a report that holds its groups; for report.c. */
#pragma once

#include "user/report.h"

int report_groups_init(struct report *r);
/* Counts p, of which `d` was dissected if r->by->fill asks for it, in its group: 0 or -ENOMEM. */
int report_group_add(struct report *r, const struct packet *p, const struct dissect *d);
/* For what was counted elsewhere: the group of direction `dir` where nothing tells packets apart, and in it the histogram of an interval. NULL: no memory. */
struct report_group *report_group_of(struct report *r, uint8_t dir);
struct hist *report_group_interval(struct report *r, struct report_group *g, uint8_t from, uint8_t to);
void report_groups_sort(struct report *r);
void report_groups_clear(struct report *r);
