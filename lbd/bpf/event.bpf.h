/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What user space is told: `events` for syncd, `notices` for lbd.  A full ring never holds a packet
 * up; an event that found no room is counted where syncd looks, who then leaves the in-sync state.
 */
#ifndef CASPAIR_EVENT_BPF_H
#define CASPAIR_EVENT_BPF_H

#include "lbd/bpf/clock.bpf.h"
#include "lbd/bpf/config.bpf.h"
#include "lbd/bpf/count.bpf.h"
#include "lbd/bpf/source.bpf.h"

/* The flags of a flow that mean something on the other node too. */
#define EVENT_FLOW_FLAGS (FLOW_OUTBOUND | FLOW_PICKED_UP | FLOW_DOOMED)

/* At most one question about a next hop in this time: about 100 ms. */
#define NOTICE_INTERVAL (FLOW_TICKS_PER_SECOND / 10)

/* An empty event, to be filled in where it lies and submitted; NULL when the ring is full. */
static __always_inline struct flow_event *event_open(void)
{
	struct flow_event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	struct flow_lost *record;
	__u32 zero = 0;

	if (event) {
		__builtin_memset(event, 0, sizeof(*event));
		return event;
	}
	record = bpf_map_lookup_elem(&lost, &zero);
	if (record)
		__sync_fetch_and_add(&record->events, 1);
	count_shared(COUNT_EVENT_LOST);
	return NULL;
}

/* The address of a member that a key's client speaks to. */
static __always_inline void event_member(struct flow_event *event, __u16 slot,
					 const struct flow_ip *client)
{
	const struct flow_member *member = member_get(slot);

	if (member)
		event->member = member->addr[flow_ip_family(client)];
}

static __always_inline void event_source(struct flow_event *event, const struct flow *flow)
{
	const struct flow_source *source = source_get(flow->source);

	if (!flow->source || !source)
		return;
	event->source = source->addr;
	event->source_port = flow->source_port;
}

/*
 * EVENT_FLOW_PUT or EVENT_FLOW_DEL.  Not static: the verifier walks it once, and not in every way
 * that leads here.  It returns nothing of use.  `state` is the flow's, which another processor may
 * have changed meanwhile, and told, or may not have.
 */
__noinline int event_flow(__u8 kind, const struct flow_key *key, const struct flow *flow,
			  __u8 state, __u32 now)
{
	struct flow_event *event = key && flow ? event_open() : NULL;

	if (!event)
		return 0;
	event->kind = kind;
	event->state = state;
	event->flags = flow->flags & EVENT_FLOW_FLAGS;
	event->epoch = flow->epoch;
	event->key = *key;
	event->mode = flow->mode;
	event->urgent = !!(flow->flags & FLOW_BEGUN);
	event->client_ack = flow->client_ack;
	event->client_seq = flow->client_seq;
	event->age = ticks_since(now, flow->created);
	event->idle = ticks_since(now, flow->last_seen);
	if (flow->flags & FLOW_OUTBOUND)
		event->member = key->vip;
	else
		event_member(event, flow->member, &key->client);
	event_source(event, flow);
	bpf_ringbuf_submit(event, 0);
	return 0;
}

/* EVENT_PIN_PUT or EVENT_PIN_DEL. */
static __noinline void event_pin(__u8 kind, const struct pin_key *key, const struct pin *pin,
				 __u32 epoch, __u32 now)
{
	struct flow_event *event = event_open();

	if (!event)
		return;
	event->kind = kind;
	event->epoch = epoch;
	event->key.client = key->client;
	event->pool_id = key->pool_id;
	event->age = ticks_since(now, pin->created);
	event->idle = ticks_since(now, pin->last_used);
	event_member(event, pin->member, &key->client);
	bpf_ringbuf_submit(event, 0);
}

static __always_inline void notice_send(__u32 kind, __u32 ifindex, const struct flow_ip *ip)
{
	struct flow_notice *notice = bpf_ringbuf_reserve(&notices, sizeof(*notice), 0);

	/* No room: the next packet that needs the neighbour asks again. */
	if (!notice)
		return;
	notice->kind = kind;
	notice->ifindex = ifindex;
	notice->addr = *ip;
	bpf_ringbuf_submit(notice, 0);
}

/* Asks lbd to resolve a next hop, unless it has just been asked. */
static __always_inline void notice_neighbour(const struct next_hop *next, __u32 now)
{
	__u32 *last = bpf_map_lookup_elem(&asked, next);

	if (last && ticks_since(now, *last) < NOTICE_INTERVAL)
		return;
	bpf_map_update_elem(&asked, next, &now, BPF_ANY);
	notice_send(NOTICE_NEIGHBOUR, next->ifindex, &next->addr);
}

#endif
