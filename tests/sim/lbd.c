// SPDX-License-Identifier: BSD-2-Clause
/*
 * lbd as far as roles and members go.  Mirrors lbd/main.c (on_poll, role_of), lbd/judge.c (decide,
 * on_publish, judge_obey, judge_announce), lbd/sweep.c (a walk each second while active) and
 * lbd/share.c (vrrpd_died).  Probes find the truth within half a second.
 */
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
	world_wake(node, LBD, EV_PROBE,
		   node->world->now + chance_between(&node->world->chance, 100, 500) * MS);
}

static void publish(struct node *node)
{
	unsigned int dirty = node->lbd.dirty;

	node->lbd.publishing = false;
	node->lbd.dirty = 0;
	for (unsigned int p = 0; p < POOLS; p++) {
		if (!(dirty >> p & 1))
			continue;
		plane_publish(&node->plane, p);
		if (node->lbd.active)
			plane_emit_pool(node, p);
	}
}

static void announce(struct node *node)
{
	for (unsigned int p = 0; p < POOLS && node->lbd.active; p++)
		plane_emit_pool(node, p);
}

static void poll(struct node *node)
{
	bool active = plane_admits(node), began = active && !node->lbd.active;

	node->lbd.active = active;
	if (began)
		announce(node);
	world_wake(node, LBD, EV_POLL, node->world->now + 100 * MS);
}

void lbd_event(struct node *node, const struct event *event)
{
	switch (event->kind) {
	case EV_POLL:
		poll(node);
		break;
	case EV_PUBLISH:
		publish(node);
		break;
	case EV_ANNOUNCE:
		announce(node);
		world_wake(node, LBD, EV_ANNOUNCE, node->world->now + 5 * SECOND);
		break;
	case EV_SWEEP:
		if (node->lbd.active)
			plane_sweep(node);
		world_wake(node, LBD, EV_SWEEP, node->world->now + SECOND);
		break;
	case EV_PROBE:
		probe(node);
		break;
	default:
		break;
	}
}

static void obey(struct node *node, const struct flow_event *verdict)
{
	const struct plane_standing next = { verdict->state, verdict->client_ack };
	int member = plane_member_number(&verdict->member);
	uint32_t pool = verdict->pool_id - plane_pool_id(0);

	if (!node->lbd.active && member != NOBODY && pool < POOLS)
		put(node, pool, (unsigned int)member, &next);
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
	case L_SHARE:
		announce(node);
		break;
	case L_VERDICT:
		obey(node, &letter->verdict);
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

	node->lbd = (struct lbd){ 0 };
	node->plane.loaded = true;
	world_wake(node, LBD, EV_POLL, now);
	world_wake(node, LBD, EV_ANNOUNCE, now + 5 * SECOND);
	world_wake(node, LBD, EV_SWEEP, now + SECOND);
	world_wake(node, LBD, EV_PROBE, now + 300 * MS);
}
