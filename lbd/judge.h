/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one judge: puts verdicts in force.  While this node is active (or no role is known yet) its
 * own probes decide; a standby obeys what the active decided, whatever it sees itself, and a new
 * active begins with its predecessor's verdicts.
 */
#ifndef CASPAIR_JUDGE_H
#define CASPAIR_JUDGE_H

#include <stdbool.h>
#include <stdint.h>

#include <ev.h>

#include "lbd/checker.h"
#include "lbd/generation.h"
#include "lbd/health.h"
#include "lbd/plan.h"
#include "lbd/rpc_time.h"
#include "lbd/truth.h"

struct dataplane;
struct neighbour;

enum judge_role {
	JUDGE_ALONE,  /* no role yet: own verdicts, told to nobody */
	JUDGE_ACTIVE, /* own verdicts, told to the peer through the log */
	JUDGE_STANDBY
};

struct judge {
	struct ev_loop *loop;
	struct dataplane *plane;
	struct plan *plan; /* in force; owned by the daemon */
	struct health health;
	struct checker checker;
	struct truth truth; /* what the child cannot ask */
	enum judge_role role;
	struct generation generation;
	uint64_t dirty; /* pools whose table has to be written; bit = slot */
	uint64_t dead;  /* pools known to have no member that is up */
	struct rpc_time rpc_time[FLOW_MAX_MEMBERS];
	uint64_t news; /* counts ports that checks have learned */
	ev_timer publish, tick, announce;
	ev_timer look; /* at what the data plane sees, for passive checks */
};

/* 0 or a negative errno.  `loop` is the default loop. */
int judge_start(struct judge *judge, struct ev_loop *loop, struct dataplane *plane,
		struct plan *plan);
void judge_stop(struct judge *judge);

/* From now on members are asked for their VIPs too, lbd/truth.h, by the hops that it knows. */
void judge_ask_vips(struct judge *judge, struct neighbour *neighbour);

/*
 * Another plan is in force, and `health` was made for it by health_plan(): it is taken over, with
 * the results of targets that still exist.
 */
void judge_replan(struct judge *judge, struct plan *plan, const struct health *health);

/* The role of this node, as often as you like. */
void judge_role(struct judge *judge, enum judge_role role);
/* The same by what the lease says now: that role. */
enum judge_role judge_look(struct judge *judge);

/* What the active decided about one member of one pool.  False when there is no such thing here. */
struct judge_word {
	struct flow_ip vip, addr; /* of one family */
	uint32_t pool_id, weight, base_weight;
	bool up, base_up;
};
bool judge_obey(struct judge *judge, const struct judge_word *word);

/* The duties of the plan have changed. */
void judge_reconsider(struct judge *judge);

/* The base of a pool is what the active has said of it by now.  0 or a negative errno. */
int judge_switch(struct judge *judge, uint32_t pool_id);

/* Puts all verdicts into the log once more: a standby may have joined. */
void judge_announce(struct judge *judge);

/* Members up in every pool they are in, and members. */
void judge_count(const struct judge *judge, uint32_t *up, uint32_t *members);

#endif
