/* SPDX-License-Identifier: GPL-2.0-only */
/* The accounting of a capture: seen = complete + partial(reason) + lost(where), per direction, and its text form in the file. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* ACCOUNT_PARTIAL(ID, name) and ACCOUNT_LOST(ID, name): the one list of reasons and places. */
#define ACCOUNT_PARTIALS(X)                                                                  \
	X(TIMEOUT, "timeout")	   /* no end within the deadline */                          \
	X(UNREAD, "unread")	   /* queued on a socket, not read before the capture ended */ \
	X(OPEN, "open")		   /* still inside the kernel when the capture ended */      \
	X(CONSUMED, "consumed")	   /* freed without an error before its last stage */        \
	X(RECYCLED, "recycled")	   /* its skb came back as another packet */                 \
	X(PARENT, "parent")	   /* merged into a packet whose record was lost */          \
	X(UNMATCHED, "unmatched")  /* read or written, but by which call, or which of its copies was, is not certain */ \
	X(UNSTAMPED, "unstamped")  /* ended, but the last stage, or all before the driver, that it passed and this kernel can stamp are missing */ \
	X(WINDOW, "window")	   /* pushed out of a full reorder window */
#define ACCOUNT_LOSTS(X)                                          \
	X(TABLE, "table")   /* no slot for its timeline */        \
	X(RING, "ring")	    /* ring buffer full */                \
	X(QUEUE, "queue")   /* user space could not hold it */    \
	X(DECODE, "decode") /* record failed validation */
#define ACCOUNT_REJECTEDS(X)                                                         \
	X(BACKWARDS, "backwards") /* stamps (not packets) earlier than the one before */ \
	X(CALLS, "calls")	  /* read and write records lost to a full ring */   \
	X(MATCH, "match")	  /* read or write matches that contradicted the packet */ \
	X(MISSED, "missed")	  /* runs that the kernel skipped: the program had interrupted itself */ \
	X(BLIND, "blind")	  /* softirqs in which the kernel ran none of our programs */
/* Packets of which all is known, and which are not in the output because of what was asked for. */
#define ACCOUNT_UNWRITTENS(X)                                     \
	X(FASTER, "faster") /* than --slower-than */              \
	X(RATE, "rate")	    /* more than --rate */

enum account_partial {
#define X(id, name) ACCOUNT_PARTIAL_##id,
	ACCOUNT_PARTIALS(X)
#undef X
	ACCOUNT_PARTIAL_COUNT,
};
enum account_lost {
#define X(id, name) ACCOUNT_LOST_##id,
	ACCOUNT_LOSTS(X)
#undef X
	ACCOUNT_LOST_COUNT,
};
enum account_rejected {
#define X(id, name) ACCOUNT_REJECTED_##id,
	ACCOUNT_REJECTEDS(X)
#undef X
	ACCOUNT_REJECTED_COUNT,
};
enum account_unwritten {
#define X(id, name) ACCOUNT_UNWRITTEN_##id,
	ACCOUNT_UNWRITTENS(X)
#undef X
	ACCOUNT_UNWRITTEN_COUNT,
};
extern const char *const account_partial_names[ACCOUNT_PARTIAL_COUNT];
extern const char *const account_lost_names[ACCOUNT_LOST_COUNT];
extern const char *const account_rejected_names[ACCOUNT_REJECTED_COUNT];
extern const char *const account_unwritten_names[ACCOUNT_UNWRITTEN_COUNT];

struct account_dir {
	uint64_t seen;
	uint64_t complete;
	uint64_t partial[ACCOUNT_PARTIAL_COUNT];
	uint64_t lost[ACCOUNT_LOST_COUNT];
	uint64_t rejected[ACCOUNT_REJECTED_COUNT]; /* outside the equation: stamps and calls, not packets */
	uint64_t unwritten[ACCOUNT_UNWRITTEN_COUNT]; /* outside it, too: of the complete and the partial */
};

/* Index 0 RX, 1 TX: enum sc_dir minus one. */
struct account {
	struct account_dir dir[2];
};

uint64_t account_partial_sum(const struct account_dir *d);
uint64_t account_lost_sum(const struct account_dir *d);
uint64_t account_unwritten_sum(const struct account_dir *d);
/* *sum = the two directions of a added up. */
void account_total(const struct account *a, struct account_dir *sum);
/* 0 when seen = complete + partial + lost holds in both directions, else -ERANGE. */
int account_check(const struct account *a);

#define ACCOUNT_TEXT_MAX 2048
/*
 * "stampcap accounting rx seen=12 complete=11 partial.timeout=1 lost.ring=0 ... | tx seen=..." : every counter, zero or not, in the order of
 * the lists above. Returns the length or -ENOSPC.
 */
int account_format(const struct account *a, char *buf, size_t size);
/* The inverse: 0, -ENOENT if the text is not ours, -EINVAL if malformed. Unknown counters of a newer version are -EINVAL. */
int account_parse(struct account *a, const char *text, size_t len);
