/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * GEN records on their way, one a pool: of the leader, those that are not acknowledged; of the
 * follower, those that its lbd has not switched to.  Pure.
 */
#ifndef CASPAIR_SYNCD_GENS_H
#define CASPAIR_SYNCD_GENS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/flow_limits.h"

struct gens {
	struct {
		uint32_t pool_id, number;
		uint64_t seq; /* position in the log */
	} of[FLOW_MAX_POOLS];
	size_t count;
};

/* Remembers a record.  Of a pool that is known already the number is the new one, `seq` stays. */
void gens_add(struct gens *gens, uint32_t pool_id, uint32_t number, uint64_t seq);

/* Forgets a pool. */
void gens_drop(struct gens *gens, uint32_t pool_id);

/* The last position up to `seq` that has none of these records before it. */
uint64_t gens_limit(const struct gens *gens, uint64_t seq);

/* Takes out one whose position is not after `seq`; false: there is none. */
bool gens_take(struct gens *gens, uint64_t seq, uint32_t *pool_id, uint32_t *number);

/* Forgets a pool whose number is no later than this one; false: there is none. */
bool gens_done(struct gens *gens, uint32_t pool_id, uint32_t number);

#endif
