// SPDX-License-Identifier: BSD-2-Clause
/* What the pair has seen of its clients: who does not encrypt RPC. */
#include "conf/pairctl/pairctl.h"
#include "conf/pairctl/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char *const titles[] = { "array", "client", "level",    "authentication",
				      "last",  "binds",  "encrypted" };
enum { COLUMNS = sizeof(titles) / sizeof(titles[0]), RIGHT = 1 << 4 | 1 << 5 | 1 << 6 };

static void add_source(struct table *table, const Cas__EncryptionSource *source)
{
	char text[TEXT_SIZE];

	table_add(table, source->array, TEXT_PLAIN);
	table_add(table, source->client, TEXT_PLAIN);
	table_add(table, source->level, TEXT_BAD);
	table_add(table, source->authentication, TEXT_PLAIN);
	table_add(table, text_duration(text, source->age_ms), TEXT_PLAIN);
	table_add(table, text_count(text, source->binds), TEXT_PLAIN);
	table_add(table,
		  source->has_private_binds ? text_count(text, source->private_binds) : "unknown",
		  TEXT_PLAIN);
}

static void print_counters(Cas__Counter *const *counter, size_t count, FILE *out)
{
	char text[TEXT_SIZE];

	for (size_t i = 0; i < count; i++) {
		fputs(i ? ", " : " ", out);
		text_clean(counter[i]->name, out);
		fprintf(out, " %s", text_count(text, counter[i]->value));
	}
}

static void print_array(const Cas__EncryptionArray *array, FILE *out)
{
	char text[TEXT_SIZE];

	text_clean(array->array, out);
	fputs(": binds by level:", out);
	print_counters(array->level, array->n_level, out);
	fputs("; by authentication:", out);
	print_counters(array->authentication, array->n_authentication, out);
	fprintf(out, "; connections without a bind that could be read: %s\n",
		text_count(text, array->unread));
}

void report_print(const Cas__EncryptionReply *reply, bool colour, FILE *out)
{
	struct table *table;
	char text[TEXT_SIZE];

	if (reply->n_source) {
		table = table_new(titles, COLUMNS, RIGHT);
		for (size_t i = 0; i < reply->n_source; i++)
			add_source(table, reply->source[i]);
		table_print(table, 0, colour, out);
	}
	fprintf(out, "%s clients have bound below packet privacy",
		text_count(text, reply->sources));
	if (reply->sources > reply->n_source)
		fprintf(out, "; the latest %s are listed", text_count(text, reply->n_source));
	fputc('\n', out);
	for (size_t i = 0; i < reply->n_array; i++)
		print_array(reply->array[i], out);
}

static int print(const struct pairctl *ctl, Cas__EncryptionReply *reply)
{
	Answer__Encryption answer = ANSWER__ENCRYPTION__INIT;

	if (!reply)
		return ask_fail(ctl, PAIRCTL_PROBLEM, "lbd gave no report");
	answer.schema = ANSWER_SCHEMA;
	answer.answer = reply;
	if (ctl->json)
		answer_print(&answer.base, stdout);
	else
		report_print(reply, ctl->colour, stdout);
	return reply->sources ? PAIRCTL_PROBLEM : PAIRCTL_DONE;
}

int report_run(const struct pairctl *ctl)
{
	Cas__EncryptionRequest request = CAS__ENCRYPTION_REQUEST__INIT;
	Cas__Message message = CAS__MESSAGE__INIT, *answer;
	struct question question = { "lbd", &message, PAIRCTL_WAIT_MS };
	char *array;
	int status;

	if (!strcmp(ctl->argument[0], "sessions"))
		return usage_sessions(ctl);
	if (ctl->top)
		return pairctl_usage("report %s takes no --top", ctl->argument[0]);
	if (!strcmp(ctl->argument[0], "keepalive"))
		return usage_keepalive(ctl);
	if (!strcmp(ctl->argument[0], "latency"))
		return distance_run(ctl);
	if (!strcmp(ctl->argument[0], "affinity"))
		return usage_affinity(ctl);
	if (strcmp(ctl->argument[0], "encryption"))
		return pairctl_usage("there is no report \"%s\"", ctl->argument[0]);
	array = ctl->array ? text_format("%s", ctl->array) : NULL;
	request.array = array;
	message.encryption = &request;
	status = ask_or_fail(ctl, &question, &answer);
	if (status == PAIRCTL_DONE) {
		status = print(ctl, answer->encryption_reply);
		cas__message__free_unpacked(answer, NULL);
	}
	free(array);
	return status;
}
