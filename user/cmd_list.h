/* SPDX-License-Identifier: GPL-2.0-only */
/* The verb `stampcap list`. */
#pragma once

/* argv[0] is "list". Returns the exit status: 0 fine, 1 failed, 2 bad usage. */
int cmd_list(int argc, char **argv);
