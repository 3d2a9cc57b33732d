// SPDX-License-Identifier: BSD-2-Clause
/*
 * Warnings, of two kinds.  The schema is ahead of the program: what a file may say but this version
 * does not do is said here, with what happens instead; a line goes when its feature comes.  And
 * what is allowed, works in the test and fails in the field two hours later.
 */
#include "conf/check.h"

#include <string.h>
#include <strings.h>

#include "conf/fill.h"
#include "conf/store.h"
#include "proto/addr.h"
#include "proto/flow_ip.h"
#include "proto/flow_limits.h"

enum {
	/* Windows sends its first keep-alive after two hours: one must be able to arrive. */
	RPC_IDLE_MS = 7500 * 1000,
	/* Exchange Web Services keep state on one server for so long. */
	HTTPS_AFFINITY_MS = 45 * 60 * 1000,
	PORT_RPC = 135,
	PORT_HTTPS = 443,
};

/* --- what this version does otherwise --------------------------------------------------------- */

static void advise_pair(const struct check *c)
{
	const Conf__Sync *sync = c->file->sync;

	if (c->file->web)
		fault_warning(c->faults, source_block(c->source, c->file->web),
			      "web: no status page is served by this version");
	if (sync && sync->n_path > 1 && c->file->n_node && c->file->node[0]->n_sync == 1)
		fault_warning(c->faults, source_at(c->source, sync, "path"),
			      "path: the nodes have one sync address each, so there is one way "
			      "between them; give each an address for every path");
}

/* Beside a passive check, which sends nothing, the port is probed where nothing else is. */
static bool is_alone(const Conf__Service *service)
{
	bool alone = true;

	for (size_t i = 0; i < service->n_check; i++)
		alone &= service->check[i]->type == CONF__CHECK__TYPE__PASSIVE;
	return alone;
}

static void advise_probe(const struct check *c, const Conf__Service *service,
			 const Conf__Check *probe)
{
	char port[16] = "the first port";
	bool wide = service->n_ports && service->ports[0]->first < service->ports[0]->last;

	/* As the health checks choose it. */
	if (probe->has_port)
		snprintf(port, sizeof(port), "port %u", probe->port);
	else if (service->n_ports)
		snprintf(port, sizeof(port), "port %u", service->ports[0]->first);
	if (probe->has_type && probe->type == CONF__CHECK__TYPE__PASSIVE && is_alone(service))
		fault_warning(c->faults, source_at(c->source, probe, "type"),
			      "check passive stands alone: %s is probed by TCP as well", port);
	else if (probe->has_type && probe->type == CONF__CHECK__TYPE__TCP && wide &&
		 !probe->has_port)
		fault_warning(c->faults, source_at(c->source, probe, "type"),
			      "check tcp without port: of the whole range only %s is probed", port);
	else if (probe->has_type && probe->type == CONF__CHECK__TYPE__PING && service->n_check == 1)
		fault_warning(c->faults, source_at(c->source, probe, "type"),
			      "check ping tells that the machine runs, not that the service does");
}

/* What has been refused needs no advice. */
static bool serves(const Conf__Array *array, const Conf__Member *member)
{
	struct flow_ip ip;

	for (enum flow_family f = FLOW_IPV4; f < FLOW_FAMILIES; f++)
		if (conf_vip(array, f, &ip) && !conf_address(member, f, &ip))
			return false;
	return array->n_vip;
}

/* It may be there already when the VIP is still to come. */
static void advise_address(const struct check *c, const Conf__Array *array,
			   const Conf__Member *member)
{
	for (enum flow_family f = FLOW_IPV4; f < FLOW_FAMILIES; f++) {
		struct flow_ip ip, vip;
		char text[ADDR_TEXT];

		if (conf_address(member, f, &ip) && !conf_vip(array, f, &vip))
			fault_warning(c->faults, source_at(c->source, member, "address"),
				      "address %s is not used: the array has no %s vip",
				      addr_print_flow(text, &ip), f == FLOW_IPV4 ? "IPv4" : "IPv6");
	}
}

static void advise_members(const struct check *c, const Conf__Array *array)
{
	bool regular = false;

	for (size_t i = 0; i < array->n_member; i++)
		if (serves(array, array->member[i]))
			advise_address(c, array, array->member[i]);

	for (size_t i = 0; i < array->n_member; i++)
		regular |= !array->member[i]->backup;
	if (array->n_member && !regular)
		fault_warning(c->faults, source_at(c->source, array, "name"),
			      "all members of array \"%s\" are backup: they serve as if none was",
			      array->name ? array->name : "");
}

/* --- what sites regret ------------------------------------------------------------------------ */

static bool has_port(const Conf__Service *service, uint32_t port)
{
	for (size_t i = 0; i < service->n_ports; i++) {
		if (service->ports[i]->first <= port && port <= service->ports[i]->last)
			return true;
	}
	return false;
}

static bool is_mapper(const Conf__Service *service)
{
	for (size_t i = 0; i < service->n_check; i++) {
		if (service->check[i]->type == CONF__CHECK__TYPE__RPC_EPM)
			return true;
	}
	return has_port(service, PORT_RPC);
}

/* The group of an endpoint mapper is where its clients hold their sessions. */
static bool in_rpc_group(Conf__Service *const *list, size_t count, const Conf__Service *service)
{
	for (size_t i = 0; i < count; i++) {
		if (check_equal(list[i]->affinity_group, service->affinity_group) &&
		    is_mapper(list[i]))
			return true;
	}
	return false;
}

static void advise_timeouts(const struct check *c, Conf__Service *const *list, size_t count,
			    const Conf__Service *service)
{
	/* The mapper itself answers one question and is left again. */
	if (service->has_idle_timeout_ms && service->idle_timeout_ms < RPC_IDLE_MS &&
	    !is_mapper(service) && in_rpc_group(list, count, service))
		fault_warning(
			c->faults, source_at(c->source, service, "idle_timeout_ms"),
			"idle-timeout of an RPC service below 125min cuts idle sessions before "
			"Windows' first TCP keep-alive (2h); use 24h");
	if (!service->has_affinity_timeout_ms)
		return;
	if (!service->affinity_group)
		fault_warning(c->faults, source_at(c->source, service, "affinity_timeout_ms"),
			      "affinity-timeout has no effect without affinity-group");
	else if (service->affinity_timeout_ms < HTTPS_AFFINITY_MS && has_port(service, PORT_HTTPS))
		fault_warning(c->faults, source_at(c->source, service, "affinity_timeout_ms"),
			      "affinity-timeout of https below 45min breaks Exchange Web Services");
}

static void advise_services(const struct check *c, Conf__Service *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const Conf__Service *service = list[i];
		bool wide = service->n_ports && service->ports[0]->first < service->ports[0]->last;

		advise_timeouts(c, list, count, service);
		for (size_t j = 0; j < service->n_check; j++)
			advise_probe(c, service, service->check[j]);
		if (wide && service->n_check == 0 && !service->follow)
			fault_warning(
				c->faults, source_at(c->source, service, "ports"),
				"service \"%s\" has neither check nor follow: of the whole range "
				"only port %u is probed",
				service->name ? service->name : "", service->ports[0]->first);
	}
}

static void advise_resets(const struct check *c, const Conf__Array *array)
{
	bool wanted = false;

	for (size_t i = 0; i < check_service_count(array->n_service); i++)
		wanted |= array->service[i]->require_encryption;
	if (wanted && array->has_reset_rate && !array->reset_rate)
		fault_warning(
			c->faults, source_at(c->source, array, "reset_rate"),
			"reset-rate 0: nothing is reset, so require-encryption has no effect");
}

static void advise_names(const struct check *c, size_t number)
{
	const Conf__Array *array = c->file->array[number];

	for (size_t i = 0; i < number; i++) {
		const Conf__Array *other = c->file->array[i];

		if (!array->fqdn || !other->fqdn || strcasecmp(array->fqdn, other->fqdn) != 0)
			continue;
		fault_warning(c->faults, source_at(c->source, array, "fqdn"),
			      "fqdn %s is also that of array \"%s\" (%s)", array->fqdn,
			      other->name ? other->name : "",
			      fault_line(c->faults, source_at(c->source, other, "fqdn")).text);
		return;
	}
}

/* Outside it resolves, and who resolves the array there waits for TCP before it tries HTTPS. */
static void advise_outside_name(const struct check *c, const Conf__Array *array)
{
	for (size_t i = 0; array->fqdn && i < check_array_count(c->file); i++) {
		const Conf__Array *other = c->file->array[i];

		if (!other->outlook_anywhere ||
		    strcasecmp(array->fqdn, other->outlook_anywhere) != 0)
			continue;
		fault_warning(
			c->faults, source_at(c->source, array, "fqdn"),
			"fqdn %s is the outlook-anywhere name of array \"%s\" (%s): clients "
			"outside would wait for it before they use HTTPS; give the array a name "
			"of its own",
			array->fqdn, other->name ? other->name : "",
			fault_line(c->faults, source_at(c->source, other, "outlook_anywhere"))
				.text);
		return;
	}
}

/* Exchange knows one array in a site, and clients of another site do not belong to it. */
static void advise_site(const struct check *c, size_t number)
{
	const Conf__Array *array = c->file->array[number];

	for (size_t i = 0; array->site && i < number; i++) {
		const Conf__Array *other = c->file->array[i];

		if (!other->site || strcasecmp(array->site, other->site) != 0)
			continue;
		fault_warning(
			c->faults, source_at(c->source, array, "site"),
			"site %s has array \"%s\" already (%s): Exchange knows one for a site",
			array->site, other->name ? other->name : "",
			fault_line(c->faults, source_at(c->source, other, "site")).text);
		return;
	}
}

/* A member that says nothing stands where its array does. */
static void advise_member_sites(const struct check *c, const Conf__Array *array)
{
	const char *site = array->site;

	for (size_t i = 0; i < array->n_member; i++) {
		const Conf__Member *member = array->member[i];

		if (!site)
			site = member->site;
		if (!member->site || strcasecmp(site, member->site) == 0)
			continue;
		fault_warning(c->faults, source_at(c->source, member, "site"),
			      "member \"%s\" is in site %s, and array \"%s\" in %s: the members of "
			      "an array are in one site; give the other one an array of its own",
			      member->name ? member->name : "", member->site,
			      array->name ? array->name : "", site);
		return;
	}
}

static void advise_profile(const struct check *c, const Conf__Profile *profile)
{
	bool used = false;

	for (size_t i = 0; i < check_array_count(c->file); i++)
		used |= check_equal(c->file->array[i]->use, profile->name);
	if (!used && profile->name)
		fault_warning(c->faults, source_at(c->source, profile, "name"),
			      "profile \"%s\" is not used by any array", profile->name);
	advise_services(c, profile->service, check_service_count(profile->n_service));
}

void check_advice(const struct check *check)
{
	advise_pair(check);
	for (size_t i = 0; i < check->file->n_profile && i < FLOW_MAX_ARRAYS; i++)
		advise_profile(check, check->file->profile[i]);
	for (size_t i = 0; i < check_array_count(check->file); i++) {
		const Conf__Array *array = check->file->array[i];

		advise_names(check, i);
		advise_outside_name(check, array);
		advise_site(check, i);
		advise_member_sites(check, array);
		advise_resets(check, array);
		advise_members(check, array);
		advise_services(check, array->service, check_service_count(array->n_service));
	}
}
