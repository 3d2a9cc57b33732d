/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ending flows whose client would wait in vain: their member is down or gone, or they were silent
 * for too long.  Which these are is asked of every flow as the sweep walks by; the data plane then
 * tells both ends, at the pace of the array.  Only an active node does.
 */
#ifndef CASPAIR_RESET_H
#define CASPAIR_RESET_H

#include <stdbool.h>
#include <stdint.h>

#include <ev.h>

#include "lbd/pace.h"
#include "lbd/plan.h"

struct attach;
struct dataplane;
struct health;

enum { RESET_ARRAYS = FLOW_MAX_ARRAYS + 1 }; /* the last: of arrays no longer configured */

struct reset {
	struct ev_loop *loop;
	struct dataplane *plane;
	const struct attach *attach;
	const struct plan *plan; /* in force; borrowed */
	ev_timer send;
	struct pace lost[RESET_ARRAYS];   /* flows whose member is down or gone */
	struct pace again[RESET_ARRAYS];  /* flows that were ended, and whose answer is awaited */
	struct pace idle[RESET_ARRAYS];   /* silent flows; they wait while any goes of `lost` */
	uint64_t open_binds;              /* flows ended because their bind was not accepted */
	uint64_t wanted;                  /* pools with on-member-down reset; bit = slot */
	uint64_t down[FLOW_MAX_MEMBERS];  /* pools in which this member's flows are ended */
	uint64_t drop[FLOW_MAX_MEMBERS];  /* the same, by reset_member() */
	uint32_t share[FLOW_MAX_MEMBERS]; /* of their clients */
};

void reset_start(struct reset *reset, struct ev_loop *loop, struct dataplane *plane,
		 const struct attach *attach, const struct plan *plan);
void reset_stop(struct reset *reset);
/* From now on ends flows whose bind their service does not accept, as the data plane names them. */
void reset_listen(struct reset *reset);
void reset_replan(struct reset *reset, const struct plan *plan);

/* This node is no longer active: nothing more is ended. */
void reset_cease(struct reset *reset);

/*
 * Looks at the verdicts in force; true when a member's flows are to be ended that were not before.
 * A member counts as down when another one of the pool has answered since it began to fail: when
 * all fail at once, it is more likely us.
 */
bool reset_survey(struct reset *reset, const struct health *health);

/*
 * Ends a member's flows of these pools (bit = slot) whatever its verdict, as a drain does from its
 * deadline on, until it is called with 0.  Of its clients only a `share`, UINT32_MAX is all of
 * them: which these are, both nodes say alike, and with a larger share they are still the same.
 * True where nothing was ended before.
 */
bool reset_member(struct reset *reset, unsigned int member, uint64_t pools, uint32_t share);

/* A flow on the walk's way; `age` in ticks since it was last seen.  Pure but for the queue. */
void reset_consider(struct reset *reset, const struct flow_key *key, const struct flow *flow,
		    uint32_t age);

/* One that has been silent for too long: true when it is seen to, false to forget it silently. */
bool reset_idle(struct reset *reset, const struct flow_key *key, const struct flow *flow);

/*
 * The queue whose turn it is to use the pace of an array.  A client of a lost member waits in vain
 * now, and the other end of a silent flow has waited for long: thousands of those, as a flood of
 * false handshakes leaves them, keep nobody who lost his member.
 */
struct pace *reset_turn(struct reset *reset, unsigned int array);

/* The walk is over: what was found is ended now. */
void reset_walked(struct reset *reset);

#endif
