// SPDX-License-Identifier: BSD-2-Clause
/*
 * Profiles and arrays.  A profile is checked once, in its own place; an array that uses it adds
 * only what comes from the meeting of its own services with the profile's.
 */
#include "conf/check.h"

#include <stdlib.h>
#include <string.h>

#include "conf/fill.h"
#include "conf/keyword.h"
#include "conf/store.h"
#include "proto/flow_limits.h"

enum { PORTS = 65536 };

static struct place name_place(const struct check *c, const Conf__Service *service)
{
	return source_at(c->source, service, "name");
}

/* --- ports ------------------------------------------------------------------------------------ */

/*
 * `owner` holds for each port the number + 1 of the service that has it.  A range stops at its
 * first clash, so that the work is bounded by the number of ports, not by ranges times ports.
 */
static void claim(const struct check *c, const struct check_services *services, size_t number,
		  uint16_t *owner)
{
	const Conf__Service *service = services->list[number];
	bool silent = services->copies && number < services->copies;

	for (size_t i = 0; i < service->n_ports; i++) {
		uint32_t port = service->ports[i]->first;

		for (; port <= service->ports[i]->last && !owner[port]; port++)
			owner[port] = (uint16_t)(number + 1);
		if (silent || port > service->ports[i]->last)
			continue;
		const Conf__Service *other = services->list[owner[port] - 1];
		struct place place = source_item(c->source, service, "ports", i);

		if (other == service)
			fault_error(c->faults, place, "ports: port %u is in this list twice", port);
		else
			fault_error(
				c->faults, place,
				"ports: port %u belongs to service \"%s\" already (%s)", port,
				other->name ? other->name : "",
				fault_line(c->faults, source_at(c->source, other, "ports")).text);
	}
}

/* --- groups and followers --------------------------------------------------------------------- */

/* The timeout belongs to the group's pins, of which there is one for each client. */
static void check_timeout(const struct check *c, const struct check_services *services,
			  size_t number)
{
	const Conf__Service *service = services->list[number];

	if (!service->has_affinity_timeout_ms)
		return;
	for (size_t i = 0; i < number; i++) {
		const Conf__Service *other = services->list[i];

		if (!other->has_affinity_timeout_ms ||
		    other->affinity_timeout_ms == service->affinity_timeout_ms ||
		    !check_equal(other->affinity_group, service->affinity_group))
			continue;
		fault_error(
			c->faults, source_at(c->source, service, "affinity_timeout_ms"),
			"affinity-timeout differs from that of service \"%s\" (%s) in the "
			"same affinity-group \"%s\"; give it once",
			other->name ? other->name : "",
			fault_line(c->faults, source_at(c->source, other, "affinity_timeout_ms"))
				.text,
			service->affinity_group);
		return;
	}
}

/* It is the group's pins that count the flows of a client. */
static void check_source_flows(const struct check *c, const Conf__Service *service)
{
	if (service->max_flows_per_source && !service->affinity_group)
		fault_error(c->faults, source_at(c->source, service, "max_flows_per_source"),
			    "max-flows-per-source needs an affinity-group, in which a client's "
			    "flows are counted");
}

/* Who does not read binds cannot refuse them. */
static void check_encryption(const struct check *c, const Conf__Service *service)
{
	if (service->require_encryption && service->inspect != CONF__SERVICE__INSPECT__WHAT__RPC)
		fault_error(c->faults, source_at(c->source, service, "require_encryption"),
			    "require-encryption needs \"inspect rpc\" in the same service");
}

/*
 * A follower is up while its leader is, which only the pool they share can tell: hence the same
 * group, and a leader with a probe of its own, so that there are no rings.
 */
static void check_follow(const struct check *c, const struct check_services *services,
			 const Conf__Service *service)
{
	struct place place = source_at(c->source, service, "follow");
	struct near near = { .word = service->follow };
	const Conf__Service *leader = NULL;
	char text[NEAR_TEXT];

	for (size_t i = 0; i < services->count && !leader; i++) {
		const char *name = services->list[i]->name;

		if (check_equal(name, service->follow))
			leader = services->list[i];
		else if (name && services->list[i] != service)
			near_try(&near, name);
	}
	if (!leader)
		fault_error(c->faults, place, "follow: there is no service \"%s\" here%s",
			    service->follow, near_text(text, &near));
	else if (leader == service)
		fault_error(c->faults, place, "follow: a service cannot follow itself");
	else if (leader->follow)
		fault_error(c->faults, place,
			    "follow: \"%s\" has no probe either, it follows \"%s\" (%s)",
			    service->follow, leader->follow,
			    fault_line(c->faults, source_at(c->source, leader, "follow")).text);
	else if (!check_equal(leader->affinity_group, service->affinity_group))
		fault_error(c->faults, place,
			    "follow: \"%s\" (%s) is not in the same affinity-group",
			    service->follow, fault_line(c->faults, name_place(c, leader)).text);
}

/* --- probes ----------------------------------------------------------------------------------- */

/* A path for a TCP connect is a mistake, not something to be passed over in silence. */
static void check_probe_fields(const struct check *c, const Conf__Check *probe)
{
	enum {
		HTTP = 1 << CONF__CHECK__TYPE__HTTP | 1 << CONF__CHECK__TYPE__HTTPS,
		TLS = 1 << CONF__CHECK__TYPE__HTTPS | 1 << CONF__CHECK__TYPE__IMAPS |
		      1 << CONF__CHECK__TYPE__POP3S,
	};
	static const struct {
		const char *field;
		unsigned int types;
	} belongs[] = {
		{ "port", ~(1u << CONF__CHECK__TYPE__PASSIVE | 1u << CONF__CHECK__TYPE__PING) },
		{ "interface", 1 << CONF__CHECK__TYPE__RPC_EPM },
		{ "path", HTTP },
		{ "status", HTTP },
		{ "verify_tls", TLS },
		{ "ca_file", TLS },
		{ "host", HTTP | TLS },
		{ "silent_syns", 1 << CONF__CHECK__TYPE__PASSIVE },
		{ "vip_check", ~(1u << CONF__CHECK__TYPE__PASSIVE | 1u << CONF__CHECK__TYPE__PING) },
	};
	char label[KEYWORD_LABEL], keyword[RULE_KEYWORD];

	for (size_t i = 0; i < sizeof(belongs) / sizeof(belongs[0]); i++) {
		const ProtobufCFieldDescriptor *field =
			protobuf_c_message_descriptor_get_field_by_name(&conf__check__descriptor,
									belongs[i].field);

		if (!store_present(&probe->base, field) || belongs[i].types & 1u << probe->type)
			continue;
		fault_error(c->faults, source_at(c->source, probe, field->name),
			    "%s means nothing to %s", rule_keyword(keyword, field),
			    keyword_label(label, &probe->base));
	}
}

static void check_probe(const struct check *c, const Conf__Service *service,
			const Conf__Check *probe)
{
	if (probe->has_type)
		check_probe_fields(c, probe);
	if (probe->has_timeout_ms && probe->timeout_ms > probe->interval_ms)
		fault_error(c->faults, source_at(c->source, probe, "timeout_ms"),
			    "timeout %ums is longer than the interval of %ums", probe->timeout_ms,
			    probe->interval_ms);
	if (service->follow)
		fault_error(c->faults, source_at(c->source, probe, "type"),
			    "a service that follows another (%s) has no check of its own",
			    fault_line(c->faults, source_at(c->source, service, "follow")).text);
}

/* Somebody has to learn them. */
static void check_pinholes(const struct check *c, const struct check_services *services,
			   const Conf__Service *service)
{
	if (service->pinholes != CONF__SERVICE__PINHOLES__HOW__LEARNED)
		return;
	for (size_t i = 0; i < services->count; i++)
		for (size_t j = 0; j < services->list[i]->n_check; j++)
			if (services->list[i]->check[j]->type == CONF__CHECK__TYPE__RPC_EPM)
				return;
	fault_error(c->faults, source_at(c->source, service, "pinholes"),
		    "pinholes learned: no service here has a check rpc-epm that learns ports");
}

/* --- a profile's or an array's services ------------------------------------------------------- */

static void check_services(const struct check *c, const struct check_services *services,
			   uint16_t *owner)
{
	memset(owner, 0, PORTS * sizeof(*owner));
	for (size_t i = 0; i < services->count; i++) {
		const Conf__Service *service = services->list[i];

		claim(c, services, i, owner);
		if (i < services->copies)
			continue;
		check_timeout(c, services, i);
		check_source_flows(c, services->list[i]);
		check_encryption(c, service);
		check_pinholes(c, services, service);
		if (service->follow)
			check_follow(c, services, service);
		for (size_t j = 0; j < service->n_check; j++)
			check_probe(c, service, service->check[j]);
	}
}

static void check_profile(const struct check *c, const Conf__Profile *profile,
			  struct check_services *services, uint16_t *owner)
{
	services->copies = 0;
	services->count = check_service_count(profile->n_service);
	for (size_t i = 0; i < services->count; i++)
		services->list[i] = profile->service[i];
	check_services(c, services, owner);
	if (profile->n_service > FLOW_MAX_SERVICES)
		fault_error(c->faults, name_place(c, profile->service[FLOW_MAX_SERVICES]),
			    "more than %d services", FLOW_MAX_SERVICES);
}

static void check_use(const struct check *c, const Conf__Array *array)
{
	struct near near = { .word = array->use };
	char text[NEAR_TEXT];

	if (!array->use || fill_profile(c->file, array))
		return;
	for (size_t i = 0; i < c->file->n_profile && i < FLOW_MAX_ARRAYS; i++) {
		if (c->file->profile[i]->name)
			near_try(&near, c->file->profile[i]->name);
	}
	fault_error(c->faults, source_at(c->source, array, "use"),
		    "use: there is no profile \"%s\"%s", array->use, near_text(text, &near));
}

/* Replacing one service of a profile would hide the profile's; it has to be said in the profile. */
static void check_replaced(const struct check *c, const struct check_services *services)
{
	for (size_t i = services->copies; i < services->count; i++) {
		for (size_t j = 0; j < services->copies; j++) {
			if (!check_equal(services->list[i]->name, services->list[j]->name))
				continue;
			fault_error(c->faults, name_place(c, services->list[i]),
				    "service \"%s\" is in the profile already (%s)",
				    services->list[i]->name,
				    fault_line(c->faults, name_place(c, services->list[j])).text);
		}
	}
}

static void check_array(const struct check *c, const Conf__Array *array,
			struct check_services *services, uint16_t *owner)
{
	struct place place = source_at(c->source, array, "name");

	check_use(c, array);
	check_gather(c, array, services);
	check_replaced(c, services);
	check_services(c, services, owner);
	if (array->n_member == 0)
		fault_error(c->faults, place, "array \"%s\" has no member",
			    array->name ? array->name : "");
	if (services->count == 0 && !source_written(c->source, array, "use"))
		fault_error(c->faults, place,
			    "array \"%s\" has no service: use a profile or write one",
			    array->name ? array->name : "");
}

/* --- the tables' sizes ------------------------------------------------------------------------ */

struct totals {
	size_t services, members, pools;
	struct {
		uint32_t id;
		const Conf__Array *array;
	} pool[FLOW_MAX_POOLS];
};

/* As in conf_pool_id(). */
static bool same_pool(const Conf__Service *a, const Conf__Service *b)
{
	if (a->affinity_group || b->affinity_group)
		return check_equal(a->affinity_group, b->affinity_group);
	return a == b;
}

/*
 * Pools go by a hash of 32 bits on the wire: two of one number would be mixed up.  Arrays of one
 * name have been reported as that.
 */
static void count_pool(const struct check *c, const Conf__Array *array,
		       const Conf__Service *service, struct totals *totals)
{
	uint32_t id = conf_pool_id(array, service);

	for (size_t i = 0; i < totals->pools && i < FLOW_MAX_POOLS; i++) {
		const Conf__Array *other = totals->pool[i].array;

		if (totals->pool[i].id == id &&
		    (other == array || !check_equal(other->name, array->name)))
			fault_error(c->faults, source_at(c->source, array, "name"),
				    "the pool of service \"%s\" has the number of another pool: "
				    "rename the array",
				    service->name);
	}
	if (totals->pools < FLOW_MAX_POOLS) {
		totals->pool[totals->pools].id = id;
		totals->pool[totals->pools].array = array;
	}
	if (totals->pools++ == FLOW_MAX_POOLS)
		fault_error(c->faults, source_at(c->source, array, "name"),
			    "more than %d affinity groups and services without one, counted over "
			    "all arrays",
			    FLOW_MAX_POOLS);
}

static void count(const struct check *c, const Conf__Array *array,
		  const struct check_services *services, struct totals *totals)
{
	struct place place = source_at(c->source, array, "name");
	size_t before = totals->services;

	totals->services += services->count;
	if (before <= FLOW_MAX_SERVICES && totals->services > FLOW_MAX_SERVICES)
		fault_error(c->faults, place, "more than %d services, counted over all arrays",
			    FLOW_MAX_SERVICES);
	before = totals->members;
	totals->members += array->n_member;
	if (before <= FLOW_MAX_MEMBERS && totals->members > FLOW_MAX_MEMBERS)
		fault_error(c->faults, place, "more than %d members, counted over all arrays",
			    FLOW_MAX_MEMBERS);
	for (size_t i = 0; array->name && i < services->count; i++) {
		bool seen = !services->list[i]->name;

		for (size_t j = 0; j < i && !seen; j++)
			seen = same_pool(services->list[i], services->list[j]);
		if (!seen)
			count_pool(c, array, services->list[i], totals);
	}
}

bool check_arrays(const struct check *check)
{
	struct check_services *services = malloc(sizeof(*services));
	uint16_t *owner = malloc(PORTS * sizeof(*owner));
	struct totals totals = { 0 };
	bool good = services && owner;

	for (size_t i = 0; good && i < check->file->n_profile && i < FLOW_MAX_ARRAYS; i++)
		check_profile(check, check->file->profile[i], services, owner);
	for (size_t i = 0; good && i < check_array_count(check->file); i++) {
		check_array(check, check->file->array[i], services, owner);
		count(check, check->file->array[i], services, &totals);
	}
	free(services);
	free(owner);
	return good;
}
