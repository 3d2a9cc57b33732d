// SPDX-License-Identifier: BSD-2-Clause
/* Revisions on the channel.  Mirrors syncd/revise_wire.c; the bytes of a bundle are its name's. */
#include <string.h>

#include "tests/sim/sim.h"

static ProtobufCBinaryData id_of(const struct revision *revision)
{
	return (ProtobufCBinaryData){ .len = REVISION_ID,
				      .data = (uint8_t *)(uintptr_t)revision->id };
}

static bool take(struct revision *revision, uint64_t number, const ProtobufCBinaryData *id)
{
	if (number == 0 || id->len != REVISION_ID)
		return false;
	revision->number = number;
	memcpy(revision->id, id->data, REVISION_ID);
	return true;
}

static void send_frame(struct node *node, const Sync__Frame *frame)
{
	uint8_t *bytes = node->world->frame;

	if (node->syncd->session.up && !node->syncd->hands.dead)
		wire_send(node, bytes, sync__frame__pack(frame, bytes));
}

/* --- words ------------------------------------------------------------------------------------ */

static void say_state(struct node *node, bool unconfirmed)
{
	const struct lineage *line = &node->syncd->hands.push.line;
	Sync__Frame frame = SYNC__FRAME__INIT;
	Sync__RevisionState state = SYNC__REVISION_STATE__INIT;

	state.number = line->tip.number;
	state.id = id_of(&line->tip);
	state.ancestors.len = line->ancestors * REVISION_ID;
	state.ancestors.data = (uint8_t *)(uintptr_t)line->ancestor;
	state.unpushed = line->base;
	state.unconfirmed = unconfirmed;
	frame.revision_state = &state;
	send_frame(node, &frame);
}

static const Sync__RevisionWord__Word words[PUSH_WORDS] = {
	[PUSH_OFFER] = SYNC__REVISION_WORD__WORD__OFFER,
	[PUSH_CHECKED] = SYNC__REVISION_WORD__WORD__CHECKED,
	[PUSH_REFUSED] = SYNC__REVISION_WORD__WORD__REFUSED,
	[PUSH_STAGE] = SYNC__REVISION_WORD__WORD__STAGE,
	[PUSH_STAGED] = SYNC__REVISION_WORD__WORD__STAGED,
	[PUSH_SWITCHED] = SYNC__REVISION_WORD__WORD__SWITCHED,
	[PUSH_FAILED] = SYNC__REVISION_WORD__WORD__FAILED,
	[PUSH_ABORT] = SYNC__REVISION_WORD__WORD__ABORT,
	[PUSH_CONFIRMED] = SYNC__REVISION_WORD__WORD__CONFIRMED,
};

static const char *const spoken[PUSH_WORDS] = {
	"state",  "offer",    "checked", "refused", "stage",
	"staged", "switched", "failed",  "abort",   "confirmed",
};

void hands_say(void *arg, enum push_word word, const struct push_note *note)
{
	struct node *node = arg;
	Sync__Frame frame = SYNC__FRAME__INIT;
	Sync__RevisionWord say = SYNC__REVISION_WORD__INIT;

	if (word == PUSH_STATE) {
		say_state(node, note->unconfirmed);
		return;
	}
	trace_say(node->world, "node %u: of revision %llu: %s", node->number + 1,
		  (unsigned long long)note->about->number, spoken[word]);
	say.word = words[word];
	say.number = note->about->number;
	say.id = id_of(note->about);
	say.has_confirm_ms = word == PUSH_OFFER;
	say.confirm_ms = note->confirm_ms;
	say.why = (char *)(uintptr_t)note->why;
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
	struct lineage line = { .base = state->unpushed };

	if (state->number && !take(&line.tip, state->number, &state->id))
		return;
	line.ancestors = state->ancestors.len / REVISION_ID;
	if (line.ancestors)
		memcpy(line.ancestor, state->ancestors.data, state->ancestors.len);
	forget_split(node, &line);
	note.about = &line.tip;
	push_heard(&node->syncd->hands.push, PUSH_STATE, &note, &line, node_now(node));
}

static void heard_word(struct node *node, const Sync__RevisionWord *word)
{
	struct push *push = &node->syncd->hands.push;
	struct push_note note = { .confirm_ms = word->confirm_ms, .why = word->why };
	struct revision about;
	unsigned int i = PUSH_STATE + 1;

	if (!take(&about, word->number, &word->id))
		return;
	note.about = &about;
	while (i < PUSH_WORDS && words[i] != word->word)
		i++;
	if (i == PUSH_WORDS)
		return;
	push_heard(push, (enum push_word)i, &note, NULL, node_now(node));
	/* Planted: nobody waits until the standby has it on its disk. */
	if (i == PUSH_CHECKED && node->world->options.plant == PLANT_STAGE_SKIPPED)
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
	want.id = id_of(which);
	frame.revision_want = &want;
	send_frame(node, &frame);
}

static void heard_want(struct node *node, const Sync__RevisionWant *want)
{
	const struct made *given = node->syncd->hands.given, *made;
	Sync__Frame frame = SYNC__FRAME__INIT;
	Sync__RevisionPart part = SYNC__REVISION_PART__INIT;
	struct revision which;

	if (!take(&which, want->number, &want->id))
		return;
	made = made_find(node->world, &which);
	part.number = which.number;
	part.id = id_of(&which);
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

	if (!take(&some.which, part->number, &part->id))
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
