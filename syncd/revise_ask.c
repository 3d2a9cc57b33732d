/* SPDX-License-Identifier: BSD-2-Clause */
/* What pairctl asks about revisions, and what it is told. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "conf/log.h"
#include "syncd/syncd.h"

enum { EXIT_PROBLEM = 1, EXIT_UNSAFE = 4, EXIT_DISAGREES = 5 };

/* --- a new revision ----------------------------------------------------------------------------
 */

/* The one of this node's keys that the configuration knows as its signing-key. */
static int own_key(const struct syncd *syncd, struct sign_key **key, char why[INSPECT_TEXT])
{
	for (size_t i = 0; i < KEYS_OWN && syncd->keys.own[i]; i++) {
		int err = sign_key_of_node(key, syncd->keys.own[i]);

		if (err)
			return err;
		if (sign_whose(syncd->conf->file, sign_key_public(*key), NULL))
			return 0;
		sign_key_free(*key);
	}
	snprintf(why, INSPECT_TEXT,
		 "the configuration does not name the signing-key of this node: pairctl keygen "
		 "--show prints the line for its node block; put it into the file on both nodes");
	return -ENOKEY;
}

int revise_make(struct syncd *syncd, struct bundle **bundle, const struct revise_plan *plan,
		char why[INSPECT_TEXT])
{
	struct bundle_plan all = { .parent = &syncd->revise.push.line,
				   .file = plan->file,
				   .files = plan->files,
				   .pair = syncd->conf->file->pair,
				   .who = plan->who,
				   .message = plan->message,
				   .when_ms = revise_unix_ms(),
				   .rolls_back = plan->rolls_back };
	struct sign_key *key;
	int err = own_key(syncd, &key, why);

	if (err)
		return err;
	err = bundle_make(bundle, &all, key);
	sign_key_free(key);
	if (err)
		snprintf(why, INSPECT_TEXT, "no revision can be made of it: %s", strerror(-err));
	return err;
}

/* --- answers -----------------------------------------------------------------------------------
 */

struct answer {
	Cas__PushReply reply;
	char id[REVISION_TEXT];
	char text[INSPECT_FAULTS][INSPECT_TEXT + 64], *fault[INSPECT_FAULTS];
};

static void name_revision(struct answer *answer, const struct revision *revision)
{
	answer->reply.has_revision = true;
	answer->reply.revision = revision->number;
	for (int i = 0; i < REVISION_DIGITS / 2; i++)
		snprintf(answer->id + 2 * (size_t)i, 3, "%02x", revision->id[i]);
	answer->reply.revision_id = answer->id;
}

static void fill(struct syncd *syncd, struct answer *answer, Cas__PushReply__Stage stage)
{
	const struct revise *revise = &syncd->revise;
	const struct push *push = &revise->push;
	Cas__PushReply *reply = &answer->reply;

	cas__push_reply__init(reply);
	reply->stage = stage;
	name_revision(answer, revise->asked == REVISE_CONFIRM ? &push->line.tip : &push->next.tip);
	reply->has_changed = reply->has_dry_run = true;
	reply->changed = true;
	reply->dry_run = push->dry;
	reply->active = (char *)(uintptr_t)syncd_name(syncd, syncd->node);
	if (revise->asked == REVISE_CONFIRM ? push_agree(push) : !push->alone)
		reply->standby = (char *)(uintptr_t)syncd_name(syncd, 3 - syncd->node);
	if (revise->asked == REVISE_CONFIRM)
		return;
	reply->has_standby_ms = push->standby_ns != 0;
	reply->standby_ms = (double)push->standby_ns / 1e6;
	reply->has_active_ms = push->active_ns != 0;
	reply->active_ms = (double)push->active_ns / 1e6;
	reply->has_flows_before = reply->has_flows_after = table_is_open(&syncd->table);
	reply->flows_before = revise->flows_before;
	reply->flows_after = syncd->gauges.flows;
	reply->has_confirm_ms = true;
	reply->confirm_ms = push->confirm_ms;
}

static void send_reply(struct ctl_conn *conn, struct answer *answer, bool more)
{
	Cas__Message message = CAS__MESSAGE__INIT;

	message.has_more = more;
	message.more = more;
	message.push_reply = &answer->reply;
	ctl_send(conn, &message, NULL, 0);
}

static void list_faults(struct answer *answer, const struct inspect *found, const char *node)
{
	for (size_t i = 0; i < found->faults; i++) {
		snprintf(answer->text[i], sizeof(answer->text[i]), "%.60s: %s", node,
			 found->fault[i]);
		answer->fault[i] = answer->text[i];
	}
	answer->reply.n_fault = found->faults;
	answer->reply.fault = answer->fault;
}

/* `found` may be NULL. */
static void fail(struct ctl_conn *conn, unsigned int code, const char *text,
		 const struct inspect *found, const char *node)
{
	Cas__Message message = CAS__MESSAGE__INIT;
	struct answer answer = { .reply = CAS__PUSH_REPLY__INIT };
	char copy[2 * PUSH_WHY];

	snprintf(copy, sizeof(copy), "%s", text);
	if (found)
		list_faults(&answer, found, node);
	message.error = copy;
	message.has_error_code = true;
	message.error_code = code;
	message.push_reply = &answer.reply;
	ctl_send(conn, &message, NULL, 0);
}

void revise_went_on(struct syncd *syncd, enum push_phase done)
{
	static const Cas__PushReply__Stage stages[] = {
		[PUSH_CHECKING] = CAS__PUSH_REPLY__STAGE__CHECKED,
		[PUSH_STAGING] = CAS__PUSH_REPLY__STAGE__STAGED,
		[PUSH_SWITCHING] = CAS__PUSH_REPLY__STAGE__SWITCHED,
	};
	struct answer answer;

	if (!syncd->revise.asker || done < PUSH_CHECKING || done > PUSH_SWITCHING)
		return;
	fill(syncd, &answer, stages[done]);
	send_reply(syncd->revise.asker, &answer, true);
}

static void tell_end(struct syncd *syncd, struct ctl_conn *conn, enum push_end end, const char *why)
{
	const char *peer = syncd_name(syncd, 3 - syncd->node);
	const struct inspect *theirs = &syncd->revise.theirs;
	struct answer answer;
	char text[2 * PUSH_WHY];

	switch (end) {
	case PUSH_DONE:
		fill(syncd, &answer, CAS__PUSH_REPLY__STAGE__DONE);
		send_reply(conn, &answer, false);
		break;
	case PUSH_DISAGREES:
		snprintf(text, sizeof(text), "%.60s: %s; nothing has changed on either node", peer,
			 why);
		fail(conn, EXIT_DISAGREES, text, theirs, peer);
		break;
	case PUSH_UNDONE:
		snprintf(text, sizeof(text), "%s; it is being rolled back on both nodes", why);
		fail(conn, EXIT_DISAGREES, text, NULL, NULL);
		break;
	case PUSH_NO:
		fail(conn, EXIT_UNSAFE, why, NULL, NULL);
		break;
	}
}

void revise_ended(struct syncd *syncd, enum push_end end, const char *why)
{
	static const char *const names[] = { "done", "refused", "refused by the peer", "undone" };
	struct revise *revise = &syncd->revise;
	struct ctl_conn *conn = revise->asker;

	log_info("the push is %s%s%s", names[end], why ? ": " : "", why ? why : "");
	revise->asker = NULL;
	if (conn)
		tell_end(syncd, conn, end, why);
	revise->asked = REVISE_NONE;
	revise->theirs = (struct inspect){ 0 };
}

/* --- questions ---------------------------------------------------------------------------------
 */

/* What holds for all of them; true: it has been refused. */
static bool refused(struct syncd *syncd, struct ctl_conn *conn)
{
	const struct revise *revise = &syncd->revise;

	if (!revise->history)
		ctl_refuse(conn, EXIT_UNSAFE,
			   "syncd could not open its store of revisions: see its log");
	else if (revise->asker)
		ctl_refuse(conn, EXIT_UNSAFE, "another push is under way");
	else if (!syncd->session.leading)
		ctl_refuse(conn, EXIT_UNSAFE, "%s is not active: ask on %s",
			   syncd_name(syncd, syncd->node), syncd_name(syncd, 3 - syncd->node));
	else
		return false;
	return true;
}

static void ask_for(struct syncd *syncd, struct ctl_conn *conn, enum revise_what what)
{
	syncd->revise.asker = conn;
	syncd->revise.asked = what;
	syncd->revise.flows_before = syncd->gauges.flows;
}

/* `why` comes from the machine; it may have told the end itself. */
static void not_begun(struct syncd *syncd, const char *why)
{
	struct ctl_conn *conn = syncd->revise.asker;

	syncd->revise.asker = NULL;
	syncd->revise.asked = REVISE_NONE;
	if (conn)
		ctl_refuse(conn, EXIT_UNSAFE, "%s", why);
}

/* The same files as those that both nodes run. */
static bool is_current(const struct revise *revise, const struct bundle *bundle)
{
	struct bundle *current;
	bool same;

	if (revise->push.line.base || revise->push.unconfirmed ||
	    history_load(revise->history, &revise->push.line.tip, &current) != 0)
		return false;
	same = memcmp(current->content, bundle->content, BUNDLE_CONTENT) == 0;
	bundle_free(current);
	return same;
}

static void answer_unchanged(struct syncd *syncd, struct ctl_conn *conn)
{
	struct answer answer;

	fill(syncd, &answer, CAS__PUSH_REPLY__STAGE__DONE);
	name_revision(&answer, &syncd->revise.push.line.tip);
	answer.reply.changed = false;
	answer.reply.standby = NULL;
	answer.reply.has_confirm_ms = false;
	answer.reply.has_standby_ms = answer.reply.has_active_ms = false;
	send_reply(conn, &answer, false);
}

static void push_bundle(struct syncd *syncd, struct ctl_conn *conn, struct bundle *bundle,
			const Cas__PushRequest *request)
{
	struct revise *revise = &syncd->revise;
	struct push_wish wish = { .next = &bundle->line,
				  .dry = request->dry_run,
				  .alone = request->alone != NULL,
				  .synced = syncd->session.state == CAS__SYNC_STATE__IN_SYNC,
				  .confirm_ms = request->confirm_ms };
	const char *why = push_obstacle(&revise->push, &wish);

	if (why) {
		ctl_refuse(conn, EXIT_UNSAFE, "%s", why);
	} else if (!revise_check(syncd, bundle)) {
		fail(conn, revise->found.restart ? EXIT_UNSAFE : EXIT_PROBLEM,
		     revise->found.restart
			     ? "running daemons cannot follow, change these by hand on both nodes"
			     : "it has faults; nothing has changed on either node",
		     &revise->found, syncd_name(syncd, syncd->node));
	} else if (is_current(revise, bundle)) {
		answer_unchanged(syncd, conn);
	} else {
		bundle_free(revise->given);
		revise->given = bundle;
		ask_for(syncd, conn, REVISE_PUSH);
		why = push_begin(&revise->push, &wish, daemon_now_ns());
		if (why)
			not_begun(syncd, why);
		return;
	}
	bundle_free(bundle);
}

static void asked_push(struct syncd *syncd, struct ctl_conn *conn, const Cas__PushRequest *request)
{
	struct upload *upload = &syncd->revise.upload;
	struct revise_plan plan = { .file = upload->file,
				    .files = upload->files,
				    .who = request->who,
				    .message = request->message };
	char why[INSPECT_TEXT] = "";
	struct bundle *bundle;

	if (!request->whole) {
		if (request->name)
			upload_add(upload, conn, request->name, request->part.data,
				   request->part.len);
		return;
	}
	if (refused(syncd, conn)) {
	} else if (upload->whose != conn || upload->failed || !upload->files) {
		ctl_refuse(conn, EXIT_PROBLEM,
			   "the files are more than a push can have: %d files, %d bytes",
			   BUNDLE_FILES, CONF_MAX_BYTES);
	} else if (!sign_any(syncd->conf->file)) {
		ctl_refuse(conn, EXIT_UNSAFE,
			   "the configuration names no signing-key, so no node could tell who "
			   "pushes: pairctl keygen --show prints the line for each node block; put "
			   "both into the file on both nodes, then reload");
	} else if (revise_make(syncd, &bundle, &plan, why) != 0) {
		ctl_refuse(conn, EXIT_UNSAFE, "%s", why);
	} else {
		log_info("push of revision %llu asked for by %s (uid %u)%s%s",
			 (unsigned long long)bundle->line.tip.number, bundle->who,
			 (unsigned int)ctl_uid(conn), request->alone ? ", alone: " : "",
			 request->alone ? request->alone : "");
		push_bundle(syncd, conn, bundle, request);
	}
	upload_end(upload);
}

static void asked_confirm(struct syncd *syncd, struct ctl_conn *conn)
{
	const char *why;

	if (refused(syncd, conn))
		return;
	ask_for(syncd, conn, REVISE_CONFIRM);
	why = push_confirm(&syncd->revise.push, daemon_now_ns());
	if (why)
		not_begun(syncd, why);
}

static bool is_kept(const struct revise *revise, uint64_t number)
{
	const struct revision *list;
	size_t count = history_list(revise->history, &list);

	for (size_t i = 0; i < count; i++)
		if (list[i].number == number)
			return true;
	return false;
}

static void asked_rollback(struct syncd *syncd, struct ctl_conn *conn,
			   const Cas__RollbackRequest *request)
{
	struct revise *revise = &syncd->revise;
	const char *why;

	if (refused(syncd, conn))
		return;
	if (request->has_revision && (request->revision == revise->push.line.tip.number ||
				      !is_kept(revise, request->revision))) {
		ctl_refuse(conn, EXIT_PROBLEM, "revision %llu is %s; see: pairctl history",
			   (unsigned long long)request->revision,
			   request->revision == revise->push.line.tip.number ? "the one that runs"
									     : "not kept");
		return;
	}
	revise->roll_to = request->has_revision ? request->revision : 0;
	snprintf(revise->who, sizeof(revise->who), "%s", request->who ? request->who : "");
	snprintf(revise->message, sizeof(revise->message), "%s",
		 request->message ? request->message : "rolled back");
	ask_for(syncd, conn, REVISE_ROLLBACK);
	why = push_rollback(&revise->push, daemon_now_ns());
	if (why)
		not_begun(syncd, why);
}

void revise_closed(struct syncd *syncd, const struct ctl_conn *conn)
{
	struct revise *revise = &syncd->revise;

	/* The push goes on; only nobody waits for its end any more. */
	if (revise->asker == conn)
		revise->asker = NULL;
	if (revise->upload.whose == conn)
		upload_end(&revise->upload);
}

bool revise_asked(struct syncd *syncd, struct ctl_conn *conn, const Cas__Message *message)
{
	if (message->push)
		asked_push(syncd, conn, message->push);
	else if (message->confirm)
		asked_confirm(syncd, conn);
	else if (message->rollback)
		asked_rollback(syncd, conn, message->rollback);
	else
		return false;
	return true;
}
