/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Orders to end flows, and how fast they may go: a queue and a token bucket for one array.  Pure.
 * First all orders of a walk over the flows are gathered, then they go, those of one client in a
 * row: so a client loses its affinity group at once and not over minutes.
 */
#ifndef CASPAIR_PACE_H
#define CASPAIR_PACE_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/flow.h"

enum { PACE_ORDERS = 16384 };

struct pace_order {
	struct flow_key key;
	uint8_t reason; /* enum flow_reset */
};

struct pace {
	uint32_t rate;            /* orders a second; 0: none are taken */
	struct pace_order *order; /* of PACE_ORDERS, from the first one on */
	uint32_t count, next;     /* [next, count) are still to go */
	uint64_t last_ns;
	uint64_t credit; /* in units of 1 / 10^9 order */
	bool going;      /* nothing is gathered meanwhile */
};

void pace_free(struct pace *pace);

/* Another rate, at once.  What is queued is dropped where that is 0. */
void pace_rate(struct pace *pace, uint32_t rate);

/* Drops what is queued. */
void pace_clear(struct pace *pace);

/*
 * Gathers an order; false when it is not taken: the rate is 0, orders are going, no room, no
 * memory.  It will be found again by a later walk.
 */
bool pace_gather(struct pace *pace, const struct flow_key *key, uint8_t reason);

/* The walk is over: what was gathered goes from `now_ns` on.  Returns how many that are. */
uint32_t pace_go(struct pace *pace, uint64_t now_ns);

/* The orders that may go now, at most `most`: how many, and in *order the first. */
uint32_t pace_take(struct pace *pace, uint64_t now_ns, uint32_t most,
		   const struct pace_order **order);

/* Of those taken, so many came to nothing: others may go in their place. */
void pace_refund(struct pace *pace, uint32_t orders);

#endif
