/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a configuration to the tables of the data plane, and from one configuration to the next.
 * Pure.  Whatever still means the same keeps its number: an array its port table (by a VIP), a
 * service its slot (by its first port), a pool its slot (by id), a member its slot (by VIP and
 * address; of the two families' IPv4 decides), a source its slot (by address).  So a change or a
 * restart moves no flow, and a table may be written while packets read it.
 */
#ifndef CASPAIR_PLAN_H
#define CASPAIR_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/conf.h"
#include "proto/flow_ip.h"
#include "proto/flow_limits.h"
#include "proto/flow_tables.h"

enum { PLAN_ERROR_TEXT = 160 };

/* A member's standing in one pool: the verdict in force, whoever gave it. */
struct standing {
	bool up;
	bool judged;     /* by a probe or by the active; else assumed */
	uint32_t weight; /* in force; FLOW_WEIGHT is a configured 1 */
	bool base_up;    /* the same two in the base, see struct flow_pool */
	uint32_t base_weight;
	bool next_base_up; /* and in the base to come, as far as a follower was told */
	uint32_t next_base_weight;
	uint64_t since_ns;
	uint64_t raised_ns; /* when the slow start was just where `weight` is */
};

/* What an operator wants of a member, as far as it goes into the tables by now. */
enum plan_duty {
	PLAN_SERVES = 0,
	PLAN_RESTS, /* weight 0: its clients stay, no new ones come */
	PLAN_AWAY,  /* as if it was down, whatever its checks show */
};

/* One generation of all configuration tables.  Large: allocate it with plan_new(). */
struct plan {
	struct flow_role_table roles;
	struct flow_service services[FLOW_MAX_SERVICES];
	struct flow_pool pools[FLOW_MAX_POOLS];
	struct flow_member members[FLOW_MAX_MEMBERS];
	struct flow_source sources[FLOW_MAX_SOURCES];
	struct flow_port_table ports[FLOW_MAX_ARRAYS];
	/* By port table; none of either family: not in use. */
	struct flow_ip vip[FLOW_MAX_ARRAYS][FLOW_FAMILIES];

	/* What the tables have no room for; borrowed from the configuration, NULL when not in use.
	 */
	const Conf__Array *array_of_pool[FLOW_MAX_POOLS];
	const char *name_of_pool[FLOW_MAX_POOLS]; /* affinity group, or the service without one */
	const Conf__Array *array_of_service[FLOW_MAX_SERVICES];
	const Conf__Service *service[FLOW_MAX_SERVICES];
	const Conf__Array *array_of_member[FLOW_MAX_MEMBERS];
	const Conf__Member *member[FLOW_MAX_MEMBERS];

	struct standing standing[FLOW_MAX_POOLS][FLOW_MAX_MEMBERS];
	/* Members of the base where they are known; flow_pool.up are those of the table for new clients. */
	__u64 base_up[FLOW_MAX_POOLS][FLOW_MEMBER_WORDS];
	enum plan_duty duty[FLOW_MAX_MEMBERS];
	/*
	 * Pools whose base is a table of an earlier plan, or of an lbd that has gone: there are no
	 * standings that it could be told or derived by.  Bit = slot.
	 */
	uint64_t base_kept;

	/* Of a plan that is followed by another: as `flows` of plan_make(), for the sources. */
	uint64_t source_flows[FLOW_MAX_SOURCES];
};

/* An empty plan, to be filled from pinned maps; NULL when out of memory. */
struct plan *plan_new(void);
void plan_free(struct plan *plan);

/*
 * After the tables of a plan were read from maps: sets `vip` and the standings from them, so that
 * the plan can be the `old` of the next.
 */
void plan_adopt(struct plan *plan, uint64_t now_ns);

/*
 * The plan of a configuration that follows `old` (an empty plan at first).  `flows` says how many
 * flows each old member slot still has: a member that is no longer configured stays as MEMBER_GONE
 * while it has any.  The result borrows from `conf`.  NULL, with `error` filled, when the
 * configuration does not fit into the tables.
 */
struct plan *plan_make(const struct conf *conf, const struct plan *old,
		       const uint64_t flows[FLOW_MAX_MEMBERS], uint64_t now_ns,
		       char error[PLAN_ERROR_TEXT]);

/* Slots by identity; -1 when there is none.  A VIP and an address are of one family. */
int plan_pool(const struct plan *plan, uint32_t id);
int plan_member(const struct plan *plan, const struct flow_ip *vip, const struct flow_ip *addr);
int plan_vip(const struct plan *plan, const struct flow_ip *vip); /* port table */
int plan_array(const struct plan *plan, const Conf__Array *array); /* port table */
int plan_service(const struct plan *plan, const struct flow_ip *vip, uint16_t port);

/* Whether a port table belongs to an array. */
static inline bool plan_has_array(const struct plan *plan, unsigned int table)
{
	return !flow_ip_is_none(&plan->vip[table][FLOW_IPV4]) ||
	       !flow_ip_is_none(&plan->vip[table][FLOW_IPV6]);
}

/* What goes by the name of a member that has two addresses: its first. */
static inline const struct flow_ip *plan_first(const struct flow_ip addr[FLOW_FAMILIES])
{
	return &addr[flow_ip_is_none(&addr[FLOW_IPV4]) ? FLOW_IPV6 : FLOW_IPV4];
}

/* Milliseconds to ticks, rounded up. */
uint32_t plan_ticks(uint64_t ms);

#endif
