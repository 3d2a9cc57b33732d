/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What canaries have seen, and the line in which they tell it.  Pure; times are seconds of a
 * monotonic clock.
 */
#ifndef CASPAIR_CANARY_TALLY_H
#define CASPAIR_CANARY_TALLY_H

#include <stdbool.h>
#include <stdint.h>

/* Numbers of one line: sums since the start, and the worst since the line before. */
struct canary_line {
	uint32_t open, lost;
	uint64_t answers, connects, refused;
	double stall_ms; /* for the answer that took longest, or is awaited longest */
	double gap_ms;   /* in which no new connection came to be */
};

struct canary_tally {
	struct canary_line sum;
	double connected; /* when the last new connection came to be */
};

void canary_tally_init(struct canary_tally *tally, double now);
void canary_answered(struct canary_tally *tally, double took);
void canary_connected(struct canary_tally *tally, double now);
/* The next line; `waiting`: how long the one that waits longest has waited, 0: none does. */
struct canary_line canary_tally_take(struct canary_tally *tally, double now, double waiting);

/* A line as `pairctl canary` prints it.  False: it is none, or lacks a number. */
bool canary_line_read(const char *text, struct canary_line *line);

#endif
