/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Entries of tables that are given up become entries of these.  First while the packets still go by
 * the old ones and nobody else writes these; then once more beside the packets, when the old ones
 * rest.  Each entry is counted where it is made, so that the counts agree with the tables at any
 * moment and however often it is done.  Nothing is reported: the peer knows them.
 */
#ifndef CASPAIR_CARRY_BPF_H
#define CASPAIR_CARRY_BPF_H

#include "lbd/bpf/apply.bpf.h"
#include "lbd/bpf/carried.h"
#include "lbd/bpf/record.bpf.h"

static __noinline int carry_make(struct carried *record)
{
	struct flow *flow = &record->entry.flow;
	struct pin_key pin = { .client = record->key.client, .pool_id = flow->pool_id };
	struct way way = way_of(flow);
	struct pin *held;
	int err;

	if (way.source && source_enter(&record->key, &way, 1))
		return -ENOENT;
	held = pin.pool_id ? bpf_map_lookup_elem(&pins, &pin) : NULL;
	if (held)
		__sync_fetch_and_add(&held->flows, 1);
	else
		flow->pool_id = 0; /* its pin was dropped by force */
	err = flow_add(&record->key, flow);
	if (err) {
		if (held)
			__sync_fetch_and_add(&held->flows, (__u32)-1);
		if (way.source && err != -EEXIST)
			source_leave(&record->key, &way);
		return err;
	}
	if (way.source)
		source_count(way.source, 1);
	record_stats(way.member, 1, 0);
	return 0;
}

/* Two entries of one key that are of the same connection. */
static __always_inline int carry_is_alike(const struct flow *flow, const struct flow *other)
{
	return flow->created == other->created && flow->member == other->member &&
	       flow->source == other->source && flow->source_port == other->source_port;
}

/* And that stand for the same, whatever has been seen of it since. */
static __always_inline int carry_is_same(const struct flow *flow, const struct flow *other)
{
	return carry_is_alike(flow, other) && flow->pool_id == other->pool_id;
}

/* The same connection, which its client has acknowledged here, or which is counted here by now. */
static __always_inline int carry_is_past(const struct flow *flow, const struct flow *than)
{
	return !(than->flags & FLOW_DOOMED) && carry_is_alike(flow, than) &&
	       (than->flags & ~flow->flags & (FLOW_BEGUN | FLOW_REPLICA) ||
		(flow->pool_id && !than->pool_id));
}

/* Packets that came since count bytes: what has been seen here as well is not put back. */
static __always_inline int carry_is_newer(const struct flow *flow, const struct flow *than)
{
	return flow->bytes_in >= than->bytes_in && flow->bytes_out >= than->bytes_out;
}

static __always_inline void carry_flow(struct carried *record, struct tally *tally)
{
	const struct flow *fresh = &record->entry.flow;
	struct flow *flow = flow_find(&record->key);
	int err;

	if (flow && carry_is_same(flow, fresh)) {
		if (carry_is_newer(fresh, flow))
			*flow = *fresh;
		return;
	}
	if (!flow && record->kind == CARRY_KNOWN_FLOW)
		return;
	/* The port's next flow, or the same one that packets have made here meanwhile. */
	if (flow && (serial_after(flow->created, fresh->created) || carry_is_past(flow, fresh)))
		return;
	if (flow)
		record_remove(&record->key, flow, tally->now, RECORD_PEER);
	err = carry_make(record);
	if (!err)
		tally->done++;
	else if (err != -EEXIST)
		tally->full++;
}

static __always_inline void carry_pin(const struct carried *record, struct tally *tally)
{
	struct pin_key key = { .client = record->key.client, .pool_id = record->number };
	struct pin *pin = bpf_map_lookup_elem(&pins, &key);
	struct pin fresh = record->entry.pin;
	int err;

	if (pin) {
		if (!serial_after(fresh.last_used, pin->last_used))
			return;
		pin->member = fresh.member;
		pin->created = fresh.created;
		pin->last_used = fresh.last_used;
		return;
	}
	if (record->kind == CARRY_KNOWN_PIN)
		return;
	fresh.flows = 0;
	err = (int)bpf_map_update_elem(&pins, &key, &fresh, BPF_NOEXIST);
	if (!err) {
		gauge_pins(1);
		tally->done++;
	} else if (err != -EEXIST) {
		tally->full++;
	}
}

static __always_inline void carry_lost_flow(const struct carried *record, struct tally *tally)
{
	const struct flow *flow = flow_find(&record->key);

	if (flow && flow->created == record->entry.flow.created &&
	    record_remove(&record->key, flow, tally->now, RECORD_PEER) == 0)
		tally->done++;
}

static __always_inline void carry_lost_pin(const struct carried *record, struct tally *tally)
{
	struct pin_key key = { .client = record->key.client, .pool_id = record->number };
	const struct pin *pin = bpf_map_lookup_elem(&pins, &key);

	if (pin && !pin->flows && pin_remove(&key) == 0)
		tally->done++;
}

static __always_inline void carry_member(const struct carried *record)
{
	const struct flow_member_stats *from = &record->entry.member;
	struct flow_member_stats *to = stats_of(record->number);

	if (!to)
		return;
	__sync_fetch_and_add(&to->connections, from->connections);
	__sync_fetch_and_add(&to->syns, from->syns);
	__sync_fetch_and_add(&to->refusals, from->refusals);
	__sync_fetch_and_add(&to->resets, from->resets);
	if (to->silent)
		return;
	to->silent_from = from->silent_from;
	to->silent_more = from->silent_more;
	to->silent = from->silent;
}

static __always_inline void carry_source(const struct carried *record)
{
	struct flow_source_stats *to = source_stats_of(record->number + 1);

	if (to)
		__sync_fetch_and_add(&to->next, record->entry.source.next);
}

/* One entry; a callback of bpf_loop(). */
static long carry_one(__u32 index, void *context)
{
	struct carried *record = bpf_map_lookup_elem(&carried, &index);
	struct tally *tally = context;
	__u32 done = tally->done;

	if (!record)
		return 1;
	switch (record->kind) {
	case CARRY_FLOW:
	case CARRY_KNOWN_FLOW:
		carry_flow(record, tally);
		break;
	case CARRY_PIN:
	case CARRY_KNOWN_PIN:
		carry_pin(record, tally);
		break;
	case CARRY_LOST_FLOW:
		carry_lost_flow(record, tally);
		break;
	case CARRY_LOST_PIN:
		carry_lost_pin(record, tally);
		break;
	case CARRY_MEMBER:
		carry_member(record);
		break;
	case CARRY_SOURCE:
		carry_source(record);
		break;
	default:
		tally->refused++;
	}
	record->done = tally->done - done;
	return 0;
}

#endif
