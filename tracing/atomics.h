/* SPDX-License-Identifier: GPL-2.0-only */
/* Atomic operations that return a value, taken out of a BPF object file: kernels before 5.12 refuse a program that has one, reachable or not. */
#pragma once

#include <stddef.h>

/*
 * Makes additions return nothing and replaces the others by an instruction that does nothing, in place; when `conf_atomics` is 0 programs use no value of these, nor
 * reach those. How many, or -EINVAL: not an ELF object.
 */
int atomics_remove(void *object, size_t size);
