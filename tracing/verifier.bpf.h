/* SPDX-License-Identifier: GPL-2.0-only */
/* Bounds that the verifier has to see and the compiler, knowing them to hold, would optimise away or check in another register. */
#pragma once

/* x, 64 bits wide, is at most `mask`, a power of two - 1. */
#define BOUND(x, mask) asm volatile("%0 &= %1" : "+r"(x) : "i"(mask))

/* What the compiler knows of x is forgotten: the check that follows stays, and is made on the register that is used. */
#define FORGET(x) asm volatile("" : "+r"(x))
