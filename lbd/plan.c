// SPDX-License-Identifier: BSD-2-Clause
#include "lbd/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/addr.h"
#include "lbd/pool.h"

/* What plan_make() works with. */
struct making {
	const struct conf *conf;
	const struct plan *old;
	const uint64_t *flows;
	struct plan *plan;
	uint64_t now_ns;
	char *error;
};

struct plan *plan_new(void)
{
	return calloc(1, sizeof(struct plan));
}

void plan_free(struct plan *plan)
{
	free(plan);
}

uint32_t plan_ticks(uint64_t ms)
{
	uint64_t ticks;

	if (ms > UINT64_MAX / 2000000)
		return UINT32_MAX;
	ticks = (ms * 1000000 + (1u << FLOW_TICK_SHIFT) - 1) >> FLOW_TICK_SHIFT;
	return ticks > UINT32_MAX ? UINT32_MAX : (uint32_t)ticks;
}

int plan_pool(const struct plan *plan, uint32_t id)
{
	for (int i = 0; i < FLOW_MAX_POOLS; i++)
		if (plan->pools[i].flags & POOL_USED && plan->pools[i].id == id)
			return i;
	return -1;
}

int plan_member(const struct plan *plan, __be32 vip, __be32 addr)
{
	for (int i = 0; i < FLOW_MAX_MEMBERS; i++)
		if (plan->members[i].flags && plan->members[i].vip == vip &&
		    plan->members[i].addr == addr)
			return i;
	return -1;
}

int plan_vip(const struct plan *plan, __be32 vip)
{
	for (int i = 0; vip && i < FLOW_MAX_ARRAYS; i++)
		if (plan->vip[i] == vip)
			return i;
	return -1;
}

int plan_service(const struct plan *plan, __be32 vip, uint16_t port)
{
	int table = plan_vip(plan, vip);

	return table < 0 ? -1 : plan->ports[table].service[port] - 1;
}

static bool fail(struct making *make, const char *what, const char *name)
{
	snprintf(make->error, PLAN_ERROR_TEXT, "%s: %s", name ? name : "?", what);
	return false;
}

static bool add_role(struct making *make, const struct flow_role *role, const char *name)
{
	struct flow_role_table *table = &make->plan->roles;
	uint32_t at = flow_role_hash(role->addr);

	for (int i = 0; i < FLOW_ROLE_PROBES; i++, at = (at + 1) % FLOW_ROLE_SLOTS) {
		struct flow_role *slot = &table->slot[at];

		if (slot->kind != ROLE_FREE && slot->addr == role->addr)
			return fail(make, "this address already has another part", name);
		if (slot->kind != ROLE_FREE)
			continue;
		*slot = *role;
		return true;
	}
	return fail(make, "too many addresses for the table of roles", name);
}

/* A VIP keeps its port table; a new one takes a table that was not in use. */
static int place_vip(struct making *make, __be32 vip)
{
	int at = plan_vip(make->old, vip);

	for (int i = 0; at < 0 && i < FLOW_MAX_ARRAYS; i++)
		if (!make->old->vip[i] && !make->plan->vip[i])
			at = i;
	return at;
}

/* A slot that neither plan uses: an old flow or pin may still name the others. */
static int free_member(const struct making *make)
{
	for (int i = 0; i < FLOW_MAX_MEMBERS; i++)
		if (!make->old->members[i].flags && !make->plan->members[i].flags)
			return i;
	return -1;
}

static int free_pool(const struct making *make)
{
	for (int i = 0; i < FLOW_MAX_POOLS; i++)
		if (!make->old->pools[i].flags && !make->plan->pools[i].flags)
			return i;
	return -1;
}

static int free_service(const struct making *make)
{
	for (int i = 0; i < FLOW_MAX_SERVICES; i++)
		if (!make->old->services[i].flags && !make->plan->services[i].flags)
			return i;
	return -1;
}

static bool add_member(struct making *make, const Conf__Array *array, const Conf__Member *member,
		       int table)
{
	__be32 vip = make->plan->vip[table];
	struct flow_role role = { .kind = ROLE_MEMBER, .port_table = (uint16_t)table };
	int slot;

	if (!addr_parse4(&role.addr, member->address))
		return fail(make, "member without an IPv4 address", member->name);
	slot = plan_member(make->old, vip, role.addr);
	if (slot < 0)
		slot = free_member(make);
	if (slot < 0)
		return fail(make, "too many members", member->name);
	role.id = (uint16_t)slot;
	make->plan->members[slot] = (struct flow_member){ .addr = role.addr,
							  .vip = vip,
							  .flags = MEMBER_USED };
	make->plan->array_of_member[slot] = array;
	make->plan->member[slot] = member;
	return add_role(make, &role, member->name);
}

/* The pool a service belongs to, made when it is the first of its group. */
static int add_pool(struct making *make, const Conf__Array *array, const Conf__Service *service)
{
	uint32_t id = conf_pool_id(array, service),
		 linger = plan_ticks(service->affinity_timeout_ms);
	bool group = service->affinity_group && *service->affinity_group;
	int slot = plan_pool(make->plan, id), before = plan_pool(make->old, id);
	struct flow_pool *pool;

	if (slot < 0) {
		slot = before >= 0 ? before : free_pool(make);
		if (slot < 0)
			return -1;
		pool = &make->plan->pools[slot];
		if (before >= 0)
			*pool = make->old->pools[slot];
		pool->id = id;
		pool->flags = (uint8_t)(POOL_USED | (group ? POOL_AFFINITY : 0));
		pool->linger_ticks = 0;
		make->plan->array_of_pool[slot] = array;
		make->plan->name_of_pool[slot] = group ? service->affinity_group : service->name;
	}
	pool = &make->plan->pools[slot];
	if (group && linger > pool->linger_ticks) /* the longest of the group's services */
		pool->linger_ticks = linger;
	return slot;
}

/* The slot that the service's first port had before, unless another service has taken it. */
static int place_service(const struct making *make, const Conf__Service *service, __be32 vip)
{
	int slot = -1;

	if (service->n_ports)
		slot = plan_service(make->old, vip, (uint16_t)service->ports[0]->first);
	return slot >= 0 && !make->plan->services[slot].flags ? slot : free_service(make);
}

static bool add_service(struct making *make, const Conf__Array *array, const Conf__Service *service,
			int table)
{
	int pool = add_pool(make, array, service), slot;
	struct flow_port_table *ports = &make->plan->ports[table];

	if (pool < 0)
		return fail(make, "too many affinity groups and services without one",
			    service->name);
	slot = place_service(make, service, make->plan->vip[table]);
	if (slot < 0)
		return fail(make, "too many services", service->name);
	make->plan->services[slot] = (struct flow_service){
		.vip = make->plan->vip[table],
		.pool = (uint16_t)pool,
		.flags = SERVICE_USED,
		.idle_ticks = plan_ticks(service->idle_timeout_ms),
	};
	make->plan->array_of_service[slot] = array;
	make->plan->service[slot] = service;
	for (size_t i = 0; i < service->n_ports; i++)
		for (uint32_t p = service->ports[i]->first;
		     p <= service->ports[i]->last && p <= UINT16_MAX; p++)
			ports->service[p] = (uint16_t)(slot + 1);
	return true;
}

static bool add_gateway(struct making *make, const Conf__Array *array)
{
	struct flow_role role = { .kind = ROLE_GATEWAY };

	if (!array->gateway)
		return true;
	if (!addr_parse4(&role.addr, array->gateway))
		return fail(make, "gateway is no IPv4 address", array->name);
	for (int i = 0; i < FLOW_ROLE_SLOTS; i++) /* several arrays may share one */
		if (make->plan->roles.slot[i].kind == ROLE_GATEWAY &&
		    make->plan->roles.slot[i].addr == role.addr)
			return true;
	return add_role(make, &role, array->name);
}

static bool add_array(struct making *make, const Conf__Array *array)
{
	struct flow_role role = { .kind = ROLE_VIP };
	int table;

	if (!addr_parse4(&role.addr, array->vip))
		return fail(make, "VIP is no IPv4 address", array->name);
	table = place_vip(make, role.addr);
	if (table < 0)
		return fail(make, "too many VIPs", array->name);
	make->plan->vip[table] = role.addr;
	role.id = role.port_table = (uint16_t)table;
	if (!add_role(make, &role, array->name) || !add_gateway(make, array))
		return false;
	for (size_t i = 0; i < array->n_member; i++)
		if (!add_member(make, array, array->member[i], table))
			return false;
	for (size_t i = 0; i < array->n_service; i++)
		if (!add_service(make, array, array->service[i], table))
			return false;
	return true;
}

/* Members that are no longer configured but still have flows: their packets go on both ways. */
static bool keep_gone(struct making *make)
{
	for (int i = 0; i < FLOW_MAX_MEMBERS; i++) {
		const struct flow_member *old = &make->old->members[i];
		struct flow_role role = { .addr = old->addr,
					  .kind = ROLE_MEMBER,
					  .id = (uint16_t)i };
		int table = plan_vip(make->plan, old->vip);

		if (!old->flags || !make->flows[i] || make->plan->members[i].flags)
			continue;
		make->plan->members[i] = *old;
		make->plan->members[i].flags = MEMBER_USED | MEMBER_GONE;
		role.port_table = (uint16_t)table;
		/* An address that has found another part meanwhile keeps the new one. */
		if (table >= 0)
			add_role(make, &role, "removed member");
	}
	make->error[0] = '\0';
	return true;
}

/* Verdicts are carried over; a new member of a living pool proves itself first. */
static void carry_standing(struct making *make, unsigned int pool, unsigned int member)
{
	const struct plan *old = make->old;
	const Conf__Member *member_conf = make->plan->member[member];
	uint32_t full = member_conf->weight * FLOW_WEIGHT;
	int before = plan_pool(old, make->plan->pools[pool].id);
	struct standing *now = &make->plan->standing[pool][member];

	*now = (struct standing){ .up = before < 0,
				  .since_ns = make->now_ns,
				  .raised_ns = make->now_ns };
	if (before >= 0 && old->members[member].flags & MEMBER_USED &&
	    !(old->members[member].flags & MEMBER_GONE))
		*now = old->standing[before][member];
	if (!now->weight || now->weight > full || !member_conf->slow_start_ms)
		now->weight = full;
}

static void carry_standings(struct making *make)
{
	for (unsigned int p = 0; p < FLOW_MAX_POOLS; p++)
		for (unsigned int m = 0; m < FLOW_MAX_MEMBERS; m++)
			if (pool_has(make->plan, p, m))
				carry_standing(make, p, m);
}

struct plan *plan_make(const struct conf *conf, const struct plan *old,
		       const uint64_t flows[FLOW_MAX_MEMBERS], uint64_t now_ns,
		       char error[PLAN_ERROR_TEXT])
{
	struct making make = {
		.conf = conf, .old = old, .flows = flows, .now_ns = now_ns, .error = error
	};
	bool ok = true;

	error[0] = '\0';
	make.plan = plan_new();
	if (!make.plan) {
		fail(&make, "out of memory", "configuration");
		return NULL;
	}
	for (size_t i = 0; ok && i < conf->file->n_array; i++)
		ok = add_array(&make, conf->file->array[i]);
	if (!ok || !keep_gone(&make)) {
		plan_free(make.plan);
		return NULL;
	}
	carry_standings(&make);
	return make.plan;
}

void plan_adopt(struct plan *plan, uint64_t now_ns)
{
	for (int i = 0; i < FLOW_ROLE_SLOTS; i++) {
		const struct flow_role *role = &plan->roles.slot[i];

		if (role->kind == ROLE_VIP && role->port_table < FLOW_MAX_ARRAYS)
			plan->vip[role->port_table] = role->addr;
	}
	for (unsigned int p = 0; p < FLOW_MAX_POOLS; p++)
		for (unsigned int m = 0; m < FLOW_MAX_MEMBERS; m++)
			plan->standing[p][m] = (struct standing){
				.up = pool_bit(&plan->pools[p], m),
				.since_ns = now_ns,
			};
}
