// SPDX-License-Identifier: BSD-2-Clause
#include "syncd/push_wire.h"

#include <string.h>

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

ProtobufCBinaryData push_wire_id(const struct revision *revision)
{
	return (ProtobufCBinaryData){ .len = REVISION_ID,
				      .data = (uint8_t *)(uintptr_t)revision->id };
}

bool push_wire_revision(struct revision *revision, uint64_t number, const ProtobufCBinaryData *id)
{
	if (number == 0 || id->len != REVISION_ID)
		return false;
	revision->number = number;
	memcpy(revision->id, id->data, REVISION_ID);
	return true;
}

void push_wire_state(Sync__RevisionState *state, const struct lineage *line, bool unconfirmed)
{
	sync__revision_state__init(state);
	state->number = line->tip.number;
	state->id = push_wire_id(&line->tip);
	state->ancestors.len = line->ancestors * REVISION_ID;
	state->ancestors.data = (uint8_t *)(uintptr_t)line->ancestor;
	state->unpushed = line->base;
	state->unconfirmed = unconfirmed;
}

bool push_wire_read_state(struct lineage *line, const Sync__RevisionState *state)
{
	*line = (struct lineage){ .base = state->unpushed };
	if (state->number && !push_wire_revision(&line->tip, state->number, &state->id))
		return false;
	line->ancestors = state->ancestors.len / REVISION_ID;
	if (state->ancestors.len % REVISION_ID || line->ancestors > REVISION_ANCESTORS)
		return false;
	if (line->ancestors)
		memcpy(line->ancestor, state->ancestors.data, state->ancestors.len);
	return true;
}

void push_wire_word(Sync__RevisionWord *say, enum push_word word, const struct push_note *note)
{
	sync__revision_word__init(say);
	say->word = words[word];
	say->number = note->about->number;
	say->id = push_wire_id(note->about);
	say->has_confirm_ms = word == PUSH_OFFER;
	say->confirm_ms = note->confirm_ms;
	say->why = (char *)(uintptr_t)note->why;
}

enum push_word push_wire_read_word(struct push_note *note, struct revision *about,
				   const Sync__RevisionWord *word)
{
	unsigned int i = PUSH_STATE + 1;

	if (!push_wire_revision(about, word->number, &word->id))
		return PUSH_WORDS;
	*note = (struct push_note){ .about = about,
				    .confirm_ms = word->confirm_ms,
				    .why = word->why };
	while (i < PUSH_WORDS && words[i] != word->word)
		i++;
	return (enum push_word)i;
}
