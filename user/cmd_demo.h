/* SPDX-License-Identifier: GPL-2.0-only */
/* The verb `stampcap demo`. */
#pragma once

/* argv[0] is "demo". Returns the exit status: 0 fine, 1 failed, 2 bad usage. */
int cmd_demo(int argc, char **argv);
