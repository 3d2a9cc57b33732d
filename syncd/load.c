// SPDX-License-Identifier: BSD-2-Clause
#include "syncd/load.h"

#include "proto/memo.h"
#include "syncd/follower.h"

void load_ack(struct session *s, const struct session_position *at, bool loaded)
{
	Sync__Frame frame = SYNC__FRAME__INIT;
	Sync__Ack ack = SYNC__ACK__INIT;

	ack.epoch = at->epoch;
	ack.seq = follower_limit(&s->follower, at->seq);
	ack.has_snapshot_records = loaded;
	ack.snapshot_records = s->follower.pins + s->follower.flows;
	frame.ack = &ack;
	s->ops->send(s->arg, &frame);
}

/* We cannot go on: says so to the leader and starts again later. */
static void give_up(struct session *s, uint64_t now, const char *why)
{
	session_send_gap(s, 0);
	follower_restart(s, now);
	session_say(s, "%s", why);
}

/*
 * A table may be full of what the leader has deleted meanwhile, which only the end of a snapshot
 * tells.  So the snapshot is taken to its end, the stale entries are swept, and the next one finds
 * room.
 */
static bool may_make_room(const struct follower *f)
{
	return f->phase == FOLLOWER_LOADING && !f->reoffer && !f->cleared;
}

static void overflow(struct session *s, uint64_t now)
{
	if (s->follower.cleared)
		s->follower.failures = 6; /* it will not get better soon */
	s->follower.cleared = false;
	give_up(s, now, "a table of this node is full: raise forwarding.flows and .pins");
}

static bool apply_run(struct session *s, const struct flow_event *event, size_t count, uint64_t now)
{
	struct session_applied applied = { 0 };

	if (count == 0)
		return true;
	if (s->ops->apply(s->arg, event, count, &applied) != 0) {
		give_up(s, now, "the tables cannot be written");
		return false;
	}
	s->refused[SESSION_UNKNOWN_MEMBER] += applied.refused;
	s->refused[SESSION_TABLE_FULL] += applied.full;
	if (!applied.full)
		return true;
	if (may_make_room(&s->follower)) {
		s->follower.crowded = true;
		return true;
	}
	overflow(s, now);
	return false;
}

/*
 * Asked at the end of a memo, for lbd knows what to do with a whole one.  That of one cut short is
 * the end of the next: whoever wrote it repeats it.
 */
static void await_heed(struct session *s, const struct flow_event *event, uint64_t seq)
{
	struct follower *f = &s->follower;

	if (event->state & MEMO_NEWS) {
		f->last_word = seq;
		if (!f->unheeded)
			f->unheeded = seq;
	}
	if (f->unheeded && memo_ends(event))
		s->ops->heed(s->arg, f->have.incarnation, seq);
}

/* What switches the base is acknowledged when lbd says that it has; in a snapshot nobody waits. */
static void hand_to_lbd(struct session *s, const struct record_batch *batch, size_t i)
{
	const struct flow_event *event = &batch->event[i];

	if (event->kind == EVENT_GEN && event->state == GEN_SWITCH && !batch->snapshot)
		gens_add(&s->follower.gens, event->pool_id, event->client_ack,
			 batch->first_seq + i);
	if (record_is_verdict(event->kind))
		session_verdict(s, event);
	s->ops->verdict(s->arg, event);
	if (record_is_memo(event->kind) && !batch->snapshot)
		await_heed(s, event, batch->first_seq + i);
}

/* In order; what lbd has said goes to lbd, everything between them into the tables. */
static bool apply(struct session *s, const struct record_batch *batch, uint64_t now)
{
	size_t from = 0;

	for (size_t i = 0; i < batch->count; i++) {
		bool word = record_is_word(batch->event[i].kind);
		bool nothing = record_is_ignorable(batch->event[i].kind);

		if (!word && !nothing && i - from < FLOW_BATCH)
			continue;
		if (!apply_run(s, &batch->event[from], i - from, now))
			return false;
		from = i + (word || nothing);
		if (word)
			hand_to_lbd(s, batch, i);
	}
	return apply_run(s, &batch->event[from], batch->count - from, now);
}

static void load(struct session *s, const struct record_batch *batch, uint64_t now)
{
	struct follower *f = &s->follower;

	for (size_t i = 0; i < batch->count; i++) {
		const struct flow_event *event = &batch->event[i];
		struct flow_key key = session_key(event);

		if (event->kind == EVENT_PIN_PUT)
			f->pins++;
		else if (event->kind == EVENT_FLOW_PUT)
			f->flows++;
		else
			continue;
		if (f->flows > s->capacity || f->pins > SESSION_PINS_MAX) {
			give_up(s, now, "the snapshot is greater than this node's table");
			return;
		}
		if (keyset_add(&f->seen, &key) != 0) {
			give_up(s, now, "no memory for the keys of a snapshot");
			return;
		}
	}
	apply(s, batch, now);
}

/* Beside a snapshot: what the log makes now is not to be swept. */
static bool spare_new(struct session *s, const struct record_batch *batch, uint64_t now)
{
	struct follower *f = &s->follower;

	for (size_t i = 0; f->phase == FOLLOWER_LOADING && i < batch->count; i++) {
		const struct flow_event *event = &batch->event[i];
		struct flow_key key = session_key(event);

		if (event->kind != EVENT_FLOW_PUT && event->kind != EVENT_PIN_PUT)
			continue;
		if (keyset_add(&f->seen, &key) != 0) {
			give_up(s, now, "no memory for the keys of a snapshot");
			return false;
		}
	}
	return true;
}

static bool expects(const struct follower *f, const struct record_batch *batch)
{
	if (batch->snapshot)
		return f->phase == FOLLOWER_LOADING && batch->snapshot == f->snapshot;
	return f->phase == FOLLOWING || (f->phase == FOLLOWER_LOADING && f->reoffer);
}

void follower_records(struct session *s, const struct record_batch *batch, uint64_t now)
{
	struct follower *f = &s->follower;
	bool snapshot = batch->snapshot != 0;

	if (s->leading || !expects(f, batch)) {
		s->refused[SESSION_NOT_FOLLOWING]++;
		return;
	}
	if (batch->epoch != (snapshot ? f->base.epoch : f->have.epoch)) {
		s->refused[SESSION_OLD_EPOCH]++;
		return;
	}
	if (snapshot) {
		f->progress_ns = now;
		load(s, batch, now);
		return;
	}
	if (batch->first_seq != f->have.seq + 1) {
		s->refused[SESSION_OUT_OF_ORDER]++;
		s->ops->broken(s->arg, "records out of order");
		return;
	}
	if (!spare_new(s, batch, now) || !apply(s, batch, now))
		return;
	for (uint32_t i = 0; i < batch->count; i++)
		verify_logged(s, &batch->event[i]);
	f->have.seq += batch->count;
	if (f->head < f->have.seq)
		f->head = f->have.seq;
	follower_settle_own(f);
	load_ack(s, &f->have, false);
}

void follower_spare(struct session *s, const struct flow_event *event)
{
	struct follower *f = &s->follower;
	struct flow_key key = session_key(event);

	/* Without memory the entry is swept and comes back when the leader settles it. */
	if (f->phase >= FOLLOWER_LOADING && f->phase < FOLLOWING)
		keyset_add(&f->seen, &key);
}

void follower_snapshot_end(struct session *s, const Sync__SnapshotEnd *end, uint64_t now)
{
	struct follower *f = &s->follower;

	(void)now;
	if (f->phase != FOLLOWER_LOADING || end->snapshot != f->snapshot)
		return;
	if (end->flows != f->flows || end->pins != f->pins) {
		s->ops->broken(s->arg, "the snapshot is not complete");
		return;
	}
	/* Nor is swept what we have offered: the leader decides, and it may not have heard yet. */
	for (size_t i = 0; i < f->owns; i++)
		follower_spare(s, &f->own[i]);
	f->phase = FOLLOWER_SWEEP_FLOWS;
	s->ops->walk(s->arg, SESSION_FLOWS);
}

/* All of a snapshot is here, and nothing else. */
static void follow(struct session *s, uint64_t now)
{
	struct follower *f = &s->follower;

	if (f->crowded) {
		f->cleared = true;
		give_up(s, now,
			"a table was full of what the active node has no more: loading again");
		return;
	}
	keyset_clear(&f->seen);
	f->cleared = false;
	if (!f->reoffer)
		f->have = f->base;
	f->uncertain = f->reoffer = f->head_heard = false;
	f->head = f->have.seq;
	f->head_ns = f->lagging_ns = now;
	f->phase = FOLLOWING;
	load_ack(s, &f->have, true);
}

/* Flows first: a pin is not deleted while this node counts flows on it. */
void load_sweep(struct session *s, uint64_t now)
{
	struct follower *f = &s->follower;
	struct record_batch *walked = &s->out, *stale = &s->in;
	bool pins = f->phase == FOLLOWER_SWEEP_PINS;
	int n = s->ops->step(s->arg, walked->event, RECORD_MAX);

	if (n < 0) {
		give_up(s, now, "the tables cannot be read");
		return;
	}
	stale->count = 0;
	for (int i = 0; i < n; i++) {
		struct flow_event *event = &stale->event[stale->count];
		struct flow_key key = session_key(&walked->event[i]);

		if (keyset_has(&f->seen, &key))
			continue;
		*event = walked->event[i];
		event->kind = pins ? EVENT_PIN_DEL : EVENT_FLOW_DEL;
		event->apply = APPLY_UPSERT;
		event->epoch = (uint32_t)f->base.epoch;
		stale->count++;
	}
	if (!apply_run(s, stale->event, stale->count, now) || n > 0)
		return;
	if (pins) {
		follow(s, now);
		return;
	}
	f->phase = FOLLOWER_SWEEP_PINS;
	s->ops->walk(s->arg, SESSION_PINS);
}
