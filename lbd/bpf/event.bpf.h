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

/* The flags of a flow that mean something on the other node too. */
#define EVENT_FLOW_FLAGS (FLOW_OUTBOUND | FLOW_PICKED_UP)

/* At most one question about a next hop in this time: about 100 ms. */
#define NOTICE_INTERVAL (FLOW_TICKS_PER_SECOND / 10)

static __always_inline int event_send(const struct flow_event *event)
{
	struct flow_lost *record;
	__u32 zero = 0;

	if (bpf_ringbuf_output(&events, (void *)event, sizeof(*event), 0) == 0)
		return 0;
	record = bpf_map_lookup_elem(&lost, &zero);
	if (record)
		__sync_fetch_and_add(&record->events, 1);
	count_shared(COUNT_EVENT_LOST);
	return -1;
}

/* EVENT_FLOW_PUT or EVENT_FLOW_DEL. */
static __noinline void event_flow(__u8 kind, const struct flow_key *key, const struct flow *flow,
				  __u32 now)
{
	const struct flow_member *member = member_get(flow->member);
	struct flow_event event = {
		.kind = kind,
		.state = flow->state,
		.flags = flow->flags & EVENT_FLOW_FLAGS,
		.epoch = flow->epoch,
		.key = *key,
		.client_ack = flow->client_ack,
		.client_seq = flow->client_seq,
		.age = ticks_since(now, flow->created),
		.idle = ticks_since(now, flow->last_seen),
	};

	if (flow->flags & FLOW_OUTBOUND)
		event.member = key->vip;
	else if (member)
		event.member = member->addr;
	event_send(&event);
}

/* EVENT_PIN_PUT or EVENT_PIN_DEL. */
static __noinline void event_pin(__u8 kind, const struct pin_key *key, const struct pin *pin,
				 __u32 epoch, __u32 now)
{
	const struct flow_member *member = member_get(pin->member);
	struct flow_event event = {
		.kind = kind,
		.epoch = epoch,
		.key = { .client = key->client },
		.member = member ? member->addr : 0,
		.pool_id = key->pool_id,
		.age = ticks_since(now, pin->created),
		.idle = ticks_since(now, pin->last_used),
	};

	event_send(&event);
}

static __always_inline void notice_send(__u32 kind, __u32 ifindex, __be32 addr)
{
	struct flow_notice notice = { .kind = kind, .ifindex = ifindex, .addr = addr };

	/* No room: the next packet that needs the neighbour asks again. */
	bpf_ringbuf_output(&notices, &notice, sizeof(notice), 0);
}

/* Asks lbd to resolve a next hop, unless it has just been asked. */
static __always_inline void notice_neighbour(__u32 ifindex, __be32 addr, __u32 now)
{
	struct next_hop hop = { .ifindex = ifindex, .addr = addr };
	__u32 *last = bpf_map_lookup_elem(&asked, &hop);

	if (last && ticks_since(now, *last) < NOTICE_INTERVAL)
		return;
	bpf_map_update_elem(&asked, &hop, &now, BPF_ANY);
	notice_send(NOTICE_NEIGHBOUR, ifindex, addr);
}

#endif
