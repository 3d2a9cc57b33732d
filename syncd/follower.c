/* SPDX-License-Identifier: BSD-2-Clause */
#include "syncd/follower.h"

#include <string.h>

#include "syncd/offer.h"

#define SECOND 1000000000ull

enum {
	LAG_RECORDS = 1000,
	LAG_NS = 100 * 1000 * 1000,
	BACK_OFF_MAX_S = 30,
};

static void clear_own(struct follower *f)
{
	f->owns = f->offered = 0;
	f->own_confirming = f->own_overflow = false;
}

void follower_detach(struct session *s, uint64_t again_ns)
{
	struct follower *f = &s->follower;

	f->phase = FOLLOWER_IDLE;
	f->in_sync = f->renewing = f->head_heard = false;
	f->offered = 0;
	f->own_confirming = false;
	f->attach_ns = again_ns;
	keyset_clear(&f->seen);
}

/* At once, then after 1, 2, 4 ... 30 s. */
void follower_restart(struct session *s, uint64_t now)
{
	struct follower *f = &s->follower;
	uint64_t wait = 0;

	if (f->failures > 0)
		wait = f->failures > 5 ? BACK_OFF_MAX_S : 1u << (f->failures - 1);
	f->failures++;
	f->have.node = 0;
	follower_detach(s, now + wait * SECOND);
}

/* --- attach ------------------------------------------------------------------------------------
 */

static void ask(struct session *s, uint64_t now)
{
	struct follower *f = &s->follower;
	Sync__Frame frame = SYNC__FRAME__INIT;
	Sync__AttachRequest request = SYNC__ATTACH_REQUEST__INIT;
	Sync__Position have = SYNC__POSITION__INIT;

	if (f->have.node) {
		have.epoch = f->have.epoch;
		have.node = f->have.node;
		have.incarnation = f->have.incarnation;
		have.seq = f->have.seq;
		request.have = &have;
	}
	request.config_digest.data = s->digest;
	request.config_digest.len = SESSION_DIGEST;
	request.layout = s->layout;
	request.has_free_flows = true;
	request.free_flows = s->capacity;
	frame.attach = &request;
	f->phase = FOLLOWER_ASKED;
	f->asked_ns = now;
	f->unanswered++;
	s->ops->send(s->arg, &frame);
}

/* Why this node does not attach now, or NULL. */
static const char *obstacle(struct session *s, uint64_t now)
{
	const struct follower *f = &s->follower;

	if (!s->peer.heard)
		return "waiting for the peer's heartbeat";
	if (!s->tables)
		return "lbd is not running here";
	if (s->role == CAS__ROLE__ACTIVE)
		return "both nodes are active";
	if (s->peer.role != CAS__ROLE__ACTIVE)
		return "the peer is not active";
	if (s->peer.epoch < f->have.epoch || (f->led && s->peer.epoch < s->history.epoch))
		return "the peer leads an older epoch than this node has seen";
	if (now < f->attach_ns)
		return s->why[0] ? s->why : "waiting before the next attempt";
	return NULL;
}

static void attached(struct session *s)
{
	struct follower *f = &s->follower;

	f->led = f->offer_all = f->own_overflow = false;
	s->why[0] = '\0';
	f->head_heard = false;
}

static void continue_from(struct session *s, const struct session_position *from, uint64_t now)
{
	struct follower *f = &s->follower;

	attached(s);
	s->resumes++;
	f->have = *from;
	f->head = from->seq;
	f->head_ns = f->lagging_ns = now;
	f->snapshot = 0;
	f->phase = FOLLOWING;
}

static void load_from(struct session *s, const struct session_position *base, uint32_t number,
		      uint64_t now)
{
	struct follower *f = &s->follower;

	if (f->led && !f->offered_all) {
		/* Loading forgets what the peer does not have.  What we carried is offered first.
		 */
		follower_detach(s, 0);
		f->offer_all = true;
		return;
	}
	attached(s);
	s->snapshots++;
	f->renewing = f->in_sync = false;
	f->progress_ns = f->told_ns = now;
	f->have.node = 0;
	f->base = *base;
	f->snapshot = number;
	f->pins = f->flows = 0;
	keyset_clear(&f->seen);
	f->phase = FOLLOWER_LOADING;
}

void follower_reply(struct session *s, const Sync__AttachReply *reply, uint64_t now)
{
	struct follower *f = &s->follower;
	struct session_position from = { 0 };
	bool again;

	/* Each request has its answer, in order; but for the last one, of a state that is past. */
	if (f->unanswered > 0 && --f->unanswered > 0)
		return;
	if (s->leading)
		return;
	if (reply->verdict == SYNC__ATTACH_REPLY__VERDICT__REFUSE) {
		s->refused[SESSION_ATTACH_REFUSED]++;
		follower_detach(s, now + SECOND);
		session_say(s, "the active node refused: %.100s",
			    reply->reason ? reply->reason : "no reason given");
		return;
	}
	/* Whatever is under way here, the leader sends another snapshot now and nothing else. */
	again = f->phase > FOLLOWER_ASKED &&
		reply->verdict == SYNC__ATTACH_REPLY__VERDICT__SNAPSHOT &&
		reply->snapshot != f->snapshot;
	if (f->phase != FOLLOWER_ASKED && !again)
		return;
	if (!reply->from || reply->from->epoch != s->peer.epoch || reply->from->node == s->node) {
		s->ops->broken(s->arg, "an attach was answered from another history");
		return;
	}
	from.epoch = reply->from->epoch;
	from.node = reply->from->node;
	from.incarnation = reply->from->incarnation;
	from.seq = reply->from->seq;
	if (reply->verdict == SYNC__ATTACH_REPLY__VERDICT__CONTINUE)
		continue_from(s, &from, now);
	else
		load_from(s, &from, reply->snapshot, now);
}

/* --- apply -------------------------------------------------------------------------------------
 */

static void send_ack(struct session *s, const struct session_position *at, bool loaded)
{
	Sync__Frame frame = SYNC__FRAME__INIT;
	Sync__Ack ack = SYNC__ACK__INIT;

	ack.epoch = at->epoch;
	ack.seq = at->seq;
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
	if (applied.full) {
		s->follower.failures = 6; /* it will not get better soon */
		give_up(s, now, "a table of this node is full: raise forwarding.flows and .pins");
		return false;
	}
	return true;
}

/* In order; verdicts go to lbd, everything between them into the tables. */
static bool apply(struct session *s, const struct record_batch *batch, uint64_t now)
{
	size_t from = 0;

	for (size_t i = 0; i < batch->count; i++) {
		bool verdict = batch->event[i].kind == EVENT_MEMBER;

		if (!verdict && i - from < FLOW_BATCH)
			continue;
		if (!apply_run(s, &batch->event[from], i - from, now))
			return false;
		from = i;
		if (verdict) {
			session_verdict(s, &batch->event[i]);
			s->ops->verdict(s->arg, &batch->event[i]);
			from = i + 1;
		}
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
		if (f->flows > s->capacity || f->pins > SESSION_PINS_MAX ||
		    keyset_add(&f->seen, &key) != 0) {
			give_up(s, now, "the snapshot is greater than this node's table");
			return;
		}
	}
	apply(s, batch, now);
}

static void settle_own(struct follower *f)
{
	if (f->own_confirming && f->have.seq >= f->own_seq)
		clear_own(f);
}

void follower_records(struct session *s, const struct record_batch *batch, uint64_t now)
{
	struct follower *f = &s->follower;
	bool snapshot = batch->snapshot != 0;

	if (s->leading || f->phase != (snapshot ? FOLLOWER_LOADING : FOLLOWING) ||
	    (snapshot && batch->snapshot != f->snapshot)) {
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
	if (!apply(s, batch, now))
		return;
	f->have.seq += batch->count;
	if (f->head < f->have.seq)
		f->head = f->have.seq;
	settle_own(f);
	send_ack(s, &f->have, false);
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

/* Flows first: a pin is not deleted while this node counts flows on it. */
static void sweep(struct session *s, uint64_t now)
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
	if (!pins) {
		f->phase = FOLLOWER_SWEEP_PINS;
		s->ops->walk(s->arg, SESSION_PINS);
		return;
	}
	keyset_clear(&f->seen);
	f->have = f->base;
	f->head = f->have.seq;
	f->head_ns = f->lagging_ns = now;
	f->phase = FOLLOWING;
	send_ack(s, &f->have, true);
}

/* --- time --------------------------------------------------------------------------------------
 */

static bool history_ended(const struct session *s)
{
	const struct follower *f = &s->follower;
	uint64_t epoch = f->phase == FOLLOWING ? f->have.epoch : f->base.epoch;

	return f->phase > FOLLOWER_ASKED && s->peer.epoch != epoch;
}

void follower_head(struct session *s, uint64_t head, uint64_t echo_ns, uint64_t now)
{
	struct follower *f = &s->follower;

	if (history_ended(s)) {
		follower_detach(s, now);
		return;
	}
	if (f->phase != FOLLOWING)
		return;
	f->head_heard = true;
	if (head > f->head) {
		if (f->have.seq >= f->head)
			f->head_ns = now;
		f->head = head;
	}
	if (f->owns && f->offered == f->owns && !f->own_confirming && echo_ns > f->own_ns) {
		f->own_seq = head;
		f->own_confirming = true;
	}
	settle_own(f);
}

bool follower_work(struct session *s, uint64_t now)
{
	struct follower *f = &s->follower;

	switch (f->phase) {
	case FOLLOWER_IDLE:
		if (obstacle(s, now))
			return false;
		offer_start(s);
		return true;
	case FOLLOWER_OFFER_PINS:
	case FOLLOWER_OFFER_FLOWS:
	case FOLLOWER_OFFER_TAIL:
		return offer_work(s);
	case FOLLOWER_OFFER_OWN:
		offer_own(s, now);
		ask(s, now);
		return false;
	case FOLLOWER_SWEEP_PINS:
	case FOLLOWER_SWEEP_FLOWS:
		sweep(s, now);
		return true;
	case FOLLOWER_ASKED:
	case FOLLOWER_LOADING:
	case FOLLOWING:
		break;
	}
	return false;
}

/* The leader waits for tables of any size to be loaded and swept, but for nobody who is stuck. */
static void tell_progress(struct session *s, uint64_t now)
{
	struct follower *f = &s->follower;
	struct session_position nowhere = { .epoch = f->base.epoch };

	if (f->phase < FOLLOWER_LOADING || f->phase > FOLLOWER_SWEEP_PINS ||
	    now - f->told_ns < SECOND)
		return;
	f->told_ns = now;
	send_ack(s, &nowhere, false);
}

void follower_tick(struct session *s, uint64_t now)
{
	struct follower *f = &s->follower;
	const char *why = NULL;

	if (!s->up)
		return;
	if (f->phase == FOLLOWER_IDLE)
		why = obstacle(s, now);
	if (why && why != s->why)
		session_say(s, "%s", why);
	if (f->phase != FOLLOWER_IDLE && s->peer.heard && s->peer.role != CAS__ROLE__ACTIVE)
		follower_detach(s, now);
	if (f->phase == FOLLOWER_ASKED && now - f->asked_ns > 3 * SECOND)
		s->ops->broken(s->arg, "no answer to an attach");
	else if (f->phase == FOLLOWER_LOADING && now - f->progress_ns > SESSION_STUCK_NS)
		s->ops->broken(s->arg, "the snapshot does not go on");
	else
		tell_progress(s, now);
	if (f->in_sync && now - f->synced_ns > BACK_OFF_MAX_S * SECOND)
		f->failures = 0;
}

static Cas__SyncState following_state(struct session *s, uint64_t now)
{
	struct follower *f = &s->follower;
	bool small = session_lag_records(s) < LAG_RECORDS && session_lag_ns(s, now) < LAG_NS;

	if (small)
		f->lagging_ns = now;
	if (!f->in_sync) {
		/* Only a heartbeat since the attach tells where the end of the log is. */
		if (!small || !f->head_heard)
			return f->renewing && now - f->lagging_ns < SECOND
				       ? CAS__SYNC_STATE__IN_SYNC
				       : CAS__SYNC_STATE__CATCHING_UP;
		f->renewing = false;
		f->in_sync = true;
		f->synced_ns = now;
	}
	return now - f->lagging_ns < SECOND ? CAS__SYNC_STATE__IN_SYNC : CAS__SYNC_STATE__LAGGING;
}

Cas__SyncState follower_state(struct session *s, uint64_t now)
{
	struct follower *f = &s->follower;

	if (!s->up)
		return f->have.node ? CAS__SYNC_STATE__STALE : CAS__SYNC_STATE__DETACHED;
	if (f->phase == FOLLOWING)
		return following_state(s, now);
	/* A renewed connection takes a few ms to continue where the old one was. */
	if (f->renewing && now - s->peer.heard_ns < SECOND)
		return CAS__SYNC_STATE__IN_SYNC;
	if (f->phase == FOLLOWER_IDLE)
		return CAS__SYNC_STATE__DETACHED;
	return f->phase < FOLLOWER_LOADING ? CAS__SYNC_STATE__ATTACHING : CAS__SYNC_STATE__LOADING;
}
