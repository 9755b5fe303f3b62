/* SPDX-License-Identifier: GPL-2.0-only */
/* Bounds that the verifier has to see and the compiler, knowing them to hold, would optimise away or check in another register. */
#pragma once

/* x, 64 bits wide, is at most `mask`: a power of two - 1, or less its lowest bits where x has none of those. */
#define BOUND(x, mask) asm volatile("%0 &= %1" : "+r"(x) : "i"(mask))

/* What the compiler knows of x is forgotten: the check that follows stays, and is made on the register that is used. */
#define FORGET(x) asm volatile("" : "+r"(x))

/*
 * What the verifier knows of x is forgotten as well; `any` is a number it knows nothing of. Branches that end in other values of x are then one and the same to it, and
 * a loop around them does not multiply them.
 */
#define SCRUB(x, any) asm volatile("%0 ^= %1\n%0 ^= %1" : "+r"(x) : "r"(any))
