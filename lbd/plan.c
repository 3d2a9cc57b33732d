// SPDX-License-Identifier: BSD-2-Clause
#include "lbd/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lbd/plan_making.h"
#include "lbd/pool.h"
#include "proto/addr.h"

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

int plan_member(const struct plan *plan, const struct flow_ip *vip, const struct flow_ip *addr)
{
	enum flow_family family = flow_ip_family(addr);

	if (flow_ip_is_none(vip) || flow_ip_is_none(addr))
		return -1;
	for (int i = 0; i < FLOW_MAX_MEMBERS; i++) {
		const struct flow_member *member = &plan->members[i];

		if (member->flags && flow_ip_equal(&member->vip[family], vip) &&
		    flow_ip_equal(&member->addr[family], addr))
			return i;
	}
	return -1;
}

int plan_vip(const struct plan *plan, const struct flow_ip *vip)
{
	enum flow_family family = flow_ip_family(vip);

	for (int i = 0; !flow_ip_is_none(vip) && i < FLOW_MAX_ARRAYS; i++)
		if (flow_ip_equal(&plan->vip[i][family], vip))
			return i;
	return -1;
}

int plan_array(const struct plan *plan, const Conf__Array *array)
{
	struct flow_ip vip;
	int number = -1;

	for (enum flow_family f = FLOW_IPV4; number < 0 && f < FLOW_FAMILIES; f++)
		if (conf_vip(array, f, &vip))
			number = plan_vip(plan, &vip);
	return number;
}

int plan_service(const struct plan *plan, const struct flow_ip *vip, uint16_t port)
{
	int table = plan_vip(plan, vip);

	return table < 0 ? -1 : (plan->ports[table].service[port] & ~FLOW_PORT_CLOSED) - 1;
}

bool plan_fail(struct making *make, const char *what, const char *name)
{
	snprintf(make->error, PLAN_ERROR_TEXT, "%s: %s", name ? name : "?", what);
	return false;
}

bool plan_add_role(struct making *make, const struct flow_role *role, const char *name)
{
	struct flow_role_table *table = &make->plan->roles;
	uint32_t at = flow_role_hash(&role->addr);

	for (int i = 0; i < FLOW_ROLE_PROBES; i++, at = (at + 1) % FLOW_ROLE_SLOTS) {
		struct flow_role *slot = &table->slot[at];

		if (slot->kind != ROLE_FREE && flow_ip_equal(&slot->addr, &role->addr))
			return plan_fail(make, "this address already has another part", name);
		if (slot->kind != ROLE_FREE)
			continue;
		*slot = *role;
		return true;
	}
	return plan_fail(make, "too many addresses for the table of roles", name);
}

/* An array keeps the port table of its VIP; a new one takes a table that was not in use. */
static int place_array(const struct making *make, const struct flow_ip vip[FLOW_FAMILIES])
{
	for (enum flow_family f = FLOW_IPV4; f < FLOW_FAMILIES; f++) {
		int at = plan_vip(make->old, &vip[f]);

		if (at >= 0 && !plan_has_array(make->plan, (unsigned int)at))
			return at;
	}
	for (unsigned int i = 0; i < FLOW_MAX_ARRAYS; i++)
		if (!plan_has_array(make->old, i) && !plan_has_array(make->plan, i))
			return (int)i;
	return -1;
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

/*
 * The slot a member had before.  Its IPv6 address decides only where one of the two has no IPv4
 * address, so that no slot moves when an address is added.
 */
static int place_member(const struct making *make, const struct flow_member *member)
{
	int slot = plan_member(make->old, &member->vip[FLOW_IPV4], &member->addr[FLOW_IPV4]);

	if (slot < 0) {
		slot = plan_member(make->old, &member->vip[FLOW_IPV6], &member->addr[FLOW_IPV6]);
		if (slot >= 0 && !flow_ip_is_none(&member->addr[FLOW_IPV4]) &&
		    !flow_ip_is_none(&make->old->members[slot].addr[FLOW_IPV4]))
			slot = -1;
	}
	/* Both may have claimed it where one array has become two, one of each family. */
	return slot >= 0 && !make->plan->members[slot].flags ? slot : free_member(make);
}

/* An address takes no part where its array has no VIP of its family. */
static bool read_member(struct making *make, const Conf__Member *conf, struct flow_member *member)
{
	for (enum flow_family f = FLOW_IPV4; f < FLOW_FAMILIES; f++)
		if (!flow_ip_is_none(&member->vip[f]) && !conf_address(conf, f, &member->addr[f]))
			return plan_fail(make,
					 "member without an address of each family of its array",
					 conf->name);
	return true;
}

static bool add_member(struct making *make, const Conf__Array *array, const Conf__Member *conf,
		       int table)
{
	struct flow_role role = { .kind = ROLE_MEMBER, .port_table = (uint16_t)table };
	struct flow_member member = { .flags = MEMBER_USED };
	bool ok = true;
	int slot;

	memcpy(member.vip, make->plan->vip[table], sizeof(member.vip));
	if (!read_member(make, conf, &member))
		return false;
	slot = place_member(make, &member);
	if (slot < 0)
		return plan_fail(make, "too many members", conf->name);
	role.id = (uint16_t)slot;
	make->plan->members[slot] = member;
	make->plan->array_of_member[slot] = array;
	make->plan->member[slot] = conf;
	for (enum flow_family f = FLOW_IPV4; ok && f < FLOW_FAMILIES; f++) {
		role.addr = member.addr[f];
		ok = flow_ip_is_none(&role.addr) || plan_add_role(make, &role, conf->name);
	}
	return ok;
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
		if (before >= 0) {
			*pool = make->old->pools[slot];
			memcpy(make->plan->base_up[slot], pool->up, sizeof(pool->up));
		}
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
static int place_service(const struct making *make, const Conf__Service *service, int table)
{
	int slot = -1;

	for (enum flow_family f = FLOW_IPV4; slot < 0 && service->n_ports && f < FLOW_FAMILIES; f++)
		slot = plan_service(make->old, &make->plan->vip[table][f],
				    (uint16_t)service->ports[0]->first);
	return slot >= 0 && !make->plan->services[slot].flags ? slot : free_service(make);
}

/* No node can derive the source of a flow in mode snat: at least the standby is waited for. */
static uint8_t strict_flags(const Conf__Array *array, const Conf__Service *service)
{
	if (service->replicate == CONF__SERVICE__REPLICATE__HOW__REQUIRE)
		return SERVICE_STRICT | SERVICE_REQUIRE;
	if (service->replicate == CONF__SERVICE__REPLICATE__HOW__PREFER ||
	    plan_mode(array) == MODE_SNAT)
		return SERVICE_STRICT;
	return 0;
}

static uint8_t service_flags(const Conf__Array *array, const Conf__Service *service)
{
	uint8_t flags = SERVICE_USED | strict_flags(array, service);

	if (service->unknown == CONF__SERVICE__STRAY__WAY__RESET)
		flags |= SERVICE_UNKNOWN_RESET;
	if (service->unknown == CONF__SERVICE__STRAY__WAY__DROP)
		flags |= SERVICE_UNKNOWN_DROP;
	if (service->inspect == CONF__SERVICE__INSPECT__WHAT__RPC)
		flags |= SERVICE_INSPECT;
	if (service->require_encryption)
		flags |= SERVICE_ENCRYPTED;
	return flags;
}

static bool add_service(struct making *make, const Conf__Array *array, const Conf__Service *service,
			int table)
{
	int pool = add_pool(make, array, service), slot;
	struct flow_port_table *ports = &make->plan->ports[table];

	if (pool < 0)
		return plan_fail(make, "too many affinity groups and services without one",
				 service->name);
	slot = place_service(make, service, table);
	if (slot < 0)
		return plan_fail(make, "too many services", service->name);
	make->plan->services[slot] = (struct flow_service){
		.pool = (uint16_t)pool,
		.flags = service_flags(array, service),
		.mode = plan_mode(array),
		.idle_ticks = plan_ticks(service->idle_timeout_ms),
		.source_flows = service->max_flows_per_source,
		.source_rate = service->max_new_per_source,
		.number = (uint32_t)slot,
	};
	memcpy(make->plan->services[slot].vip, make->plan->vip[table],
	       sizeof(make->plan->vip[table]));
	make->plan->array_of_service[slot] = array;
	make->plan->service[slot] = service;
	for (size_t i = 0; i < service->n_ports; i++)
		for (uint32_t p = service->ports[i]->first;
		     p <= service->ports[i]->last && p <= UINT16_MAX; p++)
			ports->service[p] = (uint16_t)(slot + 1);
	return true;
}

static bool add_vips(struct making *make, const Conf__Array *array, int table)
{
	struct flow_role role = { .kind = ROLE_VIP,
				  .id = (uint16_t)table,
				  .port_table = (uint16_t)table };
	bool ok = true;

	for (enum flow_family f = FLOW_IPV4; ok && f < FLOW_FAMILIES; f++) {
		role.addr = make->plan->vip[table][f];
		if (!flow_ip_is_none(&role.addr))
			ok = plan_add_role(make, &role, array->name);
		if (ok)
			ok = plan_add_gateway(make, array, f);
	}
	return ok;
}

/* vrrpd adds it to the VIPs: hosts may have it as their router. */
static bool add_virtual_router(struct making *make)
{
	const struct addr addr = addr_virtual_router((uint8_t)make->conf->file->vrrp->vrid);
	const struct flow_role role = { .kind = ROLE_GATEWAY, .addr = addr_to_flow(&addr) };

	for (int i = 0; i < FLOW_MAX_ARRAYS; i++)
		if (!flow_ip_is_none(&make->plan->vip[i][FLOW_IPV6]))
			return plan_add_role(make, &role, "virtual router");
	return true;
}

static bool add_array(struct making *make, const Conf__Array *array)
{
	struct flow_ip vip[FLOW_FAMILIES];
	bool four = conf_vip(array, FLOW_IPV4, &vip[FLOW_IPV4]);
	bool six = conf_vip(array, FLOW_IPV6, &vip[FLOW_IPV6]);
	int table;

	if (!four && !six)
		return plan_fail(make, "array without a VIP", array->name);
	table = place_array(make, vip);
	if (table < 0)
		return plan_fail(make, "too many arrays", array->name);
	memcpy(make->plan->vip[table], vip, sizeof(vip));
	if (!add_vips(make, array, table))
		return false;
	for (size_t i = 0; i < array->n_member; i++)
		if (!add_member(make, array, array->member[i], table))
			return false;
	for (size_t i = 0; i < array->n_service; i++)
		if (!add_service(make, array, array->service[i], table))
			return false;
	return plan_add_sources(make, array, table);
}

/* The port table of a member's array, -1: it has none any more. */
static int table_of(const struct plan *plan, const struct flow_member *member)
{
	int table = plan_vip(plan, &member->vip[FLOW_IPV4]);

	return table >= 0 ? table : plan_vip(plan, &member->vip[FLOW_IPV6]);
}

/* An address that has found another part meanwhile keeps the new one. */
static void keep_roles(struct making *make, int slot)
{
	const struct flow_member *member = &make->plan->members[slot];
	struct flow_role role = { .kind = ROLE_MEMBER, .id = (uint16_t)slot };
	int table = table_of(make->plan, member);

	role.port_table = (uint16_t)table;
	for (enum flow_family f = FLOW_IPV4; table >= 0 && f < FLOW_FAMILIES; f++) {
		role.addr = member->addr[f];
		if (!flow_ip_is_none(&role.addr))
			plan_add_role(make, &role, "removed member");
	}
}

/* Members that are no longer configured but still have flows: their packets go on both ways. */
static void keep_gone(struct making *make)
{
	plan_keep_sources(make);
	for (int i = 0; i < FLOW_MAX_MEMBERS; i++) {
		const struct flow_member *old = &make->old->members[i];

		if (!old->flags || !make->flows[i] || make->plan->members[i].flags)
			continue;
		make->plan->members[i] = *old;
		make->plan->members[i].flags = MEMBER_USED | MEMBER_GONE;
		keep_roles(make, i);
	}
	make->error[0] = '\0';
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
	/* What the base was made of counts for nothing here: tables_install() looks at it. */
	now->base_up = now->next_base_up = now->up;
	now->base_weight = now->next_base_weight = now->weight;
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
		plan_fail(&make, "out of memory", "configuration");
		return NULL;
	}
	for (size_t i = 0; ok && i < conf->file->n_array; i++)
		ok = add_array(&make, conf->file->array[i]);
	if (!ok || !add_virtual_router(&make)) {
		plan_free(make.plan);
		return NULL;
	}
	keep_gone(&make);
	carry_standings(&make);
	return make.plan;
}

void plan_adopt(struct plan *plan, uint64_t now_ns)
{
	for (int i = 0; i < FLOW_ROLE_SLOTS; i++) {
		const struct flow_role *role = &plan->roles.slot[i];

		if (role->kind == ROLE_VIP && role->port_table < FLOW_MAX_ARRAYS)
			plan->vip[role->port_table][flow_ip_family(&role->addr)] = role->addr;
	}
	for (unsigned int p = 0; p < FLOW_MAX_POOLS; p++)
		for (unsigned int m = 0; m < FLOW_MAX_MEMBERS; m++)
			plan->standing[p][m] = (struct standing){
				.up = pool_bit(&plan->pools[p], m),
				.since_ns = now_ns,
			};
}
