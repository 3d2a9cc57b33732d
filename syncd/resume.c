// SPDX-License-Identifier: BSD-2-Clause
#include "syncd/resume.h"

#include <string.h>

#include "syncd/follower.h"

/* --- writing ---------------------------------------------------------------------------------- */

static void note_leader(const struct session *s, struct trail_facts *facts)
{
	facts->leading = 1;
	facts->history = s->history;
	facts->prior = s->prior;
	facts->safe = s->leader.safe;
	facts->proven = s->leader.proven;
	facts->uncertain = s->leader.uncertain || s->leader.reoffer;
}

/*
 * A word that lbd has not followed counts as not applied: what was said to lbd is lost with this
 * process, and is said again when the log goes on from before it.
 */
static void note_follower(const struct session *s, struct trail_facts *facts)
{
	const struct follower *f = &s->follower;

	if (!f->have.node || f->offer_all || f->own_overflow || f->uncertain)
		return;
	facts->have = f->have;
	facts->have.seq = follower_limit(f, f->have.seq);
	facts->owns = (uint32_t)f->owns;
	if (!f->led)
		return;
	facts->led = 1;
	facts->history = s->history;
	facts->tail = f->tail;
}

void resume_note(struct session *s)
{
	struct trail_facts facts;

	if (!s->trail || !s->told)
		return;
	memset(&facts, 0, sizeof(facts));
	if (s->leading)
		note_leader(s, &facts);
	else
		note_follower(s, &facts);
	trail_write(s->trail, &facts);
}

void resume_void(struct session *s)
{
	struct trail_facts nothing;

	if (!s->trail)
		return;
	memset(&nothing, 0, sizeof(nothing));
	trail_write(s->trail, &nothing);
}

void resume_own(struct session *s, size_t place, const struct flow_event *event)
{
	if (s->trail)
		s->trail->own[place] = *event;
}

/* --- reading ---------------------------------------------------------------------------------- */

/* It is our own writing, in a file that others may not open; what breaks it is counted as a bug. */
static bool is_sound(const struct session *s, const struct trail_facts *facts)
{
	const struct trail *trail = s->trail;
	bool logged = facts->leading || facts->led;

	if (facts->leading == (facts->have.node != 0) || facts->owns > TRAIL_OWN ||
	    (logged && facts->history.node != s->node) || trail->first > trail->head)
		return false;
	for (uint32_t i = 0; i < facts->owns; i++)
		if (record_check(&trail->own[i]) != RECORD_OK || record_is_word(trail->own[i].kind))
			return false;
	for (uint64_t seq = trail_floor(trail); logged && seq < trail->head; seq++)
		if (record_check(&trail->record[(seq + 1) & (trail->records - 1)]) != RECORD_OK)
			return false;
	return true;
}

static void take_up_leader(struct session *s, const struct trail_facts *facts, uint64_t now)
{
	s->prior = facts->prior;
	s->leader.safe = facts->safe;
	s->leader.proven = facts->proven;
	s->leader.uncertain = facts->uncertain;
	s->leader.phase = LEADER_ALONE;
	s->leading = true;
	s->epoch = s->highest = facts->history.epoch;
	s->verify.ended_ns = now;
}

static void take_up_follower(struct session *s, const struct trail_facts *facts)
{
	struct follower *f = &s->follower;

	f->have = facts->have;
	f->led = facts->led;
	f->tail = facts->tail;
	f->owns = facts->owns;
	memcpy(f->own, s->trail->own, f->owns * sizeof(f->own[0]));
	f->offer_all = f->led && !journal_holds(&s->journal, f->tail);
}

void resume_told(struct session *s, uint64_t now)
{
	struct trail_facts facts;

	if (s->told)
		return;
	s->told = true;
	if (!s->trail)
		return;
	trail_read(s->trail, &facts);
	if (!is_sound(s, &facts)) {
		resume_void(s);
		return;
	}
	s->follower.offer_all = false;
	if (facts.leading || facts.led) {
		s->history = facts.history;
		journal_resume(&s->journal, now);
	}
	if (facts.leading)
		take_up_leader(s, &facts, now);
	else
		take_up_follower(s, &facts);
}

void resume_refuse(struct session *s)
{
	resume_void(s);
	s->follower.have.node = 0;
	s->follower.offer_all = true;
}
