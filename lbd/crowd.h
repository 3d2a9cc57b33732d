/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which pins go before their time when their table is nearly full: of those without a flow the ones
 * that have rested for the longest part of their timeout.  So a flood of clients that never come
 * again costs who rests longest his member, and not each newcomer his affinity.  Pure.
 *
 * One walk over the table counts, the next one chooses by that.
 */
#ifndef CASPAIR_CROWD_H
#define CASPAIR_CROWD_H

#include <stdbool.h>
#include <stdint.h>

enum { CROWD_AGES = 64 }; /* parts of a timeout */

struct crowd {
	uint32_t resting[CROWD_AGES]; /* pins without a flow in this walk, by their age */
	uint32_t from;                /* of that age and more they go, */
	uint64_t left;                /* so many yet in this walk */
};

/*
 * A pin without a flow, which was used `idle` ticks ago and has a timeout of `linger`: whether it
 * goes.
 */
bool crowd_yields(struct crowd *crowd, uint32_t idle, uint32_t linger);

/*
 * A walk is over, and `used` of the table's `room` are taken.  From 15/16 of it on, the next walk
 * makes them 7/8, if so many rest.  Returns how many are to go.
 */
uint64_t crowd_walked(struct crowd *crowd, uint64_t used, uint64_t room);

#endif
