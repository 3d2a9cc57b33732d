// SPDX-License-Identifier: BSD-2-Clause
/* A push as the standby sees it, and nodes that join. */
#include "syncd/push_parts.h"

#include <stddef.h>

#define SECOND     UINT64_C(1000000000)
#define JOIN_AGAIN (5 * SECOND)
#define CONFIRM_AGAIN (5 * SECOND)

void push_follow(struct push *p, bool tell, uint64_t now)
{
	p->task = PUSH_FOLLOWING;
	p->tell = tell;
	p->phase_ns = now;
	p->why[0] = '\0';
	p->ops->apply(p->arg, &p->line.tip);
}

static void refuse(struct push *p, const struct revision *about, const char *why)
{
	p->refused++;
	push_say(p, PUSH_REFUSED, about, why);
}

void push_offered(struct push *p, const struct push_note *note)
{
	if (p->leading) {
		refuse(p, note->about, "both nodes are active");
		return;
	}
	/* What it pushed while it was active may not be over either. */
	if (p->task == PUSH_JOINING || p->task == PUSH_FOLLOWING || p->phase != PUSH_IDLE) {
		refuse(p, note->about, "the standby is still taking over another revision");
		return;
	}
	p->task = PUSH_FETCHING;
	p->staged = false;
	p->offered = (struct lineage){ .tip = *note->about };
	p->offered_confirm_ms = note->confirm_ms;
	p->ops->fetch(p->arg, note->about);
}

bool push_is_offered(const struct push *p, const struct revision *about)
{
	return about && p->offered.tip.number && revision_equal(about, &p->offered.tip);
}

void push_stage(struct push *p, const struct push_note *note)
{
	/* Without its ancestors it has not been fetched. */
	if (p->task != PUSH_NOTHING || !push_is_offered(p, note->about) || !p->offered.ancestors) {
		refuse(p, note->about, "the standby was restarted meanwhile");
		return;
	}
	if (p->ops->stage(p->arg) != 0) {
		refuse(p, note->about, "the standby cannot store the revision");
		return;
	}
	p->staged = true;
	push_say(p, PUSH_STAGED, note->about, NULL);
}

void push_forget(struct push *p)
{
	if (p->task == PUSH_FETCHING)
		p->task = PUSH_NOTHING;
	if (p->staged)
		p->ops->unstage(p->arg);
	p->staged = false;
	p->offered = (struct lineage){ 0 };
}

/*
 * It may be one that is in force here already, and its record is read once more.  What was not
 * staged here comes as to a node that joins.
 */
void push_logged(struct push *p, const struct revision *revision, uint64_t now)
{
	if (lineage_has(&p->line, revision) || p->task != PUSH_NOTHING)
		return;
	if (!p->staged || !push_is_offered(p, revision))
		return;
	if (p->ops->decide(p->arg, revision, p->offered_confirm_ms) != 0) {
		push_say(p, PUSH_FAILED, revision,
			 "the standby cannot store which revision is in force");
		return;
	}
	p->line = p->offered;
	p->undo = p->undo_failed = false;
	p->unconfirmed = p->offered_confirm_ms != 0;
	p->deadline_ns = now + p->offered_confirm_ms * UINT64_C(1000000);
	p->staged = false;
	push_follow(p, true, now);
}

bool push_is_confirmed_there(const struct push *p)
{
	return p->up && p->peer_known && !p->peer_unconfirmed && push_relation(p) == RELATION_SAME;
}

void push_reconsider(struct push *p, uint64_t now)
{
	enum relation with;

	if (!p->up || !p->peer_known || (p->line.base && p->peer.base))
		return;
	with = push_relation(p);
	if (p->unconfirmed && push_is_confirmed_there(p) && now >= p->confirm_ns) {
		p->confirm_ns = now + CONFIRM_AGAIN;
		push_confirmed(p);
	}
	/* What kept this node from the peer's revision is over. */
	if (with == RELATION_SAME && !p->astray && !p->why_owed)
		p->why[0] = '\0';
	if (with != RELATION_THEIRS || p->phase != PUSH_IDLE || p->task != PUSH_NOTHING ||
	    now < p->join_ns)
		return;
	p->task = PUSH_JOINING;
	p->ops->fetch(p->arg, &p->peer.tip);
}

void push_adopted(struct push *p, enum push_end how, const char *why)
{
	if (!p->adopting)
		return;
	p->adopting = false;
	p->ops->ended(p->arg, how, why);
}

const char *push_adopt(struct push *p)
{
	if (!p->up || !p->peer_known)
		return "the peer has not said which revision it runs";
	if (p->phase != PUSH_IDLE || p->task != PUSH_NOTHING || p->confirming)
		return "another push is under way";
	if (!push_split(p))
		return "the nodes do not have two histories: there is nothing to choose";
	p->adopting = true;
	p->task = PUSH_JOINING;
	p->ops->fetch(p->arg, &p->peer.tip);
	return NULL;
}

static void join_failed(struct push *p, const char *why, uint64_t now)
{
	p->task = PUSH_NOTHING;
	push_adopted(p, PUSH_DISAGREES, why);
	p->join_ns = now + JOIN_AGAIN;
	p->refused++;
	push_set_why(p, "the peer's revision cannot be taken over: %.180s", why);
	push_say(p, PUSH_REFUSED, &p->peer.tip, p->why);
}

static void joined(struct push *p, const struct lineage *line, const char *why, uint64_t now)
{
	char fault[PUSH_WHY] = "";

	if (!line || !revision_equal(&line->tip, &p->peer.tip)) {
		join_failed(p, why ? why : "it did not come whole", now);
	} else if (!p->ops->check(p->arg, fault)) {
		join_failed(p, fault, now);
	} else if (p->ops->adopt(p->arg, p->peer_unconfirmed) != 0) {
		join_failed(p, "it cannot be stored", now);
	} else {
		p->line = *line;
		p->unconfirmed = p->peer_unconfirmed;
		/* The peer leads, and rolls back; a leader that has joined waits once more. */
		p->deadline_ns = now + 60 * SECOND;
		p->undo = false;
		p->joined++;
		push_follow(p, false, now);
	}
}

void push_fetched(struct push *p, const struct lineage *line, const char *why, uint64_t now)
{
	char fault[PUSH_WHY] = "";

	if (p->task == PUSH_JOINING) {
		joined(p, line, why, now);
		return;
	}
	if (p->task != PUSH_FETCHING)
		return;
	p->task = PUSH_NOTHING;
	if (!line || !revision_equal(&line->tip, &p->offered.tip))
		refuse(p, &p->offered.tip, why ? why : "it did not come whole");
	else if (!p->ops->check(p->arg, fault))
		refuse(p, &p->offered.tip, fault);
	else {
		p->offered = *line;
		push_say(p, PUSH_CHECKED, &p->offered.tip, NULL);
	}
}
