// SPDX-License-Identifier: BSD-2-Clause
/* A push as the active node sees it. */
#include "syncd/push_parts.h"

#define UNDO_AGAIN UINT64_C(5000000000)

static const char not_kept[] = "the revision before is not on this disk: nothing is rolled back";

static void enter(struct push *p, enum push_phase phase, uint64_t now)
{
	enum push_phase before = p->phase;

	p->phase = phase;
	p->phase_ns = now;
	if (before != PUSH_IDLE && phase > before)
		p->ops->went_on(p->arg, before);
}

static void owe(struct push *p, const char *what, const char *why)
{
	push_set_why(p, "%s%.200s", what, why);
	p->why_owed = true;
}

/* Whether one would be, by itself, once more: what somebody asked for has been answered. */
static bool roll_back_is_due(const struct push *p)
{
	return p->undo || p->unconfirmed;
}

void push_end_with(struct push *p, enum push_end how, const char *why, uint64_t now)
{
	bool rolling = p->rolling;

	p->phase = PUSH_IDLE;
	p->rolling = false;
	if (rolling && how != PUSH_DONE && roll_back_is_due(p)) {
		p->undo_failed = true;
		p->undo_ns = now + UNDO_AGAIN;
		owe(p, "the roll-back failed: ", why ? why : "");
	}
	if (how != PUSH_DONE)
		p->refused++;
	else if (!p->dry)
		*(rolling ? &p->rolled_back : &p->pushed) += 1;
	p->ops->ended(p->arg, how, why);
}

/* Before it was decided: both nodes stay where they are. */
void push_give_up(struct push *p, enum push_end how, const char *why, uint64_t now)
{
	push_say(p, PUSH_ABORT, &p->next.tip, NULL);
	p->ops->unstage(p->arg);
	push_end_with(p, how, why, now);
}

void push_apply_here(struct push *p, uint64_t now)
{
	enter(p, PUSH_APPLYING, now);
	p->ops->apply(p->arg, &p->line.tip);
}

static void decide(struct push *p, uint64_t now)
{
	if (p->ops->stage(p->arg) != 0) {
		push_give_up(p, PUSH_NO, "this node cannot store the revision", now);
		return;
	}
	if (p->ops->decide(p->arg, &p->next.tip, p->confirm_ms) != 0) {
		push_give_up(p, PUSH_NO, "this node cannot store which revision is in force", now);
		return;
	}
	p->line = p->next;
	p->unconfirmed = p->confirm_ms != 0;
	p->deadline_ns = now + p->confirm_ms * UINT64_C(1000000);
	p->undo = p->undo_failed = false;
	p->why[0] = '\0';
	if (p->alone) {
		push_apply_here(p, now);
		return;
	}
	enter(p, PUSH_SWITCHING, now);
	/* A standby that does not read the log, since files differ, takes it as one that joins. */
	if (!p->ops->log(p->arg, &p->line.tip))
		push_say_state(p);
}

static const char *peer_obstacle(const struct push *p, const struct push_wish *wish)
{
	if (!p->up)
		return wish->alone ? NULL
				   : "the standby is not there: it would not be asked; if that is "
				     "meant: --alone REASON";
	if (!p->peer_known)
		return "the standby has not said yet which revision it runs";
	if (push_split(p))
		return PUSH_TWO_HISTORIES;
	if (!push_agree(p))
		return "the nodes are about to exchange revisions";
	if (!wish->synced && !p->line.base)
		return "the standby does not hold everything yet";
	return NULL;
}

const char *push_obstacle(const struct push *p, const struct push_wish *wish)
{
	if (!p->leading)
		return "this node is not active";
	if (p->phase != PUSH_IDLE || p->confirming)
		return "another push is under way";
	if (p->task != PUSH_NOTHING)
		return "this node is about to take a revision from its peer";
	/* What cannot be rolled back is mended by another push. */
	if (!wish->dry && (p->unconfirmed || p->undo) && !p->undo_failed)
		return "the last push waits for pairctl confirm, or pairctl rollback";
	return peer_obstacle(p, wish);
}

static void begin(struct push *p, const struct push_wish *wish, uint64_t now)
{
	p->next = *wish->next;
	p->dry = wish->dry;
	p->confirm_ms = wish->confirm_ms;
	p->alone = !p->up;
	p->standby_ns = p->active_ns = 0;
	p->began_ns = now;
	if (!p->alone) {
		enter(p, PUSH_CHECKING, now);
		push_say(p, PUSH_OFFER, &p->next.tip, NULL);
	} else if (p->dry) {
		push_end_with(p, PUSH_DONE, NULL, now);
	} else {
		p->phase = PUSH_STAGING;
		decide(p, now);
	}
}

const char *push_begin(struct push *p, const struct push_wish *wish, uint64_t now)
{
	const char *why = push_obstacle(p, wish);

	if (!why)
		begin(p, wish, now);
	return why;
}

void push_roll_back(struct push *p, uint64_t now)
{
	struct lineage next;
	struct push_wish wish = { .next = &next, .alone = true };

	p->undo_ns = now + UNDO_AGAIN;
	if (p->ops->undo(p->arg, &next) != 0) {
		p->undo_failed = roll_back_is_due(p);
		if (p->undo_failed)
			owe(p, not_kept, "");
		return;
	}
	p->rolling = true;
	begin(p, &wish, now);
}

const char *push_rollback(struct push *p, uint64_t now)
{
	if (!p->leading)
		return "this node is not active";
	if (p->phase != PUSH_IDLE || p->task != PUSH_NOTHING)
		return "another push is under way";
	if (push_split(p))
		return PUSH_TWO_HISTORIES;
	if (p->line.base)
		return "nothing was ever pushed";
	push_roll_back(p, now);
	return p->rolling || p->phase != PUSH_IDLE ? NULL : not_kept;
}

/* What could not be done about it is nobody's trouble any more. */
static void stays(struct push *p)
{
	p->unconfirmed = p->undo_failed = false;
	if (p->why_owed)
		p->why[0] = '\0';
	p->why_owed = false;
	/* The peer may not have been able to store it. */
	push_say_state(p);
}

void push_confirmed(struct push *p)
{
	bool asked = p->confirming;
	int err = p->unconfirmed ? p->ops->confirm(p->arg) : 0;

	p->confirming = false;
	if (err == 0 && p->unconfirmed)
		stays(p);
	if (asked && err == 0)
		p->ops->ended(p->arg, PUSH_DONE, NULL);
	else if (asked)
		p->ops->ended(p->arg, PUSH_NO, "this node cannot store that it is confirmed");
	else if (err)
		owe(p, "that the revision is confirmed cannot be stored", "");
}

/* The standby first: if this node dies in between, it clears its own when they meet. */
const char *push_confirm(struct push *p, uint64_t now)
{
	if (!p->leading)
		return "this node is not active";
	if (p->phase != PUSH_IDLE || p->confirming)
		return "a push is under way";
	if (!p->unconfirmed || p->undo)
		return "nothing waits to be confirmed";
	p->confirming = true;
	p->phase_ns = now;
	if (p->up && push_agree(p))
		push_say(p, PUSH_CONFIRMED, &p->line.tip, NULL);
	else
		push_confirmed(p);
	return NULL;
}

/* Decided, and a daemon does not follow.  Of a roll-back nothing more can be taken back. */
void push_undone(struct push *p, const char *why, uint64_t now)
{
	/* Only who is active takes back what both have. */
	p->undo = !p->rolling && p->leading;
	p->undo_ns = now;
	push_end_with(p, PUSH_UNDONE, why, now);
	push_say_state(p);
}

static bool is_next(const struct push *p, const struct push_note *note)
{
	return note->about && revision_equal(note->about, &p->next.tip);
}

void push_standby_switched(struct push *p, uint64_t now)
{
	p->standby_ns = now - p->phase_ns;
	push_apply_here(p, now);
}

/* What the standby says while this node pushes. */
void push_answer(struct push *p, enum push_word word, const struct push_note *note, uint64_t now)
{
	const char *why = note->why ? note->why : "no reason given";

	if (!is_next(p, note))
		return;
	if (word == PUSH_CHECKED && p->phase == PUSH_CHECKING && p->dry) {
		push_say(p, PUSH_ABORT, &p->next.tip, NULL);
		push_end_with(p, PUSH_DONE, NULL, now);
	} else if (word == PUSH_CHECKED && p->phase == PUSH_CHECKING) {
		enter(p, PUSH_STAGING, now);
		push_say(p, PUSH_STAGE, &p->next.tip, NULL);
	} else if (word == PUSH_STAGED && p->phase == PUSH_STAGING) {
		decide(p, now);
	} else if (word == PUSH_SWITCHED && p->phase == PUSH_SWITCHING) {
		push_standby_switched(p, now);
	} else if (word == PUSH_REFUSED &&
		   (p->phase == PUSH_CHECKING || p->phase == PUSH_STAGING)) {
		push_give_up(p, PUSH_DISAGREES, why, now);
	} else if (word == PUSH_FAILED && p->phase == PUSH_SWITCHING) {
		/* Nor was it applied here. */
		p->astray = true;
		p->astray_ns = now + PUSH_ASTRAY_NS;
		push_set_why(p, "the standby does not follow: %.200s", why);
		push_undone(p, why, now);
	}
}
