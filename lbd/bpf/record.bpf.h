/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Making and removing flows: the entry, its hold on the client's pin, the gauges and the events go
 * together here and nowhere else.
 */
#ifndef CASPAIR_RECORD_BPF_H
#define CASPAIR_RECORD_BPF_H

#include <linux/errno.h>

#include "lbd/bpf/flows.bpf.h"
#include "lbd/bpf/pin.bpf.h"

/* By whose word a flow is made or removed. */
enum record_by {
	RECORD_OWN = 0, /* ours: reported to the peer, pins are made and dead ones replaced */
	RECORD_PEER,    /* the peer's: not reported, its pins come as records of their own */
	/*
	 * The same, but offered to who leads, and its client has acknowledged.  Who leads without a
	 * memory is not offered the older pin that counts it there, so the flow makes it.
	 */
	RECORD_OFFERED,
};

static __always_inline void record_stats(__u16 member, __s64 flows, __s64 connections)
{
	struct flow_member_stats *stats = stats_of(member);

	if (!stats)
		return;
	__sync_fetch_and_add(&stats->flows, flows);
	if (connections)
		__sync_fetch_and_add(&stats->connections, connections);
}

static __always_inline int record_judge(const struct flow *flow, int by)
{
	if (by != RECORD_OWN)
		return by == RECORD_OFFERED ? PIN_MAKE : PIN_KEEP;
	return flow->flags & FLOW_BEGUN ? PIN_REPLACE_DEAD : PIN_REPLACE_DEAD | PIN_MAKE;
}

/* The pin's part of a record; the pool in which the flow is counted now, 0: in none. */
static __always_inline __u32 record_hold(const struct pin_key *key, const struct flow *flow,
					 const struct flow_pool *pool, int judge)
{
	__u32 now = flow->last_seen;
	int held = pin_hold(key, pool, flow->member, now, judge);
	const struct pin *pin = held == PIN_HELD_NEW ? bpf_map_lookup_elem(&pins, key) : NULL;

	if (pin)
		event_pin(EVENT_PIN_PUT, key, pin, flow->epoch, now);
	return held == PIN_NONE ? 0 : key->pool_id;
}

/* The service that a flow is of; NULL: its port is none here, or it is of a member's own address. */
static __noinline const struct flow_service *record_service(const struct flow_key *key)
{
	const struct flow_role_table *table = roles_get();
	const struct flow_role *role = table ? role_find(table, &key->vip) : NULL;

	return role && role->kind == ROLE_VIP ? service_find(role, key->vip_port) : NULL;
}

/* The pool that such a service's clients are pinned in. */
static __always_inline const struct flow_pool *record_pool(const struct flow_service *service)
{
	return service ? pool_get(service->pool) : NULL;
}

/* What is counted of the service that a flow is of. */
static __always_inline struct flow_service_stats *record_counts(const struct flow_key *key)
{
	const struct flow_service *service = record_service(key);
	__u32 number;

	if (!service)
		return NULL;
	number = service->number;
	return bpf_map_lookup_elem(&service_stats, &number);
}

/*
 * What a flow has carried becomes its service's, before its entry goes.  It is taken out of the
 * entry: of all who find the same flow at its end, one counts it.
 */
static __noinline void record_settle(const struct flow_key *key, struct flow *flow)
{
	struct flow_service_stats *stats = record_counts(key);

	if (!stats)
		return;
	__sync_fetch_and_add(&stats->count[SERVICE_BYTES_IN],
			     __sync_lock_test_and_set(&flow->bytes_in, 0));
	__sync_fetch_and_add(&stats->count[SERVICE_BYTES_OUT],
			     __sync_lock_test_and_set(&flow->bytes_out, 0));
}

/*
 * Makes a flow of a filled-in entry; pool is NULL where none is known.  0, -EEXIST when it was
 * there already, another error when the table is full or another flow has its source.  The pin
 * comes first, so that the peer can count the flow there; a pin without its flow is harmless.
 *
 * Static, as record_remove(): the key of a map may not be an argument of a global function before
 * Linux 6.4.
 */
static __noinline int record_make(const struct flow_key *key, struct flow *flow,
				  const struct flow_pool *pool, int by)
{
	struct pin_key pin = { .client = key->client };
	struct way way = way_of(flow);
	__u32 now = flow->last_seen;
	int err = way.source ? source_enter(key, &way, by != RECORD_OWN) : 0;

	if (err)
		return err;
	if (pool && pool->flags & POOL_AFFINITY) {
		pin.pool_id = pool->id;
		flow->pool_id = record_hold(&pin, flow, pool, record_judge(flow, by));
	}
	err = flow_add(key, flow);
	if (err) {
		if (flow->pool_id)
			pin_release(&pin, now);
		if (way.source && err != -EEXIST)
			source_leave(key, &way);
		return err;
	}
	if (way.source)
		source_count(way.source, 1);
	/* Who looks has the record first; a choice kept longer would meet the port's next flow. */
	bpf_map_delete_elem(&handshakes, key);
	record_stats(flow->member, 1, by == RECORD_OWN ? 1 : 0);
	if (by == RECORD_OWN)
		event_flow(EVENT_FLOW_PUT, key, flow, flow->state, now);
	return 0;
}

/*
 * Counts a flow that has an entry already, and is counted nowhere, on its client's pin.  1 when
 * this did.  Of two that do so at once, one lets go.  Against the removal of the same entry in the
 * same instant nothing helps: its hold would stay until the tables are moved.
 */
static __always_inline int record_join(const struct flow_key *key, struct flow *flow, int judge)
{
	const struct flow_pool *pool = record_pool(record_service(key));
	struct pin_key pin = { .client = key->client };
	__u32 held;

	if (flow->pool_id || flow->flags & (FLOW_OUTBOUND | FLOW_DOOMED) || !pool ||
	    !(pool->flags & POOL_AFFINITY))
		return 0;
	pin.pool_id = pool->id;
	held = record_hold(&pin, flow, pool, judge);
	if (!held)
		return 0;
	if (!__sync_val_compare_and_swap(&flow->pool_id, 0, held))
		return 1;
	pin_release(&pin, flow->last_seen);
	return 0;
}

/*
 * A flow is known to be more than a SYN: this makes its client's pin, if there is none.  The peer
 * is told of the flow again behind that, and counts it too.
 *
 * Not static: it is verified once, whoever calls; so it looks for the flow again.
 */
__noinline int record_acknowledged(const struct flow_key *named)
{
	struct flow_key key;
	struct flow *flow;

	if (!named)
		return 0;
	key = *named;
	flow = flow_find(&key);
	if (flow && record_join(&key, flow, PIN_REPLACE_DEAD | PIN_MAKE))
		event_flow(EVENT_FLOW_PUT, &key, flow, flow->state, flow->last_seen);
	return 0;
}

/*
 * An entry for what a packet proves, to be filled in: it begins with this packet and goes that way.
 * It is made at the end of the program, in one place: so the way there takes no stack, and the
 * verifier walks it once.
 */
static __always_inline struct flow *record_draft(struct packet *p, const struct flow_key *key,
						 const struct way *way, __u32 counter)
{
	__u32 zero = 0;
	struct draft *draft = bpf_map_lookup_elem(&drafts, &zero);
	struct flow *flow;

	if (!draft)
		return NULL;
	p->draft = 1;
	draft->key = *key;
	draft->counter = counter;
	flow = &draft->flow;
	__builtin_memset(flow, 0, sizeof(*flow));
	flow->member = way->member;
	flow->mode = way->mode;
	flow->source = way->source;
	flow->source_port = way->source_port;
	flow->epoch = lease_epoch();
	flow->created = p->now;
	flow->last_seen = p->now;
	return flow;
}

/* Not inlined: the key shall not lie on the stack beside the copy of the flow. */
static __noinline void record_release(const struct flow_ip *client, __u32 pool_id, __u32 now)
{
	struct pin_key pin = { .client = *client, .pool_id = pool_id };

	pin_release(&pin, now);
}

/* Ends a flow by our word, not by its ends'; the pool whose pin has counted it, 0: none. */
static __noinline __u32 record_doom(const struct flow_key *key, struct flow *flow, __u32 now)
{
	__u32 pool_id;

	flow->flags |= FLOW_DOOMED;
	flow->state = FLOW_RESET;
	pool_id = __sync_lock_test_and_set(&flow->pool_id, 0);
	if (pool_id)
		record_release(&key->client, pool_id, now);
	return pool_id;
}

/*
 * For the end of the program.  Without room, every later packet of a handshake tries again.  Not
 * static: it is verified once, whatever the packet was.
 */
__noinline int record_commit(void)
{
	__u32 zero = 0;
	struct draft *draft = bpf_map_lookup_elem(&drafts, &zero);
	const struct flow_service *service;
	int err;

	if (!draft)
		return 0;
	service = record_service(&draft->key);
	err = record_make(&draft->key, &draft->flow, record_pool(service), RECORD_OWN);
	if (!err) {
		count(draft->counter);
		if (service)
			count_service(service->number, SERVICE_CONNECTIONS);
	} else if (err != -EEXIST) {
		count_shared(COUNT_FLOWS_FULL);
	}
	return err;
}

/*
 * Removes a flow, whose entry that is; 0 when it was there.  The peer hears of it first: what may
 * be made of the same key after the removal is reported after this.
 */
static __noinline int record_remove(const struct flow_key *key, const struct flow *flow, __u32 now,
				    int by)
{
	struct pin_key pin = { .client = key->client, .pool_id = flow->pool_id };
	struct way way = way_of(flow);

	if (by == RECORD_OWN)
		event_flow(EVENT_FLOW_DEL, key, flow, flow->state, now);
	if (flow_drop(key))
		return -1;
	/* Before the counts, which let slots of members and sources go. */
	if (way.source) {
		source_leave(key, &way);
		source_count(way.source, -1);
	}
	record_stats(way.member, -1, 0);
	if (pin.pool_id)
		pin_release(&pin, now);
	return 0;
}

#endif
