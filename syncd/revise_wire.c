// SPDX-License-Identifier: BSD-2-Clause
/* Revisions on the channel: words, and the bytes of bundles. */
#include <stdio.h>
#include <string.h>

#include "conf/log.h"
#include "syncd/push_wire.h"
#include "syncd/syncd.h"

void revise_send(struct syncd *syncd, const Sync__Frame *frame)
{
	size_t size = sync__frame__get_packed_size(frame);

	if (!syncd->session.up || size > sizeof(syncd->frame))
		return;
	sync__frame__pack(frame, syncd->frame);
	channel_send(&syncd->channel, syncd->frame, size);
}

void revise_say(void *arg, enum push_word word, const struct push_note *note)
{
	struct syncd *syncd = arg;
	struct inspect *found = &syncd->revise.found;
	char *fault[INSPECT_FAULTS], why[PUSH_WHY];
	Sync__Frame frame = SYNC__FRAME__INIT;
	Sync__RevisionState state;
	Sync__RevisionWord say;

	if (word == PUSH_STATE) {
		push_wire_state(&state, &syncd->revise.push.line, note->unconfirmed);
		frame.revision_state = &state;
		revise_send(syncd, &frame);
		return;
	}
	push_wire_word(&say, word, note);
	if (note->why) {
		snprintf(why, sizeof(why), "%s", note->why);
		say.why = why;
	}
	for (size_t i = 0; word == PUSH_REFUSED && i < found->faults; i++)
		fault[say.n_fault++] = found->fault[i];
	say.fault = fault;
	frame.revision_word = &say;
	revise_send(syncd, &frame);
}

static void want_more(struct syncd *syncd)
{
	const struct fetch *fetch = &syncd->revise.fetch;
	Sync__Frame frame = SYNC__FRAME__INIT;
	Sync__RevisionWant want = SYNC__REVISION_WANT__INIT;

	want.number = fetch->which.number;
	want.id = push_wire_id(&fetch->which);
	want.offset = (uint32_t)fetch->have;
	frame.revision_want = &want;
	revise_send(syncd, &frame);
}

void revise_fetch_begin(struct syncd *syncd, const struct revision *which)
{
	fetch_begin(&syncd->revise.fetch, which, BUNDLE_MAX, daemon_now_ns());
	want_more(syncd);
}

void revise_fetch(void *arg, const struct revision *which)
{
	struct syncd *syncd = arg;

	if (remote_waits(&syncd->revise, &syncd->revise.fetch.which))
		remote_fetched(syncd, NULL, "another revision is taken over first");
	revise_fetch_begin(syncd, which);
}

/* --- what the peer asks for ------------------------------------------------------------------- */

/* What is being pushed is in memory; anything else is on disk, or not here. */
static const struct bundle *find_bundle(struct revise *revise, const struct revision *which)
{
	if (revise->given && revision_equal(&revise->given->line.tip, which))
		return revise->given;
	if (revise->sent && revision_equal(&revise->sent->line.tip, which))
		return revise->sent;
	bundle_free(revise->sent);
	revise->sent = NULL;
	if (!revise->history || history_load(revise->history, which, &revise->sent) != 0)
		revise->sent = NULL;
	return revise->sent;
}

static void heard_want(struct syncd *syncd, const Sync__RevisionWant *want)
{
	Sync__Frame frame = SYNC__FRAME__INIT;
	Sync__RevisionPart part = SYNC__REVISION_PART__INIT;
	const struct bundle *bundle;
	struct revision which;

	if (!push_wire_revision(&which, want->number, &want->id))
		return;
	bundle = find_bundle(&syncd->revise, &which);
	part.number = which.number;
	part.id = push_wire_id(&which);
	part.offset = want->offset;
	if (bundle && want->offset < bundle->length) {
		size_t left = bundle->length - want->offset;

		part.size = (uint32_t)bundle->length;
		part.part.len = left < FETCH_PART ? left : FETCH_PART;
		part.part.data = bundle->packed + want->offset;
	}
	frame.revision_part = &part;
	revise_send(syncd, &frame);
}

static void fetch_failed(struct syncd *syncd, const struct revision *which, const char *why)
{
	syncd->revise.found = (struct inspect){ 0 };
	if (remote_waits(&syncd->revise, which))
		remote_fetched(syncd, NULL, why);
	else
		push_fetched(&syncd->revise.push, NULL, why, daemon_now_ns());
}

const char *revise_verdict(const struct syncd *syncd, enum bundle_verdict verdict,
			   char text[REVISE_VERDICT])
{
	Cas__NodeFacts *peer = verdict == BUNDLE_FORMAT ? status_peer(syncd) : NULL;

	snprintf(text, REVISE_VERDICT, "%s", bundle_verdict_text(verdict));
	if (verdict == BUNDLE_FORMAT)
		snprintf(text, REVISE_VERDICT, "%s (%.40s runs %s, %.40s runs %.20s)",
			 bundle_verdict_text(verdict), syncd_name(syncd, syncd->node),
			 CASPAIR_VERSION, syncd_name(syncd, 3 - syncd->node),
			 peer && peer->version ? peer->version : "an unknown one");
	cas__node_facts__free_unpacked(peer, NULL);
	return text;
}

/* Nothing in it is believed before its signature is. */
static void fetched(struct syncd *syncd)
{
	struct revise *revise = &syncd->revise;
	struct revision which = revise->fetch.which;
	char why[REVISE_VERDICT];
	struct bundle *bundle;
	enum bundle_verdict verdict = bundle_read(&bundle, revise->fetch.bytes, revise->fetch.size,
						  syncd->conf->file);

	fetch_end(&revise->fetch);
	if (verdict != BUNDLE_GOOD) {
		revise->refused[verdict]++;
		log_warning("a revision from the peer is refused: %s",
			    revise_verdict(syncd, verdict, why));
		fetch_failed(syncd, &which, why);
	} else if (remote_waits(revise, &which)) {
		remote_fetched(syncd, bundle, NULL);
	} else {
		revise->found = (struct inspect){ 0 };
		bundle_free(revise->given);
		revise->given = bundle;
		push_fetched(&revise->push, &bundle->line, NULL, daemon_now_ns());
	}
}

void revise_fetch_failed(struct syncd *syncd, const char *why)
{
	struct revision which = syncd->revise.fetch.which;

	fetch_end(&syncd->revise.fetch);
	fetch_failed(syncd, &which, why);
}

static void heard_part(struct syncd *syncd, const Sync__RevisionPart *part)
{
	struct fetch_part take = { .offset = part->offset,
				   .size = part->size,
				   .part = part->part.data,
				   .length = part->part.len };

	if (!push_wire_revision(&take.which, part->number, &part->id))
		return;
	switch (fetch_take(&syncd->revise.fetch, &take, daemon_now_ns())) {
	case FETCH_MORE:
		want_more(syncd);
		break;
	case FETCH_WHOLE:
		fetched(syncd);
		break;
	case FETCH_BROKEN:
		revise_fetch_failed(syncd, "the peer does not give it whole");
		break;
	case FETCH_IGNORED:
		break;
	}
}

/* --- what the peer says ----------------------------------------------------------------------- */

static void heard_state(struct syncd *syncd, const Sync__RevisionState *state)
{
	struct push_note note = { .unconfirmed = state->unconfirmed };
	struct lineage line;

	if (!push_wire_read_state(&line, state))
		return;
	note.about = &line.tip;
	push_heard(&syncd->revise.push, PUSH_STATE, &note, &line, daemon_now_ns());
}

static void keep_faults(struct inspect *theirs, const Sync__RevisionWord *word)
{
	*theirs = (struct inspect){ 0 };
	for (size_t i = 0; i < word->n_fault && i < INSPECT_FAULTS; i++)
		snprintf(theirs->fault[theirs->faults++], INSPECT_TEXT, "%s", word->fault[i]);
}

static void heard_word(struct syncd *syncd, const Sync__RevisionWord *word)
{
	struct push_note note;
	struct revision about;
	enum push_word heard = push_wire_read_word(&note, &about, word);

	if (heard == PUSH_WORDS)
		return;
	if (heard == PUSH_REFUSED)
		keep_faults(&syncd->revise.theirs, word);
	push_heard(&syncd->revise.push, heard, &note, NULL, daemon_now_ns());
}

bool revise_frame(struct syncd *syncd, const Sync__Frame *frame)
{
	if (frame->revision_state)
		heard_state(syncd, frame->revision_state);
	else if (frame->revision_word)
		heard_word(syncd, frame->revision_word);
	else if (frame->revision_want)
		heard_want(syncd, frame->revision_want);
	else if (frame->revision_part)
		heard_part(syncd, frame->revision_part);
	else if (frame->revision_ask)
		remote_heard_ask(syncd, frame->revision_ask);
	else if (frame->revision_answer)
		remote_heard_answer(syncd, frame->revision_answer);
	else
		return false;
	return true;
}
