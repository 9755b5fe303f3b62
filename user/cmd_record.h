/* SPDX-License-Identifier: GPL-2.0-only */
/* The verb `stampcap record`. */
#pragma once

/* argv[0] is "record". Returns the exit status: 0 fine, 1 failed, 2 bad usage. */
int cmd_record(int argc, char **argv);
