// SPDX-License-Identifier: BSD-2-Clause
/*
 * push, confirm and rollback: the configuration of both nodes, changed at once.
 */
#include "conf/files.h"
#include "conf/pairctl/pairctl.h"
#include "conf/pairctl/text.h"
#include "conf/value.h"

#include <stdlib.h>
#include <string.h>

/* syncd waits for the peer and the daemons, and itself gives up before. */
enum { WAIT_MS = 40000, PART = 32 << 10, CONFIRM_MS = 60000, CONFIRM_MAX_MS = 3600000 };

/* --- printing -------------------------------------------------------------------------------- */

static void print_checked(const Cas__PushReply *reply, FILE *out)
{
	fprintf(out, "checked    %s ok", reply->active ? reply->active : "?");
	if (reply->standby)
		fprintf(out, "   %s ok", reply->standby);
	fputc('\n', out);
}

static void print_waits(const Cas__PushReply *reply, FILE *out)
{
	for (size_t i = 0; i < reply->n_waits; i++) {
		fputs("waits      ", out);
		text_clean(reply->waits[i], out);
		fputc('\n', out);
	}
	if (reply->n_waits)
		fputs("           restart it on the standby, then, when that is in sync, after "
		      "pairctl failover, on the other node\n",
		      out);
}

static void print_done(const Cas__PushReply *reply, FILE *out)
{
	char before[TEXT_SIZE], after[TEXT_SIZE], text[TEXT_SIZE];

	if (reply->has_active_ms && reply->has_standby_ms)
		fprintf(out, "applied    standby %s %.1f ms, then active %s %.1f ms\n",
			reply->standby, reply->standby_ms, reply->active, reply->active_ms);
	else if (reply->has_active_ms)
		fprintf(out, "applied    %s %.1f ms\n", reply->active, reply->active_ms);
	fprintf(out, "%s  %s rev %llu (%s)", reply->has_confirm_ms ? "done     " : "confirmed",
		reply->standby ? "both run" : "it runs", (unsigned long long)reply->revision,
		reply->revision_id);
	if (reply->has_flows_before && reply->has_flows_after)
		fprintf(out, "; %s sessions before, %s after",
			text_count(before, reply->flows_before),
			text_count(after, reply->flows_after));
	fputc('\n', out);
	if (!reply->standby)
		fputs("the other node takes it when it is back\n", out);
	if (reply->confirm_ms)
		fprintf(out,
			"rolls back by itself in %s unless you run: pairctl confirm        (off "
			"with --no-confirm)\n",
			text_duration(text, reply->confirm_ms));
	print_waits(reply, out);
}

void push_print(const Cas__PushReply *reply, FILE *out)
{
	switch (reply->stage) {
	case CAS__PUSH_REPLY__STAGE__CHECKED:
		print_checked(reply, out);
		break;
	case CAS__PUSH_REPLY__STAGE__STAGED:
		fprintf(out, "staged     rev %llu (%s) on both\n",
			(unsigned long long)reply->revision, reply->revision_id);
		break;
	case CAS__PUSH_REPLY__STAGE__SWITCHED:
		break;
	case CAS__PUSH_REPLY__STAGE__DONE:
	default:
		if (reply->has_changed && !reply->changed) {
			fprintf(out, "no change: rev %llu (%s) has these files\n",
				(unsigned long long)reply->revision, reply->revision_id);
		} else if (reply->has_dry_run && reply->dry_run) {
			print_checked(reply, out);
			print_waits(reply, out);
			fputs("nothing was changed: --dry-run\n", out);
		} else {
			print_done(reply, out);
		}
	}
}

static void show_progress(const struct pairctl *ctl, const Cas__Message *answer)
{
	if (ctl->json || !answer->push_reply)
		return;
	push_print(answer->push_reply, stdout);
	fflush(stdout);
}

/* The faults first: the last line says what came of them. */
static int fail(const struct pairctl *ctl, Cas__Message *answer)
{
	const Cas__PushReply *reply = answer->push_reply;
	Answer__PushError error = ANSWER__PUSH_ERROR__INIT;
	int status = ask_refusal(answer);

	if (!ctl->json) {
		for (size_t i = 0; reply && i < reply->n_fault; i++) {
			text_clean(reply->fault[i], stderr);
			fputc('\n', stderr);
		}
		return ask_fail(ctl, status, answer->error);
	}
	error.schema = ANSWER_SCHEMA;
	error.error = answer->error;
	error.exit_status = (uint32_t)status;
	error.n_faults = reply ? reply->n_fault : 0;
	error.faults = reply ? reply->fault : NULL;
	answer_print(&error.base, stdout);
	return status;
}

static int print_answer(const struct pairctl *ctl, Cas__Message *answer)
{
	Answer__Push push = ANSWER__PUSH__INIT;

	if (answer->error)
		return fail(ctl, answer);
	if (!answer->push_reply)
		return ask_fail(ctl, PAIRCTL_PROBLEM, "syncd did not say what happened");
	if (!ctl->json) {
		push_print(answer->push_reply, stdout);
		return PAIRCTL_DONE;
	}
	push.schema = ANSWER_SCHEMA;
	push.answer = answer->push_reply;
	answer_print(&push.base, stdout);
	return PAIRCTL_DONE;
}

/* --- asking ---------------------------------------------------------------------------------- */

static int ask_syncd(const struct pairctl *ctl, const Cas__Message *const *message, size_t count)
{
	const struct question question = { "syncd", message[0], WAIT_MS };
	Cas__Message *answer;
	int status = ask_parts(ctl, &question, message, count, show_progress, &answer);

	if (status == PAIRCTL_DONE) {
		status = print_answer(ctl, answer);
		cas__message__free_unpacked(answer, NULL);
	}
	return status;
}

/* A message for each part, and what is to be done in the last. */
struct parts {
	Cas__Message *message;
	Cas__PushRequest *request;
	const Cas__Message **list;
	size_t count;
};

static Cas__PushRequest *add_part(struct parts *parts)
{
	Cas__PushRequest *request = &parts->request[parts->count];
	Cas__Message *message = &parts->message[parts->count];

	cas__push_request__init(request);
	cas__message__init(message);
	message->push = request;
	parts->list[parts->count++] = message;
	return request;
}

/* A revision that is signed has no name here: it is not one of its files. */
static void add_file(struct parts *parts, const struct conf_text *file)
{
	size_t offset = 0;

	do {
		Cas__PushRequest *request = add_part(parts);
		size_t left = file->length - offset;
		ProtobufCBinaryData part = { left < PART ? left : PART, file->bytes + offset };

		request->name = file->name;
		request->has_part = file->name != NULL;
		request->has_bundle = !request->has_part;
		*(request->has_part ? &request->part : &request->bundle) = part;
		offset += part.len;
	} while (offset < file->length);
}

static void make_parts(struct parts *parts, const struct conf_text *file, size_t files)
{
	size_t most = 1;

	for (size_t i = 0; i < files; i++)
		most += 1 + file[i].length / PART;
	parts->message = text_alloc(most, sizeof(*parts->message));
	parts->request = text_alloc(most, sizeof(*parts->request));
	parts->list = text_alloc(most, sizeof(*parts->list));
	parts->count = 0;
	for (size_t i = 0; i < files; i++)
		add_file(parts, &file[i]);
}

static void free_parts(struct parts *parts)
{
	free(parts->message);
	free(parts->request);
	free(parts->list);
}

static bool parse_within(const char *text, uint32_t *ms)
{
	static const struct rule rule = { .kind = RULE_DURATION,
					  .min = 1000,
					  .max = CONFIRM_MAX_MS };
	char problem[VALUE_PROBLEM];
	union value value;

	if (!value_read(&value, &rule,
			protobuf_c_message_descriptor_get_field_by_name(
				&cas__push_request__descriptor, "confirm_ms"),
			text, problem)) {
		pairctl_usage("--confirm-within %s: %s", text, problem);
		return false;
	}
	*ms = (uint32_t)value.number;
	return true;
}

static int push_files(const struct pairctl *ctl, uint32_t confirm_ms, const struct conf_text *file,
		      size_t files)
{
	char *who = text_format("%s", ask_who());
	char *reason = ctl->reason ? text_format("%s", ctl->reason) : NULL;
	char *alone = ctl->alone ? text_format("%s", ctl->alone) : NULL;
	Cas__PushRequest *last;
	struct parts parts;
	int status;

	make_parts(&parts, file, files);
	last = add_part(&parts);
	last->has_whole = last->whole = true;
	last->who = who;
	last->message = reason;
	last->alone = alone;
	last->has_dry_run = true;
	last->dry_run = ctl->dry_run;
	last->has_confirm_ms = true;
	last->confirm_ms = confirm_ms;
	status = ask_syncd(ctl, parts.list, parts.count);
	free_parts(&parts);
	free(alone);
	free(reason);
	free(who);
	return status;
}

static int push_signed(const struct pairctl *ctl, uint32_t confirm_ms, const struct conf_text *file,
		       size_t files)
{
	struct bundle *bundle;
	int status = sign_revision(ctl, file, files, &bundle);

	if (status != PAIRCTL_DONE)
		return status;
	status = push_files(ctl, confirm_ms,
			    &(struct conf_text){ NULL, bundle->packed, bundle->length }, 1);
	bundle_free(bundle);
	return status;
}

int push_run(const struct pairctl *ctl)
{
	const char *path = ctl->arguments ? ctl->argument[0]
			   : ctl->config  ? ctl->config
					  : "/etc/caspair/pair.conf";
	uint32_t confirm_ms = ctl->no_confirm ? 0 : CONFIRM_MS;
	struct conf_text *file = NULL;
	char why[KEY_WHY] = "";
	struct conf *conf;
	size_t files;
	int status;

	if (ctl->arguments && ctl->config)
		return pairctl_usage("name the file once: FILE or --config FILE");
	if (ctl->no_confirm && ctl->within)
		return pairctl_usage("--no-confirm asks for no confirmation: until when?");
	if (ctl->alone && !*ctl->alone)
		return pairctl_usage("--alone wants the reason, it is logged");
	if (ctl->within && !parse_within(ctl->within, &confirm_ms))
		return PAIRCTL_USAGE;
	/* Its faults are told here: no daemon need be asked for them. */
	conf = pairctl_read(ctl, path);
	if (!conf)
		return PAIRCTL_PROBLEM;
	conf_free(conf);
	if (bundle_files_load(&file, &files, path, why) != 0)
		return ask_fail(ctl, PAIRCTL_PROBLEM, why);
	status = ctl->sign_key ? push_signed(ctl, confirm_ms, file, files)
			       : push_files(ctl, confirm_ms, file, files);
	bundle_files_free(file, files);
	return status;
}

int confirm_run(const struct pairctl *ctl)
{
	Cas__ConfirmRequest request = CAS__CONFIRM_REQUEST__INIT;
	Cas__Message message = CAS__MESSAGE__INIT;
	const Cas__Message *list = &message;

	message.confirm = &request;
	return ask_syncd(ctl, &list, 1);
}

int adopt_run(const struct pairctl *ctl)
{
	Cas__AdoptRequest request = CAS__ADOPT_REQUEST__INIT;
	Cas__Message message = CAS__MESSAGE__INIT;
	const Cas__Message *list = &message;

	request.node = ctl->argument[0];
	message.adopt = &request;
	return ask_syncd(ctl, &list, 1);
}

static bool parse_number(const char *text, uint64_t *number)
{
	char *end;

	*number = strtoull(text, &end, 10);
	return *text >= '1' && *text <= '9' && *end == '\0';
}

int rollback_run(const struct pairctl *ctl)
{
	Cas__RollbackRequest request = CAS__ROLLBACK_REQUEST__INIT;
	Cas__Message message = CAS__MESSAGE__INIT;
	const Cas__Message *list = &message;
	int status;

	if (ctl->arguments && !parse_number(ctl->argument[0], &request.revision))
		return pairctl_usage("%s is not the number of a revision", ctl->argument[0]);
	request.has_revision = ctl->arguments > 0;
	request.who = text_format("%s", ask_who());
	request.message = ctl->reason ? text_format("%s", ctl->reason) : NULL;
	message.rollback = &request;
	status = ask_syncd(ctl, &list, 1);
	free(request.who);
	free(request.message);
	return status;
}
