// SPDX-License-Identifier: BSD-2-Clause
#include "lbd/judge.h"

#include <errno.h>
#include <string.h>

#include "conf/daemon.h"
#include "conf/log.h"
#include "lbd/dataplane.h"
#include "lbd/passive.h"
#include "lbd/pool.h"
#include "lbd/tables.h"

enum { STANDBY_SLOWDOWN = 4 };

static const double publish_after = 0.002, tick_every = 1., announce_every = 5., look_every = 0.2;

/* Verdicts that come together make one table, not one each. */
static void mark(struct judge *judge, unsigned int pool)
{
	judge->dirty |= (uint64_t)1 << pool;
	if (!ev_is_active(&judge->publish)) {
		ev_timer_set(&judge->publish, publish_after, 0.);
		ev_timer_start(judge->loop, &judge->publish);
	}
}

static void say_dead(struct judge *judge, unsigned int pool)
{
	const char *array = judge->plan->array_of_pool[pool]->name;
	const char *name = judge->plan->name_of_pool[pool];
	uint64_t bit = (uint64_t)1 << pool;
	bool dead = !pool_alive(judge->plan, pool);

	if (dead && !(judge->dead & bit))
		log_error("%s/%s: no member is up; clients still go where they went last", array,
			  name);
	else if (!dead && judge->dead & bit)
		log_warning("%s/%s: a member is up again", array, name);
	judge->dead = dead ? judge->dead | bit : judge->dead & ~bit;
}

static void on_publish(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct judge *judge = timer->data;
	uint64_t dirty = judge->dirty;

	(void)loop;
	(void)events;
	judge_look(judge);
	judge->dirty = 0;
	for (unsigned int p = 0; p < FLOW_MAX_POOLS; p++) {
		int error;

		if (!(dirty >> p & 1) || !judge->plan->array_of_pool[p])
			continue;
		error = generation_publish(&judge->generation, p);
		if (error)
			log_error("table of %s cannot be written: %s", judge->plan->name_of_pool[p],
				  strerror(-error));
		say_dead(judge, p);
	}
}

static void say(const struct judge *judge, unsigned int pool, unsigned int member, const char *why)
{
	const struct plan *plan = judge->plan;
	const struct standing *standing = &plan->standing[pool][member];

	log_info("%s/%s is %s in %s: %s", plan->array_of_member[member]->name,
		 plan->member[member]->name, standing->up ? "up" : "down", plan->name_of_pool[pool],
		 why);
}

static void put(struct judge *judge, unsigned int pool, unsigned int member,
		const struct standing *standing, const char *why)
{
	bool was = judge->plan->standing[pool][member].up;

	if (!pool_set(judge->plan, pool, member, standing))
		return;
	if (was != standing->up)
		say(judge, pool, member, why);
	mark(judge, pool);
}

/* Brings a standing into line with what the probes have shown by now, and with operators' words. */
static void decide(struct judge *judge, unsigned int pool, unsigned int member)
{
	static const enum pool_probed probed[] = {
		[HEALTH_UNDECIDED] = POOL_UNDECIDED,
		[HEALTH_UP] = POOL_UP,
		[HEALTH_DOWN] = POOL_DOWN,
	};
	const struct standing *now = &judge->plan->standing[pool][member];
	bool away = judge->plan->duty[member] == PLAN_AWAY;
	struct standing next;
	char text[HEALTH_TEXT];

	if (judge->role == JUDGE_STANDBY)
		return;
	next = pool_next(judge->plan, pool, member,
			 probed[health_verdict(&judge->health, pool, member)], daemon_now_ns());
	/* The next step of a slow start can wait, and would keep a switch from its end. */
	if (now->up == next.up && now->weight && now->weight < next.weight &&
	    generation_busy(&judge->generation, pool))
		return;
	put(judge, pool, member, &next,
	    away ? "an operator wants it away" : health_text(text, &judge->health, pool, member));
}

static void decide_all(struct judge *judge)
{
	for (unsigned int p = 0; p < FLOW_MAX_POOLS; p++)
		for (unsigned int m = 0; m < FLOW_MAX_MEMBERS; m++)
			if (pool_has(judge->plan, p, m))
				decide(judge, p, m);
}

/* Ports are dynamic where nobody has fixed them, and again after somebody's patch. */
static void learn(struct judge *judge, struct health_target *target,
		  const struct health_trace *trace)
{
	const struct plan *plan = judge->plan;
	uint16_t before[RPCIF_MAX];
	char name[RPCIF_TEXT];
	unsigned int moved;

	memcpy(before, target->learned, sizeof(before));
	if (!health_learn(target, trace, &moved))
		return;
	judge->news++;
	for (size_t i = 0; i < target->interfaces; i++)
		if (moved >> i & 1 && before[i])
			log_warning("%s/%s: %s has moved from port %u to %u",
				    plan->array_of_member[target->member]->name,
				    plan->member[target->member]->name,
				    rpcif_print(name, &target->interface[i]), before[i],
				    target->learned[i]);
}

/* Told as it begins and as it ends. */
static void say_slow(const struct judge *judge, const struct health_target *target)
{
	const struct plan *plan = judge->plan;
	const char *array = plan->array_of_member[target->member]->name;
	const char *name = plan->member[target->member]->name;

	if (health_is_slow(target))
		log_warning("%s/%s: the check of port %u takes %.1f ms, and %u are allowed", array,
			    name, target->port, target->latency_us / 1000.0,
			    target->rule.warn_latency_ms);
	else
		log_info("%s/%s: the check of port %u is not slow any more", array, name,
			 target->port);
}

/* Told as it begins. */
static void say_fault(const struct judge *judge, const struct health_target *target)
{
	const struct plan *plan = judge->plan;

	if (target->kind == HEALTH_VIP)
		log_warning("%s/%s cannot be asked whether it answers for the VIP at port %u",
			    plan->array_of_member[target->member]->name,
			    plan->member[target->member]->name, target->port);
	else
		log_warning("check child cannot probe port %u: out of ports or descriptors?",
			    target->port);
}

static void on_report(void *arg, const struct check_report *report)
{
	struct judge *judge = arg;
	struct health_target *target = &judge->health.target[report->id];
	enum health_outcome before = target->last, outcome;
	bool slow = health_is_slow(target), news;

	learn(judge, target, &report->trace);
	target->trace = report->trace;
	outcome = health_outcome(judge->plan, target, report->outcome, &target->trace);
	if (report->outcome == HEALTH_FAULT && before != HEALTH_FAULT)
		say_fault(judge, target);
	news = health_result(target, outcome, report->latency_us, daemon_now_ns());
	rpc_time_add(judge->rpc_time, target);
	if (outcome == HEALTH_OK)
		truth_ask(&judge->truth, report->id);
	if (slow != health_is_slow(target))
		say_slow(judge, target);
	if (!news)
		return;
	/* A node that has just let go must not decide once more on the way out. */
	judge_look(judge);
	for (unsigned int p = 0; p < FLOW_MAX_POOLS; p++)
		if (target->pools >> p & 1 && pool_has(judge->plan, p, target->member))
			decide(judge, p, target->member);
}

static void on_tick(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct judge *judge = timer->data;

	(void)loop;
	(void)events;
	judge_look(judge);
	decide_all(judge);
	tables_release_gone(judge->plane, judge->plan);
}

/* Where clients wait in vain, the probes need not be waited for. */
static void look(struct judge *judge)
{
	static const struct flow_member_stats none;
	struct flow_member_stats stats[FLOW_MAX_MEMBERS];
	const struct plan *plan = judge->plan;
	size_t from = 0;
	int id;

	for (unsigned int m = 0; m < FLOW_MAX_MEMBERS; m++)
		stats[m] = plan->member[m] ? dataplane_member_stats(judge->plane, m) : none;
	while ((id = passive_next(&judge->health, stats, &from)) >= 0) {
		unsigned int member = judge->health.target[id].member;

		if (judge->health.target[id].suspected)
			log_info("%s/%s has not answered the last %llu SYNs of several clients: it "
				 "is probed now",
				 plan->array_of_member[member]->name, plan->member[member]->name,
				 (unsigned long long)stats[member].silent);
		checker_now(&judge->checker, (size_t)id);
	}
}

static void on_look(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct judge *judge = timer->data;

	(void)loop;
	(void)events;
	if (judge->role != JUDGE_STANDBY && passive_wanted(&judge->health))
		look(judge);
}

static void on_announce(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	judge_announce(timer->data);
}

int judge_start(struct judge *judge, struct ev_loop *loop, struct dataplane *plane,
		struct plan *plan)
{
	int error;

	*judge = (struct judge){ .loop = loop, .plane = plane, .plan = plan };
	error = health_plan(&judge->health, plan, daemon_now_ns());
	if (error) {
		judge->loop = NULL; /* nothing to stop */
		log_error("health checks cannot be planned: %s",
			  error == -E2BIG ? "too many" : strerror(-error));
		return error;
	}
	ev_init(&judge->publish, on_publish);
	ev_timer_init(&judge->tick, on_tick, tick_every, tick_every);
	ev_timer_init(&judge->announce, on_announce, announce_every, announce_every);
	ev_timer_init(&judge->look, on_look, look_every, look_every);
	judge->publish.data = judge->tick.data = judge->announce.data = judge;
	judge->look.data = judge;
	ev_timer_start(loop, &judge->look);
	ev_timer_start(loop, &judge->tick);
	ev_timer_start(loop, &judge->announce);
	generation_start(&judge->generation, loop, plane, plan);
	error = checker_start(&judge->checker, loop, &judge->health, on_report, judge);
	if (error)
		log_error("no member can be checked");
	return error;
}

void judge_ask_vips(struct judge *judge, struct neighbour *neighbour)
{
	judge->truth.report = on_report;
	judge->truth.arg = judge;
	truth_start(&judge->truth, judge->loop, neighbour, &judge->health);
}

void judge_stop(struct judge *judge)
{
	if (!judge->loop)
		return;
	truth_stop(&judge->truth);
	checker_stop(&judge->checker);
	generation_stop(&judge->generation);
	ev_timer_stop(judge->loop, &judge->look);
	ev_timer_stop(judge->loop, &judge->announce);
	ev_timer_stop(judge->loop, &judge->tick);
	ev_timer_stop(judge->loop, &judge->publish);
	health_free(&judge->health);
}

void judge_replan(struct judge *judge, struct plan *plan, const struct health *health)
{
	struct health next = *health;

	health_carry(&next, &judge->health);
	health_free(&judge->health);
	judge->health = next;
	rpc_time_replan(judge->rpc_time, judge->plan, plan);
	judge->plan = plan;
	generation_replan(&judge->generation, plan);
	judge->dirty = judge->dead = 0;
	checker_targets_changed(&judge->checker);
	truth_replan(&judge->truth);
	judge_announce(judge);
}

static enum judge_role role_of(const struct flow_lease *lease)
{
	if (lease->role == LEASE_NONE)
		return JUDGE_ALONE;
	return lease->role == LEASE_ACTIVE && !lease->fenced ? JUDGE_ACTIVE : JUDGE_STANDBY;
}

enum judge_role judge_look(struct judge *judge)
{
	judge_role(judge, role_of(judge->plane->lease));
	return judge->role;
}

void judge_role(struct judge *judge, enum judge_role role)
{
	static const enum generation_role roles[] = {
		[JUDGE_ALONE] = GENERATION_ALONE,
		[JUDGE_ACTIVE] = GENERATION_LEADS,
		[JUDGE_STANDBY] = GENERATION_FOLLOWS,
	};
	uint64_t now = daemon_now_ns();

	if (role == judge->role)
		return;
	judge->role = role;
	generation_role(&judge->generation, roles[role]);
	checker_slow_down(&judge->checker, role == JUDGE_STANDBY ? STANDBY_SLOWDOWN : 1);
	if (role != JUDGE_ACTIVE)
		return;
	log_info("this node is active: verdicts go on from those in force");
	health_restart(&judge->health, judge->plan, now);
	for (unsigned int p = 0; p < FLOW_MAX_POOLS; p++)
		for (unsigned int m = 0; m < FLOW_MAX_MEMBERS; m++)
			judge->plan->standing[p][m].raised_ns = now;
	judge_announce(judge);
}

bool judge_obey(struct judge *judge, const struct judge_word *word)
{
	int pool = plan_pool(judge->plan, word->pool_id);
	int member = plan_member(judge->plan, &word->vip, &word->addr);
	uint64_t now = daemon_now_ns();
	struct standing next = {
		.up = word->up,
		.judged = true,
		.weight = word->weight,
		.since_ns = now,
		.raised_ns = now,
	};

	/* The new active may speak before anybody has looked at the lease here. */
	if (judge_look(judge) == JUDGE_ACTIVE || pool < 0 || member < 0 ||
	    !pool_has(judge->plan, (unsigned int)pool, (unsigned int)member))
		return false;
	generation_base(&judge->generation, (unsigned int)pool, (unsigned int)member, word->base_up,
			word->base_weight);
	put(judge, (unsigned int)pool, (unsigned int)member, &next, "so the active node says");
	return true;
}

int judge_switch(struct judge *judge, uint32_t pool_id)
{
	int pool = plan_pool(judge->plan, pool_id);

	judge_look(judge);
	return pool < 0 ? -ENOENT : generation_switch(&judge->generation, (unsigned int)pool);
}

void judge_reconsider(struct judge *judge)
{
	decide_all(judge);
}

void judge_announce(struct judge *judge)
{
	generation_announce(&judge->generation);
}

void judge_count(const struct judge *judge, uint32_t *up, uint32_t *members)
{
	*up = *members = 0;
	for (unsigned int m = 0; m < FLOW_MAX_MEMBERS; m++) {
		bool all = true;

		if (!judge->plan->member[m])
			continue;
		for (unsigned int p = 0; p < FLOW_MAX_POOLS; p++)
			if (pool_has(judge->plan, p, m) && !judge->plan->standing[p][m].up)
				all = false;
		++*members;
		*up += all;
	}
}
