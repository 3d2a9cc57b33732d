// SPDX-License-Identifier: BSD-2-Clause
/* Revisions on the channel, by the product's codec; the bytes of a bundle are its name's. */
#include <string.h>

#include "syncd/push_wire.h"
#include "tests/sim/sim.h"

static void send_frame(struct node *node, const Sync__Frame *frame)
{
	uint8_t *bytes = node->world->frame;

	if (node->syncd->session.up && !node->syncd->hands.dead)
		wire_send(node, bytes, sync__frame__pack(frame, bytes));
}

/* --- words ------------------------------------------------------------------------------------ */

static const char *const spoken[PUSH_WORDS] = {
	"state",  "offer",    "checked", "refused", "stage",
	"staged", "switched", "failed",  "abort",   "confirmed",
};

void hands_say(void *arg, enum push_word word, const struct push_note *note)
{
	struct node *node = arg;
	Sync__Frame frame = SYNC__FRAME__INIT;
	Sync__RevisionState state;
	Sync__RevisionWord say;

	if (word == PUSH_STATE) {
		push_wire_state(&state, &node->syncd->hands.push.line, note->unconfirmed);
		frame.revision_state = &state;
		send_frame(node, &frame);
		return;
	}
	trace_say(node->world, "node %u: of revision %llu: %s", node->number + 1,
		  (unsigned long long)note->about->number, spoken[word]);
	push_wire_word(&say, word, note);
	frame.revision_word = &say;
	send_frame(node, &frame);
}

/* Planted: a line that does not descend from ours is taken for one that does. */
static void forget_split(struct node *node, struct lineage *line)
{
	const struct lineage *mine = &node->syncd->hands.push.line;

	if (node->world->options.plant != PLANT_HISTORY_LOST ||
	    line->tip.number <= mine->tip.number || revision_relate(mine, line) != RELATION_SPLIT)
		return;
	line->ancestors = (size_t)(line->tip.number - mine->tip.number);
	memcpy(line->ancestor[line->ancestors - 1], mine->tip.id, REVISION_ID);
}

static void heard_state(struct node *node, const Sync__RevisionState *state)
{
	struct push_note note = { .unconfirmed = state->unconfirmed };
	struct lineage line;

	if (!push_wire_read_state(&line, state))
		return;
	forget_split(node, &line);
	note.about = &line.tip;
	push_heard(&node->syncd->hands.push, PUSH_STATE, &note, &line, node_now(node));
}

static void heard_word(struct node *node, const Sync__RevisionWord *word)
{
	struct push *push = &node->syncd->hands.push;
	struct push_note note;
	struct revision about;
	enum push_word heard = push_wire_read_word(&note, &about, word);

	if (heard == PUSH_WORDS)
		return;
	push_heard(push, heard, &note, NULL, node_now(node));
	/* Planted: nobody waits until the standby has it on its disk. */
	if (heard == PUSH_CHECKED && node->world->options.plant == PLANT_STAGE_SKIPPED)
		push_heard(push, PUSH_STAGED, &note, NULL, node_now(node));
}

/* --- bundles ---------------------------------------------------------------------------------- */

void hands_fetch(void *arg, const struct revision *which)
{
	struct node *node = arg;
	Sync__Frame frame = SYNC__FRAME__INIT;
	Sync__RevisionWant want = SYNC__REVISION_WANT__INIT;

	fetch_begin(&node->syncd->hands.fetch, which, sizeof(*which), node_now(node));
	want.number = which->number;
	want.id = push_wire_id(which);
	frame.revision_want = &want;
	send_frame(node, &frame);
}

static void heard_want(struct node *node, const Sync__RevisionWant *want)
{
	const struct made *given = node->syncd->hands.given, *made;
	Sync__Frame frame = SYNC__FRAME__INIT;
	Sync__RevisionPart part = SYNC__REVISION_PART__INIT;
	struct revision which;

	if (!push_wire_revision(&which, want->number, &want->id))
		return;
	made = made_find(node->world, &which);
	part.number = which.number;
	part.id = push_wire_id(&which);
	if (made && (made == given || vault_has(node, made))) {
		part.size = sizeof(which);
		part.part.len = sizeof(which);
		part.part.data = (uint8_t *)&which;
	}
	frame.revision_part = &part;
	send_frame(node, &frame);
}

void hands_fetch_failed(struct node *node)
{
	fetch_end(&node->syncd->hands.fetch);
	push_fetched(&node->syncd->hands.push, NULL, "it did not come", node_now(node));
}

static void heard_part(struct node *node, const Sync__RevisionPart *part)
{
	struct hands *hands = &node->syncd->hands;
	struct fetch_part some = { .offset = part->offset,
				   .size = part->size,
				   .part = part->part.data,
				   .length = part->part.len };
	enum fetch_verdict verdict;

	if (!push_wire_revision(&some.which, part->number, &part->id))
		return;
	verdict = fetch_take(&hands->fetch, &some, node_now(node));
	if (verdict == FETCH_IGNORED)
		return;
	if (verdict != FETCH_WHOLE) {
		hands_fetch_failed(node);
		return;
	}
	fetch_end(&hands->fetch);
	hands->given = made_find(node->world, &some.which);
	push_fetched(&hands->push, &hands->given->line, NULL, node_now(node));
}

bool hands_frame(struct node *node, const Sync__Frame *frame)
{
	if (!node->syncd->hands.open)
		return false;
	if (frame->revision_state)
		heard_state(node, frame->revision_state);
	else if (frame->revision_word)
		heard_word(node, frame->revision_word);
	else if (frame->revision_want)
		heard_want(node, frame->revision_want);
	else if (frame->revision_part)
		heard_part(node, frame->revision_part);
	else
		return false;
	return true;
}
