// SPDX-License-Identifier: BSD-2-Clause
#include "lbd/plan_making.h"

#include <string.h>

enum { LAST_PORT = 65535 };

/* Slot of an address; -1: none has it. */
static int source_find(const struct plan *plan, const struct flow_ip *addr)
{
	for (int i = 0; i < FLOW_MAX_SOURCES; i++)
		if (plan->sources[i].flags && flow_ip_equal(&plan->sources[i].addr, addr))
			return i;
	return -1;
}

/*
 * The slot for an address: where it was before, else one that neither plan uses; -1 when there is
 * none.  All its ports are to be given.
 */
static int source_add(struct plan *plan, const struct plan *old, const struct flow_ip *addr)
{
	int slot = source_find(plan, addr);

	if (slot >= 0)
		return slot;
	slot = source_find(old, addr);
	for (int i = 0; slot < 0 && i < FLOW_MAX_SOURCES; i++)
		if (!old->sources[i].flags && !plan->sources[i].flags)
			slot = i;
	if (slot >= 0)
		plan->sources[slot] = (struct flow_source){
			.addr = *addr,
			.first = FLOW_SOURCE_FIRST,
			.ports = LAST_PORT + 1 - FLOW_SOURCE_FIRST,
			.flags = SOURCE_USED,
		};
	return slot;
}

/*
 * Leaves a source that is a VIP only such ports as are no service's: the longest run of them.
 * There may be none.
 */
static void source_avoid(struct flow_source *source, const struct flow_port_table *ports)
{
	uint32_t run = 0;

	source->first = FLOW_SOURCE_FIRST;
	source->ports = 0;
	for (uint32_t port = FLOW_SOURCE_FIRST; port <= LAST_PORT; port++) {
		run = ports->service[port] ? 0 : run + 1;
		if (run <= source->ports)
			continue;
		source->ports = (uint16_t)run;
		source->first = (uint16_t)(port + 1 - run);
	}
	source->ports &= (uint16_t)~1u; /* two halves */
}

uint8_t plan_mode(const Conf__Array *array)
{
	switch (array->mode) {
	case CONF__ARRAY__MODE__DSR:
		return MODE_DSR;
	case CONF__ARRAY__MODE__SNAT:
		return MODE_SNAT;
	default:
		return MODE_NAT;
	}
}

/* The slot of a gateway or of an address of a pool, which arrays may share; -1: failed. */
static int add_source(struct making *make, const Conf__Array *array, uint8_t kind,
		      const struct flow_ip *addr)
{
	struct flow_role role = { .addr = *addr, .kind = kind };
	int slot = source_find(make->plan, addr);

	if (slot >= 0)
		return slot;
	slot = source_add(make->plan, make->old, addr);
	role.id = (uint16_t)slot;
	if (slot < 0)
		plan_fail(make, "too many gateways and addresses in pools", array->name);
	return slot >= 0 && plan_add_role(make, &role, array->name) ? slot : -1;
}

bool plan_add_gateway(struct making *make, const Conf__Array *array, enum flow_family family)
{
	struct flow_ip addr;

	return !conf_gateway(array, family, &addr) ||
	       add_source(make, array, ROLE_GATEWAY, &addr) >= 0;
}

/*
 * What stands for clients who are on link with their member, where there is no pool: the gateway,
 * else the VIP.  -1: nothing, because the VIP has no port left.
 */
static int own_source(const struct making *make, const Conf__Array *array, int table,
		      enum flow_family family)
{
	struct flow_source *source;
	struct flow_ip addr;
	int slot;

	if (conf_gateway(array, family, &addr))
		return source_find(make->plan, &addr);
	slot = source_add(make->plan, make->old, &make->plan->vip[table][family]);
	source = &make->plan->sources[slot < 0 ? 0 : slot];
	if (slot >= 0)
		source_avoid(source, &make->plan->ports[table]);
	return slot >= 0 && source->ports ? slot : -1;
}

/* The slots that an array's services may choose among; their number, or -1: failed. */
static int list_sources(struct making *make, const Conf__Array *array, int table,
			enum flow_family family, uint8_t slots[FLOW_SERVICE_SOURCES])
{
	struct flow_ip pool[CONF_POOL_MAX];
	size_t count = conf_pool(array, family, pool);

	for (size_t i = 0; i < count; i++) {
		int slot = add_source(make, array, ROLE_SOURCE, &pool[i]);

		if (slot < 0)
			return -1;
		slots[i] = (uint8_t)slot;
	}
	if (!count && plan_mode(array) == MODE_NAT &&
	    !flow_ip_is_none(&make->plan->vip[table][family])) {
		int slot = own_source(make, array, table, family);

		slots[0] = (uint8_t)slot;
		count = slot >= 0;
	}
	return (int)count;
}

/* After the services, whose ports a VIP does not give away. */
bool plan_add_sources(struct making *make, const Conf__Array *array, int table)
{
	for (enum flow_family f = FLOW_IPV4; f < FLOW_FAMILIES; f++) {
		uint8_t slots[FLOW_SERVICE_SOURCES] = { 0 };
		int count = list_sources(make, array, table, f, slots);

		if (count < 0)
			return false;
		for (int i = 0; i < FLOW_MAX_SERVICES; i++) {
			struct flow_service *service = &make->plan->services[i];

			if (make->plan->array_of_service[i] != array)
				continue;
			service->sources[f] = (uint8_t)count;
			memcpy(service->source[f], slots, sizeof(slots));
		}
	}
	return true;
}

static void keep_gone(struct plan *plan, const struct plan *old)
{
	for (int i = 0; i < FLOW_MAX_SOURCES; i++) {
		if (!old->sources[i].flags || !old->source_flows[i] || plan->sources[i].flags)
			continue;
		plan->sources[i] = old->sources[i];
		plan->sources[i].flags = SOURCE_USED | SOURCE_GONE;
	}
}

/* Sources of flows that go on; a VIP has its own part. */
void plan_keep_sources(struct making *make)
{
	keep_gone(make->plan, make->old);
	for (int i = 0; i < FLOW_MAX_SOURCES; i++) {
		struct flow_role role = { .addr = make->plan->sources[i].addr,
					  .id = (uint16_t)i,
					  .kind = ROLE_SOURCE };

		if (make->plan->sources[i].flags & SOURCE_GONE)
			plan_add_role(make, &role, "removed source");
	}
}
