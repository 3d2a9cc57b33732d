// SPDX-License-Identifier: BSD-2-Clause
/*
 * The shell around the machine of a push.  Mirrors syncd/revise.c, syncd/revise_hands.c and
 * syncd/revise_ask.c (what a roll-back is made of), and syncd/main.c (syncd_follow).  The words are
 * hands_wire.c's.
 */
#include <errno.h>
#include <string.h>

#include "tests/sim/sim.h"

enum { REVISE_RECORD = 8 + REVISION_ID, SETTLE_NS = 1000000000 };

static const char unable[] = "lbd cannot take it over as it runs";

/* --- daemons ---------------------------------------------------------------------------------- */

static bool linked(const struct node *node, unsigned int daemon)
{
	return daemon == LBD ? node->syncd->lbd : node->syncd->vrrpd;
}

static bool send_follow(struct node *node, unsigned int daemon)
{
	if (!linked(node, daemon))
		return false;
	world_post(node, (enum daemon)daemon,
		   &(struct letter){ .kind = L_FOLLOW,
				     .id = node->syncd->hands.push.line.tip.number });
	return true;
}

static bool *waits_for(struct hands *hands, unsigned int daemon)
{
	return &hands->wait.follows[daemon == LBD];
}

/* What syncd itself does: syncd_follow(). */
static void follow(struct node *node, bool together)
{
	struct session *session = &node->syncd->session;
	const struct made *made = vault_current(node);
	uint8_t digest[SESSION_DIGEST];

	node->runs[SYNCD] = made->line.tip;
	node->revision = made->files;
	syncd_digest(node, digest);
	if (together) {
		session_switch(session, digest, made->line.tip.id);
		return;
	}
	session_revision(session, made->line.tip.id);
	session_digest(session, digest, node_now(node));
}

static void op_apply(void *arg, const struct revision *current)
{
	struct node *node = arg;
	struct hands *hands = &node->syncd->hands;
	const struct push *push = &hands->push;
	bool together = push->task == PUSH_FOLLOWING ? push->tell
						     : !push->alone && push->standby_ns;

	if (hands->dead)
		return;
	trace_say(node->world, "node %u: revision %llu is in force", node->number + 1,
		  (unsigned long long)current->number);
	memset(&hands->wait, 0, sizeof(hands->wait));
	hands->wait.any = true;
	*waits_for(hands, LBD) = send_follow(node, LBD);
	*waits_for(hands, VRRPD) = send_follow(node, VRRPD);
	follow(node, together);
}

void hands_linked(struct node *node, unsigned int daemon)
{
	const struct hands *hands = &node->syncd->hands;

	if (hands->open && !hands->push.line.base)
		send_follow(node, daemon);
}

void hands_followed(struct node *node, unsigned int daemon, uint64_t number, bool lame)
{
	struct hands *hands = &node->syncd->hands;

	if (number != hands->push.line.tip.number)
		return;
	*waits_for(hands, daemon) = false;
	if (lame && !hands->wait.any)
		push_strayed(&hands->push, unable, node_now(node));
	hands->wait.lame |= lame;
}

void hands_gone(struct node *node, unsigned int daemon)
{
	*waits_for(&node->syncd->hands, daemon) = false;
}

/* conf/running.c: it reads the store once more.  Some cannot take over everything as they run. */
void hands_follow(struct node *node, unsigned int daemon, uint64_t number)
{
	const struct made *made = vault_current(node);
	bool lame = daemon == LBD && made->lame >> node->number & 1 && !node->world->quiet;

	if (!lame)
		node->runs[daemon] = made->line.tip;
	if (node->process[SYNCD].alive && linked(node, daemon))
		world_post(node, SYNCD,
			   &(struct letter){ .kind = L_FOLLOWED,
					     .id = number,
					     .epoch = daemon,
					     .complete = !lame });
}

/* --- hands ------------------------------------------------------------------------------------ */

static bool op_check(void *arg, char why[PUSH_WHY])
{
	struct node *node = arg;
	const struct hands *hands = &node->syncd->hands;
	/* A history that is adopted need not descend from this node's. */
	bool newer = hands->push.adopting ||
		     revision_relate(&hands->push.line, &hands->given->line) == RELATION_THEIRS ||
		     node->world->options.plant == PLANT_HISTORY_LOST;

	snprintf(why, PUSH_WHY, newer ? "no such interface here" : "an older revision");
	return newer && !(hands->given->unfit >> node->number & 1);
}

static struct made *given(const struct node *node)
{
	const struct made *made = node->syncd->hands.given;

	return made ? made_find(node->world, &made->line.tip) : NULL;
}

static int op_stage(void *arg)
{
	struct node *node = arg;
	struct made *made = given(node);

	return made ? vault_stage(node, made) : -EINVAL;
}

static void op_unstage(void *arg)
{
	vault_unstage(arg);
}

static int op_decide(void *arg, const struct revision *staged, uint32_t confirm_ms)
{
	struct node *node = arg;
	int error;

	if (node->world->options.plant == PLANT_CONFIRM_UNHEARD && !node->syncd->session.leading)
		confirm_ms = 0;
	if (node->syncd->session.leading)
		revisions_decided(node, made_find(node->world, staged));
	error = vault_switch(node, staged, confirm_ms ? vault_unix_ms(node) + confirm_ms : 0);
	return error;
}

static int op_adopt(void *arg, bool unconfirmed)
{
	struct node *node = arg;

	return vault_adopt(node, given(node), unconfirmed ? vault_unix_ms(node) + 60000 : 0);
}

static int op_confirm(void *arg)
{
	return vault_confirm(arg);
}

static bool op_log(void *arg, const struct revision *revision)
{
	struct node *node = arg;
	struct flow_event event[MEMO_PARTS];
	uint8_t bytes[REVISE_RECORD];

	if (node->syncd->hands.dead)
		return false;
	memcpy(bytes, &revision->number, sizeof(revision->number));
	memcpy(bytes + 8, revision->id, REVISION_ID);
	memo_cut(event, EVENT_REVISION, false, bytes, sizeof(bytes));
	return session_log(&node->syncd->session, event, node_now(node));
}

/* The files of the one before, in a child of the current one. */
static int op_undo(void *arg, struct lineage *next)
{
	struct node *node = arg;
	struct hands *hands = &node->syncd->hands;
	const struct made *to = made_find(node->world, &node->store.previous);
	struct made *made;

	if (!to || !vault_has(node, to))
		return -ENOENT;
	made = made_child(node->world, &hands->push.line, to->files);
	made->unasked = hands->asked != ASKED_ROLLBACK && !hands->push.undo;
	trace_say(node->world, "node %u: revision %llu rolls back to the files of %llu",
		  node->number + 1, (unsigned long long)made->line.tip.number,
		  (unsigned long long)to->line.tip.number);
	hands->given = made;
	*next = made->line;
	return 0;
}

static void op_went_on(void *arg, enum push_phase done)
{
	(void)arg;
	(void)done;
}

static void op_ended(void *arg, enum push_end end, const char *why)
{
	static const char *const words[] = { "done", "refused", "refused by the peer", "undone" };
	struct node *node = arg;
	struct hands *hands = &node->syncd->hands;
	struct made *current = made_find(node->world, &node->store.current);

	trace_say(node->world, "node %u: the push is %s: %.60s", node->number + 1, words[end],
		  why ? why : "");
	if (hands->asked == ASKED_CONFIRM && end == PUSH_DONE && !hands->dead)
		current->confirmed = true;
	hands->asked = ASKED_NOTHING;
}

static const struct push_ops ops = {
	.say = hands_say,
	.fetch = hands_fetch,
	.check = op_check,
	.stage = op_stage,
	.unstage = op_unstage,
	.decide = op_decide,
	.adopt = op_adopt,
	.confirm = op_confirm,
	.log = op_log,
	.apply = op_apply,
	.undo = op_undo,
	.went_on = op_went_on,
	.ended = op_ended,
};

/* --- what happens ----------------------------------------------------------------------------- */

void hands_up(struct node *node)
{
	struct hands *hands = &node->syncd->hands;

	fetch_end(&hands->fetch);
	if (hands->open)
		push_up(&hands->push, node_now(node));
}

void hands_down(struct node *node)
{
	struct hands *hands = &node->syncd->hands;

	fetch_end(&hands->fetch);
	if (hands->open && !hands->dead)
		push_down(&hands->push, node_now(node));
}

void hands_role(struct node *node)
{
	struct hands *hands = &node->syncd->hands;

	if (hands->open)
		push_role(&hands->push, node->syncd->session.leading, node_now(node));
}

void hands_logged(struct node *node, const struct flow_event *event)
{
	struct hands *hands = &node->syncd->hands;

	if (!hands->open || !memo_take(&hands->memo, event) || hands->memo.size != REVISE_RECORD)
		return;
	memcpy(&hands->logged.number, hands->memo.bytes, sizeof(hands->logged.number));
	memcpy(hands->logged.id, hands->memo.bytes + 8, REVISION_ID);
	hands->logged_ns = node_now(node);
}

static void take_logged(struct node *node)
{
	struct hands *hands = &node->syncd->hands;
	uint64_t now = node_now(node);

	if (!hands->logged_ns ||
	    (!session_settled(&node->syncd->session) && now - hands->logged_ns < SETTLE_NS))
		return;
	hands->logged_ns = 0;
	push_logged(&hands->push, &hands->logged, now);
}

static void take_answers(struct node *node)
{
	struct hands *hands = &node->syncd->hands;

	if (!hands->wait.any || hands->wait.follows[0] || hands->wait.follows[1])
		return;
	hands->wait.any = false;
	push_applied(&hands->push, hands->wait.lame ? unable : NULL, node_now(node));
}

void hands_tick(struct node *node)
{
	struct hands *hands = &node->syncd->hands;

	if (!hands->open)
		return;
	if (hands->push.leading != node->syncd->session.leading)
		hands_role(node);
	take_logged(node);
	take_answers(node);
	if (fetch_stalled(&hands->fetch, node_now(node)))
		hands_fetch_failed(node);
	push_tick(&hands->push, node_now(node));
}

static uint64_t left_ns(const struct node *node)
{
	uint64_t now = vault_unix_ms(node), until = node->store.confirm_by_ms;

	return until > now ? (until - now) * MS : 0;
}

void hands_start(struct node *node)
{
	struct hands *hands = &node->syncd->hands;
	const struct made *made;

	if (!node->world->pushing)
		return;
	if (!revision_none(&node->store.staged))
		vault_unstage(node);
	made = vault_current(node);
	if (!vault_has(node, made))
		trace_fail(node->world, "I4 node %u: revision %llu is current, and not whole",
			   node->number + 1, (unsigned long long)made->line.tip.number);
	node->runs[SYNCD] = made->line.tip;
	push_open(&hands->push, &made->line, node->store.pushed && node->store.confirm_by_ms,
		  left_ns(node), &ops, node, node_now(node));
	hands->open = true;
	session_revision(&node->syncd->session, node->store.pushed ? made->line.tip.id : NULL);
}

void hands_end(struct node *node)
{
	fetch_end(&node->syncd->hands.fetch);
}
