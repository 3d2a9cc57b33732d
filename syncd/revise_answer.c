// SPDX-License-Identifier: BSD-2-Clause
/* What those are told who ask about revisions, here or by way of the peer. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "conf/log.h"
#include "syncd/syncd.h"

struct answer {
	Cas__PushReply reply;
	char id[REVISION_TEXT];
	char text[INSPECT_FAULTS][INSPECT_TEXT + 64], *fault[INSPECT_FAULTS];
	char *wait[INSPECT_WAITS];
};

static void name_revision(struct answer *answer, const struct revision *revision)
{
	answer->reply.has_revision = true;
	answer->reply.revision = revision->number;
	for (int i = 0; i < REVISION_DIGITS / 2; i++)
		snprintf(answer->id + 2 * (size_t)i, 3, "%02x", revision->id[i]);
	answer->reply.revision_id = answer->id;
}

/* Of both nodes, which run the same until then. */
static void list_waits(struct answer *answer, struct inspect *found)
{
	for (size_t i = 0; i < found->waits; i++)
		answer->wait[i] = found->wait[i];
	answer->reply.n_waits = found->waits;
	answer->reply.waits = answer->wait;
}

static void fill(struct syncd *syncd, struct answer *answer, Cas__PushReply__Stage stage)
{
	struct revise *revise = &syncd->revise;
	const struct push *push = &revise->push;
	bool pushed = revise->asked != REVISE_CONFIRM && revise->asked != REVISE_ADOPT;
	Cas__PushReply *reply = &answer->reply;

	cas__push_reply__init(reply);
	reply->stage = stage;
	name_revision(answer, pushed ? &push->next.tip : &push->line.tip);
	reply->has_changed = reply->has_dry_run = true;
	reply->changed = true;
	reply->dry_run = pushed && push->dry;
	reply->active = (char *)(uintptr_t)syncd_name(syncd, syncd->node);
	if (pushed ? !push->alone : push_agree(push))
		reply->standby = (char *)(uintptr_t)syncd_name(syncd, 3 - syncd->node);
	if (!pushed)
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
	if (revise->asked == REVISE_PUSH && stage == CAS__PUSH_REPLY__STAGE__DONE)
		list_waits(answer, &revise->found);
}

static void send_message(struct syncd *syncd, const struct revise_asker *to,
			 const Cas__Message *message)
{
	if (to->conn)
		ctl_send(to->conn, message, NULL, 0);
	else if (to->peer)
		remote_answer(syncd, to->peer, message);
}

static void send_reply(struct syncd *syncd, const struct revise_asker *to, struct answer *answer,
		       bool more)
{
	Cas__Message message = CAS__MESSAGE__INIT;

	message.has_more = more;
	message.more = more;
	message.push_reply = &answer->reply;
	send_message(syncd, to, &message);
}

void revise_refuse(struct syncd *syncd, const struct revise_asker *to, unsigned int code,
		   const char *format, ...)
{
	Cas__Message message = CAS__MESSAGE__INIT;
	char text[2 * PUSH_WHY];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	message.error = text;
	message.has_error_code = true;
	message.error_code = code;
	send_message(syncd, to, &message);
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

void revise_fail(struct syncd *syncd, const struct revise_asker *to,
		 const struct revise_failure *how)
{
	Cas__Message message = CAS__MESSAGE__INIT;
	struct answer answer = { .reply = CAS__PUSH_REPLY__INIT };
	char copy[2 * PUSH_WHY];

	snprintf(copy, sizeof(copy), "%s", how->text);
	if (how->found)
		list_faults(&answer, how->found, syncd_name(syncd, how->node));
	message.error = copy;
	message.has_error_code = true;
	message.error_code = how->code;
	message.push_reply = &answer.reply;
	send_message(syncd, to, &message);
}

void revise_went_on(struct syncd *syncd, enum push_phase done)
{
	static const Cas__PushReply__Stage stages[] = {
		[PUSH_CHECKING] = CAS__PUSH_REPLY__STAGE__CHECKED,
		[PUSH_STAGING] = CAS__PUSH_REPLY__STAGE__STAGED,
		[PUSH_SWITCHING] = CAS__PUSH_REPLY__STAGE__SWITCHED,
	};
	struct answer answer;

	if (!revise_is_asked(&syncd->revise) || done < PUSH_CHECKING || done > PUSH_SWITCHING)
		return;
	fill(syncd, &answer, stages[done]);
	send_reply(syncd, &syncd->revise.asker, &answer, true);
}

/* What was adopted is this node's business alone: nothing changes on the peer. */
static void tell_disagrees(struct syncd *syncd, const struct revise_asker *to, const char *why)
{
	bool adopts = syncd->revise.asked == REVISE_ADOPT;
	unsigned int node = adopts ? syncd->node : 3 - syncd->node;
	char text[2 * PUSH_WHY];
	struct revise_failure how = { REVISE_DISAGREES, text,
				      adopts ? &syncd->revise.found : &syncd->revise.theirs, node };

	snprintf(text, sizeof(text), "%.60s: %s; nothing has changed on either node",
		 syncd_name(syncd, node), why);
	revise_fail(syncd, to, &how);
}

static void tell_end(struct syncd *syncd, const struct revise_asker *to, enum push_end end,
		     const char *why)
{
	struct answer answer;

	switch (end) {
	case PUSH_DONE:
		fill(syncd, &answer, CAS__PUSH_REPLY__STAGE__DONE);
		send_reply(syncd, to, &answer, false);
		break;
	case PUSH_DISAGREES:
		tell_disagrees(syncd, to, why);
		break;
	case PUSH_UNDONE:
		revise_refuse(syncd, to, REVISE_DISAGREES,
			      "%s; it is being rolled back on both nodes", why);
		break;
	case PUSH_NO:
		revise_refuse(syncd, to, REVISE_UNSAFE, "%s", why);
		break;
	}
}

void revise_ended(struct syncd *syncd, enum push_end end, const char *why)
{
	static const char *const names[] = { "done", "refused", "refused by the peer", "undone" };
	struct revise *revise = &syncd->revise;
	struct revise_asker asker = revise->asker;

	log_info("the push is %s%s%s", names[end], why ? ": " : "", why ? why : "");
	revise->asker = (struct revise_asker){ 0 };
	tell_end(syncd, &asker, end, why);
	revise->asked = REVISE_NONE;
	revise->theirs = (struct inspect){ 0 };
}

void revise_unchanged(struct syncd *syncd, const struct revise_asker *to)
{
	struct answer answer;

	fill(syncd, &answer, CAS__PUSH_REPLY__STAGE__DONE);
	name_revision(&answer, &syncd->revise.push.line.tip);
	answer.reply.changed = false;
	answer.reply.standby = NULL;
	answer.reply.has_confirm_ms = false;
	answer.reply.has_standby_ms = answer.reply.has_active_ms = false;
	send_reply(syncd, to, &answer, false);
}
