/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Questions to the configuration tables. */
#ifndef CASPAIR_CONFIG_BPF_H
#define CASPAIR_CONFIG_BPF_H

#include <bpf/bpf_endian.h>

#include "lbd/bpf/maps.bpf.h"

static __always_inline const struct flow_control *control_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&control, &zero);
}

static __always_inline const struct flow_role_table *roles_of(const struct flow_control *current)
{
	__u32 index = current->roles_active & 1;

	return bpf_map_lookup_elem(&roles, &index);
}

/* The roles in force. */
static __always_inline const struct flow_role_table *roles_get(void)
{
	const struct flow_control *current = control_get();

	return current ? roles_of(current) : NULL;
}

/*
 * Where in a table an address is; FLOW_ROLE_SLOTS: nowhere.  Not static, so that the verifier walks
 * its steps once, and all of them end in one way for who asked.
 */
__noinline __u32 role_place(const struct flow_role_table *table, const struct flow_ip *ip)
{
	__u32 start;

	if (!table || !ip)
		return FLOW_ROLE_SLOTS;
	start = flow_role_hash(ip);
	for (__u32 i = 0; i < FLOW_ROLE_PROBES; i++) {
		__u32 place = (start + i) % FLOW_ROLE_SLOTS;
		const struct flow_role *role = &table->slot[place];

		if (role->kind == ROLE_FREE)
			break;
		if (flow_ip_equal(&role->addr, ip))
			return place;
	}
	return FLOW_ROLE_SLOTS;
}

/* What an address means to us; NULL: nothing. */
static __always_inline const struct flow_role *role_find(const struct flow_role_table *table,
							 const struct flow_ip *ip)
{
	const struct flow_role *first = &table->slot[flow_role_hash(ip) % FLOW_ROLE_SLOTS];
	__u32 place;

	/* Nearly always that is all; the call would cost as much as the rest of the look-up. */
	if (first->kind == ROLE_FREE)
		return NULL;
	if (flow_ip_equal(&first->addr, ip))
		return first;
	place = role_place(table, ip);
	if (place >= FLOW_ROLE_SLOTS)
		return NULL;
	/* Or the compiler would multiply before it compares, and the verifier not believe it. */
	barrier_var(place);
	return &table->slot[place % FLOW_ROLE_SLOTS];
}

/* What an array's table says of a port: number of the service + 1, and FLOW_PORT_CLOSED; 0:
 * nothing. */
static __always_inline __u16 port_entry(const struct flow_role *role, __be16 port)
{
	const struct flow_port_table *table;
	__u32 index = role->port_table, at = bpf_ntohs(port);

	table = bpf_map_lookup_elem(&ports, &index);
	if (!table)
		return 0;
	/* The verifier of Linux 6.1 does not know what a change of byte order leaves. */
	barrier_var(at);
	return table->service[at & 0xffff];
}

/* The service at a port of a VIP, or of the members behind it; NULL: none. */
static __always_inline const struct flow_service *service_find(const struct flow_role *role,
							       __be16 port)
{
	const struct flow_service *service;
	__u32 index = port_entry(role, port) & ~FLOW_PORT_CLOSED;

	if (!index)
		return NULL;
	index--;
	service = bpf_map_lookup_elem(&services, &index);
	return service && service->flags & SERVICE_USED ? service : NULL;
}

/* Whether a port of a VIP is one that a service has, but not open now. */
static __noinline int service_closed(const struct flow_role *role, __be16 port)
{
	return port_entry(role, port) & FLOW_PORT_CLOSED;
}

static __always_inline const struct flow_pool *pool_get(__u32 slot)
{
	const struct flow_pool *pool = bpf_map_lookup_elem(&pools, &slot);

	return pool && pool->flags & POOL_USED ? pool : NULL;
}

/* By the name that both nodes know it under; for calls, not for packets. */
static __noinline const struct flow_pool *pool_find(__u32 id)
{
	for (__u32 slot = 0; slot < FLOW_MAX_POOLS; slot++) {
		const struct flow_pool *pool = pool_get(slot);

		if (pool && pool->id == id)
			return pool;
	}
	return NULL;
}

/* A member that is configured, or has been as long as flows refer to it. */
static __always_inline const struct flow_member *member_get(__u16 slot)
{
	const struct flow_member *member;
	__u32 index = slot;

	member = bpf_map_lookup_elem(&members, &index);
	return member && member->flags & (MEMBER_USED | MEMBER_GONE) ? member : NULL;
}

static __always_inline int member_is(__u16 slot, const struct flow_ip *ip)
{
	const struct flow_member *member = member_get(slot);

	return member && flow_ip_equal(&member->addr[flow_ip_family(ip)], ip);
}

/* Whether a member takes new clients. */
static __always_inline int member_up(const struct flow_pool *pool, __u16 slot)
{
	if (slot >= FLOW_MAX_MEMBERS)
		return 0;
	return pool->up[slot / 64 % FLOW_MEMBER_WORDS] >> (slot % 64) & 1;
}

static __always_inline int pool_dead(const struct flow_pool *pool)
{
	__u64 any = 0;

	for (__u32 word = 0; word < FLOW_MEMBER_WORDS; word++)
		any |= pool->up[word];
	return !any;
}

#endif
