// SPDX-License-Identifier: BSD-2-Clause
/* What is asked about revisions, here or by way of the peer. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "conf/log.h"
#include "syncd/push_wire.h"
#include "syncd/syncd.h"

/* --- a new revision --------------------------------------------------------------------------- */

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
				   .rolls_back = plan->rolls_back,
				   .approval = plan->approval };
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

/* --- questions -------------------------------------------------------------------------------- */

/* What holds for all of them; true: it has been refused. */
static bool refused(struct syncd *syncd, const struct revise_asker *asker)
{
	const struct revise *revise = &syncd->revise;

	if (!revise->history)
		revise_refuse(syncd, asker, REVISE_UNSAFE,
			      "syncd of %s could not open its store of revisions: see its log",
			      syncd_name(syncd, syncd->node));
	else if (revise_is_asked(revise))
		revise_refuse(syncd, asker, REVISE_UNSAFE, "another push is under way");
	else
		return false;
	return true;
}

static void ask_for(struct syncd *syncd, const struct revise_asker *asker, enum revise_what what)
{
	syncd->revise.asker = *asker;
	syncd->revise.asked = what;
	syncd->revise.flows_before = syncd->gauges.flows;
}

/* `why` comes from the machine; it may have told the end itself. */
static void not_begun(struct syncd *syncd, const char *why)
{
	struct revise_asker asker = syncd->revise.asker;

	syncd->revise.asker = (struct revise_asker){ 0 };
	syncd->revise.asked = REVISE_NONE;
	revise_refuse(syncd, &asker, REVISE_UNSAFE, "%s", why);
}

/* --- push ------------------------------------------------------------------------------------- */

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

void revise_push(struct syncd *syncd, const struct revise_asker *asker, struct bundle *bundle,
		 const struct revise_wish *wanted)
{
	struct revise *revise = &syncd->revise;
	struct push_wish wish = { .next = &bundle->line,
				  .dry = wanted->dry,
				  .alone = wanted->alone,
				  .synced = syncd->session.state == CAS__SYNC_STATE__IN_SYNC,
				  .confirm_ms = wanted->confirm_ms };
	const char *why = push_obstacle(&revise->push, &wish);

	if (why) {
		revise_refuse(syncd, asker, REVISE_UNSAFE, "%s", why);
	} else if (!revise_check(syncd, bundle)) {
		struct revise_failure how = {
			revise->found.restart ? REVISE_UNSAFE : REVISE_PROBLEM,
			revise->found.restart ? "a pair and its nodes keep their names: another "
						"name makes another pair, see pairctl(8)"
					      : "it has faults; nothing has changed on either node",
			&revise->found, syncd->node
		};

		revise_fail(syncd, asker, &how);
	} else if (is_current(revise, bundle)) {
		revise_unchanged(syncd, asker);
	} else {
		bundle_free(revise->given);
		revise->given = bundle;
		ask_for(syncd, asker, REVISE_PUSH);
		why = push_begin(&revise->push, &wish, daemon_now_ns());
		if (why)
			not_begun(syncd, why);
		return;
	}
	bundle_free(bundle);
}

/* What was signed elsewhere is read as strictly as what the peer gives. */
static struct bundle *signed_bundle(struct syncd *syncd, const struct revise_asker *asker,
				    const struct upload *upload)
{
	struct bundle *bundle;
	enum bundle_verdict verdict = bundle_read(&bundle, upload->file[0].bytes,
						  upload->file[0].length, syncd->conf->file);

	if (verdict == BUNDLE_GOOD)
		return bundle;
	syncd->revise.refused[verdict]++;
	revise_refuse(syncd, asker, REVISE_UNSAFE, "the revision is refused: %s",
		      bundle_verdict_text(verdict));
	return NULL;
}

/* Signed with this node's key: whoever may speak to its socket may use that. */
static struct bundle *make_bundle(struct syncd *syncd, const struct revise_asker *asker,
				  const struct upload *upload, const Cas__PushRequest *request)
{
	struct revise_plan plan = { .file = upload->file,
				    .files = upload->files,
				    .who = request->who,
				    .message = request->message };
	char why[INSPECT_TEXT] = "";
	struct bundle *bundle;

	if (!sign_any(syncd->conf->file)) {
		revise_refuse(
			syncd, asker, REVISE_UNSAFE,
			"the configuration names no signing-key, so no node could tell who "
			"pushes: pairctl keygen --show prints the line for each node block; put "
			"both into the file on both nodes, then reload");
		return NULL;
	}
	if (syncd->conf->file->require_operator_signature) {
		syncd->revise.refused[BUNDLE_UNAPPROVED]++;
		revise_refuse(syncd, asker, REVISE_UNSAFE, "%s",
			      bundle_verdict_text(BUNDLE_UNAPPROVED));
		return NULL;
	}
	if (revise_make(syncd, &bundle, &plan, why) == 0)
		return bundle;
	revise_refuse(syncd, asker, REVISE_UNSAFE, "%s", why);
	return NULL;
}

static void push_uploaded(struct syncd *syncd, struct ctl_conn *conn,
			  const Cas__PushRequest *request)
{
	const struct upload *upload = &syncd->revise.upload;
	struct revise_asker asker = { .conn = conn };
	struct revise_wish wish = { .dry = request->dry_run,
				    .alone = request->alone != NULL,
				    .confirm_ms = request->confirm_ms };
	struct bundle *bundle;

	if (refused(syncd, &asker))
		return;
	if (upload->whose != conn || upload->failed || !upload->files) {
		ctl_refuse(conn, REVISE_PROBLEM,
			   "the files are more than a push can have: %d files, %d bytes",
			   BUNDLE_FILES, CONF_MAX_BYTES);
		return;
	}
	bundle = upload->is_bundle ? signed_bundle(syncd, &asker, upload)
				   : make_bundle(syncd, &asker, upload, request);
	if (!bundle)
		return;
	log_info("push of revision %llu asked for by %s (uid %u)%s%s",
		 (unsigned long long)bundle->line.tip.number, bundle->who,
		 (unsigned int)ctl_uid(conn), request->alone ? ", alone: " : "",
		 request->alone ? request->alone : "");
	if (syncd->session.leading)
		revise_push(syncd, &asker, bundle, &wish);
	else
		remote_push(syncd, conn, bundle, &wish);
}

static void asked_push(struct syncd *syncd, struct ctl_conn *conn, const Cas__PushRequest *request)
{
	struct upload *upload = &syncd->revise.upload;

	if (request->whole) {
		push_uploaded(syncd, conn, request);
		upload_end(upload);
	} else if (request->has_bundle) {
		upload_add_bundle(upload, conn, request->bundle.data, request->bundle.len);
	} else if (request->name) {
		upload_add(upload, conn, request->name, request->part.data, request->part.len);
	}
}

/* What a bundle that is signed elsewhere has to name as its parent. */
static void asked_parent(struct syncd *syncd, struct ctl_conn *conn)
{
	const struct lineage *line = &syncd->revise.push.line;
	Cas__Message message = CAS__MESSAGE__INIT;
	Cas__ParentReply reply = CAS__PARENT_REPLY__INIT;

	if (!syncd->revise.history) {
		ctl_refuse(conn, REVISE_UNSAFE,
			   "syncd could not open its store of revisions: see its log");
		return;
	}
	reply.pair = syncd->conf->file->pair;
	reply.number = line->tip.number;
	reply.id = push_wire_id(&line->tip);
	reply.ancestors.len = line->ancestors * REVISION_ID;
	reply.ancestors.data = (uint8_t *)(uintptr_t)line->ancestor;
	message.parent_reply = &reply;
	ctl_send(conn, &message, NULL, 0);
}

/* --- the others ------------------------------------------------------------------------------- */

void revise_confirm(struct syncd *syncd, const struct revise_asker *asker)
{
	const char *why;

	if (refused(syncd, asker))
		return;
	ask_for(syncd, asker, REVISE_CONFIRM);
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

void revise_rollback(struct syncd *syncd, const struct revise_asker *asker,
		     const struct revise_back *back)
{
	struct revise *revise = &syncd->revise;
	bool runs = back->to == revise->push.line.tip.number;
	const char *why;

	if (refused(syncd, asker))
		return;
	if (back->to && (runs || !is_kept(revise, back->to))) {
		revise_refuse(
			syncd, asker, REVISE_PROBLEM, "revision %llu is %s; see: pairctl history",
			(unsigned long long)back->to, runs ? "the one that runs" : "not kept");
		return;
	}
	revise->roll_to = back->to;
	snprintf(revise->who, sizeof(revise->who), "%s", back->who ? back->who : "");
	snprintf(revise->message, sizeof(revise->message), "%s",
		 back->message ? back->message : "rolled back");
	ask_for(syncd, asker, REVISE_ROLLBACK);
	why = push_rollback(&revise->push, daemon_now_ns());
	if (why)
		not_begun(syncd, why);
}

void revise_adopt(struct syncd *syncd, const struct revise_asker *asker)
{
	const char *why;

	if (refused(syncd, asker))
		return;
	ask_for(syncd, asker, REVISE_ADOPT);
	syncd->revise.found = (struct inspect){ 0 };
	why = push_adopt(&syncd->revise.push);
	if (why)
		not_begun(syncd, why);
}

/* --- pairctl ---------------------------------------------------------------------------------- */

static void asked_confirm(struct syncd *syncd, struct ctl_conn *conn)
{
	Sync__RevisionAsk ask = SYNC__REVISION_ASK__INIT;

	ask.what = SYNC__REVISION_ASK__WHAT__CONFIRM;
	if (syncd->session.leading)
		revise_confirm(syncd, &(struct revise_asker){ .conn = conn });
	else
		remote_ask(syncd, conn, &ask);
}

static void asked_rollback(struct syncd *syncd, struct ctl_conn *conn,
			   const Cas__RollbackRequest *request)
{
	struct revise_back back = { request->has_revision ? request->revision : 0, request->who,
				    request->message };
	Sync__RevisionAsk ask = SYNC__REVISION_ASK__INIT;

	ask.what = SYNC__REVISION_ASK__WHAT__ROLLBACK;
	ask.has_revision = request->has_revision;
	ask.revision = request->revision;
	ask.who = request->who;
	ask.message = request->message;
	if (syncd->session.leading)
		revise_rollback(syncd, &(struct revise_asker){ .conn = conn }, &back);
	else
		remote_ask(syncd, conn, &ask);
}

/* The node that gives in does it, whichever of them is active. */
static void asked_adopt(struct syncd *syncd, struct ctl_conn *conn, const char *node)
{
	Sync__RevisionAsk ask = SYNC__REVISION_ASK__INIT;

	ask.what = SYNC__REVISION_ASK__WHAT__ADOPT;
	log_warning("uid %u asks for the history of %.60s to hold", (unsigned int)ctl_uid(conn),
		    node);
	if (strcmp(node, syncd_name(syncd, 3 - syncd->node)) == 0)
		revise_adopt(syncd, &(struct revise_asker){ .conn = conn });
	else if (strcmp(node, syncd_name(syncd, syncd->node)) == 0)
		remote_ask(syncd, conn, &ask);
	else
		ctl_refuse(conn, REVISE_PROBLEM, "%.60s is no node of this pair: %s and %s are",
			   node, syncd_name(syncd, 1), syncd_name(syncd, 2));
}

void revise_closed(struct syncd *syncd, const struct ctl_conn *conn)
{
	struct revise *revise = &syncd->revise;

	/* The push goes on; only nobody waits for its end any more. */
	if (revise->asker.conn == conn)
		revise->asker.conn = NULL;
	if (revise->remote.conn == conn)
		revise->remote.conn = NULL;
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
	else if (message->adopt)
		asked_adopt(syncd, conn, message->adopt->node);
	else if (message->parent)
		asked_parent(syncd, conn);
	else
		return false;
	return true;
}
