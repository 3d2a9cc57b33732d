// SPDX-License-Identifier: BSD-2-Clause
/* What has become of those who wanted a service, and of an array the sum: pairctl services. */
#include "conf/pairctl/pairctl.h"
#include "conf/pairctl/text.h"

#include <stdlib.h>
#include <string.h>

const struct service_reason service_reasons[SERVICE_REASONS] = {
	{ "no_member", "no member was up", offsetof(Cas__ServiceCounts, no_member) },
	{ "no_source", "no source had a free port", offsetof(Cas__ServiceCounts, no_source) },
	{ "limited", "above a source's limit", offsetof(Cas__ServiceCounts, limited) },
	{ "not_owner", "at the node that did not lead", offsetof(Cas__ServiceCounts, not_owner) },
	{ "closed", "to a closed port", offsetof(Cas__ServiceCounts, closed) },
	{ "unknown", "of no known connection", offsetof(Cas__ServiceCounts, unknown) },
	{ "withheld", "without the standby", offsetof(Cas__ServiceCounts, withheld) },
};

uint64_t service_refused(const Cas__ServiceCounts *counts, const struct service_reason *reason)
{
	uint64_t value;

	memcpy(&value, (const char *)counts + reason->value, sizeof(value));
	return value;
}

static uint64_t refused(const Cas__ServiceCounts *counts)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < SERVICE_REASONS; i++)
		sum += service_refused(counts, &service_reasons[i]);
	return sum;
}

/* --- sums ------------------------------------------------------------------------------------- */

/* All fields of the message are counts that add up, those of a later release too. */
static void add_counts(Cas__ServiceCounts *sum, const Cas__ServiceCounts *counts)
{
	const ProtobufCMessageDescriptor *all = &cas__service_counts__descriptor;

	for (unsigned int i = 0; i < all->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &all->fields[i];
		const char *from = (const char *)counts + field->offset;
		char *to = (char *)sum + field->offset;
		protobuf_c_boolean known = 1;
		uint64_t value, before;

		memcpy(&value, from, sizeof(value));
		memcpy(&before, to, sizeof(before));
		value += before;
		memcpy(to, &value, sizeof(value));
		memcpy((char *)sum + field->quantifier_offset, &known, sizeof(known));
	}
}

/* An array's sums, in the order in which its services come. */
struct sums {
	Answer__ServiceArray *array;
	Answer__ServiceArray **list;
	Cas__ServiceCounts *counts; /* two for each array */
	size_t count;
};

static Answer__ServiceArray *sum_of(struct sums *sums, char *name)
{
	Answer__ServiceArray *array;

	for (size_t i = 0; i < sums->count; i++)
		if (!strcmp(sums->array[i].array, name))
			return &sums->array[i];
	array = &sums->array[sums->count];
	answer__service_array__init(array);
	array->array = name;
	array->pair = &sums->counts[2 * sums->count];
	array->node = array->pair + 1;
	cas__service_counts__init(array->pair);
	cas__service_counts__init(array->node);
	sums->list[sums->count++] = array;
	return array;
}

/* There are no more arrays than services. */
static struct sums sums_make(const Cas__ServicesReply *reply)
{
	size_t most = reply->n_service + 1;
	struct sums sums = { .array = text_alloc(most, sizeof(*sums.array)),
			     .list = text_alloc(most, sizeof(*sums.list)),
			     .counts = text_alloc(most, 2 * sizeof(*sums.counts)) };

	for (size_t i = 0; i < reply->n_service; i++) {
		Answer__ServiceArray *array = sum_of(&sums, reply->service[i]->array);

		array->services++;
		add_counts(array->pair, reply->service[i]->pair);
		add_counts(array->node, reply->service[i]->node);
	}
	return sums;
}

static void sums_free(struct sums *sums)
{
	free(sums->array);
	free(sums->list);
	free(sums->counts);
}

/* --- for people ------------------------------------------------------------------------------- */

static void add_row(struct table *table, const char *name, const Cas__ServiceCounts *counts)
{
	uint64_t lost = refused(counts);
	char text[TEXT_SIZE];

	table_add(table, name, TEXT_PLAIN);
	table_add(table, text_count(text, counts->requests), TEXT_PLAIN);
	table_add(table, text_count(text, counts->connections), TEXT_PLAIN);
	table_add(table, text_bytes(text, counts->bytes_in), TEXT_PLAIN);
	table_add(table, text_bytes(text, counts->bytes_out), TEXT_PLAIN);
	table_add(table, text_count(text, counts->reset), TEXT_PLAIN);
	table_add(table, text_count(text, lost), lost ? TEXT_DOUBT : TEXT_PLAIN);
}

static void add_service(struct table *table, const Cas__ServiceUse *use)
{
	char *name = text_format("%s/%s", use->array, use->service);

	add_row(table, name, use->pair);
	free(name);
}

/* Why packets were refused, or had to wait; nothing where none were. */
static void print_reasons(const Cas__ServiceUse *use, FILE *out)
{
	const char *before = ": ";
	char text[TEXT_SIZE];

	if (!refused(use->pair) && !use->pair->waited)
		return;
	text_clean(use->array, out);
	fputc('/', out);
	text_clean(use->service, out);
	for (size_t i = 0; i < SERVICE_REASONS; i++) {
		uint64_t value = service_refused(use->pair, &service_reasons[i]);

		if (!value)
			continue;
		fprintf(out, "%s%s %s", before, text_count(text, value), service_reasons[i].text);
		before = ", ";
	}
	if (use->pair->waited)
		fprintf(out, "%s%s answers waited for the standby", before,
			text_count(text, use->pair->waited));
	fputc('\n', out);
}

void services_print(const Cas__ServicesReply *reply, bool colour, FILE *out)
{
	static const char *const titles[] = { "array/service", "requests", "connections", "in",
					      "out",	       "reset",	   "refused" };
	struct table *table = table_new(titles, 7, 0x7e);
	struct sums sums = sums_make(reply);

	for (size_t a = 0; a < sums.count; a++) {
		if (sums.array[a].services > 1)
			add_row(table, sums.array[a].array, sums.array[a].pair);
		for (size_t i = 0; i < reply->n_service; i++)
			if (!strcmp(reply->service[i]->array, sums.array[a].array))
				add_service(table, reply->service[i]);
	}
	table_print(table, 0, colour, out);
	for (size_t i = 0; i < reply->n_service; i++)
		print_reasons(reply->service[i], out);
	sums_free(&sums);
}

/* --- asking ----------------------------------------------------------------------------------- */

static void print(const struct pairctl *ctl, Cas__ServicesReply *reply)
{
	Answer__Services answer = ANSWER__SERVICES__INIT;
	struct sums sums;

	if (!ctl->json) {
		services_print(reply, ctl->colour, stdout);
		return;
	}
	sums = sums_make(reply);
	answer.schema = ANSWER_SCHEMA;
	answer.arrays = sums.list;
	answer.n_arrays = sums.count;
	answer.services = reply->service;
	answer.n_services = reply->n_service;
	answer_print(&answer.base, stdout);
	sums_free(&sums);
}

int services_run(const struct pairctl *ctl)
{
	Cas__ServicesRequest request = CAS__SERVICES_REQUEST__INIT;
	Cas__Message message = CAS__MESSAGE__INIT, *answer;
	struct question question = { "lbd", &message, PAIRCTL_WAIT_MS };
	char *array = ctl->array ? text_format("%s", ctl->array) : NULL;
	int status;

	request.array = array;
	message.services = &request;
	status = ask_or_fail(ctl, &question, &answer);
	free(array);
	if (status != PAIRCTL_DONE)
		return status;
	if (answer->services_reply)
		print(ctl, answer->services_reply);
	else
		status = ask_fail(ctl, PAIRCTL_PROBLEM, "lbd gave no list of services");
	cas__message__free_unpacked(answer, NULL);
	return status;
}
