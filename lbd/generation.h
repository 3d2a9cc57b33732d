/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From standings to the tables of both nodes.  What this node decides itself is in force for new
 * clients at once; the base follows by way of the log (barrier.h).  What the active node says is
 * taken over by position: its verdicts for new clients, its GEN records for the base.
 */
#ifndef CASPAIR_GENERATION_H
#define CASPAIR_GENERATION_H

#include <stdbool.h>
#include <stdint.h>

#include <ev.h>

#include "lbd/barrier.h"
#include "lbd/plan.h"

struct dataplane;

enum generation_role {
	GENERATION_ALONE, /* no role yet: both tables at once, told to nobody */
	GENERATION_LEADS,
	GENERATION_FOLLOWS
};

struct generation {
	struct ev_loop *loop;
	struct dataplane *plane;
	struct plan *plan; /* in force; owned by the daemon */
	enum generation_role role;
	bool standby;   /* one is attached to this node's log */
	uint64_t stale; /* pools whose base is another than the one to come; bit = slot */
	struct barrier barrier[FLOW_MAX_POOLS];
	uint64_t switched, given_up; /* switches that ended so */
	ev_timer step;
};

void generation_start(struct generation *generation, struct ev_loop *loop, struct dataplane *plane,
		      struct plan *plan);
void generation_stop(struct generation *generation);

/*
 * Another plan is in force.  Pools whose members or weights it has changed keep their base
 * (plan.base_kept), as if that was a verdict.
 */
void generation_prepare(struct generation *generation); /* before that plan is made */
void generation_replan(struct generation *generation, struct plan *plan);
void generation_role(struct generation *generation, enum generation_role role);

/* A pool's standings have changed.  0 or a negative errno: the former table stays then. */
int generation_publish(struct generation *generation, unsigned int pool);

/* Says all standings of this node once more, for a standby that may have joined. */
void generation_announce(struct generation *generation);

/* Whether a pool is being switched: what can wait is not to begin that anew. */
bool generation_busy(const struct generation *generation, unsigned int pool);

/* Followers: the active node's word on a member's place in the base, and that it holds from now. */
void generation_base(struct generation *generation, unsigned int pool, unsigned int member, bool up,
		     uint32_t weight);
/* 0 or a negative errno: then the base is not switched. */
int generation_switch(struct generation *generation, unsigned int pool);

/* From syncd: whether a standby is attached, and what it has acknowledged. */
void generation_standby(struct generation *generation, bool attached);
void generation_passed(struct generation *generation, uint32_t pool_id, uint32_t number);

/* Pools that are being switched now, and for how long the oldest of these has been. */
unsigned int generation_open(const struct generation *generation, uint64_t *oldest_ns);

#endif
