// SPDX-License-Identifier: BSD-2-Clause
#include "lbd/generation.h"

#include <errno.h>
#include <string.h>

#include "conf/daemon.h"
#include "conf/log.h"
#include "lbd/dataplane.h"
#include "lbd/pool.h"
#include "lbd/tables.h"

static const double step_every = 0.02;

/* --- to the log ------------------------------------------------------------------------------- */

static void emit(const struct generation *generation, const struct flow_event *event)
{
	int error = dataplane_emit(generation->plane, event);

	if (error)
		log_debug("verdict not put into the log: %s", strerror(-error));
}

static struct flow_event word(const struct generation *generation, uint8_t kind, unsigned int pool)
{
	return (struct flow_event){
		.kind = kind,
		.epoch = (uint32_t)generation->plane->lease->epoch,
		.pool_id = generation->plan->pools[pool].id,
	};
}

static void emit_pool(const struct generation *generation, unsigned int pool)
{
	for (unsigned int m = 0; m < FLOW_MAX_MEMBERS; m++) {
		const struct standing *standing = &generation->plan->standing[pool][m];
		const struct flow_member *who = &generation->plan->members[m];
		struct flow_event event = word(generation, EVENT_MEMBER, pool);

		if (!pool_has(generation->plan, pool, m))
			continue;
		event.state = (standing->up ? VERDICT_UP : 0) |
			      (standing->base_up ? VERDICT_BASE_UP : 0);
		event.key.vip = *plan_first(who->vip);
		event.member = *plan_first(who->addr);
		event.client_ack = standing->weight;
		event.client_seq = standing->base_weight;
		emit(generation, &event);
	}
}

static void emit_gen(const struct generation *generation, unsigned int pool, enum flow_gen state)
{
	struct flow_event event = word(generation, EVENT_GEN, pool);
	struct flow_ip vip[FLOW_FAMILIES] = { 0 };

	for (enum flow_family f = FLOW_IPV4; f < FLOW_FAMILIES; f++)
		conf_vip(generation->plan->array_of_pool[pool], f, &vip[f]);
	event.state = (uint8_t)state;
	event.key.vip = *plan_first(vip);
	event.client_ack = generation->barrier[pool].generation;
	emit(generation, &event);
}

void generation_announce(struct generation *generation)
{
	for (unsigned int p = 0; p < FLOW_MAX_POOLS; p++) {
		if (generation->role != GENERATION_LEADS || !generation->plan->array_of_pool[p])
			continue;
		emit_pool(generation, p);
		if (!(generation->plan->base_kept >> p & 1))
			emit_gen(generation, p, GEN_REPEATED);
	}
}

/* --- this node leads -------------------------------------------------------------------------- */

static struct barrier_sight look(const struct generation *generation)
{
	return (struct barrier_sight){
		.now_ns = daemon_now_ns(),
		.standby = generation->standby,
		.heir_ns = generation->plane->lease->promoted_ns + BARRIER_HEIR_NS,
		.kept = dataplane_counter(generation->plane, COUNT_EXACT_KEPT),
	};
}

static void tell(struct generation *generation, unsigned int pool)
{
	generation->barrier[pool].generation = generation->plan->pools[pool].generation;
	pool_rebase(generation->plan, pool);
	emit_pool(generation, pool);
	emit_gen(generation, pool, GEN_SWITCH);
}

static void settle(struct generation *generation, unsigned int pool, bool given_up)
{
	const struct plan *plan = generation->plan;
	int error = tables_settle(generation->plane, generation->plan, pool);

	/* What has changed since it was told. */
	if (!error && generation->barrier[pool].phase == BARRIER_OPEN)
		error = tables_publish(generation->plane, generation->plan, pool);

	if (error)
		log_error("base of %s cannot be written: %s", plan->name_of_pool[pool],
			  strerror(-error));
	generation->given_up += given_up;
	generation->switched += !given_up;
	if (given_up)
		log_warning("%s/%s: the standby has not followed a change of members in time; what "
			    "was begun meanwhile may be lost with this node",
			    plan->array_of_pool[pool]->name, plan->name_of_pool[pool]);
}

/* Whether there is more to do later. */
static bool step_pool(struct generation *generation, unsigned int pool,
		      const struct barrier_sight *sight)
{
	struct barrier *barrier = &generation->barrier[pool];
	enum barrier_step step;

	do {
		step = barrier_step(barrier, sight);
		if (step == BARRIER_TELL)
			tell(generation, pool);
		else if (step != BARRIER_WAIT)
			settle(generation, pool, step == BARRIER_GIVE_UP);
	} while (step != BARRIER_WAIT);
	return barrier->phase != BARRIER_SETTLED;
}

static void step_all(struct generation *generation)
{
	struct barrier_sight sight = look(generation);
	bool more = false;

	for (unsigned int p = 0; p < FLOW_MAX_POOLS; p++)
		if (generation->barrier[p].phase != BARRIER_SETTLED)
			more |= step_pool(generation, p, &sight);
	if (!more)
		ev_timer_stop(generation->loop, &generation->step);
	else if (!ev_is_active(&generation->step))
		ev_timer_again(generation->loop, &generation->step);
}

/* Whoever does not lead any more waits to be told so: its bases are no longer its own to change. */
static void on_step(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct generation *generation = timer->data;
	const struct flow_lease *lease = generation->plane->lease;

	(void)loop;
	(void)events;
	if (generation->role != GENERATION_LEADS || (lease->role == LEASE_ACTIVE && !lease->fenced))
		step_all(generation);
}

/*
 * While a base is told, nobody knows by which one the standby derives: the table stays what both
 * bases were meant for, and the next one waits.
 */
static int lead(struct generation *generation, unsigned int pool)
{
	bool told = generation->barrier[pool].phase == BARRIER_TOLD;
	int error = told ? 0 : tables_publish(generation->plane, generation->plan, pool);
	struct barrier_sight sight = look(generation);

	emit_pool(generation, pool);
	if (error)
		return error;
	barrier_changed(&generation->barrier[pool], &sight);
	step_all(generation);
	return 0;
}

/* The standings are the predecessor's, which it may not have had the time to switch to. */
static void inherit(struct generation *generation)
{
	struct barrier_sight sight = look(generation);

	for (unsigned int p = 0; p < FLOW_MAX_POOLS; p++)
		if (generation->plan->array_of_pool[p] && !pool_settled(generation->plan, p))
			barrier_inherited(&generation->barrier[p], &sight);
	step_all(generation);
}

/* --- the other node leads --------------------------------------------------------------------- */

/* New clients come here as soon as this node is active: before lbd knows. */
static int follow(struct generation *generation, unsigned int pool)
{
	const struct flow_pool *entry = &generation->plan->pools[pool];

	if (!pool_settled(generation->plan, pool))
		return tables_publish(generation->plane, generation->plan, pool);
	return entry->table == entry->base
		       ? 0
		       : tables_settle(generation->plane, generation->plan, pool);
}

void generation_base(struct generation *generation, unsigned int pool, unsigned int member, bool up,
		     uint32_t weight)
{
	struct standing *standing = &generation->plan->standing[pool][member];

	standing->next_base_up = up;
	standing->next_base_weight = weight;
	if (standing->base_up != up || standing->base_weight != weight)
		generation->stale |= (uint64_t)1 << pool;
}

int generation_switch(struct generation *generation, unsigned int pool)
{
	int error;

	if (generation->role == GENERATION_LEADS)
		return -EBUSY;
	if (!(generation->stale >> pool & 1))
		return 0;
	pool_take_base(generation->plan, pool);
	error = tables_settle(generation->plane, generation->plan, pool);
	if (!error)
		generation->stale &= ~((uint64_t)1 << pool);
	return error;
}

/* --- either ----------------------------------------------------------------------------------- */

int generation_publish(struct generation *generation, unsigned int pool)
{
	if (generation->role == GENERATION_LEADS)
		return lead(generation, pool);
	if (generation->role == GENERATION_FOLLOWS)
		return follow(generation, pool);
	/* Whoever is found to lead will say what becomes of it. */
	if (generation->plan->base_kept >> pool & 1)
		return tables_publish(generation->plane, generation->plan, pool);
	pool_rebase(generation->plan, pool);
	return tables_settle(generation->plane, generation->plan, pool);
}

bool generation_busy(const struct generation *generation, unsigned int pool)
{
	return generation->barrier[pool].phase != BARRIER_SETTLED;
}

void generation_standby(struct generation *generation, bool attached)
{
	generation->standby = attached;
	if (generation->loop)
		step_all(generation);
}

void generation_passed(struct generation *generation, uint32_t pool_id, uint32_t number)
{
	int pool = plan_pool(generation->plan, pool_id);

	if (pool < 0)
		return;
	barrier_passed(&generation->barrier[pool], number);
	step_all(generation);
}

/* The base is told, and the other node may go by it. */
static void settle_told(struct generation *generation, unsigned int pool)
{
	if (generation->barrier[pool].phase == BARRIER_TOLD)
		tables_settle(generation->plane, generation->plan, pool);
}

void generation_role(struct generation *generation, enum generation_role role)
{
	if (role == generation->role)
		return;
	generation->role = role;
	/* What the predecessor has said of the base since its last GEN record never came into
	 * force. */
	generation->stale = generation->plan->base_kept;
	for (unsigned int p = 0; p < FLOW_MAX_POOLS; p++) {
		settle_told(generation, p);
		barrier_reset(&generation->barrier[p]);
	}
	if (role == GENERATION_LEADS)
		inherit(generation);
}

void generation_prepare(struct generation *generation)
{
	for (unsigned int p = 0; p < FLOW_MAX_POOLS; p++)
		settle_told(generation, p);
}

void generation_replan(struct generation *generation, struct plan *plan)
{
	struct barrier_sight sight = look(generation);

	generation->plan = plan;
	generation->stale = plan->base_kept;
	for (unsigned int p = 0; p < FLOW_MAX_POOLS; p++) {
		struct barrier *barrier = &generation->barrier[p];
		bool goes_on = plan->base_kept >> p & 1 && generation->role == GENERATION_LEADS;

		/* An open one stays open for as long as it was to: only its end has changed. */
		if (!goes_on)
			generation->given_up += barrier_reset(barrier);
		else if (barrier->phase == BARRIER_TOLD)
			barrier_reset(barrier);
		if (goes_on)
			barrier_changed(barrier, &sight);
	}
	step_all(generation);
}

unsigned int generation_open(const struct generation *generation, uint64_t *oldest_ns)
{
	uint64_t now = daemon_now_ns();
	unsigned int open = 0;

	*oldest_ns = 0;
	for (unsigned int p = 0; p < FLOW_MAX_POOLS; p++) {
		const struct barrier *barrier = &generation->barrier[p];

		if (barrier->phase == BARRIER_SETTLED)
			continue;
		open++;
		if (now - barrier->opened_ns > *oldest_ns)
			*oldest_ns = now - barrier->opened_ns;
	}
	return open;
}

void generation_start(struct generation *generation, struct ev_loop *loop, struct dataplane *plane,
		      struct plan *plan)
{
	*generation = (struct generation){
		.loop = loop, .plane = plane, .plan = plan, .stale = plan->base_kept
	};
	ev_timer_init(&generation->step, on_step, step_every, step_every);
	generation->step.data = generation;
}

void generation_stop(struct generation *generation)
{
	if (generation->loop)
		ev_timer_stop(generation->loop, &generation->step);
	generation->loop = NULL;
}
