/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From positions in the log to positions in the data plane's ring: what was read up to `at` was
 * logged up to `seq`.  So an acknowledgement of the peer, which names a place in the log, says up
 * to where in the ring it has followed.  Pure.
 */
#ifndef CASPAIR_SYNCD_MARKS_H
#define CASPAIR_SYNCD_MARKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MARKS = 64 };

struct mark {
	uint64_t at, seq;
};

struct marks {
	uint64_t history; /* whose positions these are */
	struct mark mark[MARKS];
	size_t first, count;
	uint64_t at; /* followed up to here, if any was reached */
	bool reached;
};

/* Other tables: their ring begins anew. */
void marks_reset(struct marks *marks);

/*
 * All that the ring held below `at` is in the log of this history up to `seq`, or was in the tables
 * when it began.  Without room the last mark is moved on: what it stood for is known later.
 */
void marks_note(struct marks *marks, uint64_t history, uint64_t at, uint64_t seq);

/* The peer holds the log up to `seq`.  True: marks->at has moved, or is known for the first time.
 */
bool marks_reach(struct marks *marks, uint64_t seq);

#endif
