// SPDX-License-Identifier: BSD-2-Clause
/*
 * Operators who push configurations, confirm them, or roll them back: on either node, two at once,
 * during whatever faults there are.  Mirrors what syncd/revise_ask.c asks before it begins.
 */
#include "tests/sim/sim.h"

/* pairctl reaches its syncd, which leads and has nobody else who waits for an answer. */
static struct hands *reach(struct node *node)
{
	const struct process *process = &node->process[SYNCD];
	struct hands *hands = &node->syncd->hands;

	if (!process->alive || process->stalled_until > node->world->now || !hands->open ||
	    hands->dead || hands->asked || !node->syncd->session.leading)
		return NULL;
	return hands;
}

static struct made *draw(struct world *world, const struct lineage *parent)
{
	struct chance *c = &world->wishes;
	struct made *made = made_child(world, parent, 0);

	made->confirm_ms = chance_of(c, 500) ? (uint32_t)chance_between(c, 500, 6000) : 0;
	for (unsigned int n = 0; n < NODES; n++) {
		made->unfit |= (uint8_t)(chance_of(c, 50) << n);
		made->lame |= (uint8_t)(chance_of(c, 50) << n);
	}
	return made;
}

bool pusher_push(struct node *node)
{
	struct world *world = node->world;
	struct hands *hands = reach(node);
	struct push_wish wish = { .dry = chance_of(&world->wishes, 50),
				  .alone = chance_of(&world->wishes, 250) };
	struct made *made;

	if (!hands)
		return false;
	made = draw(world, &hands->push.line);
	wish.next = &made->line;
	wish.synced = node->syncd->session.state == CAS__SYNC_STATE__IN_SYNC;
	wish.confirm_ms = made->confirm_ms;
	if (push_obstacle(&hands->push, &wish) || made->unfit >> node->number & 1)
		return false;
	trace_say(world, "node %u: push of revision %llu%s%s", node->number + 1,
		  (unsigned long long)made->line.tip.number, wish.dry ? ", dry" : "",
		  wish.alone ? ", alone if need be" : "");
	world->figures->pushes++;
	hands->given = made;
	hands->asked = ASKED_PUSH;
	push_begin(&hands->push, &wish, node_now(node));
	return true;
}

static void confirm(struct node *node)
{
	struct hands *hands = reach(node);
	struct made *made = hands ? made_find(node->world, &hands->push.line.tip) : NULL;

	if (!made || !hands->push.unconfirmed)
		return;
	trace_say(node->world, "node %u: confirmation of revision %llu", node->number + 1,
		  (unsigned long long)made->line.tip.number);
	made->asked = true;
	hands->asked = ASKED_CONFIRM;
	if (push_confirm(&hands->push, node_now(node)))
		hands->asked = ASKED_NOTHING;
}

static void roll_back(struct node *node)
{
	struct hands *hands = reach(node);

	if (!hands)
		return;
	hands->asked = ASKED_ROLLBACK;
	if (push_rollback(&hands->push, node_now(node)))
		hands->asked = ASKED_NOTHING;
}

/* Of two histories one is given up, on either node. */
static void adopt(struct node *node)
{
	const struct process *process = &node->process[SYNCD];
	struct hands *hands = &node->syncd->hands;

	if (process->alive && process->stalled_until <= node->world->now && !hands->asked &&
	    !push_adopt(&hands->push))
		trace_say(node->world, "node %u: gives its history up", node->number + 1);
}

/* What a node lacks for its peer's revision is put there. */
static void repair(struct world *world)
{
	for (unsigned int n = 0; n < NODES; n++)
		made_find(world, &world->node[n].store.current)->unfit = 0;
}

static void wish(struct world *world, struct node *node)
{
	uint64_t what = chance_below(&world->wishes, 10);

	if (what < 6)
		pusher_push(node);
	else if (what < 9)
		confirm(node);
	else
		roll_back(node);
}

void pusher_step(struct world *world)
{
	struct chance *c = &world->wishes;
	struct node *node = &world->node[chance_below(c, NODES)];
	bool twice = chance_of(c, 200);

	world_later(world, chance_between(c, 100, 2500) * MS, EV_PUSH, 0, 0);
	if (revisions_split(world) && (world->quiet || chance_of(c, 300)))
		adopt(&world->node[chance_below(c, NODES)]);
	if (world->quiet || chance_of(c, 200))
		repair(world);
	if (world->quiet)
		return;
	wish(world, node);
	if (twice)
		wish(world, world_peer(node));
	else if (!node->syncd->session.leading)
		wish(world, world_peer(node));
}

/* --- faults ----------------------------------------------------------------------------------- */

void pusher_cut(struct node *node)
{
	struct world *world = node->world;
	bool begun = pusher_push(node) || pusher_push(world_peer(node));

	if (!begun)
		return;
	node->cut_in = (unsigned int)chance_between(&world->fate, 1, 4);
	node->cut_power = chance_of(&world->fate, 600);
	trace_say(world, "FAULT node %u: %s at write %u of the push", node->number + 1,
		  node->cut_power ? "power off" : "kill -9 syncd", node->cut_in);
	world_later(world, SECOND, EV_CUT_PASSED, node->number, 0);
}
