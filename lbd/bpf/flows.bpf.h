/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The table of flows, as the programs use it.  What is here is not static: the verifier walks it
 * once a program, and not once for everybody who looks a flow up.
 */
#ifndef CASPAIR_FLOWS_BPF_H
#define CASPAIR_FLOWS_BPF_H

#include "lbd/bpf/count.bpf.h"
#include "lbd/bpf/place.h"

static __always_inline const struct flow_form *place_form(struct place_table *table)
{
	__u32 zero = 0;

	(void)table;
	return bpf_map_lookup_elem(&flow_form, &zero);
}

static __always_inline struct flow_bucket *place_bucket(struct place_table *table, __u32 number)
{
	(void)table;
	return bpf_map_lookup_elem(&flow_buckets, &number);
}

static __always_inline struct flow_place *place_at(struct place_table *table, __u32 number)
{
	(void)table;
	return bpf_map_lookup_elem(&flows, &number);
}

static __always_inline __u64 *place_count(struct place_table *table)
{
	struct flow_gauges *gauge = gauges_get();

	(void)table;
	return gauge ? &gauge->flows : NULL;
}

/* Where a flow is, or FLOW_NO_PLACE. */
__noinline int flow_look(const struct flow_key *key)
{
	return key ? place_look(NULL, key) : FLOW_NO_PLACE;
}

static __always_inline int place_call_look(struct place_table *table, const struct flow_key *key)
{
	(void)table;
	return flow_look(key);
}

__noinline int flow_claim(const struct flow_key *key)
{
	return key ? place_claim(NULL, key) : FLOW_NO_PLACE;
}

static __always_inline int place_call_claim(struct place_table *table, const struct flow_key *key)
{
	(void)table;
	return flow_claim(key);
}

__noinline int flow_show(int at, const struct flow_key *key, const struct flow *flow)
{
	return key && flow ? place_show(NULL, at, key, flow) : -E2BIG;
}

static __always_inline int place_call_show(struct place_table *table, int at,
					   const struct flow_key *key, const struct flow *flow)
{
	(void)table;
	return flow_show(at, key, flow);
}

__noinline int flow_prevail(int own, const struct flow_key *key, int second)
{
	return key ? place_prevail(NULL, own, key, second) : 0;
}

static __always_inline int place_call_prevail(struct place_table *table, int own,
					      const struct flow_key *key, int second)
{
	(void)table;
	return flow_prevail(own, key, second);
}

__noinline int flow_settle(int at, const struct flow_key *key, int prevailed)
{
	return key ? place_settle(NULL, at, key, prevailed) : -EEXIST;
}

static __always_inline int place_call_settle(struct place_table *table, int at,
					     const struct flow_key *key, int prevailed)
{
	(void)table;
	return flow_settle(at, key, prevailed);
}

static __always_inline struct flow *flow_find(const struct flow_key *key)
{
	struct flow_place *place = place_at(NULL, (__u32)flow_look(key));

	return place ? &place->flow : NULL;
}

/*
 * The same for the packets of members and clients, who are at home more often than not: those are
 * found without a call, which would cost as much as the look-up.
 */
static __always_inline struct flow *flow_find_near(const struct flow_key *key)
{
	const struct flow_form *form = place_form(NULL);
	struct flow_place *place;
	struct flow_spot spot;

	if (!form)
		return NULL;
	spot = flow_spot_of(form, key);
	place = place_home(NULL, key, &spot);
	return place ? &place->flow : flow_find(key);
}

/* 0, -EEXIST or -E2BIG. */
static __always_inline int flow_add(const struct flow_key *key, const struct flow *flow)
{
	return place_add(NULL, key, flow);
}

/* 0 or -ENOENT. */
__noinline int flow_drop(const struct flow_key *key)
{
	return key ? place_drop(NULL, key) : -ENOENT;
}

#endif
