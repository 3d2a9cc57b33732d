// SPDX-License-Identifier: BSD-2-Clause
/*
 * lbd as far as roles and members go.  Mirrors lbd/main.c (on_poll, role_of), lbd/judge.c (decide,
 * on_publish, judge_obey, judge_announce), lbd/generation.c, lbd/sweep.c (a walk each second while
 * active) and lbd/share.c (vrrpd_died).  Probes find the truth within half a second.
 */
#include <string.h>

#include "tests/sim/sim.h"

static void mark(struct node *node, unsigned int pool)
{
	node->lbd.dirty |= 1u << pool;
	if (node->lbd.publishing)
		return;
	node->lbd.publishing = true;
	world_wake(node, LBD, EV_PUBLISH, node->world->now + 2 * MS);
}

static bool put(struct node *node, unsigned int pool, unsigned int member,
		const struct plane_standing *next)
{
	struct plane_standing *now = &node->plane.standing[pool][member];

	if (now->up == next->up && now->weight == next->weight)
		return false;
	*now = *next;
	mark(node, pool);
	return true;
}

static void probe(struct node *node)
{
	for (unsigned int p = 0; p < POOLS && node->lbd.active; p++)
		for (unsigned int m = 0; m < MEMBERS; m++)
			if (put(node, p, m, &node->world->truth[p][m]))
				trace_say(node->world, "node %u: member %u of pool %u: %s, %u",
					  node->number + 1, m, p,
					  node->world->truth[p][m].up ? "up" : "down",
					  node->world->truth[p][m].weight);
	roster_probe(node);
	world_wake(node, LBD, EV_PROBE,
		   node->world->now + chance_between(&node->world->chance, 100, 500) * MS);
}

/* --- lbd/generation.c ------------------------------------------------------------------------- */

static struct barrier_sight look(const struct node *node)
{
	return (struct barrier_sight){ .now_ns = node_now(node),
				       .standby = node->lbd.standby,
				       .heir_ns = node->plane.promoted + BARRIER_HEIR_NS,
				       .kept = node->plane.kept };
}

static void tell(struct node *node, unsigned int pool)
{
	node->lbd.barrier[pool].generation = node->plane.numbers[pool];
	plane_rebase(&node->plane, pool);
	plane_emit_pool(node, pool);
	plane_emit_gen(node, pool, GEN_SWITCH, node->lbd.barrier[pool].generation);
}

static void settle(struct node *node, unsigned int pool, enum barrier_step step)
{
	plane_settle(&node->plane, pool);
	if (node->lbd.barrier[pool].phase == BARRIER_OPEN)
		plane_publish(&node->plane, pool);
	trace_say(node->world, "node %u: base of pool %u %s", node->number + 1, pool,
		  step == BARRIER_GIVE_UP ? "given up" : "settled");
}

static bool step_pool(struct node *node, unsigned int pool, const struct barrier_sight *sight)
{
	struct barrier *barrier = &node->lbd.barrier[pool];
	enum barrier_step step;

	do {
		step = barrier_step(barrier, sight);
		if (step == BARRIER_TELL)
			tell(node, pool);
		else if (step != BARRIER_WAIT)
			settle(node, pool, step);
	} while (step != BARRIER_WAIT);
	return barrier->phase != BARRIER_SETTLED;
}

static void step_all(struct node *node)
{
	struct barrier_sight sight = look(node);
	bool more = false;

	for (unsigned int p = 0; p < POOLS; p++)
		if (node->lbd.barrier[p].phase != BARRIER_SETTLED)
			more |= step_pool(node, p, &sight);
	if (!more || node->lbd.switching)
		return;
	node->lbd.switching = true;
	world_wake(node, LBD, EV_SWITCH, node->world->now + 20 * MS);
}

/* Planted: both tables at once, and the standby is told some time. */
static void skip_barrier(struct node *node, unsigned int pool)
{
	plane_rebase(&node->plane, pool);
	plane_settle(&node->plane, pool);
	plane_emit_pool(node, pool);
	plane_emit_gen(node, pool, GEN_REPEATED, 0);
}

static void lead(struct node *node, unsigned int pool)
{
	struct barrier_sight sight = look(node);

	if (node->world->options.plant == PLANT_NO_BARRIER) {
		skip_barrier(node, pool);
		return;
	}
	if (node->lbd.barrier[pool].phase != BARRIER_TOLD)
		plane_publish(&node->plane, pool);
	plane_emit_pool(node, pool);
	barrier_changed(&node->lbd.barrier[pool], &sight);
	step_all(node);
}

static void publish(struct node *node)
{
	unsigned int dirty = node->lbd.dirty;

	node->lbd.publishing = false;
	node->lbd.dirty = 0;
	for (unsigned int p = 0; p < POOLS; p++) {
		if (!(dirty >> p & 1))
			continue;
		if (node->lbd.active)
			lead(node, p);
		else
			plane_publish(&node->plane, p);
	}
}

static void announce(struct node *node, bool news)
{
	for (unsigned int p = 0; p < POOLS && node->lbd.active; p++) {
		plane_emit_pool(node, p);
		if (!(node->plane.base_kept >> p & 1))
			plane_emit_gen(node, p, GEN_REPEATED, node->lbd.barrier[p].generation);
	}
	roster_announce(node, news);
}

static void set_role(struct node *node, bool active)
{
	struct barrier_sight sight = look(node);

	node->lbd.active = active;
	node->lbd.stale = node->plane.base_kept;
	for (unsigned int p = 0; p < POOLS; p++) {
		if (node->lbd.barrier[p].phase == BARRIER_TOLD)
			plane_settle(&node->plane, p);
		barrier_reset(&node->lbd.barrier[p]);
		if (active && !plane_settled(&node->plane, p) &&
		    node->world->options.plant != PLANT_NO_BARRIER)
			barrier_inherited(&node->lbd.barrier[p], &sight);
	}
	step_all(node);
}

/* judge_look() */
static void look_role(struct node *node)
{
	bool active = plane_admits(node), began = active && !node->lbd.active;

	if (began)
		roster_inherited(node);
	if (active != node->lbd.active)
		set_role(node, active);
	if (began)
		announce(node, true);
}

static void switch_base(struct node *node, unsigned int pool, uint32_t number)
{
	struct plane *plane = &node->plane;

	if (node->lbd.active)
		return;
	if (node->lbd.stale >> pool & 1) {
		memcpy(plane->base_standing[pool], plane->next_standing[pool],
		       sizeof(plane->base_standing[pool]));
		plane->base_kept &= ~(1u << pool);
		plane_settle(plane, pool);
		node->lbd.stale &= ~(1u << pool);
	}
	if (node->syncd->lbd && node->process[SYNCD].alive)
		world_post(node, SYNCD,
			   &(struct letter){ .kind = L_SWITCHED, .id = pool, .epoch = number });
}

static void passed(struct node *node, unsigned int pool, uint32_t number)
{
	barrier_passed(&node->lbd.barrier[pool], number);
	step_all(node);
}

/* --- roles ------------------------------------------------------------------------------------ */

static void poll(struct node *node)
{
	look_role(node);
	strict_beat(node);
	world_wake(node, LBD, EV_POLL, node->world->now + 100 * MS);
}

void lbd_event(struct node *node, const struct event *event)
{
	switch (event->kind) {
	case EV_POLL:
		poll(node);
		break;
	case EV_PUBLISH:
		look_role(node);
		publish(node);
		break;
	case EV_SWITCH:
		node->lbd.switching = false;
		look_role(node);
		step_all(node);
		break;
	case EV_ANNOUNCE:
		announce(node, false);
		world_wake(node, LBD, EV_ANNOUNCE, node->world->now + 5 * SECOND);
		break;
	case EV_SWEEP:
		if (node->lbd.active)
			plane_sweep(node);
		world_wake(node, LBD, EV_SWEEP, node->world->now + SECOND);
		break;
	case EV_HELD:
	case EV_FOLLOWED:
		strict_event(node, (enum event_kind)event->kind);
		break;
	case EV_PROBE:
		look_role(node);
		probe(node);
		break;
	default:
		break;
	}
}

static void obey(struct node *node, const struct flow_event *verdict)
{
	const struct plane_standing next = { verdict->state & VERDICT_UP, verdict->client_ack };
	const struct plane_standing base = { verdict->state >> 1 & 1, verdict->client_seq };
	int member = plane_member_number(&verdict->member);
	uint32_t pool = verdict->pool_id - plane_pool_id(0);

	look_role(node);
	if (node->lbd.active || pool >= POOLS)
		return;
	if (verdict->kind == EVENT_GEN) {
		switch_base(node, pool, verdict->client_ack);
	} else if (member != NOBODY) {
		node->plane.next_standing[pool][member] = base;
		if (memcmp(&node->plane.base_standing[pool][member], &base, sizeof(base)) != 0)
			node->lbd.stale |= 1u << pool;
		put(node, pool, (unsigned int)member, &next);
	}
}

static void vrrpd_died(struct node *node)
{
	if (node->plane.role != LEASE_ACTIVE || node->plane.fenced)
		return;
	node->plane.fenced = FENCE_DAEMON;
	trace_say(node->world, "node %u: fenced by lbd: vrrpd died", node->number + 1);
	if (node->syncd->lbd && node->process[SYNCD].alive)
		world_post(node, SYNCD, &(struct letter){ .kind = L_FENCED });
}

void lbd_letter(struct node *node, const struct letter *letter)
{
	switch (letter->kind) {
	case L_FOLLOW:
		hands_follow(node, LBD, letter->id);
		break;
	case L_SHARE:
		announce(node, true);
		break;
	case L_VERDICT:
		if (record_is_memo(letter->verdict.kind))
			roster_obey(node, &letter->verdict);
		else
			obey(node, &letter->verdict);
		break;
	case L_STANDBY:
		node->lbd.standby = letter->complete;
		step_all(node);
		break;
	case L_PASSED:
		passed(node, (unsigned int)letter->id, (uint32_t)letter->epoch);
		break;
	case L_HEED:
		if (node->syncd->lbd && node->process[SYNCD].alive)
			world_post(node, SYNCD,
				   &(struct letter){ .kind = L_HEEDED,
						     .id = letter->id,
						     .epoch = letter->epoch });
		break;
	case L_LBD_VRRPD_CLOSED:
		vrrpd_died(node);
		break;
	default:
		break;
	}
}

void lbd_start(struct node *node)
{
	uint64_t now = node->world->now;

	strict_end(node);
	node->lbd = (struct lbd){ 0 };
	strict_start(node);
	node->runs[LBD] = node->store.current;
	node->plane.loaded = true;
	/* Tables are written anew from the standings that the old ones show, see install_pool(). */
	for (unsigned int p = 0; p < POOLS; p++) {
		plane_rebase(&node->plane, p);
		memcpy(node->plane.next_standing[p], node->plane.standing[p],
		       sizeof(node->plane.standing[p]));
		plane_install(&node->plane, p);
	}
	node->lbd.stale = node->plane.base_kept;
	world_wake(node, LBD, EV_POLL, now);
	world_wake(node, LBD, EV_ANNOUNCE, now + 5 * SECOND);
	world_wake(node, LBD, EV_SWEEP, now + SECOND);
	world_wake(node, LBD, EV_PROBE, now + 300 * MS);
}
