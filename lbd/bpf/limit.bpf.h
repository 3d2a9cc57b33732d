/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What one source address may begin at a service, asked for SYNs alone: how many flows it may have
 * in the pool, as its pin counts them, and how many new ones in a second, as a bucket of one
 * second's worth counts them.  What is established is never looked at.
 *
 * Two CPUs may take from a bucket at once and one of them for nothing; that is no matter.
 */
#ifndef CASPAIR_LIMIT_BPF_H
#define CASPAIR_LIMIT_BPF_H

#include "lbd/bpf/clock.bpf.h"
#include "lbd/bpf/config.bpf.h"
#include "lbd/bpf/refuse.bpf.h"

/* One new flow; a bucket gains the service's rate of these with each tick. */
#define LIMIT_COST FLOW_TICKS_PER_SECOND

static __noinline int limit_flows(const struct flow_key *key, const struct flow_service *service)
{
	const struct flow_pool *pool = pool_get(service->pool);
	struct pin_key of = { .client = key->client };
	const struct pin *pin;

	if (!pool)
		return 0;
	of.pool_id = pool->id;
	pin = bpf_map_lookup_elem(&pins, &of);
	return pin && pin->flows >= service->source_flows;
}

/* Whether a source has had its flows of this second already. */
static __noinline int limit_rate(const struct flow_key *key, const struct flow_service *service,
				 __u32 now)
{
	struct source_key of = { .client = key->client, .service = service->number };
	__u32 full = service->source_rate * LIMIT_COST, gain;
	struct source_rate *bucket = bpf_map_lookup_elem(&source_rates, &of);
	struct source_rate fresh = { .filled = now, .credit = full - LIMIT_COST };

	if (!bucket) {
		bpf_map_update_elem(&source_rates, &of, &fresh, BPF_ANY);
		return 0;
	}
	gain = ticks_since(now, bucket->filled);
	gain = gain < FLOW_TICKS_PER_SECOND ? gain * service->source_rate : full;
	bucket->filled = now;
	bucket->credit = gain < full - bucket->credit ? bucket->credit + gain : full;
	if (bucket->credit < LIMIT_COST)
		return 1;
	bucket->credit -= LIMIT_COST;
	return 0;
}

/*
 * 1: a SYN is one too many, and dropped or answered.  A rate is kept by silence, for the client's
 * TCP tries again a second later; a number by a reset, for it may be reached for hours.
 */
static __noinline int limit_refuses(struct packet *p, const struct flow_key *key,
				    const struct flow_service *service)
{
	/* Sent again: it has been counted. */
	if (!(service->source_flows | service->source_rate) ||
	    bpf_map_lookup_elem(&handshakes, key))
		return 0;
	if (service->source_flows && limit_flows(key, service)) {
		count_service(service->number, SERVICE_LIMITED);
		refuse_stranger(p, COUNT_ANSWERED_SOURCE_FLOWS);
		return 1;
	}
	if (service->source_rate && limit_rate(key, service, p->now)) {
		count_service(service->number, SERVICE_LIMITED);
		count(COUNT_DROP_SOURCE_RATE);
		return 1;
	}
	return 0;
}

#endif
