// SPDX-License-Identifier: BSD-2-Clause
/*
 * drain, undrain and maintenance: what an operator wants of a member.
 */
#include "conf/pairctl/pairctl.h"
#include "conf/pairctl/text.h"
#include "conf/value.h"

#include <stdlib.h>
#include <string.h>

/* lbd answers when it is on disk. */
enum { WAIT_MS = 10000 };
#define MOST_MS (30u * 24 * 3600 * 1000)

/* 30 min of --deadline 30min. */
static bool parse_time(const char *text, const char *field, uint64_t *ms)
{
	static const struct rule rule = { .kind = RULE_DURATION, .max = MOST_MS };
	char problem[VALUE_PROBLEM];
	union value value;

	if (!value_read(&value, &rule,
			protobuf_c_message_descriptor_get_field_by_name(
				&cas__admin_request__descriptor, field),
			text, problem)) {
		pairctl_usage("--%s", problem);
		return false;
	}
	*ms = value.number;
	return true;
}

void admin_print(const Cas__AdminReply *reply, FILE *out)
{
	static const char *const words[] = { "takes its share again", "is being drained",
					     "is in maintenance" };
	const Cas__AdminState *state = reply->state;
	char count[TEXT_SIZE], text[TEXT_SIZE];

	text_clean(state->array, out);
	fputc('/', out);
	text_clean(state->member, out);
	fprintf(out, " %s",
		state->word <= CAS__ADMIN_STATE__WORD__MAINTENANCE ? words[state->word]
								   : "is in an unknown state");
	if (state->word != CAS__ADMIN_STATE__WORD__UP && reply->has_sessions)
		fprintf(out, "; %s sessions", text_count(count, reply->sessions));
	if (state->word == CAS__ADMIN_STATE__WORD__MAINTENANCE)
		fputs(" are ended now", out);
	else if (state->has_left_ms)
		fprintf(out, " are ended in %s",
			text_duration(text, state->left_ms > 0 ? (uint64_t)state->left_ms : 0));
	else if (state->word == CAS__ADMIN_STATE__WORD__DRAIN)
		fputs(" may stay as long as they like", out);
	if (state->has_spread_ms)
		fprintf(out, ", over %s", text_duration(text, state->spread_ms));
	fputc('\n', out);
	if (state->word != CAS__ADMIN_STATE__WORD__UP) {
		fputs("(pairctl undrain ", out);
		text_clean(state->member, out);
		fputs(" takes it back)\n", out);
	}
	if (reply->note) {
		fputs("note: ", out);
		text_clean(reply->note, out);
		fputc('\n', out);
	}
}

static int print(const struct pairctl *ctl, Cas__AdminReply *reply)
{
	Answer__Admin answer = ANSWER__ADMIN__INIT;

	if (!reply)
		return ask_fail(ctl, PAIRCTL_PROBLEM, "lbd did not say what happened");
	if (!ctl->json) {
		admin_print(reply, stdout);
		return PAIRCTL_DONE;
	}
	answer.schema = ANSWER_SCHEMA;
	answer.answer = reply;
	answer_print(&answer.base, stdout);
	return PAIRCTL_DONE;
}

static int ask(const struct pairctl *ctl, Cas__AdminRequest *request)
{
	Cas__Message message = CAS__MESSAGE__INIT, *answer;
	struct question question = { "lbd", &message, WAIT_MS };
	char *owner = text_format("%s", ask_who());
	char *reason = ctl->reason ? text_format("%s", ctl->reason) : NULL;
	int status;

	request->member = ctl->argument[0];
	request->owner = owner;
	request->reason = reason;
	message.admin = request;
	status = ask_or_fail(ctl, &question, &answer);
	if (status == PAIRCTL_DONE) {
		status = print(ctl, answer->admin_reply);
		cas__message__free_unpacked(answer, NULL);
	}
	free(owner);
	free(reason);
	return status;
}

int drain_run(const struct pairctl *ctl)
{
	Cas__AdminRequest request = CAS__ADMIN_REQUEST__INIT;

	request.word = CAS__ADMIN_STATE__WORD__DRAIN;
	if (ctl->spread && !ctl->deadline)
		return pairctl_usage("--spread says over how long sessions are ended: from "
				     "which --deadline on?");
	request.has_deadline_ms = ctl->deadline != NULL;
	request.has_spread_ms = ctl->spread != NULL;
	if (ctl->deadline && !parse_time(ctl->deadline, "deadline_ms", &request.deadline_ms))
		return PAIRCTL_USAGE;
	if (ctl->spread && !parse_time(ctl->spread, "spread_ms", &request.spread_ms))
		return PAIRCTL_USAGE;
	return ask(ctl, &request);
}

int undrain_run(const struct pairctl *ctl)
{
	Cas__AdminRequest request = CAS__ADMIN_REQUEST__INIT;

	request.word = CAS__ADMIN_STATE__WORD__UP;
	return ask(ctl, &request);
}

int maintenance_run(const struct pairctl *ctl)
{
	Cas__AdminRequest request = CAS__ADMIN_REQUEST__INIT;

	request.word = CAS__ADMIN_STATE__WORD__MAINTENANCE;
	return ask(ctl, &request);
}
