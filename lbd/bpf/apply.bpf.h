/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Records of the peer become entries here.  The inbox is written by a process without rights, which
 * may go on writing while we read: each record is copied, then checked, then used.
 */
#ifndef CASPAIR_APPLY_BPF_H
#define CASPAIR_APPLY_BPF_H

#include "lbd/bpf/gate.bpf.h"
#include "lbd/bpf/record.bpf.h"
#include "lbd/bpf/track.bpf.h"

/*
 * How far the client's numbers may have come on a node that did not see their end.  Those of his
 * next connection from the same port begin later by 15 in each microsecond at most systems, or
 * anywhere.
 */
#define APPLY_UNSEEN (1u << 20)

/* What a batch has come to so far. */
struct tally {
	__u32 done;
	__u32 refused;
	__u32 full;
	__u32 now; /* ticks */
};

/* Slot of a member's address, FLOW_NO_MEMBER when there is none. */
static __noinline __u16 apply_member(const struct flow_ip *ip)
{
	const struct flow_role_table *table = roles_get();
	const struct flow_role *role = table ? role_find(table, ip) : NULL;

	if (!role || role->kind != ROLE_MEMBER || role->id >= FLOW_MAX_MEMBERS)
		return FLOW_NO_MEMBER;
	return role->id;
}

static __always_inline int apply_flow_valid(const struct flow_event *record)
{
	return flow_ip_family(&record->key.client) == flow_ip_family(&record->key.vip) &&
	       record->mode <= MODE_SNAT && record->state >= FLOW_ESTABLISHED &&
	       record->state <= FLOW_CLAIMED;
}

static __always_inline int apply_by(const struct flow_event *record)
{
	return record->apply == APPLY_IF_ABSENT && record->client_ack ? RECORD_OFFERED
								      : RECORD_PEER;
}

static __noinline void apply_flow_new(const struct flow_event *record, const struct way *way,
				      struct tally *tally)
{
	struct flow flow = {
		.member = way->member,
		.state = record->state,
		.flags = (record->flags & EVENT_FLOW_FLAGS) | FLOW_REPLICA,
		.epoch = record->epoch,
		.created = tally->now - record->age,
		.last_seen = tally->now - record->idle,
		.client_ack = record->client_ack,
		.client_seq = record->client_seq,
		.mode = way->mode,
		.source = way->source,
		.source_port = way->source_port,
	};
	const struct flow_pool *pool = NULL;
	int err;

	if (!(flow.flags & (FLOW_OUTBOUND | FLOW_DOOMED)))
		pool = record_pool(record_service(&record->key));
	err = record_make(&record->key, &flow, pool, apply_by(record));
	if (!err)
		tally->done++;
	else if (err != -EEXIST)
		tally->full++;
}

/* Later than what was heard of the flow before. */
static __always_inline void apply_seen(const struct flow_event *record, struct flow *flow,
				       __u32 now)
{
	__u32 seen = now - record->idle;

	if (ticks_since(now, seen) < ticks_since(now, flow->last_seen))
		flow->last_seen = seen;
}

/*
 * An entry that is still a mere copy takes everything; one that packets keep, the decisions only:
 * its member, and whether it has ended.
 */
static __always_inline void apply_flow_known(const struct flow_event *record, struct flow *flow,
					     __u16 member, __u32 now)
{
	if (flow->member != member) {
		record_stats(flow->member, -1, 0);
		record_stats(member, 1, 0);
		flow->member = member;
	}
	flow->epoch = record->epoch;
	if (record->flags & FLOW_DOOMED && !(flow->flags & FLOW_DOOMED))
		record_doom(&record->key, flow, now);
	flow->mode = record->mode;
	apply_seen(record, flow, now);
	if (!(flow->flags & FLOW_DOOMED))
		flow->state = record->state;
	if (flow->flags & FLOW_REVIVED)
		flow->flags &= ~FLOW_REVIVED;
	if (!(flow->flags & FLOW_REPLICA))
		return;
	if (record->client_ack | record->client_seq) {
		flow->client_ack = record->client_ack;
		flow->client_seq = record->client_seq;
	}
}

/*
 * Whether packets of the client have come here; of a replica, his SYN.  A member's alone show
 * nothing: his last acknowledgement may come before the offer of the end.
 */
static __always_inline int apply_is_heard(const struct flow *flow)
{
	return flow->client_seq && (!(flow->flags & FLOW_REPLICA) || !flow->client_ack);
}

/*
 * A tail of an older epoch changes no decision.  But what came to its end there is not told here by
 * any packet, and the entry would stay until its idle timeout: it ends too, unless packets have
 * come here of a connection that has the same ports since.
 */
static __always_inline void apply_flow_end(const struct flow_event *record, struct flow *flow,
					   const struct way *way, struct tally *tally)
{
	if (flow->member != way->member || track_has_ended(flow) ||
	    !track_is_end(flow, record->state) || flow->flags & FLOW_REVIVED)
		return;
	if (apply_is_heard(flow) && record->client_seq - flow->client_seq > APPLY_UNSEEN)
		return;
	flow->state = record->state;
	apply_seen(record, flow, tally->now);
	tally->done++;
}

/* What a record's addresses are here.  -1: they are nothing. */
static __always_inline int apply_way(const struct flow_event *record, struct way *way)
{
	int outbound = record->flags & FLOW_OUTBOUND;

	way->member = outbound ? FLOW_NO_MEMBER : apply_member(&record->member);
	way->mode = record->mode;
	if (way->member == FLOW_NO_MEMBER && !outbound)
		return -1;
	if (record->mode != MODE_SNAT)
		return 0;
	way->source = source_find(&record->source);
	way->source_port = record->source_port;
	return way->source && way->source_port && !outbound ? 0 : -1;
}

/* A flow with a source is another one when any of this changes. */
static __always_inline int apply_is_other(const struct flow *flow, const struct way *way)
{
	if (!flow->source && !way->source)
		return 0;
	return flow->source != way->source || flow->source_port != way->source_port ||
	       flow->member != way->member;
}

/* A flow that is told of again, perhaps because there is its client's pin by now. */
static __noinline void apply_hold(const struct flow_event *record, struct flow *flow)
{
	record_join(&record->key, flow, record_judge(flow, apply_by(record)));
}

static __always_inline void apply_flow_put(const struct flow_event *record, struct tally *tally)
{
	struct way way = {};
	struct flow *flow;

	if (!apply_flow_valid(record) || apply_way(record, &way)) {
		tally->refused++;
		return;
	}
	flow = flow_find(&record->key);
	if (flow && serial_after(flow->epoch, record->epoch))
		return;
	if (flow && record->apply == APPLY_IF_ABSENT) {
		if (apply_is_other(flow, &way))
			return;
		apply_flow_end(record, flow, &way, tally);
		if (flow->member == way.member)
			apply_hold(record, flow);
		return;
	}
	/* The same ports once more: the end of the former flow was merged into this record. */
	if (flow && (apply_is_other(flow, &way) || flow->flags & ~record->flags & FLOW_DOOMED)) {
		record_settle(&record->key, flow);
		record_remove(&record->key, flow, tally->now, RECORD_PEER);
		flow = NULL;
	}
	if (!flow) {
		apply_flow_new(record, &way, tally);
		return;
	}
	apply_flow_known(record, flow, way.member, tally->now);
	apply_hold(record, flow);
	tally->done++;
}

static __always_inline void apply_flow_del(const struct flow_event *record, struct tally *tally)
{
	struct flow *flow = flow_find(&record->key);

	if (!flow || record->apply == APPLY_IF_ABSENT || serial_after(flow->epoch, record->epoch))
		return;
	record_settle(&record->key, flow);
	if (record_remove(&record->key, flow, tally->now, RECORD_PEER) == 0)
		tally->done++;
}

static __always_inline void apply_pin_put(const struct flow_event *record, struct tally *tally)
{
	struct pin_key key = { .client = record->key.client, .pool_id = record->pool_id };
	__u16 member = apply_member(&record->member);
	struct pin *pin;

	if (member == FLOW_NO_MEMBER || !pool_find(key.pool_id)) {
		tally->refused++;
		return;
	}
	pin = bpf_map_lookup_elem(&pins, &key);
	if (pin && record->apply == APPLY_IF_ABSENT)
		return;
	if (pin) {
		pin->member = member;
		pin->last_used = tally->now - record->idle;
		tally->done++;
		return;
	}
	if (pin_make(&key, member, 0, tally->now - record->idle) == 0)
		tally->done++;
	else
		tally->full++;
}

static __always_inline void apply_pin_del(const struct flow_event *record, struct tally *tally)
{
	struct pin_key key = { .client = record->key.client, .pool_id = record->pool_id };
	struct pin *pin = bpf_map_lookup_elem(&pins, &key);

	if (!pin || record->apply == APPLY_IF_ABSENT)
		return;
	/* Flows that live here keep their count, and so their pin. */
	if (pin->flows)
		pin->last_used = tally->now;
	else if (pin_remove(&key) == 0)
		tally->done++;
}

/* One record; a callback of bpf_loop(). */
static long apply_one(__u32 index, void *context)
{
	const struct flow_event *slot = bpf_map_lookup_elem(&apply_inbox, &index);
	struct tally *tally = context;
	struct flow_event record;

	if (!slot)
		return 1;
	record = *slot;
	switch (record.kind) {
	case EVENT_FLOW_PUT:
		apply_flow_put(&record, tally);
		break;
	case EVENT_FLOW_DEL:
		apply_flow_del(&record, tally);
		break;
	case EVENT_PIN_PUT:
		apply_pin_put(&record, tally);
		break;
	case EVENT_PIN_DEL:
		apply_pin_del(&record, tally);
		break;
	default:
		tally->refused++;
	}
	return 0;
}

#endif
