// SPDX-License-Identifier: BSD-2-Clause
/* The hands of a push: the store, the log, and the daemons of this node. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "conf/log.h"
#include "proto/memo.h"
#include "syncd/push_wire.h"
#include "syncd/syncd.h"

static void log_stored(int err, const char *what)
{
	if (err)
		log_error("%s cannot be stored: %s", what, strerror(-err));
}

/* What ran just before may come back without an operator, so that a roll-back never waits for one.
 */
static bool brings_back_previous(const struct revise *revise, const struct bundle *bundle)
{
	const struct revision *previous = &history_standing(revise->history)->previous;
	struct bundle *old;
	bool same;

	if (bundle->rolls_back == 0 || bundle->rolls_back != previous->number ||
	    history_load(revise->history, previous, &old) != 0)
		return false;
	same = memcmp(old->content, bundle->content, BUNDLE_CONTENT) == 0;
	bundle_free(old);
	return same;
}

static enum bundle_verdict judge(const struct syncd *syncd, const struct bundle *bundle)
{
	const struct revise *revise = &syncd->revise;
	const Conf__Config *file = syncd->conf->file;
	/* A history that is adopted need not descend from this node's. */
	const struct lineage none = { 0 }, *line = &revise->push.line;
	enum bundle_verdict verdict = bundle_judge(bundle, file->pair,
						   revise->push.adopting ? &none : line);

	if (verdict != BUNDLE_GOOD || !file->require_operator_signature)
		return verdict;
	return bundle_approved(bundle, file) || brings_back_previous(revise, bundle)
		       ? BUNDLE_GOOD
		       : BUNDLE_UNAPPROVED;
}

bool revise_check(struct syncd *syncd, const struct bundle *bundle)
{
	struct revise *revise = &syncd->revise;
	const struct inspect_ground ground = { .conf = syncd->conf,
					       .node = syncd->options.node,
					       .key = syncd->options.key,
					       .verdict = judge(syncd, bundle) };

	if (ground.verdict != BUNDLE_GOOD)
		revise->refused[ground.verdict]++;
	return inspect(&revise->found, &ground, bundle);
}

static bool op_check(void *arg, char why[PUSH_WHY])
{
	struct syncd *syncd = arg;
	const struct inspect *found = &syncd->revise.found;

	if (revise_check(syncd, syncd->revise.given))
		return true;
	snprintf(why, PUSH_WHY, "%s", found->faults ? found->fault[0] : "it is faulty");
	return false;
}

static int op_stage(void *arg)
{
	struct revise *revise = &((struct syncd *)arg)->revise;
	int err = revise->given ? history_stage(revise->history, revise->given) : -EINVAL;

	log_stored(err, "a revision");
	return err;
}

static void op_unstage(void *arg)
{
	history_unstage(((struct syncd *)arg)->revise.history);
}

static int op_decide(void *arg, const struct revision *staged, uint32_t confirm_ms)
{
	struct revise *revise = &((struct syncd *)arg)->revise;
	int err = history_switch(revise->history, staged,
				 confirm_ms ? revise_unix_ms() + confirm_ms : 0);

	log_stored(err, "which revision is in force");
	return err;
}

static int op_adopt(void *arg, bool unconfirmed)
{
	struct revise *revise = &((struct syncd *)arg)->revise;
	bool missing = !revision_none(&history_standing(revise->history)->need);
	int err = history_adopt(revise->history, revise->given,
				unconfirmed ? revise_unix_ms() + 60000 : 0);

	log_stored(err, "the peer's revision");
	if (err == 0 && missing)
		log_warning("the store of revisions is whole again");
	return err;
}

static int op_confirm(void *arg)
{
	int err = history_confirm(((struct syncd *)arg)->revise.history);

	log_stored(err, "that the revision is confirmed");
	return err;
}

static bool op_log(void *arg, const struct revision *revision)
{
	struct syncd *syncd = arg;
	struct flow_event event[MEMO_PARTS];
	uint8_t bytes[REVISE_RECORD];

	for (size_t i = 0; i < 8; i++)
		bytes[i] = (uint8_t)(revision->number >> (8 * i));
	memcpy(bytes + 8, revision->id, REVISION_ID);
	memo_cut(event, EVENT_REVISION, false, bytes, sizeof(bytes));
	return session_log(&syncd->session, event, daemon_now_ns());
}

static struct revision revision_to(const struct revise *revise)
{
	const struct revision *list;
	size_t count = history_list(revise->history, &list);

	if (!revise->roll_to)
		return history_standing(revise->history)->previous;
	for (size_t i = 0; i < count; i++)
		if (list[i].number == revise->roll_to)
			return list[i];
	return (struct revision){ 0 };
}

static int op_undo(void *arg, struct lineage *next)
{
	struct syncd *syncd = arg;
	struct revise *revise = &syncd->revise;
	struct revision to = revision_to(revise);
	struct revise_plan plan = { .who = revise->who[0] ? revise->who : "caspair",
				    .message = revise->message[0] ? revise->message
								  : "not confirmed in time" };
	struct bundle *old = NULL, *fresh;
	char why[INSPECT_TEXT] = "it is not kept";
	int err = revision_none(&to) ? -ENOENT : history_load(revise->history, &to, &old);

	if (err == 0) {
		plan.file = old->file;
		plan.files = old->files;
		plan.rolls_back = to.number;
		plan.approval = &old->approval;
		err = revise_make(syncd, &fresh, &plan, why);
	}
	bundle_free(old);
	revise->roll_to = 0;
	revise->who[0] = revise->message[0] = '\0';
	if (err) {
		log_error("no roll-back: %s", why);
		return err;
	}
	bundle_free(revise->given);
	revise->given = fresh;
	*next = fresh->line;
	log_warning("rolling back to the files of revision %llu",
		    (unsigned long long)plan.rolls_back);
	return 0;
}

/* --- this node's daemons ---------------------------------------------------------------------- */

static bool send_follow(struct ctl_conn *conn, const struct revision *which)
{
	Cas__Message message = CAS__MESSAGE__INIT;
	Cas__Follow follow = CAS__FOLLOW__INIT;

	if (!conn)
		return false;
	follow.number = which->number;
	follow.id = push_wire_id(which);
	message.follow = &follow;
	return ctl_send(conn, &message, NULL, 0) == 0;
}

/*
 * A daemon that is not there reads the store when it starts.  Where both nodes switch at one record
 * the log goes on; otherwise they attach anew.
 */
static void op_apply(void *arg, const struct revision *current)
{
	struct syncd *syncd = arg;
	struct revise *revise = &syncd->revise;
	const struct push *push = &revise->push;
	bool together = push->task == PUSH_FOLLOWING ? push->tell
						     : !push->alone && push->standby_ns;
	char text[REVISION_TEXT];

	log_info("revision %s is in force", revision_text(text, current));
	revise->wait = (struct revise_wait){ .any = true };
	revise->wait.lbd = send_follow(syncd->lbd ? ctl_link_conn(syncd->lbd) : NULL, current);
	revise->wait.vrrpd = send_follow(syncd->vrrpd, current);
	if (!syncd_follow(syncd, together))
		snprintf(revise->wait.why, sizeof(revise->wait.why),
			 "syncd does not take it over; see its log");
}

void revise_linked(struct syncd *syncd, struct ctl_conn *conn)
{
	const struct push *push = &syncd->revise.push;

	/* It may have read the store before the last switch. */
	if (syncd->revise.history && !push->line.base && !revision_none(&push->line.tip))
		send_follow(conn, &push->line.tip);
}

void revise_followed(struct syncd *syncd, bool lbd, const Cas__Follow *followed)
{
	struct revise *revise = &syncd->revise;
	struct revision which;

	if (!push_wire_revision(&which, followed->number, &followed->id) ||
	    !revision_equal(&which, &revise->push.line.tip))
		return;
	if (followed->why)
		log_error("%.200s", followed->why);
	*(lbd ? &revise->wait.lbd : &revise->wait.vrrpd) = false;
	if (followed->why && !revise->wait.any)
		push_strayed(&revise->push, followed->why, daemon_now_ns());
	else if (followed->why && !revise->wait.why[0])
		snprintf(revise->wait.why, sizeof(revise->wait.why), "%.200s", followed->why);
}

void revise_gone(struct syncd *syncd, bool lbd)
{
	*(lbd ? &syncd->revise.wait.lbd : &syncd->revise.wait.vrrpd) = false;
}

static void op_went_on(void *arg, enum push_phase done)
{
	revise_went_on(arg, done);
}

static void op_ended(void *arg, enum push_end end, const char *why)
{
	revise_ended(arg, end, why);
}

const struct push_ops revise_ops = {
	.say = revise_say,
	.fetch = revise_fetch,
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
