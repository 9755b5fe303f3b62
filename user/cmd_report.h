/* SPDX-License-Identifier: GPL-2.0-only */
/* The verb `stampcap report`. */
#pragma once

/* argv[0] is "report". Returns the exit status: 0 fine, 1 failed, 2 bad usage. */
int cmd_report(int argc, char **argv);
