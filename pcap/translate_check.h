/* SPDX-License-Identifier: GPL-2.0-only */
/* For translate.c: is this a classic program at all. */
#pragma once

#include "pcap/translate.h"

/* Writes the sentence and returns err. */
__attribute__((format(printf, 3, 4))) int translate_refuse(struct translate_problem *problem, int err, const char *format, ...);

/* 0, or -EINVAL, -ELOOP, -E2BIG as translate() returns them. */
int translate_check(const struct sock_fprog *program, struct translate_problem *problem);
