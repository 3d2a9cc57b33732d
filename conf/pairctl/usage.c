// SPDX-License-Identifier: BSD-2-Clause
/* What the flow table says of the clients: who takes how much, and who is at two members. */
#include "conf/pairctl/pairctl.h"
#include "conf/pairctl/text.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WAIT_MS = 5000 };

static double percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

static void print_missed(const Cas__UsageReply *reply, FILE *out)
{
	char count[TEXT_SIZE];

	if (reply->missed)
		fprintf(out,
			"%s sessions of further clients were not looked at: too many clients\n",
			text_count(count, reply->missed));
}

/* "3 more are not listed" */
static void print_rest(uint64_t found, size_t listed, FILE *out)
{
	char count[TEXT_SIZE];

	if (found > listed)
		fprintf(out, "%s more are not listed: ask for one --array\n",
			text_count(count, found - listed));
}

/* --- sessions --------------------------------------------------------------------------------- */

static uint64_t sessions_of(const Cas__UsageReply *reply, const char *array)
{
	for (size_t i = 0; i < reply->n_array; i++)
		if (!strcmp(reply->array[i]->array, array))
			return reply->array[i]->sessions;
	return 0;
}

static void print_busiest(const Cas__UsageReply *reply, bool colour, FILE *out)
{
	static const char *const titles[] = { "array", "client", "sessions", "share" };
	struct table *table = table_new(titles, 4, 1 << 2 | 1 << 3);
	char text[TEXT_SIZE];

	for (size_t i = 0; i < reply->n_busiest; i++) {
		const Cas__ClientUse *use = reply->busiest[i];

		table_add(table, use->array, TEXT_PLAIN);
		table_add(table, use->client, TEXT_PLAIN);
		table_add(table, text_count(text, use->sessions), TEXT_PLAIN);
		snprintf(text, sizeof(text), "%.1f%%",
			 percent(use->sessions, sessions_of(reply, use->array)));
		table_add(table, text, TEXT_PLAIN);
	}
	table_print(table, 0, colour, out);
}

static void print_near(const Cas__UsageReply *reply, bool colour, FILE *out)
{
	static const char *const titles[] = {
		"array", "service", "client", "sessions", "limit", ""
	};
	struct table *table = table_new(titles, 6, 1 << 3 | 1 << 4);
	char text[TEXT_SIZE];

	for (size_t i = 0; i < reply->n_near; i++) {
		const Cas__ClientUse *use = reply->near[i];
		bool over = use->sessions > use->limit;

		table_add(table, use->array, TEXT_PLAIN);
		table_add(table, use->group ? use->group : "", TEXT_PLAIN);
		table_add(table, use->client, TEXT_PLAIN);
		table_add(table, text_count(text, use->sessions), over ? TEXT_BAD : TEXT_DOUBT);
		table_add(table, text_count(text, use->limit), TEXT_PLAIN);
		table_add(table, over ? "beyond it" : "near it", over ? TEXT_BAD : TEXT_DOUBT);
	}
	table_print(table, 0, colour, out);
	print_rest(reply->nears, reply->n_near, out);
	fputs("One user's sessions, or those of many behind one address, such as a terminal "
	      "server\n"
	      "or a site behind NAT: the limit is per user, so look before you raise it.\n",
	      out);
}

void usage_print_sessions(const Cas__UsageReply *reply, bool colour, FILE *out)
{
	char sessions[TEXT_SIZE], clients[TEXT_SIZE];

	if (reply->n_near) {
		print_near(reply, colour, out);
		fputc('\n', out);
	}
	if (reply->n_busiest)
		print_busiest(reply, colour, out);
	for (size_t i = 0; i < reply->n_array; i++) {
		const Cas__UsageArray *array = reply->array[i];

		text_clean(array->array, out);
		fprintf(out, ": %s sessions of %s clients", text_count(sessions, array->sessions),
			text_count(clients, array->clients));
		if (array->top)
			fprintf(out, "; the busiest %u have %.1f%% of them", array->top,
				percent(array->top_sessions, array->sessions));
		fputc('\n', out);
	}
	print_missed(reply, out);
}

/* --- affinity --------------------------------------------------------------------------------- */

void usage_print_affinity(const Cas__UsageReply *reply, bool colour, FILE *out)
{
	static const char *const titles[] = { "array",    "group",  "client",
					      "sessions", "member", "and also" };
	struct table *table;
	char text[TEXT_SIZE];

	if (reply->n_split) {
		table = table_new(titles, 6, 1 << 3);
		for (size_t i = 0; i < reply->n_split; i++) {
			const Cas__ClientUse *use = reply->split[i];

			table_add(table, use->array, TEXT_PLAIN);
			table_add(table, use->group ? use->group : "", TEXT_PLAIN);
			table_add(table, use->client, TEXT_PLAIN);
			table_add(table, text_count(text, use->sessions), TEXT_PLAIN);
			table_add(table, use->member ? use->member : "unknown", TEXT_PLAIN);
			table_add(table, use->other ? use->other : "unknown", TEXT_BAD);
		}
		table_print(table, 0, colour, out);
		print_rest(reply->splits, reply->n_split, out);
	}
	fprintf(out, "%s clients are at two members of one affinity group",
		text_count(text, reply->splits));
	fprintf(out, " (%s entries looked at)\n", text_count(text, reply->walked));
	print_missed(reply, out);
}

/* --- keep-alives ------------------------------------------------------------------------------ */

static void print_idle(const Cas__UsageReply *reply, bool colour, FILE *out)
{
	static const char *const titles[] = { "array",  "service", "sessions", "<1m",
					      "<5m",    "<15m",    "<1h",      "<2h5m",
					      "longer", "longest", "timeout" };
	struct table *table = table_new(titles, 11, 0x7fc);
	char text[TEXT_SIZE];

	for (size_t i = 0; i < reply->n_idle; i++) {
		const Cas__IdleService *idle = reply->idle[i];
		const uint64_t counts[] = { idle->sessions,    idle->below_1min, idle->below_5min,
					    idle->below_15min, idle->below_1h,   idle->below_125min,
					    idle->longer };

		table_add(table, idle->array, TEXT_PLAIN);
		table_add(table, idle->service, TEXT_PLAIN);
		for (size_t c = 0; c < sizeof(counts) / sizeof(counts[0]); c++)
			table_add(table, text_count(text, counts[c]), TEXT_PLAIN);
		table_add(table, text_duration(text, idle->longest_ms),
			  idle->near ? TEXT_BAD : TEXT_PLAIN);
		table_add(table, text_duration(text, idle->timeout_ms), TEXT_PLAIN);
	}
	table_print(table, 0, colour, out);
}

static void print_idle_clients(const Cas__UsageReply *reply, bool colour, FILE *out)
{
	static const char *const titles[] = { "array",  "service", "client",
					      "member", "silent",  "of its timeout" };
	struct table *table = table_new(titles, 6, 1 << 4 | 1 << 5);
	char text[TEXT_SIZE];

	for (size_t i = 0; i < reply->n_idle_client; i++) {
		const Cas__IdleClient *client = reply->idle_client[i];

		table_add(table, client->array, TEXT_PLAIN);
		table_add(table, client->service, TEXT_PLAIN);
		table_add(table, client->client, TEXT_PLAIN);
		table_add(table, client->member, TEXT_PLAIN);
		table_add(table, text_duration(text, client->idle_ms), TEXT_PLAIN);
		snprintf(text, sizeof(text), "%.0f%%",
			 percent(client->idle_ms, client->timeout_ms));
		table_add(table, text, TEXT_PLAIN);
	}
	table_print(table, 0, colour, out);
}

void usage_print_keepalive(const Cas__UsageReply *reply, bool colour, FILE *out)
{
	char count[TEXT_SIZE];
	uint64_t near = 0;

	if (reply->n_idle) {
		print_idle(reply, colour, out);
		fputs("\nThe most silent session of each client, by how much of the timeout is "
		      "gone:\n",
		      out);
		print_idle_clients(reply, colour, out);
		fputc('\n', out);
	}
	for (size_t i = 0; i < reply->n_idle; i++)
		near += reply->idle[i]->near;
	fprintf(out,
		"%s sessions have been silent for 80%% of their idle timeout or more\n"
		"This is how long they are silent now: a gap shows while it lasts, here on the "
		"active node.\nWho is silent for longer than 2h5m sends no keep-alives: Windows' "
		"first comes after 2h.\n",
		text_count(count, near));
}

/* --- all -------------------------------------------------------------------------------------- */

static void show_progress(const struct pairctl *ctl, const Cas__Message *answer)
{
	char count[TEXT_SIZE];

	if (answer->usage_reply && !ctl->json && isatty(STDERR_FILENO))
		fprintf(stderr, "\r%s entries looked at ...\r",
			text_count(count, answer->usage_reply->walked));
}

/* PAIRCTL_DONE and the answer, which is then the caller's. */
static int ask(const struct pairctl *ctl, bool keepalive, Cas__Message **answer)
{
	Cas__UsageRequest request = CAS__USAGE_REQUEST__INIT;
	Cas__Message message = CAS__MESSAGE__INIT;
	struct question question = { "lbd", &message, WAIT_MS };
	char *array = ctl->array ? text_format("%s", ctl->array) : NULL;
	int status;

	request.array = array;
	request.has_top = ctl->top > 0;
	request.top = ctl->top;
	request.has_keepalive = request.keepalive = keepalive;
	message.usage = &request;
	status = ask_long(ctl, &question, show_progress, answer);
	free(array);
	if (status == PAIRCTL_DONE && !(*answer)->usage_reply) {
		cas__message__free_unpacked(*answer, NULL);
		return ask_fail(ctl, PAIRCTL_PROBLEM, "lbd gave no report");
	}
	return status;
}

static void print_json(Cas__UsageReply *reply)
{
	Answer__Usage usage = ANSWER__USAGE__INIT;

	usage.schema = ANSWER_SCHEMA;
	usage.answer = reply;
	answer_print(&usage.base, stdout);
}

int usage_sessions(const struct pairctl *ctl)
{
	Cas__Message *answer;
	bool problem = false;
	int status = ask(ctl, false, &answer);

	if (status != PAIRCTL_DONE)
		return status;
	if (ctl->json)
		print_json(answer->usage_reply);
	else
		usage_print_sessions(answer->usage_reply, ctl->colour, stdout);
	for (size_t i = 0; i < answer->usage_reply->n_near; i++)
		problem |= answer->usage_reply->near[i]->sessions >
			   answer->usage_reply->near[i]->limit;
	cas__message__free_unpacked(answer, NULL);
	return problem ? PAIRCTL_PROBLEM : PAIRCTL_DONE;
}

int usage_affinity(const struct pairctl *ctl)
{
	Cas__Message *answer;
	int status = ask(ctl, false, &answer);

	if (status != PAIRCTL_DONE)
		return status;
	if (ctl->json)
		print_json(answer->usage_reply);
	else
		usage_print_affinity(answer->usage_reply, ctl->colour, stdout);
	status = answer->usage_reply->splits ? PAIRCTL_PROBLEM : PAIRCTL_DONE;
	cas__message__free_unpacked(answer, NULL);
	return status;
}

int usage_keepalive(const struct pairctl *ctl)
{
	Cas__Message *answer;
	bool near = false;
	int status = ask(ctl, true, &answer);

	if (status != PAIRCTL_DONE)
		return status;
	if (ctl->json)
		print_json(answer->usage_reply);
	else
		usage_print_keepalive(answer->usage_reply, ctl->colour, stdout);
	for (size_t i = 0; i < answer->usage_reply->n_idle; i++)
		near |= answer->usage_reply->idle[i]->near > 0;
	cas__message__free_unpacked(answer, NULL);
	return near ? PAIRCTL_PROBLEM : PAIRCTL_DONE;
}
