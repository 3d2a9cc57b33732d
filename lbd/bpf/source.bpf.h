/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Sources: addresses and ports of the pair that a member sees in a client's place, so that its
 * answers come back to us.  What a connection looks like to its member is the key under which
 * `reverse` (of flows) and `openings` (of handshakes) have its own key.  Each node gives ports of
 * its own half only, so that both can give without asking.
 *
 * What is not static here is verified once, and not again for every way that leads there.
 */
#ifndef CASPAIR_SOURCE_BPF_H
#define CASPAIR_SOURCE_BPF_H

#include <linux/errno.h>

#include "lbd/bpf/choice.h"
#include "lbd/bpf/config.bpf.h"
#include "lbd/bpf/count.bpf.h"

/* Ports that are looked at for one connection, spread over the half of each source. */
#define SOURCE_TRIES 64

/* How a connection goes to its member. */
struct way {
	__u16 member; /* slot; FLOW_NO_MEMBER: nowhere */
	__u8 mode;    /* enum flow_mode */
	__u8 source;  /* slot + 1 */
	__be16 source_port;
	__u16 pad;
};

/* `number` is a slot + 1, as in struct flow. */
static __always_inline const struct flow_source *source_get(__u8 number)
{
	__u32 slot = (__u32)number - 1;

	return bpf_map_lookup_elem(&sources, &slot);
}

static __always_inline struct flow_source_stats *source_stats_of(__u8 number)
{
	__u32 slot = (__u32)number - 1;

	return bpf_map_lookup_elem(&source_stats, &slot);
}

/* The number of an address; 0: it is no source here.  For calls, not for packets. */
static __noinline __u8 source_find(const struct flow_ip *ip)
{
	for (__u32 number = 1; number <= FLOW_MAX_SOURCES; number++) {
		const struct flow_source *source = source_get(number);

		if (source && source->flags && flow_ip_equal(&source->addr, ip))
			return number;
	}
	return 0;
}

/* A connection as its member sees it.  -1: the way names nothing that there is. */
__noinline int source_view(struct flow_key *view, const struct flow_key *key, const struct way *way)
{
	const struct flow_member *member;
	const struct flow_source *source;

	if (!view || !key || !way)
		return -1;
	member = member_get(way->member);
	source = source_get(way->source);
	if (!member || !source)
		return -1;
	view->client = source->addr;
	view->vip = member->addr[flow_ip_family(&key->client) & 1];
	view->client_port = way->source_port;
	view->vip_port = key->vip_port;
	return 0;
}

static __always_inline struct way way_of(const struct flow *flow)
{
	return (struct way){
		.member = flow->member,
		.mode = flow->mode,
		.source = flow->source,
		.source_port = flow->source_port,
	};
}

static __always_inline int key_equal(const struct flow_key *a, const struct flow_key *b)
{
	return flow_ip_equal(&a->client, &b->client) && flow_ip_equal(&a->vip, &b->vip) &&
	       a->client_port == b->client_port && a->vip_port == b->vip_port;
}

/* The n-th candidate for a connection that goes to way->member; 0 when there is one. */
__noinline int source_candidate(struct way *way, const struct flow_service *service, __u32 family,
				__u32 start, __u32 n)
{
	const struct flow_control *current = control_get();
	const struct flow_source *source;
	struct flow_source_stats *stats;
	__u32 count, at, half, port;

	if (!current || !way || !service || !service->sources[family & 1])
		return -1;
	count = service->sources[family & 1];
	at = (start + n) % count;
	/* The compiler knows the remainder's range, the verifier does not. */
	barrier_var(at);
	if (at >= FLOW_SERVICE_SOURCES)
		return -1;
	way->source = service->source[family & 1][at] + 1;
	source = source_get(way->source);
	stats = source_stats_of(way->source);
	if (!source || !stats)
		return -1;
	half = source->ports / 2;
	if (!half)
		return -1;
	/* Each time one further, so that a port rests as long as it can. */
	port = n ? (__u32)stats->next : (__u32)__sync_fetch_and_add(&stats->next, 1);
	port = (port + n * (half / SOURCE_TRIES + 1)) % half;
	port += source->first + (current->node == 2 ? half : 0);
	way->source_port = bpf_htons((__u16)port);
	return 0;
}

struct search {
	const struct flow_key *key;
	const struct flow_service *service;
	struct way way, spare;
	__u32 start;
	__u32 given;
};

/* One candidate; a callback of bpf_loop(). */
static long source_try(__u32 n, void *context)
{
	struct search *search = context;
	enum flow_family family = flow_ip_family(&search->key->client);
	struct flow_key view = {};

	if (source_candidate(&search->way, search->service, family, search->start, n) ||
	    source_view(&view, search->key, &search->way) || bpf_map_lookup_elem(&reverse, &view))
		return 0;
	/* An int: until Linux 6.4 the upper half of the register means nothing. */
	if ((int)bpf_map_update_elem(&openings, &view, search->key, BPF_NOEXIST) == 0) {
		search->given = 1;
		return 1;
	}
	if (!search->spare.source)
		search->spare = search->way;
	return 0;
}

/* Takes a port away from another handshake: who has completed his has his flow. */
static __always_inline int source_steal(const struct flow_key *key, const struct way *way)
{
	struct flow_key view = {};

	if (!way->source || source_view(&view, key, way) ||
	    (int)bpf_map_update_elem(&openings, &view, key, BPF_ANY))
		return -1;
	count(COUNT_SOURCES_STOLEN);
	return 0;
}

/* Gives a new connection to way->member its source.  -1: all that was tried are in use. */
static __noinline int source_give(const struct flow_key *key, const struct flow_service *service,
				  struct way *way)
{
	const struct flow_control *current = control_get();
	struct search search = {
		.key = key,
		.service = service,
		.way = { .member = way->member, .mode = way->mode },
		.start = current ? (__u32)choice_hash(&key->client, current->seed) : 0,
	};

	bpf_loop(SOURCE_TRIES, source_try, &search, 0);
	if (!search.given) {
		search.way = search.spare;
		if (source_steal(key, &search.way))
			return -1;
	}
	*way = search.way;
	count(COUNT_SOURCES_GIVEN);
	return 0;
}

/* Whether a handshake still has the source that it was given. */
__noinline int source_holds(const struct flow_key *key, const struct way *way)
{
	const struct flow_key *holder;
	struct flow_key view = {};

	if (!key || !way || source_view(&view, key, way))
		return 0;
	holder = bpf_map_lookup_elem(&openings, &view);
	return holder && key_equal(holder, key);
}

/*
 * Turns a connection as its member sees it into the client's key.  -1: none is known.  The entry of
 * a handshake may be another's the next moment.
 */
__noinline int source_client(struct flow_key *key)
{
	const struct flow_key *found;
	struct flow_key view;

	if (!key)
		return -1;
	view = *key;
	found = bpf_map_lookup_elem(&reverse, &view);
	if (!found)
		found = bpf_map_lookup_elem(&openings, &view);
	if (!found)
		return -1;
	*key = *found;
	return 0;
}

/*
 * Enters a flow's source, and takes it off its handshake.  -EEXIST: it was there already,
 * -EADDRINUSE: another flow has it.  The peer's word is newer than any entry.
 */
static __noinline int source_enter(const struct flow_key *key, const struct way *way, int of_peer)
{
	const struct flow_key *holder;
	struct flow_key view = {};
	int err;

	if (source_view(&view, key, way))
		return -ENOENT;
	err = (int)bpf_map_update_elem(&reverse, &view, key, of_peer ? BPF_ANY : BPF_NOEXIST);
	if (!err)
		bpf_map_delete_elem(&openings, &view);
	if (err != -EEXIST)
		return err;
	holder = bpf_map_lookup_elem(&reverse, &view);
	return holder && key_equal(holder, key) ? -EEXIST : -EADDRINUSE;
}

__noinline int source_leave(const struct flow_key *key, const struct way *way)
{
	const struct flow_key *holder;
	struct flow_key view = {};

	if (!key || !way || source_view(&view, key, way))
		return -1;
	holder = bpf_map_lookup_elem(&reverse, &view);
	if (holder && key_equal(holder, key))
		bpf_map_delete_elem(&reverse, &view);
	return 0;
}

static __always_inline void source_count(__u8 number, __s64 flows)
{
	struct flow_source_stats *stats = source_stats_of(number);

	if (stats)
		__sync_fetch_and_add(&stats->flows, flows);
}

#endif
