// SPDX-License-Identifier: BSD-2-Clause
/*
 * Strict services: the standby has a flow before its client hears that there is one.  Mirrors
 * lbd/bpf/strict.bpf.h (strict_judge), syncd/acked.c and lbd/release.c around the product's own
 * lbd/hold.c and syncd/marks.c.  A place in the ring is a count of events here.
 */
#include <stdlib.h>

#include "tests/sim/sim.h"

enum { AGAIN_MS = 600, WAKE_US = 50, FRAME = 54 };

void strict_draw(struct world *world)
{
	struct chance *c = &world->wishes;
	bool any = chance_of(c, 500);

	for (unsigned int s = 0; s < SERVICES; s++)
		world->strict[s] = any ? (enum strict)chance_below(c, STRICT_REQUIRE + 1)
				       : STRICT_NOT;
}

/* --- the data plane --------------------------------------------------------------------------- */

static bool stale(const struct node *node, uint64_t stamp)
{
	return (int64_t)(node_now(node) - stamp) > (int64_t)FLOW_STALE_NS;
}

bool strict_alone(const struct node *node)
{
	const struct plane_acked *acked = &node->plane.acked;

	return !acked->synced_ns || stale(node, acked->synced_ns);
}

void strict_note(struct node *node, unsigned int flow)
{
	node->plane.strict[flow] = (struct plane_strict){ .position = node->plane.written };
}

static bool followed(const struct plane *plane, uint64_t position)
{
	return plane->lost == plane->acked.lost && plane->acked.position >= position;
}

/* Leaves a copy for lbd. */
static bool hold(struct node *node, unsigned int flow)
{
	struct plane *plane = &node->plane;

	if (plane->helds == HELD)
		return false;
	plane->strict[flow].held_ns = node_now(node);
	plane->held[plane->helds++] = (struct plane_held){
		.position = plane->strict[flow].position,
		.flow = (uint16_t)flow,
		.member = plane->flow[flow].member,
	};
	world_wake(node, LBD, EV_HELD, node->world->now + WAKE_US * US);
	return true;
}

/* The promise, as the client will understand it. */
static void promise(struct node *node, unsigned int flow)
{
	node->world->client[flow].promised = true;
	oracle_promised(node, flow);
}

bool strict_passes(struct node *node, unsigned int flow)
{
	enum strict how = plane_strict_of(node->world, flow);
	const struct plane *plane = &node->plane;
	const struct plane_strict *known = &plane->strict[flow];

	if (how == STRICT_NOT || strict_alone(node))
		return true;
	if (followed(plane, known->position) || node->world->options.plant == PLANT_RELEASE_EARLY) {
		promise(node, flow);
		return true;
	}
	if (known->held_ns && node_now(node) - known->held_ns < AGAIN_MS * MS)
		return false;
	if (stale(node, plane->acked.reader_ns) || !hold(node, flow))
		return how == STRICT_PREFER;
	return false;
}

/* --- syncd: how far the standby has followed -------------------------------------------------- */

static void wake_reader(struct node *node)
{
	if (node->lbd.hold.waiting)
		world_wake(node, LBD, EV_FOLLOWED, node->world->now + WAKE_US * US);
}

void strict_acked(struct node *node)
{
	struct plane_acked *acked = &node->plane.acked;
	struct syncd *syncd = node->syncd;
	uint64_t history, seq;
	bool follows = session_follows(&syncd->session, &history, &seq), moved;

	if (!syncd->shared)
		return;
	marks_note(&syncd->marks, history, node->plane.written - node->plane.ringed,
		   syncd->session.journal.head);
	if (!follows) {
		if (acked->synced_ns)
			wake_reader(node);
		acked->synced_ns = 0;
		return;
	}
	moved = marks_reach(&syncd->marks, seq);
	if (!syncd->marks.reached)
		return;
	*acked = (struct plane_acked){ .lost = syncd->lost,
				       .position = syncd->marks.at,
				       .synced_ns = node_now(node),
				       .reader_ns = acked->reader_ns };
	if (moved)
		wake_reader(node);
}

/* --- lbd: what waits -------------------------------------------------------------------------- */

static void release(void *arg, struct flow_held *packet)
{
	struct node *node = arg;
	unsigned int flow = packet->ifindex;

	/* Of a former connection on these ports: the client's TCP sees that. */
	if (!node->plane.flow[flow].used || node->plane.strict[flow].position != packet->position)
		return;
	if (!strict_alone(node) && followed(&node->plane, packet->position))
		promise(node, flow);
	world_later(node->world, WAKE_US * US, EV_ANSWERED, node->number,
		    flow * MEMBERS + packet->frame[0]);
}

/* A moment of a node's clock is known to some microseconds: never at once. */
static void wake_by(struct node *node, uint64_t at)
{
	uint64_t now = node->world->now;

	if (at < now + WAKE_US * US)
		at = now + WAKE_US * US;
	if (node->lbd.due_at > now && node->lbd.due_at <= at)
		return;
	node->lbd.due_at = at;
	world_wake(node, LBD, EV_FOLLOWED, at);
}

static void settle(struct node *node)
{
	struct hold *held = &node->lbd.hold;
	const struct plane *plane = &node->plane;
	const struct hold_sight sight = { .now_ns = node_now(node),
					  .position = plane->acked.position,
					  .certain = plane->lost == plane->acked.lost,
					  .alone = strict_alone(node) };

	hold_sift(held, &sight, release, node);
	if (held->until_ns)
		wake_by(node, node_moment(node, held->until_ns));
}

static void take(struct node *node)
{
	struct plane *plane = &node->plane;

	for (size_t i = 0; i < plane->helds; i++) {
		const struct plane_held *held = &plane->held[i];
		struct flow_held packet = {
			.position = held->position,
			.ifindex = held->flow,
			.length = FRAME,
			.require = plane_strict_of(node->world, held->flow) == STRICT_REQUIRE,
			.frame = { (uint8_t)held->member },
		};

		hold_take(&node->lbd.hold, &packet, node_now(node), release, node);
	}
	plane->helds = 0;
}

void strict_event(struct node *node, enum event_kind kind)
{
	if (kind == EV_HELD)
		take(node);
	settle(node);
}

void strict_beat(struct node *node)
{
	node->plane.acked.reader_ns = node_now(node);
}

void strict_start(struct node *node)
{
	const enum strict *strict = node->world->strict;

	/* It is large: as long as there is nobody to wait, without. */
	if (!strict[0] && !strict[1] && !strict[2])
		return;
	if (hold_open(&node->lbd.hold) != 0)
		abort();
	/* What the one before has not read. */
	world_wake(node, LBD, EV_HELD, node->world->now);
}

void strict_end(struct node *node)
{
	hold_close(&node->lbd.hold);
}
