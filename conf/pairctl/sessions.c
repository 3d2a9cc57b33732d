// SPDX-License-Identifier: BSD-2-Clause
#include "conf/conf.h"
#include "conf/ctl.h"
#include "conf/pairctl/pairctl.h"
#include "conf/pairctl/text.h"
#include "proto/addr.h"

#include <inttypes.h>
#include <stdlib.h>

/* There may be hundreds of thousands: lines are printed as they come, in columns of fixed width. */
struct listing {
	const struct pairctl *ctl;
	uint64_t printed, total;
	bool has_total;
	char *error;
	int refusal;
};

static const char row[] = "%-21s  %-21s  %-14s  %-18s  %9s  %9s  %-12s  %8s  %8s  %s\n";

static const char *or_unknown(const char *text)
{
	return text ? text : "unknown";
}

void sessions_print(const Cas__Session *s, FILE *out)
{
	char age[TEXT_SIZE] = "unknown", idle[TEXT_SIZE] = "unknown";
	char in[TEXT_SIZE] = "unknown", sent[TEXT_SIZE] = "unknown";

	if (s->has_age_ms)
		text_duration(age, s->age_ms);
	if (s->has_idle_ms)
		text_duration(idle, s->idle_ms);
	if (s->has_bytes_in)
		text_bytes(in, s->bytes_in);
	if (s->has_bytes_out)
		text_bytes(sent, s->bytes_out);
	fprintf(out, row, s->client, s->vip, or_unknown(s->service), or_unknown(s->member), age,
		idle, or_unknown(s->state), in, sent, s->replica ? "peer" : "here");
}

static void print_session(struct listing *listing, const Cas__Session *session)
{
	bool first = listing->printed++ == 0;

	if (listing->ctl->json) {
		fputs(first ? "" : ",", stdout);
		conf_print_json(&session->base, stdout);
		return;
	}
	if (first)
		printf(row, "client", "vip", "service", "member", "age", "idle", "state",
		       "bytes in", "out", "seen");
	sessions_print(session, stdout);
}

static void on_answer(void *arg, const Cas__Message *message)
{
	struct listing *listing = arg;
	const Cas__SessionsReply *reply = message->sessions_reply;

	if (message->error && !listing->error) {
		listing->error = text_format("%s", message->error);
		listing->refusal = ask_refusal(message);
	}
	for (size_t i = 0; reply && i < reply->n_session; i++)
		print_session(listing, reply->session[i]);
	if (reply && reply->has_total) {
		listing->has_total = true;
		listing->total = reply->total;
	}
}

/* The list is open already: what broke it off becomes part of the one object. */
static void print_json_end(const struct listing *listing)
{
	Answer__Error error = ANSWER__ERROR__INIT;

	fputc(']', stdout);
	if (listing->has_total)
		printf(",\"total\":%" PRIu64, listing->total);
	if (listing->error) {
		error.schema = ANSWER_SCHEMA;
		error.error = listing->error;
		error.exit_status = (uint32_t)listing->refusal;
		fputs(",\"failure\":", stdout);
		conf_print_json(&error.base, stdout);
	}
	fputs("}\n", stdout);
}

static void print_end(const struct listing *listing)
{
	char printed[TEXT_SIZE], total[TEXT_SIZE];

	if (listing->has_total)
		printf("%s of %s sessions\n", text_count(printed, listing->printed),
		       text_count(total, listing->total));
	if (listing->error)
		ask_fail(listing->ctl, listing->refusal, listing->error);
}

static int list(struct listing *listing, const Cas__Message *message)
{
	const struct pairctl *ctl = listing->ctl;
	char path[PAIRCTL_PATH], text[PAIRCTL_PATH + 128];
	int error;

	snprintf(path, sizeof(path), "%s/lbd.sock", ctl->run_dir);
	if (ctl->json)
		printf("{\"schema\":%d,\"sessions\":[", ANSWER_SCHEMA);
	error = ctl_ask(path, message, PAIRCTL_WAIT_MS, on_answer, listing);
	if (error < 0 && !listing->error) {
		ask_explain(ctl, "lbd", error, text, sizeof(text));
		listing->error = text_format("%s", text);
		listing->refusal = PAIRCTL_UNREACHABLE;
	}
	if (ctl->json)
		print_json_end(listing);
	else
		print_end(listing);
	return listing->error ? listing->refusal : PAIRCTL_DONE;
}

int sessions_run(const struct pairctl *ctl)
{
	Cas__SessionsRequest request = CAS__SESSIONS_REQUEST__INIT;
	Cas__Message message = CAS__MESSAGE__INIT;
	struct listing listing = { .ctl = ctl };
	char *member = ctl->member ? text_format("%s", ctl->member) : NULL;
	char *client = ctl->client ? text_format("%s", ctl->client) : NULL;
	struct addr addr;
	int status;

	if (client && !addr_parse(&addr, client)) {
		status = pairctl_usage("--client %s is not an address", client);
	} else {
		request.member = member;
		request.client = client;
		request.has_limit = ctl->top > 0;
		request.limit = ctl->top;
		message.sessions = &request;
		status = list(&listing, &message);
	}
	free(listing.error);
	free(client);
	free(member);
	return status;
}
