// SPDX-License-Identifier: BSD-2-Clause
/*
 * What this node has counted of each service: the sum over both nodes is the pair's.  Names are words
 * of the configuration, which have nothing that a label would have to escape.
 */
#include "conf/pairctl/pairctl.h"

#include <inttypes.h>

static void print_head(const char *name, const char *help, FILE *out)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s counter\n", name, help, name);
}

static void print_plain(const Cas__ServicesReply *reply, const char *name, const char *help,
			uint64_t (*value)(const Cas__ServiceCounts *counts), FILE *out)
{
	print_head(name, help, out);
	for (size_t i = 0; i < reply->n_service; i++)
		fprintf(out, "%s{array=\"%s\",service=\"%s\"} %" PRIu64 "\n", name,
			reply->service[i]->array, reply->service[i]->service,
			value(reply->service[i]->node));
}

static uint64_t requests(const Cas__ServiceCounts *counts)
{
	return counts->requests;
}

static uint64_t connections(const Cas__ServiceCounts *counts)
{
	return counts->connections;
}

static uint64_t resets(const Cas__ServiceCounts *counts)
{
	return counts->reset;
}

static uint64_t waited(const Cas__ServiceCounts *counts)
{
	return counts->waited;
}

static void print_bytes(const Cas__ServicesReply *reply, FILE *out)
{
	static const char name[] = "caspair_service_bytes_total";

	print_head(name, "Bytes of connections that have ended, as IP packets.", out);
	for (size_t i = 0; i < reply->n_service; i++) {
		const Cas__ServiceUse *use = reply->service[i];

		for (int back = 0; back < 2; back++)
			fprintf(out,
				"%s{array=\"%s\",service=\"%s\",direction=\"%s\"} %" PRIu64 "\n",
				name, use->array, use->service, back ? "out" : "in",
				back ? use->node->bytes_out : use->node->bytes_in);
	}
}

static void print_refused(const Cas__ServicesReply *reply, FILE *out)
{
	static const char name[] = "caspair_service_refused_total";

	print_head(name, "Packets for a service that were not let through.", out);
	for (size_t i = 0; i < reply->n_service; i++)
		for (size_t r = 0; r < SERVICE_REASONS; r++)
			fprintf(out, "%s{array=\"%s\",service=\"%s\",reason=\"%s\"} %" PRIu64 "\n",
				name, reply->service[i]->array, reply->service[i]->service,
				service_reasons[r].name,
				service_refused(reply->service[i]->node, &service_reasons[r]));
}

void metrics_print_services(const Cas__ServicesReply *reply, FILE *out)
{
	if (!reply->n_service)
		return;
	print_plain(reply, "caspair_service_requests_total",
		    "Requests to connect (SYNs) that were let through, repeated ones too.", requests,
		    out);
	print_plain(reply, "caspair_service_connections_total",
		    "Connections that were recorded.", connections, out);
	print_bytes(reply, out);
	print_plain(reply, "caspair_service_resets_total", "Connections that the pair has ended.",
		    resets, out);
	print_refused(reply, out);
	print_plain(reply, "caspair_service_waited_total",
		    "Answers of strict services that waited for the standby.", waited, out);
}
