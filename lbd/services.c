// SPDX-License-Identifier: BSD-2-Clause
#include "lbd/services.h"

#include <string.h>

#include "lbd/lbd.h"

/* Of a message: with the longest names and numbers that fills a quarter of a frame. */
enum { PART = 32 };

/* Services on their way out, with what is said of them. */
struct part {
	Cas__ServiceUse use[PART], *list[PART];
	Cas__ServiceCounts pair[PART], node[PART];
	size_t count;
};

static void fill(Cas__ServiceCounts *counts, const uint64_t value[SERVICE_COUNTS])
{
	cas__service_counts__init(counts);
	counts->has_requests = counts->has_connections = counts->has_reset = 1;
	counts->has_bytes_in = counts->has_bytes_out = 1;
	counts->has_no_member = counts->has_no_source = counts->has_limited = 1;
	counts->has_not_owner = counts->has_closed = counts->has_unknown = 1;
	counts->has_waited = counts->has_withheld = 1;
	counts->requests = value[SERVICE_REQUESTS];
	counts->connections = value[SERVICE_CONNECTIONS];
	counts->bytes_in = value[SERVICE_BYTES_IN];
	counts->bytes_out = value[SERVICE_BYTES_OUT];
	counts->reset = value[SERVICE_RESET];
	counts->no_member = value[SERVICE_NO_MEMBER];
	counts->no_source = value[SERVICE_NO_SOURCE];
	counts->limited = value[SERVICE_LIMITED];
	counts->not_owner = value[SERVICE_NOT_OWNER];
	counts->closed = value[SERVICE_CLOSED];
	counts->unknown = value[SERVICE_UNKNOWN];
	counts->waited = value[SERVICE_WAITED];
	counts->withheld = value[SERVICE_WITHHELD];
}

static void add(struct lbd *lbd, struct part *part, unsigned int service,
		const struct ledger_row *row)
{
	Cas__ServiceUse *use = &part->use[part->count];
	uint64_t total[SERVICE_COUNTS];

	for (unsigned int v = 0; v < SERVICE_COUNTS; v++)
		total[v] = ledger_total(row, v);
	cas__service_use__init(use);
	use->array = lbd->plan->array_of_service[service]->name;
	use->service = lbd->plan->service[service]->name;
	use->pair = &part->pair[part->count];
	use->node = &part->node[part->count];
	fill(use->pair, total);
	fill(use->node, row->of[lbd->node - 1]);
	part->list[part->count++] = use;
}

static int send_part(struct ctl_conn *conn, struct part *part, bool more)
{
	Cas__Message message = CAS__MESSAGE__INIT;
	Cas__ServicesReply reply = CAS__SERVICES_REPLY__INIT;

	message.services_reply = &reply;
	message.has_more = message.more = more;
	reply.service = part->list;
	reply.n_service = part->count;
	part->count = 0;
	return ctl_send(conn, &message, NULL, 0);
}

/* The slot of a service of the configuration; -1: the plan has none. */
static int slot_of(const struct plan *plan, const Conf__Service *service)
{
	for (int slot = 0; slot < FLOW_MAX_SERVICES; slot++)
		if (plan->service[slot] == service)
			return slot;
	return -1;
}

/* In the order of the configuration; 0, or the error of the connection. */
static int send_array(struct lbd *lbd, struct ctl_conn *conn, struct part *part,
		      const Conf__Array *array)
{
	int error = 0;

	for (size_t i = 0; i < array->n_service && !error; i++) {
		int slot = slot_of(lbd->plan, array->service[i]);
		const struct ledger_row *row = slot < 0 ? NULL
							: meter_service(lbd, (unsigned int)slot);

		if (row)
			add(lbd, part, (unsigned int)slot, row);
		if (part->count == PART)
			error = send_part(conn, part, true);
	}
	return error;
}

void services_answer(struct lbd *lbd, struct ctl_conn *conn, const Cas__ServicesRequest *request)
{
	const Conf__Config *file = lbd->conf->file;
	struct part part = { .count = 0 };
	bool found = false;
	int error = 0;

	for (size_t i = 0; i < file->n_array && !error; i++) {
		if (request->array && strcmp(request->array, file->array[i]->name) != 0)
			continue;
		found = true;
		error = send_array(lbd, conn, &part, file->array[i]);
	}
	if (request->array && !found)
		ctl_refuse(conn, 2, "there is no array %s", request->array);
	else if (!error)
		send_part(conn, &part, false);
}
