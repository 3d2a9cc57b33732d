// SPDX-License-Identifier: BSD-2-Clause
#include "lbd/tables.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "lbd/dataplane.h"
#include "lbd/pool.h"

static int get(const struct dataplane *plane, enum dataplane_map map, uint32_t key, void *value)
{
	return bpf_map_lookup_elem(plane->map[map], &key, value) ? -errno : 0;
}

static int put(const struct dataplane *plane, enum dataplane_map map, uint32_t key,
	       const void *value)
{
	return bpf_map_update_elem(plane->map[map], &key, value, BPF_ANY) ? -errno : 0;
}

int tables_read(const struct dataplane *plane, struct plan *plan)
{
	struct flow_control control;
	int error = get(plane, MAP_CONTROL, 0, &control);

	if (!error)
		error = get(plane, MAP_ROLES, control.roles_active & 1, &plan->roles);
	for (uint32_t i = 0; !error && i < FLOW_MAX_ARRAYS; i++)
		error = get(plane, MAP_PORTS, i, &plan->ports[i]);
	for (uint32_t i = 0; !error && i < FLOW_MAX_SERVICES; i++)
		error = get(plane, MAP_SERVICES, i, &plan->services[i]);
	for (uint32_t i = 0; !error && i < FLOW_MAX_POOLS; i++)
		error = get(plane, MAP_POOLS, i, &plan->pools[i]);
	for (uint32_t i = 0; !error && i < FLOW_MAX_MEMBERS; i++)
		error = get(plane, MAP_MEMBERS, i, &plan->members[i]);
	for (uint32_t i = 0; !error && i < FLOW_MAX_SOURCES; i++)
		error = get(plane, MAP_SOURCES, i, &plan->sources[i]);
	return error;
}

static void note_tables(const struct plan *plan, const struct plan *but, bool used[FLOW_TABLES])
{
	for (uint32_t i = 0; i < FLOW_MAX_POOLS; i++) {
		if (!plan->pools[i].flags || (but && but->pools[i].flags))
			continue;
		used[plan->pools[i].table % FLOW_TABLES] = true;
		used[plan->pools[i].base % FLOW_TABLES] = true;
	}
}

/*
 * A table that no pool refers to: there is one, for a pool has two at most.  Pools that both plans
 * have are in `plan` as they stand in the map; those of `old` alone still are what they were.
 */
static uint8_t idle_table(const struct plan *plan, const struct plan *old)
{
	bool used[FLOW_TABLES] = { false };
	uint8_t idle = 0;

	note_tables(plan, NULL, used);
	note_tables(old, plan, used);
	while (idle < FLOW_TABLES - 1 && used[idle])
		idle++;
	return idle;
}

/* Writes a pool's table, of new clients or the base, to where nobody looks: which it is. */
static int write_table(struct dataplane *plane, const struct plan *old, struct plan *plan,
		       unsigned int pool, bool base)
{
	struct flow_maglev *table = malloc(sizeof(*table));
	uint8_t idle = idle_table(plan, old);
	int error;

	if (!table)
		return -ENOMEM;
	if (base)
		pool_base(plan, pool, table);
	else
		pool_table(plan, pool, table);
	error = put(plane, MAP_MAGLEV, idle, table);
	free(table);
	return error ? error : idle;
}

static int put_pool(struct dataplane *plane, struct plan *plan, unsigned int pool)
{
	plan->pools[pool].generation++;
	return put(plane, MAP_POOLS, pool, &plan->pools[pool]);
}

static int publish(struct dataplane *plane, const struct plan *old, struct plan *plan,
		   unsigned int pool)
{
	struct flow_pool before = plan->pools[pool];
	int table = write_table(plane, old, plan, pool, false), error = table;

	if (table >= 0) {
		plan->pools[pool].table = (uint8_t)table;
		error = put_pool(plane, plan, pool);
	}
	if (error)
		plan->pools[pool] = before;
	return error;
}

int tables_publish(struct dataplane *plane, struct plan *plan, unsigned int pool)
{
	return publish(plane, plan, plan, pool);
}

static int settle(struct dataplane *plane, const struct plan *old, struct plan *plan,
		  unsigned int pool)
{
	struct flow_pool before = plan->pools[pool];
	int table = write_table(plane, old, plan, pool, true), error = table;

	if (table >= 0) {
		plan->pools[pool].base = (uint8_t)table;
		if (pool_settled(plan, pool)) {
			plan->pools[pool].table = (uint8_t)table;
			memcpy(plan->pools[pool].up, plan->base_up[pool], sizeof(before.up));
		}
		error = put_pool(plane, plan, pool);
	}
	if (error)
		plan->pools[pool] = before;
	return error;
}

/* Whether a pool's base, as it lies in the map, is what its table is to be; or negative errno. */
static int is_base(const struct dataplane *plane, struct plan *plan, unsigned int pool)
{
	struct flow_maglev *table = malloc(2 * sizeof(*table));
	int result;

	if (!table)
		return -ENOMEM;
	result = get(plane, MAP_MAGLEV, plan->pools[pool].base, &table[1]);
	if (!result) {
		pool_table(plan, pool, &table[0]);
		result = !memcmp(table[0].member, table[1].member,
				 FLOW_MAGLEV_SIZE * sizeof(*table[0].member));
	}
	free(table);
	return result;
}

/*
 * A pool that was there goes on with its base, whatever its members are now: the other node derives
 * by that until it is told of another (generation.h), and so does this one for a session of which
 * it has no record yet.
 */
static int install_pool(struct dataplane *plane, const struct plan *old, struct plan *plan,
			unsigned int pool)
{
	int same = old->pools[pool].flags ? is_base(plane, plan, pool) : 1;

	if (same < 0)
		return same;
	if (same)
		return settle(plane, old, plan, pool);
	plan->base_kept |= (uint64_t)1 << pool;
	return publish(plane, old, plan, pool);
}

int tables_settle(struct dataplane *plane, struct plan *plan, unsigned int pool)
{
	return settle(plane, plan, plan, pool);
}

int tables_ports(struct dataplane *plane, const struct plan *plan, unsigned int array)
{
	return put(plane, MAP_PORTS, array, &plan->ports[array]);
}

static bool same_addresses(const struct flow_member *one, const struct flow_member *other)
{
	return flow_ip_equal(&one->addr[FLOW_IPV4], &other->addr[FLOW_IPV4]) &&
	       flow_ip_equal(&one->addr[FLOW_IPV6], &other->addr[FLOW_IPV6]);
}

/*
 * Writes a slot in which `before` was.  The ways to a slot's addresses are forgotten after them: a
 * packet that comes in between looks for the new ones, or goes once more where the old ones were.
 */
static int put_member(const struct dataplane *plane, uint32_t slot,
		      const struct flow_member *before, const struct flow_member *member)
{
	const struct flow_hop none = { 0 };
	int error = put(plane, MAP_MEMBERS, slot, member);

	if (same_addresses(before, member))
		return error;
	for (uint32_t f = FLOW_IPV4; !error && f < FLOW_FAMILIES; f++)
		error = put(plane, MAP_HOPS, 2 * slot + f, &none);
	for (uint32_t f = FLOW_IPV4; !error && f < FLOW_FAMILIES; f++)
		error = put(plane, MAP_HOPS, FLOW_HOPS_DIRECT + 2 * slot + f, &none);
	return error;
}

/* Everything that nothing refers to yet, or that says more than before. */
static int write_new(struct dataplane *plane, const struct plan *old, struct plan *plan)
{
	int error = 0;

	for (uint32_t i = 0; !error && i < FLOW_MAX_MEMBERS; i++)
		if (plan->members[i].flags)
			error = put_member(plane, i, &old->members[i], &plan->members[i]);
	for (uint32_t i = 0; !error && i < FLOW_MAX_SOURCES; i++)
		if (plan->sources[i].flags)
			error = put(plane, MAP_SOURCES, i, &plan->sources[i]);
	for (uint32_t i = 0; !error && i < FLOW_MAX_POOLS; i++)
		if (plan->pools[i].flags)
			error = install_pool(plane, old, plan, i);
	for (uint32_t i = 0; !error && i < FLOW_MAX_SERVICES; i++)
		if (plan->services[i].flags)
			error = put(plane, MAP_SERVICES, i, &plan->services[i]);
	for (uint32_t i = 0; !error && i < FLOW_MAX_ARRAYS; i++)
		if (plan_has_array(plan, i))
			error = put(plane, MAP_PORTS, i, &plan->ports[i]);
	return error;
}

/* Slots that `old` used and `plan` does not; both are then zero in `plan`. */
static int clear_old(struct dataplane *plane, const struct plan *old, const struct plan *plan)
{
	int error = 0;

	for (uint32_t i = 0; !error && i < FLOW_MAX_ARRAYS; i++)
		if (plan_has_array(old, i) && !plan_has_array(plan, i))
			error = put(plane, MAP_PORTS, i, &plan->ports[i]);
	for (uint32_t i = 0; !error && i < FLOW_MAX_SERVICES; i++)
		if (old->services[i].flags && !plan->services[i].flags)
			error = put(plane, MAP_SERVICES, i, &plan->services[i]);
	for (uint32_t i = 0; !error && i < FLOW_MAX_POOLS; i++)
		if (old->pools[i].flags && !plan->pools[i].flags)
			error = put(plane, MAP_POOLS, i, &plan->pools[i]);
	for (uint32_t i = 0; !error && i < FLOW_MAX_MEMBERS; i++)
		if (old->members[i].flags && !plan->members[i].flags)
			error = put_member(plane, i, &old->members[i], &plan->members[i]);
	for (uint32_t i = 0; !error && i < FLOW_MAX_SOURCES; i++)
		if (old->sources[i].flags && !plan->sources[i].flags)
			error = put(plane, MAP_SOURCES, i, &plan->sources[i]);
	return error;
}

int tables_install(struct dataplane *plane, const struct plan *old, struct plan *plan,
		   uint64_t seed)
{
	struct flow_control control;
	int error = get(plane, MAP_CONTROL, 0, &control);

	if (!error)
		error = write_new(plane, old, plan);
	if (!error)
		error = put(plane, MAP_ROLES, !(control.roles_active & 1), &plan->roles);
	if (error)
		return error;
	/* One write of 24 bytes makes it count; `layout` also says that the tables are complete. */
	control.roles_active = !(control.roles_active & 1);
	control.layout = FLOW_LAYOUT;
	control.node = (uint16_t)plane->node;
	control.seed = seed;
	control.generation++;
	error = put(plane, MAP_CONTROL, 0, &control);
	return error ? error : clear_old(plane, old, plan);
}

int tables_outdate_hops(struct dataplane *plane)
{
	struct flow_control control;
	int error = get(plane, MAP_CONTROL, 0, &control);

	control.routes++;
	return error ? error : put(plane, MAP_CONTROL, 0, &control);
}

unsigned int tables_release_gone(struct dataplane *plane, struct plan *plan)
{
	uint64_t flows[FLOW_MAX_MEMBERS];
	unsigned int released = 0;

	for (unsigned int i = 0; i < FLOW_MAX_MEMBERS; i++)
		if (plan->members[i].flags & MEMBER_GONE)
			released++;
	if (!released)
		return 0;
	released = 0;
	dataplane_member_flows(plane, flows);
	for (unsigned int i = 0; i < FLOW_MAX_MEMBERS; i++) {
		struct flow_member *member = &plan->members[i], was = *member;

		if (!(member->flags & MEMBER_GONE) || flows[i])
			continue;
		memset(member, 0, sizeof(*member));
		if (put_member(plane, i, &was, member))
			*member = was;
		else
			released++;
	}
	return released;
}
