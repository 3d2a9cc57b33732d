// SPDX-License-Identifier: BSD-2-Clause
#include "syncd/push_parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define SECOND UINT64_C(1000000000)

/* How long the peer, or a daemon of this node, may be silent in a phase. */
static const uint64_t patience[PUSH_APPLYING + 1] = {
	[PUSH_CHECKING] = 10 * SECOND,
	[PUSH_STAGING] = 10 * SECOND,
	[PUSH_SWITCHING] = 10 * SECOND,
	[PUSH_APPLYING] = 15 * SECOND,
};
#define CONFIRM_WAIT (3 * SECOND)

const char *const push_phase_names[PUSH_APPLYING + 1] = {
	[PUSH_IDLE] = "idle",           [PUSH_CHECKING] = "checking", [PUSH_STAGING] = "staging",
	[PUSH_SWITCHING] = "switching", [PUSH_APPLYING] = "applying",
};

void push_open(struct push *p, const struct lineage *line, bool unconfirmed, uint64_t left_ns,
	       const struct push_ops *ops, void *arg, uint64_t now)
{
	memset(p, 0, sizeof(*p));
	p->ops = ops;
	p->arg = arg;
	p->line = *line;
	p->unconfirmed = unconfirmed;
	p->deadline_ns = now + left_ns;
}

void push_say(struct push *p, enum push_word word, const struct revision *about, const char *why)
{
	struct push_note note = { .about = about, .why = why };

	if (!p->up)
		return;
	if (word == PUSH_OFFER)
		note.confirm_ms = p->confirm_ms;
	if (word == PUSH_STATE)
		note.unconfirmed = p->unconfirmed;
	p->ops->say(p->arg, word, &note);
}

void push_say_state(struct push *p)
{
	push_say(p, PUSH_STATE, &p->line.tip, NULL);
}

void push_set_why(struct push *p, const char *format, ...)
{
	va_list args;

	p->why_owed = false;
	va_start(args, format);
	vsnprintf(p->why, sizeof(p->why), format, args);
	va_end(args);
}

enum relation push_relation(const struct push *p)
{
	return revision_relate(&p->line, &p->peer);
}

bool push_split(const struct push *p)
{
	return p->peer_known && !(p->line.base && p->peer.base) &&
	       push_relation(p) == RELATION_SPLIT;
}

/* Nodes that nobody has pushed to run their own files: whether these match is the session's. */
bool push_agree(const struct push *p)
{
	return p->peer_known &&
	       ((p->line.base && p->peer.base) || push_relation(p) == RELATION_SAME);
}

static void applied_follower(struct push *p, const char *why)
{
	p->task = PUSH_NOTHING;
	push_adopted(p, why ? PUSH_NO : PUSH_DONE, why ? p->why : NULL);
	/* It was active when they did not. */
	if (!why && !p->leading)
		p->undo = false;
	if (p->tell)
		push_say(p, why ? PUSH_FAILED : PUSH_SWITCHED, &p->line.tip, why);
	push_say_state(p);
}

void push_applied(struct push *p, const char *why, uint64_t now)
{
	if (p->task != PUSH_FOLLOWING && p->phase != PUSH_APPLYING)
		return;
	p->astray = why != NULL;
	p->astray_ns = now + PUSH_ASTRAY_NS;
	if (why)
		push_set_why(p, "this node does not follow: %.200s", why);
	if (p->task == PUSH_FOLLOWING) {
		applied_follower(p, why);
		return;
	}
	p->active_ns = now - p->phase_ns;
	if (!why) {
		p->ops->went_on(p->arg, PUSH_APPLYING);
		push_end_with(p, PUSH_DONE, NULL, now);
		push_say_state(p);
		return;
	}
	push_undone(p, why, now);
}

void push_strayed(struct push *p, const char *why, uint64_t now)
{
	if (p->phase != PUSH_IDLE || p->task != PUSH_NOTHING)
		return;
	p->astray = true;
	p->astray_ns = now + PUSH_ASTRAY_NS;
	push_set_why(p, "this node does not follow: %.200s", why);
}

static void heard_state(struct push *p, const struct push_note *note, const struct lineage *line,
			uint64_t now)
{
	p->peer_known = true;
	p->peer = *line;
	p->peer_unconfirmed = note->unconfirmed;
	if (p->confirming && push_relation(p) == RELATION_SAME && !note->unconfirmed)
		push_confirmed(p);
	/* It took the revision as one that joins. */
	if (p->phase == PUSH_SWITCHING && push_relation(p) == RELATION_SAME)
		push_standby_switched(p, now);
	push_reconsider(p, now);
}

static void heard_confirmed(struct push *p, const struct push_note *note)
{
	if (!note->about || !revision_equal(note->about, &p->line.tip))
		return;
	if (p->unconfirmed && !p->leading)
		push_confirmed(p);
	push_say_state(p);
}

void push_heard(struct push *p, enum push_word word, const struct push_note *note,
		const struct lineage *line, uint64_t now)
{
	if (!p->up)
		return;
	switch (word) {
	case PUSH_STATE:
		if (line)
			heard_state(p, note, line, now);
		break;
	case PUSH_OFFER:
		push_offered(p, note);
		break;
	case PUSH_STAGE:
		push_stage(p, note);
		break;
	case PUSH_ABORT:
		if (push_is_offered(p, note->about))
			push_forget(p);
		break;
	case PUSH_CONFIRMED:
		heard_confirmed(p, note);
		break;
	default:
		if (p->phase != PUSH_IDLE)
			push_answer(p, word, note, now);
	}
}

void push_line(struct push *p, const struct lineage *line, uint64_t now)
{
	p->line = *line;
	p->unconfirmed = false;
	push_say_state(p);
	push_reconsider(p, now);
}

void push_up(struct push *p, uint64_t now)
{
	bool again = p->up;

	p->up = true;
	p->peer_known = false;
	if (p->task == PUSH_JOINING)
		push_adopted(p, PUSH_DISAGREES, "the channel went down");
	if (p->task == PUSH_FETCHING || p->task == PUSH_JOINING)
		p->task = PUSH_NOTHING;
	push_forget(p);
	push_say_state(p);
	/* Another connection took over: what was said on the old one may be lost. */
	if (again && (p->phase == PUSH_CHECKING || p->phase == PUSH_STAGING)) {
		p->phase = PUSH_CHECKING;
		p->phase_ns = now;
		push_say(p, PUSH_OFFER, &p->next.tip, NULL);
	}
}

void push_down(struct push *p, uint64_t now)
{
	if (!p->up)
		return;
	p->up = p->peer_known = false;
	if (p->phase == PUSH_CHECKING || p->phase == PUSH_STAGING)
		push_give_up(p, PUSH_DISAGREES, "the channel to the standby went down", now);
	else if (p->phase == PUSH_SWITCHING)
		push_apply_here(p, now);
	if (p->task == PUSH_JOINING)
		push_adopted(p, PUSH_DISAGREES, "the channel went down");
	if (p->task != PUSH_FOLLOWING)
		p->task = PUSH_NOTHING;
	p->tell = false;
	push_forget(p);
	if (p->confirming)
		push_confirmed(p);
}

void push_role(struct push *p, bool leading, uint64_t now)
{
	if (p->leading == leading)
		return;
	p->leading = leading;
	if (!leading && (p->phase == PUSH_CHECKING || p->phase == PUSH_STAGING))
		push_give_up(p, PUSH_NO, "this node is not active any more", now);
	push_forget(p);
	push_say_state(p);
}

static void phase_ends(struct push *p, uint64_t now)
{
	switch (p->phase) {
	case PUSH_CHECKING:
	case PUSH_STAGING:
		push_give_up(p, PUSH_DISAGREES, "the standby does not answer", now);
		break;
	case PUSH_SWITCHING:
		/* It is decided: the standby takes it when it can. */
		push_apply_here(p, now);
		break;
	case PUSH_APPLYING:
		push_applied(p, "a daemon does not answer", now);
		break;
	case PUSH_IDLE:
		break;
	}
}

/* What the peer holds confirmed is so; this node only has to write it down. */
static bool is_overdue(const struct push *p, uint64_t now)
{
	return p->unconfirmed && now >= p->deadline_ns && !push_is_confirmed_there(p);
}

void push_tick(struct push *p, uint64_t now)
{
	if (p->phase != PUSH_IDLE) {
		if (now - p->phase_ns > patience[p->phase])
			phase_ends(p, now);
		return;
	}
	if (p->task == PUSH_FOLLOWING && now - p->phase_ns > patience[PUSH_APPLYING])
		push_applied(p, "a daemon does not answer", now);
	if (p->confirming && now - p->phase_ns > CONFIRM_WAIT)
		push_confirmed(p);
	if (p->task != PUSH_NOTHING || p->confirming)
		return;
	if (p->leading && !push_split(p) && now >= p->undo_ns && (p->undo || is_overdue(p, now)))
		push_roll_back(p, now);
	else
		push_reconsider(p, now);
	if (p->astray && now >= p->astray_ns && p->phase == PUSH_IDLE && p->task == PUSH_NOTHING)
		push_follow(p, false, now);
}
