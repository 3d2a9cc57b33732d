// SPDX-License-Identifier: BSD-2-Clause
/*
 * What must hold of the configuration: DESIGN.md 9, I4 (one revision, whole, on both nodes), I5 (an
 * older one never takes the place of a newer one) and I9 (what status says of it is true).
 */
#include <string.h>

#include "tests/sim/sim.h"

static const struct made *current_of(const struct world *world, unsigned int node)
{
	return vault_current(&world->node[node]);
}

/* --- two histories ---------------------------------------------------------------------------- */

bool revisions_split(const struct world *world)
{
	return revision_relate(&current_of(world, 0)->line, &current_of(world, 1)->line) ==
	       RELATION_SPLIT;
}

/* The line's revision of that number; none where it is too old, or younger than the tip. */
static struct revision of_number(const struct lineage *line, uint64_t number)
{
	struct revision found = { .number = number };
	uint64_t back = line->tip.number - number - 1;

	if (number == line->tip.number)
		return line->tip;
	if (number > line->tip.number || back >= line->ancestors)
		return (struct revision){ 0 };
	memcpy(found.id, line->ancestor[back], REVISION_ID);
	return found;
}

/* Where two lines part: the first of each that the other one does not have. */
static bool find_fork(const struct world *world, const struct lineage *const line[NODES],
		      const struct made *fork[NODES])
{
	for (uint64_t number = 1; number <= line[0]->tip.number; number++) {
		const struct revision a = of_number(line[0], number);
		const struct revision b = of_number(line[1], number);

		if (revision_none(&a) || revision_none(&b) || revision_equal(&a, &b))
			continue;
		fork[0] = made_find(world, &a);
		fork[1] = made_find(world, &b);
		return true;
	}
	return false;
}

/* There are two histories only where each node has decided something, and one without the other. */
static void judge_split(struct node *node, const struct made *mine, const struct made *theirs)
{
	struct world *world = node->world;
	const struct lineage *const line[NODES] = { &mine->line, &theirs->line };
	const struct made *fork[NODES];

	if (revision_relate(line[0], line[1]) != RELATION_SPLIT || !find_fork(world, line, fork))
		return;
	world->figures->histories++;
	trace_say(world, "two histories: revision %llu of node %u, and of node %u",
		  (unsigned long long)fork[0]->line.tip.number, fork[0]->decided, fork[1]->decided);
	if (!(fork[0]->alone || fork[1]->alone) || fork[0]->decided == fork[1]->decided)
		trace_fail(world, "I4 two histories, but nobody pushed alone");
}

/* --- writes ----------------------------------------------------------------------------------- */

void revisions_written(struct node *node, const struct vault_record *next)
{
	const struct made *now = vault_current(node);
	const struct made *then = made_find(node->world, &next->current);

	/* That an operator gives a history up is no accident. */
	if (now == then || node->syncd->hands.push.adopting)
		return;
	if (!then || (!now->line.base && !lineage_has(&then->line, &now->line.tip)))
		trace_fail(node->world, "I5 node %u: revision %llu is overwritten by %llu",
			   node->number + 1, (unsigned long long)now->line.tip.number,
			   (unsigned long long)next->current.number);
	else
		judge_split(node, then, vault_current(world_peer(node)));
}

void revisions_decided(struct node *node, struct made *made)
{
	made->decided |= (uint8_t)(1u << node->number);
	made->alone |= node->syncd->hands.push.alone;
	if (!made->alone && !(made->staged >> (1 - node->number) & 1))
		trace_fail(node->world, "I4 node %u decides revision %llu, which its peer lacks",
			   node->number + 1, (unsigned long long)made->line.tip.number);
	/* With the channel down the other one cannot know: then it is one fault on another. */
	if (made->unasked && vault_current(node)->confirmed && node->world->single)
		trace_fail(node->world, "I9 node %u rolls revision %llu back, which is confirmed",
			   node->number + 1, (unsigned long long)made->line.tip.number - 1);
}

/* --- at every step ---------------------------------------------------------------------------- */

/* Its syncd could answer a question now. */
static const struct push *push_of(const struct node *node)
{
	const struct process *process = &node->process[SYNCD];
	const struct hands *hands = &node->syncd->hands;

	if (!process->alive || process->stalled_until > node->world->now || !hands->open ||
	    hands->dead)
		return NULL;
	return &hands->push;
}

static void look_at_node(struct node *node)
{
	const struct push *push = push_of(node);
	const struct vault_record *store = &node->store;
	const struct made *made;

	if (!push)
		return;
	if (!revision_equal(&push->line.tip, &store->current) ||
	    push->unconfirmed != (store->confirm_by_ms != 0))
		trace_fail(node->world, "I9 node %u says revision %llu, and %llu is on its disk",
			   node->number + 1, (unsigned long long)push->line.tip.number,
			   (unsigned long long)store->current.number);
	made = vault_current(node);
	if (made->confirm_ms && !store->confirm_by_ms && !made->asked)
		trace_fail(node->world, "I9 node %u: nobody confirmed revision %llu",
			   node->number + 1, (unsigned long long)store->current.number);
}

static bool idle(const struct node *node)
{
	const struct push *push = push_of(node);

	return push && push->phase == PUSH_IDLE && push->task == PUSH_NOTHING && !push->undo &&
	       !push->astray && !node->process[SYNCD].letters &&
	       node->syncd->session.state == CAS__SYNC_STATE__IN_SYNC;
}

void revisions_look(struct world *world)
{
	if (!world->pushing)
		return;
	for (unsigned int n = 0; n < NODES; n++)
		look_at_node(&world->node[n]);
	if (current_of(world, 0) != current_of(world, 1) && idle(&world->node[0]) &&
	    idle(&world->node[1]))
		trace_fail(world, "I9 in sync with revisions %llu and %llu",
			   (unsigned long long)current_of(world, 0)->line.tip.number,
			   (unsigned long long)current_of(world, 1)->line.tip.number);
}

/* --- the pair --------------------------------------------------------------------------------- */

static const char *node_unsettled(const struct node *node)
{
	const struct push *push = push_of(node);

	if (!push)
		return "a node cannot say which revision it runs";
	if (push_split(push))
		return "two histories";
	if (push->phase != PUSH_IDLE || push->task != PUSH_NOTHING || node->syncd->hands.wait.any)
		return "a push is under way";
	if (push->astray || push->undo)
		return "a daemon does not follow";
	if (push->why[0])
		return "a node cannot take a revision over";
	if (push->leading && push->unconfirmed && node_now(node) >= push->deadline_ns)
		return "a revision is not rolled back";
	for (unsigned int d = 0; d < DAEMONS; d++)
		if (!revision_equal(&node->runs[d], &node->store.current))
			return "a daemon runs another revision";
	return push_agree(push) ? NULL : "a node does not know that its peer agrees";
}

const char *revisions_unsettled(const struct world *world)
{
	const struct node *a = &world->node[0], *b = &world->node[1];
	const char *why;

	if (!world->pushing)
		return NULL;
	if (a->cut_in || b->cut_in)
		return "a node is about to lose its power";
	if (!revision_equal(&a->store.current, &b->store.current))
		return "the nodes have different revisions";
	if (!a->store.confirm_by_ms != !b->store.confirm_by_ms)
		return "one node waits for a confirmation, the other does not";
	why = node_unsettled(a);
	return why ? why : node_unsettled(b);
}
