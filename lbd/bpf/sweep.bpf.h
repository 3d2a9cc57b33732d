/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Ageing.  lbd walks the tables and names what looks old; here each entry is looked at again, for a
 * packet may have come since.  No timer begins before this node was promoted: what the former
 * active saw last, this one may have learned of long ago.
 */
#ifndef CASPAIR_SWEEP_BPF_H
#define CASPAIR_SWEEP_BPF_H

#include "lbd/bpf/apply.bpf.h"

enum sweep_timeouts {
	SWEEP_DEFAULT = 7500 * FLOW_TICKS_PER_SECOND, /* ports that are no service any more */
	SWEEP_HALF_CLOSED = 3600 * FLOW_TICKS_PER_SECOND,
	SWEEP_CLOSING = 10 * FLOW_TICKS_PER_SECOND,
	SWEEP_RESET = 2 * FLOW_TICKS_PER_SECOND,
	SWEEP_DOOMED = 30 * FLOW_TICKS_PER_SECOND, /* who sends late shall still be told */
	SWEEP_BEGUN = 10 * FLOW_TICKS_PER_SECOND,
	SWEEP_CLAIMED = 30 * FLOW_TICKS_PER_SECOND,
	SWEEP_CLIENT_FIN = 60 * FLOW_TICKS_PER_SECOND, /* DSR; ACKs of what still comes go on */
};

/* Ticks for which this node could have seen something: since it was promoted, at most. */
static __always_inline __u32 sweep_watched(void)
{
	const struct flow_lease *current = lease_get();
	__u64 now = bpf_ktime_get_ns(), ticks;

	if (!current || !current->promoted_ns)
		return ~0U;
	if (current->promoted_ns >= now)
		return 0;
	ticks = (now - current->promoted_ns) >> FLOW_TICK_SHIFT;
	return ticks > ~0U ? ~0U : (__u32)ticks;
}

static __always_inline __u32 sweep_idle(__u32 now, __u32 last)
{
	__u32 idle = ticks_since(now, last), watched = sweep_watched();

	return idle < watched ? idle : watched;
}

/* How long an established flow may be silent.  OUTBOUND keys carry a member's address: same table.
 */
static __noinline __u32 sweep_service_idle(const struct flow_key *key)
{
	const struct flow_role_table *table = roles_get();
	const struct flow_role *role = table ? role_find(table, &key->vip) : NULL;
	const struct flow_service *service;

	if (!role || (role->kind != ROLE_VIP && role->kind != ROLE_MEMBER))
		return SWEEP_DEFAULT;
	service = service_find(role, key->vip_port);
	return service ? service->idle_ticks : SWEEP_DEFAULT;
}

/*
 * Only under one lead: while the other node led, the client may have acknowledged there, and this
 * one has not heard of it.
 */
static __always_inline int sweep_begun(const struct flow *flow, __u32 now)
{
	return flow->flags & FLOW_BEGUN && ticks_since(now, flow->last_seen) < sweep_watched();
}

/* By its state, and whether it is begun, doomed or of mode DSR. */
static __always_inline __u32 sweep_timeout(const struct flow_key *key, const struct flow *flow,
					   __u32 now)
{
	__u8 state = flow->state;
	__u32 idle;

	if (flow->flags & FLOW_DOOMED)
		return SWEEP_DOOMED;
	if (state == FLOW_RESET)
		return SWEEP_RESET;
	if (state == FLOW_CLOSING)
		return SWEEP_CLOSING;
	if (sweep_begun(flow, now))
		return SWEEP_BEGUN;
	if (state == FLOW_CLAIMED)
		return SWEEP_CLAIMED;
	if (state == FLOW_CLIENT_FIN && flow->mode == MODE_DSR)
		return SWEEP_CLIENT_FIN;
	idle = sweep_service_idle(key);
	if (state == FLOW_ESTABLISHED || idle < SWEEP_HALF_CLOSED)
		return idle;
	return SWEEP_HALF_CLOSED;
}

static __always_inline void sweep_flow(const struct flow_event *named, struct tally *tally)
{
	struct flow *flow = flow_find(&named->key);
	int forced = named->apply == SWEEP_FORCE;
	__u8 state, flags, mode;

	if (!flow)
		return;
	state = flow->state;
	flags = flow->flags;
	mode = flow->mode;
	if (!forced &&
	    sweep_idle(tally->now, flow->last_seen) <= sweep_timeout(&named->key, flow, tally->now))
		return;
	record_settle(&named->key, flow);
	if (record_remove(&named->key, flow, tally->now, RECORD_OWN))
		return;
	tally->done++;
	if (forced)
		return;
	if (state == FLOW_CLOSING || state == FLOW_RESET || state == FLOW_CLAIMED ||
	    (state == FLOW_CLIENT_FIN && mode == MODE_DSR))
		count_shared(COUNT_EXPIRED_CLOSED);
	else if (flags & FLOW_BEGUN)
		count_shared(COUNT_EXPIRED_BEGUN);
	else
		count_shared(COUNT_EXPIRED_IDLE);
}

/* One that goes on after the peer has heard of its end. */
static __always_inline void sweep_tell(const struct flow_key *key, struct tally *tally)
{
	struct flow *flow = flow_find(key);

	if (!flow || !(flow->flags & FLOW_REVIVED))
		return;
	/* In this order: an end that comes meanwhile is told by its packet, or here. */
	flow->flags &= ~FLOW_REVIVED;
	event_flow(EVENT_FLOW_PUT, key, flow, flow->state, tally->now);
	tally->done++;
}

/* A pin of a pool that is configured no longer serves nobody: due as soon as its flows are gone. */
static __always_inline int sweep_pin_due(const struct pin_key *key, const struct pin *pin,
					 __u32 now)
{
	const struct flow_pool *pool;

	if (pin->flows)
		return 0;
	pool = pool_find(key->pool_id);
	return !pool || sweep_idle(now, pin->last_used) > pool->linger_ticks;
}

static __always_inline void sweep_pin(const struct flow_event *named, struct tally *tally)
{
	struct pin_key key = { .client = named->key.client, .pool_id = named->pool_id };
	const struct pin *pin = bpf_map_lookup_elem(&pins, &key);
	struct pin last;

	if (!pin)
		return;
	if (named->apply == SWEEP_UNUSED && pin->flows)
		return;
	if (named->apply == SWEEP_IF_DUE && !sweep_pin_due(&key, pin, tally->now))
		return;
	last = *pin;
	if (pin_remove(&key))
		return;
	event_pin(EVENT_PIN_DEL, &key, &last, lease_epoch(), tally->now);
	tally->done++;
}

/* One entry; a callback of bpf_loop(). */
static long sweep_one(__u32 index, void *context)
{
	const struct flow_event *slot = bpf_map_lookup_elem(&sweep_inbox, &index);
	struct tally *tally = context;
	struct flow_event named;

	if (!slot)
		return 1;
	named = *slot;
	if (named.kind == EVENT_FLOW_DEL)
		sweep_flow(&named, tally);
	else if (named.kind == EVENT_FLOW_PUT)
		sweep_tell(&named.key, tally);
	else if (named.kind == EVENT_PIN_DEL)
		sweep_pin(&named, tally);
	else
		tally->refused++;
	return 0;
}

#endif
