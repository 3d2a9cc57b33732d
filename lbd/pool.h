/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Verdicts in force and the tables that follow from them.  Pure.  Verdicts, weights and the
 * configuration are all that a table depends on, so equal verdicts mean equal tables on both nodes.
 */
#ifndef CASPAIR_POOL_H
#define CASPAIR_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "lbd/plan.h"

/* Whether this member is configured in this pool. */
bool pool_has(const struct plan *plan, unsigned int pool, unsigned int member);

/*
 * Puts a verdict in force, given at its `since_ns`, with a weight as of its `raised_ns`; false when
 * it is the one that was.
 */
bool pool_set(struct plan *plan, unsigned int pool, unsigned int member,
	      const struct standing *standing);

/*
 * The weight that slow start gives a member now: from 1 up to what is configured, in proportion to
 * time.  `raised_ns` is set to when it was just that much, so that nothing is lost to rounding.
 */
uint32_t pool_ramp(const struct standing *standing, const Conf__Member *conf, uint64_t now_ns,
		   uint64_t *raised_ns);

/* What this node's probes say. */
enum pool_probed { POOL_UNDECIDED, POOL_UP, POOL_DOWN };

/*
 * The standing of a member that follows from what probes show and from its duty: where an operator
 * wants it to rest, its weight is 0; where he wants it away it is down, and probes are not judged.
 * When it is back, it begins as one that has come up.
 */
struct standing pool_next(const struct plan *plan, unsigned int pool, unsigned int member,
			  enum pool_probed probed, uint64_t now_ns);

/* Whether a pool has somebody for new clients without this member. */
bool pool_spares(const struct plan *plan, unsigned int pool, unsigned int member);

/*
 * Writes the table that a pool's standings call for and sets its `up` bits.  Returns false when no
 * member is up and has weight: then those serve that are up, though an operator wants them to
 * rest; without any of these the ones who were last in force stay so, and all members where none
 * ever was, because a client that reaches a member which looks dead is better off than one that is
 * dropped.
 */
bool pool_table(struct plan *plan, unsigned int pool, struct flow_maglev *table);

/* The same for the base and its bits: equal verdicts mean equal bases, whatever was in between. */
bool pool_base(struct plan *plan, unsigned int pool, struct flow_maglev *table);

/* Makes the standings of now those of the base; or those to come, which a follower was told. */
void pool_rebase(struct plan *plan, unsigned int pool);
void pool_take_base(struct plan *plan, unsigned int pool);

/* Whether the standings of the base are those of now. */
bool pool_settled(const struct plan *plan, unsigned int pool);

/* The share of new clients that a member gets by the standings, 0 to 1. */
double pool_share(const struct plan *plan, unsigned int pool, unsigned int member);

/* Whether any member of the pool is up. */
bool pool_alive(const struct plan *plan, unsigned int pool);

/* The `up` bit of a member. */
static inline bool pool_bit(const struct flow_pool *pool, unsigned int member)
{
	return pool->up[member / 64] >> (member % 64) & 1;
}

#endif
