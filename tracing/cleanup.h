/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ownership of memory and file descriptors by scope: declare with the attribute, initialise (NULL,
 * -1), hand over with TAKE_PTR or TAKE_FD.
 */
#pragma once

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* `function` gets the address of the variable when the variable goes out of scope. */
#define _cleanup_(function) __attribute__((__cleanup__(function)))

/* Defines `name`: a cleanup function for variables of `type *` whose destructor takes NULL. */
#define CLEANUP_DEFINE(name, type, destructor)                                                     \
	static inline void name(type **object)                                                     \
	{                                                                                          \
		destructor(*object);                                                               \
	}                                                                                          \
	struct cleanup_##name##_needs_a_semicolon

static inline void cleanup_free(void *pointer)
{
	free(*(void **)pointer);
}

static inline void cleanup_close(const int *fd)
{
	int saved_errno = errno;

	if (*fd >= 0)
		close(*fd);
	errno = saved_errno;
}

#define _cleanup_free_	_cleanup_(cleanup_free)
#define _cleanup_close_ _cleanup_(cleanup_close)

/* The value of `variable`, which then owns nothing any more. */
#define TAKE_PTR(variable)                                                                         \
	({                                                                                         \
		__typeof__(variable) _taken = (variable);                                          \
		(variable) = NULL;                                                                 \
		_taken;                                                                            \
	})
#define TAKE_FD(variable)                                                                          \
	({                                                                                         \
		int _taken = (variable);                                                           \
		(variable) = -1;                                                                   \
		_taken;                                                                            \
	})
