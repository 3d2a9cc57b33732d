// SPDX-License-Identifier: BSD-2-Clause
/* What checks of HTTP and TLS ask for. */
#include "conf/check.h"

#include <stdlib.h>
#include <string.h>

#include "proto/flow_limits.h"

static bool is_tls(const Conf__Check *probe)
{
	return probe->type == CONF__CHECK__TYPE__HTTPS || probe->type == CONF__CHECK__TYPE__IMAPS ||
	       probe->type == CONF__CHECK__TYPE__POP3S;
}

/* As it goes into a request (RFC 3986, 3.3): no fragment, nothing that has to be escaped first. */
static bool is_request_path(const char *path)
{
	for (; *path; path++)
		if (*path <= ' ' || *path > '~' || strchr("#<>^`{|}", *path))
			return false;
	return true;
}

static void check_question(const struct check *c, const Conf__Check *probe)
{
	for (size_t i = 0; i < probe->n_path; i++)
		if (!is_request_path(probe->path[i]))
			fault_error(c->faults, source_item(c->source, probe, "path", i),
				    "path: %.60s has characters that a request cannot have; write "
				    "them as %%xx",
				    probe->path[i]);
	if (probe->ca_file && is_tls(probe) && !probe->verify_tls)
		fault_error(c->faults, source_at(c->source, probe, "ca_file"),
			    "ca-file is of no use with verify-tls no");
}

/* A certificate is of somebody. */
static void check_name(const struct check *c, const Conf__Array *array, const Conf__Check *probe)
{
	if (!is_tls(probe) || !probe->verify_tls || probe->host || array->fqdn)
		return;
	fault_error(c->faults, source_at(c->source, probe, "type"),
		    "the certificate is verified against a name: array \"%s\" needs an fqdn, the "
		    "check a host, or verify-tls no",
		    array->name ? array->name : "");
}

static void check_service(const struct check *c, const Conf__Service *service)
{
	for (size_t i = 0; i < service->n_check; i++)
		check_question(c, service->check[i]);
}

static void check_array_web(const struct check *c, const Conf__Array *array,
			    struct check_services *services)
{
	check_gather(c, array, services);
	for (size_t i = 0; i < services->count; i++) {
		const Conf__Service *service = services->list[i];

		if (i >= services->copies)
			check_service(c, service);
		for (size_t j = 0; j < service->n_check; j++)
			check_name(c, array, service->check[j]);
	}
}

bool check_web(const struct check *check)
{
	struct check_services *services = malloc(sizeof(*services));
	bool good = services;

	for (size_t i = 0; services && i < check->file->n_profile && i < FLOW_MAX_ARRAYS; i++) {
		const Conf__Profile *profile = check->file->profile[i];

		for (size_t j = 0; j < check_service_count(profile->n_service); j++)
			check_service(check, profile->service[j]);
	}
	for (size_t i = 0; services && i < check_array_count(check->file); i++)
		check_array_web(check, check->file->array[i], services);
	free(services);
	return good;
}
