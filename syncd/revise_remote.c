// SPDX-License-Identifier: BSD-2-Clause
/*
 * What is asked on one node and done on the other: the question goes over the channel, the answers
 * come back to who asked.  A revision is signed where somebody pushes it, and fetched by the active
 * node like any other.
 */
#include <stdlib.h>

#include "conf/log.h"
#include "syncd/push_wire.h"
#include "syncd/syncd.h"

/* --- on the node that was asked --------------------------------------------------------------- */

static const char *peer_name(const struct syncd *syncd)
{
	return syncd_name(syncd, 3 - syncd->node);
}

bool remote_ask(struct syncd *syncd, struct ctl_conn *conn, Sync__RevisionAsk *ask)
{
	struct revise_remote *remote = &syncd->revise.remote;
	Sync__Frame frame = SYNC__FRAME__INIT;

	if (!syncd->session.up) {
		ctl_refuse(conn, REVISE_UNSAFE, "%s cannot be reached from here, ask on %s",
			   peer_name(syncd), peer_name(syncd));
		return false;
	}
	if (remote->conn) {
		ctl_refuse(conn, REVISE_UNSAFE, "another push is under way");
		return false;
	}
	/* Of its own for each process: what answers the one before is not taken for this. */
	remote->number = daemon_now_ns();
	remote->conn = conn;
	remote->what = ask->what;
	ask->number = remote->number;
	frame.revision_ask = ask;
	revise_send(syncd, &frame);
	return true;
}

void remote_push(struct syncd *syncd, struct ctl_conn *conn, struct bundle *bundle,
		 const struct revise_wish *wish)
{
	struct revise *revise = &syncd->revise;
	Sync__RevisionAsk ask = SYNC__REVISION_ASK__INIT;

	ask.what = SYNC__REVISION_ASK__WHAT__PUSH;
	ask.has_revision = ask.has_id = true;
	ask.revision = bundle->line.tip.number;
	ask.id = push_wire_id(&bundle->line.tip);
	ask.has_dry_run = true;
	ask.dry_run = wish->dry;
	ask.has_confirm_ms = true;
	ask.confirm_ms = wish->confirm_ms;
	if (!remote_ask(syncd, conn, &ask)) {
		bundle_free(bundle);
		return;
	}
	/* The active node asks for its bytes. */
	bundle_free(revise->sent);
	revise->sent = bundle;
}

void remote_heard_answer(struct syncd *syncd, const Sync__RevisionAnswer *answer)
{
	struct revise_remote *remote = &syncd->revise.remote;
	Cas__Message message = CAS__MESSAGE__INIT;

	if (!remote->conn || answer->number != remote->number)
		return;
	message.error = answer->error;
	message.has_error_code = answer->has_error_code;
	message.error_code = answer->error_code;
	message.has_more = answer->has_more;
	message.more = answer->more;
	message.push_reply = answer->reply;
	ctl_send(remote->conn, &message, NULL, 0);
	if (!answer->more)
		remote->conn = NULL;
}

/* --- on the node that does it
 * ---------------------------------------------------------------------
 */

/* The end is kept, for a peer that has not heard it. */
static void keep(struct revise_remote *remote, const Sync__Frame *frame)
{
	size_t length = sync__frame__get_packed_size(frame);
	uint8_t *bytes = malloc(length);

	free(remote->answer);
	remote->answer = bytes;
	remote->answered = bytes ? frame->revision_answer->number : 0;
	remote->length = length;
	if (bytes)
		sync__frame__pack(frame, bytes);
}

void remote_answer(struct syncd *syncd, uint64_t number, const Cas__Message *message)
{
	Sync__Frame frame = SYNC__FRAME__INIT;
	Sync__RevisionAnswer answer = SYNC__REVISION_ANSWER__INIT;

	answer.number = number;
	answer.error = message->error;
	answer.has_error_code = message->has_error_code;
	answer.error_code = message->error_code;
	answer.has_more = message->has_more;
	answer.more = message->more;
	answer.reply = message->push_reply;
	frame.revision_answer = &answer;
	if (!message->more)
		keep(&syncd->revise.remote, &frame);
	revise_send(syncd, &frame);
}

/* Nothing is done twice: what is not known here never came. */
static void answer_again(struct syncd *syncd, const struct revise_asker *asker)
{
	const struct revise *revise = &syncd->revise;
	const struct revise_remote *remote = &revise->remote;

	if (revise->asker.peer == asker->peer || remote->from.peer == asker->peer)
		return; /* its end is to come */
	if (remote->answered == asker->peer)
		channel_send(&syncd->channel, remote->answer, remote->length);
	else
		revise_refuse(syncd, asker, REVISE_DISAGREES,
			      "the question was lost on its way to %s: nothing has been done, ask "
			      "again",
			      syncd_name(syncd, syncd->node));
}

static void fetch_wanted(struct syncd *syncd, const struct revise_asker *asker,
			 const Sync__RevisionAsk *ask)
{
	struct revise *revise = &syncd->revise;
	struct revise_remote *remote = &revise->remote;
	struct revision which;

	if (!ask->has_id || !push_wire_revision(&which, ask->revision, &ask->id)) {
		revise_refuse(syncd, asker, REVISE_PROBLEM, "the question names no revision");
	} else if (revise->fetch.active || revise_is_asked(revise)) {
		revise_refuse(syncd, asker, REVISE_UNSAFE, "another push is under way");
	} else {
		remote->from = *asker;
		remote->wish = (struct revise_wish){ .dry = ask->dry_run,
						     .confirm_ms = ask->confirm_ms };
		remote->wanted = which;
		revise_fetch_begin(syncd, &which);
	}
}

void remote_heard_ask(struct syncd *syncd, const Sync__RevisionAsk *ask)
{
	struct revise_asker asker = { .peer = ask->number };
	struct revise_back back = { ask->has_revision ? ask->revision : 0, ask->who, ask->message };

	if (ask->again) {
		answer_again(syncd, &asker);
		return;
	}
	log_info("%s asks for a change of the configuration", peer_name(syncd));
	if (!syncd->revise.history)
		revise_refuse(syncd, &asker, REVISE_UNSAFE,
			      "syncd of %s could not open its store of revisions: see its log",
			      syncd_name(syncd, syncd->node));
	else if (ask->what == SYNC__REVISION_ASK__WHAT__ADOPT)
		revise_adopt(syncd, &asker);
	else if (!syncd->session.leading)
		revise_refuse(syncd, &asker, REVISE_UNSAFE, "neither node is active");
	else if (ask->what == SYNC__REVISION_ASK__WHAT__PUSH)
		fetch_wanted(syncd, &asker, ask);
	else if (ask->what == SYNC__REVISION_ASK__WHAT__CONFIRM)
		revise_confirm(syncd, &asker);
	else if (ask->what == SYNC__REVISION_ASK__WHAT__ROLLBACK)
		revise_rollback(syncd, &asker, &back);
}

bool remote_waits(const struct revise *revise, const struct revision *which)
{
	return revise->remote.from.peer && revision_equal(&revise->remote.wanted, which);
}

void remote_fetched(struct syncd *syncd, struct bundle *bundle, const char *why)
{
	struct revise_remote *remote = &syncd->revise.remote;
	struct revise_asker asker = remote->from;

	remote->from = (struct revise_asker){ 0 };
	if (bundle && !revise_is_asked(&syncd->revise)) {
		revise_push(syncd, &asker, bundle, &remote->wish);
		return;
	}
	revise_refuse(syncd, &asker, REVISE_UNSAFE, "%s",
		      bundle ? "another push is under way" : why);
	bundle_free(bundle);
}

void remote_again(struct syncd *syncd)
{
	const struct revise_remote *remote = &syncd->revise.remote;
	Sync__Frame frame = SYNC__FRAME__INIT;
	Sync__RevisionAsk ask = SYNC__REVISION_ASK__INIT;

	if (remote->from.peer)
		revise_fetch_begin(syncd, &remote->wanted);
	if (!remote->conn)
		return;
	ask.number = remote->number;
	ask.what = remote->what;
	ask.has_again = ask.again = true;
	frame.revision_ask = &ask;
	revise_send(syncd, &frame);
}

void remote_cut(struct syncd *syncd)
{
	struct revise *revise = &syncd->revise;
	struct revise_remote *remote = &revise->remote;

	remote->from = (struct revise_asker){ 0 };
	revise->asker.peer = 0;
	if (remote->conn)
		ctl_refuse(
			remote->conn, REVISE_DISAGREES,
			"the channel to %s was cut meanwhile: pairctl status says which revision "
			"runs",
			peer_name(syncd));
	remote->conn = NULL;
}

void remote_stop(struct syncd *syncd)
{
	free(syncd->revise.remote.answer);
	syncd->revise.remote = (struct revise_remote){ 0 };
}
