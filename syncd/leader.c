// SPDX-License-Identifier: BSD-2-Clause
#include "syncd/leader.h"

#include <string.h>

#include "syncd/resume.h"
#include "syncd/snapshot.h"

enum {
	BATCH_WAIT_NS = 1000 * 1000,
	HAND_OVER_NS = 500 * 1000 * 1000,
	LAG_RECORDS = 1000,
	LAG_NS = 100 * 1000 * 1000,
	LAGGING_AFTER_NS = 1000 * 1000 * 1000,
	AGAIN_NS = 1000 * 1000 * 1000,
};

static void new_history(struct session *s)
{
	s->incarnation++;
	resume_void(s);
	journal_reset(&s->journal);
	s->history = (struct session_position){ .epoch = s->epoch,
						.incarnation = s->incarnation,
						.node = s->node };
	s->leader.sent = s->leader.acked = s->leader.goal = 0;
	s->leader.safe = 0;
	s->leader.agains = 0;
	s->leader.proven = s->leader.uncertain = false;
}

static void append(struct session *s, const struct flow_event *event, uint64_t now)
{
	journal_append(&s->journal, event, now);
	verify_logged(s, event);
}

bool leader_settle(struct session *s, const struct flow_event *event, uint64_t now)
{
	struct flow_event present = *event;

	s->ops->lookup(s->arg, &present);
	if (record_check(&present) == RECORD_OK)
		append(s, &present, now);
	return present.kind == EVENT_FLOW_PUT || present.kind == EVENT_PIN_PUT;
}

static void settle_eldest(struct session *s, uint64_t now)
{
	struct leader *l = &s->leader;
	const struct flow_event *event = &l->again[l->again_first].event;

	l->again_first = (l->again_first + 1) % SESSION_AGAIN;
	l->agains--;
	leader_settle(s, event, now);
}

/*
 * The data plane tells of a removal before it removes: what is made of the key afterwards is told
 * behind it.  It may be interrupted in between, and we find the entry that is about to go.
 */
static void look_again(struct session *s, const struct flow_event *event, uint64_t now)
{
	struct leader *l = &s->leader;
	size_t last;

	if (l->agains == SESSION_AGAIN)
		settle_eldest(s, now);
	last = (l->again_first + l->agains++) % SESSION_AGAIN;
	l->again[last].event = *event;
	l->again[last].due_ns = now + AGAIN_NS;
}

void leader_begin(struct session *s, uint64_t now)
{
	struct follower *f = &s->follower;
	bool exact = f->have.node != 0 && !f->offer_all && !f->own_overflow && !f->uncertain;

	new_history(s);
	s->prior = exact ? f->have : (struct session_position){ 0 };
	/* Our own packets' records lie between the old position and the new history's start. */
	for (size_t i = 0; exact && i < f->owns; i++)
		leader_settle(s, &f->own[i], now);
	f->owns = f->offered = 0;
	f->own_confirming = f->own_overflow = false;
	f->led = f->offer_all = f->uncertain = false;
	s->leader.phase = LEADER_ALONE;
	s->leader.caught_up = false;
	s->verify.ended_ns = now;
	s->leader.renewed_ns = 0;
}

void leader_end(struct session *s, uint64_t now)
{
	struct follower *f = &s->follower;

	leader_flush(s);
	leader_detach(s, "this node is not active any more");
	f->have = s->history;
	f->have.seq = s->journal.head;
	/*
	 * What the other node has not acknowledged is offered to it.  When the log does not reach
	 * back so far, everything is, and our position is worth nothing.
	 */
	f->led = true;
	f->tail = s->leader.safe;
	f->offer_all = !journal_holds(&s->journal, f->tail) || s->leader.uncertain ||
		       (!s->leader.proven && !s->prior.node);
	f->attach_ns = now;
	f->failures = 0;
}

static void reply(struct session *s, Sync__AttachReply__Verdict verdict, uint64_t seq,
		  const char *reason)
{
	Sync__Frame frame = SYNC__FRAME__INIT;
	Sync__AttachReply answer = SYNC__ATTACH_REPLY__INIT;
	Sync__Position from = SYNC__POSITION__INIT;
	char text[SESSION_WHY];

	answer.verdict = verdict;
	if (reason) {
		strncpy(text, reason, sizeof(text) - 1);
		text[sizeof(text) - 1] = '\0';
		answer.reason = text;
	} else {
		from.epoch = s->history.epoch;
		from.node = s->history.node;
		from.incarnation = s->history.incarnation;
		from.seq = seq;
		answer.from = &from;
	}
	if (verdict == SYNC__ATTACH_REPLY__VERDICT__SNAPSHOT) {
		answer.has_snapshot = answer.has_flows = true;
		answer.snapshot = s->leader.snapshot;
		answer.flows = s->flows;
	}
	frame.attach_reply = &answer;
	s->ops->send(s->arg, &frame);
}

static void refuse_hand_over(struct session *s, const char *why)
{
	uint64_t id = s->leader.handing;

	s->leader.handing = 0;
	if (id)
		s->ops->handed(s->arg, id, why);
}

void leader_detach(struct session *s, const char *why)
{
	s->leader.phase = LEADER_ALONE;
	s->leader.caught_up = false;
	s->leader.renewed_ns = 0;
	s->leader.uncertain |= s->leader.reoffer;
	s->leader.reoffer = false;
	s->leader.gens.count = 0;
	verify_stop(s, why ? why : "the standby is gone");
	refuse_hand_over(s, why ? why : "the standby is gone");
}

void leader_renew(struct session *s, uint64_t now)
{
	/* Renewals that follow each other without an end prove nothing. */
	uint64_t since = s->leader.caught_up ? now : s->leader.renewed_ns;
	bool in_sync = s->up && s->state == CAS__SYNC_STATE__IN_SYNC;

	leader_detach(s, "the channel was renewed");
	s->leader.renewed_ns = in_sync ? since : 0;
}

void leader_dismiss(struct session *s, const char *why)
{
	if (s->up && s->leader.phase != LEADER_ALONE)
		reply(s, SYNC__ATTACH_REPLY__VERDICT__REFUSE, 0, why);
	leader_detach(s, why);
}

void leader_gap(struct session *s, uint64_t lost)
{
	if (s->leader.phase != LEADER_ALONE)
		session_send_gap(s, lost);
	leader_detach(s, "events were lost, the standby must load again");
	new_history(s);
	s->prior.node = 0;
}

void leader_lost(struct session *s, uint64_t lost, uint64_t now)
{
	snapshot_doubt(s, lost, now);
	refuse_hand_over(s, "events were lost, the standby may lack something");
}

/* Of a pool that is still waited for, the later record is the one that counts. */
static void await_gen(struct session *s, const struct flow_event *event)
{
	gens_drop(&s->leader.gens, event->pool_id);
	if (s->leader.phase != LEADER_ALONE)
		gens_add(&s->leader.gens, event->pool_id, event->client_ack, s->journal.head);
}

static void pass_gens(struct session *s)
{
	uint32_t pool_id, number;

	while (gens_take(&s->leader.gens, s->leader.acked, &pool_id, &number))
		s->ops->passed(s->arg, pool_id, number);
}

static bool is_removal(const struct flow_event *event)
{
	return event->kind == EVENT_FLOW_DEL || event->kind == EVENT_PIN_DEL;
}

/*
 * Only a flow that has just been made is sure to be there.  One that a packet ends or revives may be
 * swept at that moment, on another CPU, and its DEL lie before this event.
 */
static bool is_overtaken(const struct flow_event *event)
{
	if (event->kind == EVENT_FLOW_PUT)
		return event->age || event->state != FLOW_ESTABLISHED;
	return is_removal(event);
}

/*
 * A DEL is logged as what the table says by now: an offer may have put the key back before the
 * event was read, and has been settled before it.
 */
void leader_events(struct session *s, const struct flow_event *event, size_t count, uint64_t now)
{
	if (s->leader.sent == s->journal.head)
		s->leader.pending_ns = now;
	for (size_t i = 0; i < count; i++) {
		if (record_check(&event[i]) != RECORD_OK) {
			s->refused[SESSION_EVENT_UNFIT]++;
			continue;
		}
		if (is_overtaken(&event[i])) {
			if (leader_settle(s, &event[i], now) && is_removal(&event[i]))
				look_again(s, &event[i], now);
			continue;
		}
		if (record_is_verdict(event[i].kind))
			session_verdict(s, &event[i]);
		append(s, &event[i], now);
		if (event[i].kind == EVENT_GEN && event[i].state == GEN_SWITCH)
			await_gen(s, &event[i]);
	}
}

/* --- attach ----------------------------------------------------------------------------------- */

/* Of a peer that knows of none, or of none that was pushed: all 0. */
static bool same_revision(const struct session *s, const Sync__AttachRequest *request)
{
	static const uint8_t none[SESSION_DIGEST];
	const uint8_t *theirs = request->has_revision && request->revision.len == SESSION_DIGEST
					? request->revision.data
					: none;

	return memcmp(theirs, s->revision, SESSION_DIGEST) == 0;
}

static const char *attach_fault(struct session *s, const Sync__AttachRequest *request)
{
	if (!s->leading)
		return "not active";
	if (!s->tables)
		return "lbd is not running on the active node";
	if (request->have && request->have->epoch > s->epoch)
		return "the active node leads an older epoch than the standby has seen";
	if (!s->wire.version)
		return s->wire_why;
	if (!same_revision(s, request))
		return "another revision of the configuration: the older node takes the newer one";
	if (request->config_digest.len != SESSION_DIGEST ||
	    memcmp(request->config_digest.data, s->digest, SESSION_DIGEST) != 0)
		return "configuration differs: put the same file on both nodes";
	if (request->has_free_flows && request->free_flows < s->flows)
		return "the standby's flow table is too small";
	return NULL;
}

/*
 * Whether the records after `*seq` bring a table at position `have` up to date.  That is so for a
 * position in this history, and for the very end of the one before it (as in Redis' PSYNC2).  When
 * that history was the asker's own, it may be past the end that we know: it has offered all of
 * that.
 */
static bool can_continue(const struct session *s, const struct session_position *have,
			 uint64_t *seq)
{
	*seq = have->seq;
	if (session_same_history(have, &s->history))
		return journal_holds(&s->journal, *seq);
	if (!s->prior.node || !session_same_history(have, &s->prior))
		return false;
	*seq = 0;
	if (have->seq != s->prior.seq && (have->seq < s->prior.seq || have->node == s->node))
		return false;
	return journal_holds(&s->journal, 0);
}

void leader_attach(struct session *s, const Sync__AttachRequest *request, uint64_t now)
{
	struct leader *l = &s->leader;
	const char *fault = attach_fault(s, request);
	struct session_position have = { 0 };
	uint64_t seq = 0;

	leader_detach(s, NULL);
	if (fault) {
		s->refused[s->leading ? SESSION_ATTACH_REFUSED : SESSION_NOT_LEADING]++;
		reply(s, SYNC__ATTACH_REPLY__VERDICT__REFUSE, 0, fault);
		session_say(s, "refused the standby: %s", fault);
		return;
	}
	if (request->have) {
		have.epoch = request->have->epoch;
		have.node = request->have->node;
		have.incarnation = request->have->incarnation;
		have.seq = request->have->seq;
	}
	l->pending_ns = l->lagging_ns = now;
	l->goal = s->journal.head;
	s->why[0] = '\0';
	if (have.node && can_continue(s, &have, &seq)) {
		s->resumes++;
		l->sent = l->acked = seq;
		l->phase = LEADER_TAIL;
		reply(s, SYNC__ATTACH_REPLY__VERDICT__CONTINUE, seq, NULL);
		s->beat_ns = 0; /* the follower waits for the end of the log */
		if (l->uncertain) {
			snapshot_doubt(s, 0, now);
			return;
		}
		l->caught_up = seq == l->goal;
		l->proven = true;
		l->safe = seq;
		return;
	}
	l->snapshot++;
	l->sent = l->acked = s->journal.head;
	l->uncertain = false;
	snapshot_begin(s);
	reply(s, SYNC__ATTACH_REPLY__VERDICT__SNAPSHOT, s->journal.head, NULL);
}

void leader_ack(struct session *s, const Sync__Ack *ack, uint64_t now)
{
	struct leader *l = &s->leader;

	if (!s->leading || ack->epoch != s->epoch)
		return;
	l->progress_ns = now;
	if (l->phase == LEADER_WAIT && ack->has_snapshot_records &&
	    ack->snapshot_records == l->pins + l->flows) {
		l->phase = LEADER_TAIL;
		l->reoffer = false;
		l->goal = s->journal.head;
		l->pending_ns = now;
		s->beat_ns = 0;
		if (l->uncertain)
			snapshot_doubt(s, 0, now);
	}
	if (l->phase != LEADER_TAIL && !l->reoffer)
		return;
	if (ack->seq > l->sent) {
		s->ops->broken(s->arg, "the peer acknowledges what was not sent");
		return;
	}
	if (ack->seq > l->acked)
		l->acked = ack->seq;
	pass_gens(s);
	if (l->phase == LEADER_TAIL && !l->uncertain && l->acked >= l->goal) {
		l->caught_up = l->proven = true;
		l->safe = l->acked;
		l->attempts = 0;
	}
	leader_tick(s, now);
}

/* --- offers ----------------------------------------------------------------------------------- */

/* The whole batch first, then the settling: a pin and its flow come together. */
void leader_offer(struct session *s, const struct record_batch *batch, uint64_t now)
{
	struct session_applied applied = { 0 };

	if (!s->leading || !s->tables) {
		s->refused[SESSION_NOT_LEADING]++;
		return;
	}
	for (size_t i = 0; i < batch->count; i += FLOW_BATCH) {
		size_t n = batch->count - i < FLOW_BATCH ? batch->count - i : FLOW_BATCH;

		if (s->ops->apply(s->arg, &batch->event[i], n, &applied) != 0)
			return;
		s->refused[SESSION_UNKNOWN_MEMBER] += applied.refused;
		s->refused[SESSION_TABLE_FULL] += applied.full;
	}
	if (s->leader.sent == s->journal.head)
		s->leader.pending_ns = now;
	for (size_t i = 0; i < batch->count; i++)
		if (!record_is_word(batch->event[i].kind))
			leader_settle(s, &batch->event[i], now);
}

/* --- sending ---------------------------------------------------------------------------------- */

static void send_tail(struct session *s)
{
	struct leader *l = &s->leader;
	struct record_batch *out = &s->out;

	if (!journal_holds(&s->journal, l->sent)) {
		/* The follower is slower than the log is long. */
		session_send_gap(s, 0);
		leader_detach(s, "the standby fell behind the log");
		session_say(s, "the standby fell behind the log and must load again");
		return;
	}
	*out = (struct record_batch){ .epoch = s->epoch, .first_seq = l->sent + 1 };
	out->count = (uint32_t)journal_read(&s->journal, l->sent, out->event, RECORD_MAX);
	if (!out->count)
		return;
	l->sent += out->count;
	s->ops->send_records(s->arg, out);
}

void leader_flush(struct session *s)
{
	while (s->up && s->leader.phase == LEADER_TAIL && s->leader.sent < s->journal.head &&
	       s->ops->room(s->arg))
		send_tail(s);
}

static bool send_due_tail(struct session *s, uint64_t now)
{
	struct leader *l = &s->leader;
	uint64_t waiting = s->journal.head - l->sent;

	if (waiting == 0 || (waiting < RECORD_MAX && now - l->pending_ns < BATCH_WAIT_NS))
		return false;
	send_tail(s);
	l->pending_ns = now;
	return true;
}

bool leader_work(struct session *s, uint64_t now)
{
	struct leader *l = &s->leader;

	if (l->phase == LEADER_ALONE || l->phase == LEADER_WAIT || !s->ops->room(s->arg))
		return false;
	if (l->phase == LEADER_TAIL && !snapshot_again(s, now))
		return send_due_tail(s, now) && s->journal.head - l->sent >= RECORD_MAX;
	/* The log and what is sent once more take turns. */
	l->turn = l->reoffer && !l->turn;
	if (!l->turn || !send_due_tail(s, now))
		snapshot_send(s, now);
	return true;
}

/* --- time ------------------------------------------------------------------------------------- */

void leader_hand_over(struct session *s, uint64_t id, uint64_t now)
{
	struct leader *l = &s->leader;

	if (!s->up || l->phase != LEADER_TAIL || !l->caught_up) {
		s->ops->handed(s->arg, id, "the standby does not hold everything yet");
		return;
	}
	l->handing = id;
	l->hand_known = false;
	l->hand_ns = now;
	if (!s->unread)
		leader_drained(s, now);
}

void leader_drained(struct session *s, uint64_t now)
{
	struct leader *l = &s->leader;

	if (!l->handing || l->hand_known)
		return;
	leader_flush(s);
	l->hand_seq = s->journal.head;
	l->hand_known = true;
	leader_tick(s, now);
}

void leader_tick(struct session *s, uint64_t now)
{
	struct leader *l = &s->leader;
	uint64_t id = l->handing;

	if (l->agains && l->again[l->again_first].due_ns <= now && l->sent == s->journal.head)
		l->pending_ns = now;
	while (l->agains && l->again[l->again_first].due_ns <= now)
		settle_eldest(s, now);
	if (s->up && l->phase == LEADER_WAIT && now - l->progress_ns > SESSION_STUCK_NS) {
		s->ops->broken(s->arg, "the standby does not load the snapshot");
		return;
	}
	if (!id)
		return;
	if (l->hand_known && l->acked >= l->hand_seq) {
		l->handing = 0;
		s->ops->handed(s->arg, id, NULL);
	} else if (now - l->hand_ns >= HAND_OVER_NS) {
		l->handing = 0;
		s->ops->handed(s->arg, id, "the standby did not catch up within 500 ms");
	}
}

Cas__SyncState leader_state(struct session *s, uint64_t now)
{
	struct leader *l = &s->leader;
	bool small = session_lag_records(s) < LAG_RECORDS && session_lag_ns(s, now) < LAG_NS;

	/* A renewed connection takes a few ms to continue where the old one was. */
	if (l->renewed_ns && (l->phase == LEADER_ALONE || l->phase == LEADER_TAIL) &&
	    !l->caught_up && !l->uncertain && now - l->renewed_ns < LAGGING_AFTER_NS)
		return CAS__SYNC_STATE__IN_SYNC;
	if (l->phase == LEADER_ALONE)
		return CAS__SYNC_STATE__ALONE;
	if (!l->caught_up)
		return l->attempts > SESSION_ATTEMPTS ? CAS__SYNC_STATE__DEGRADED
						      : CAS__SYNC_STATE__SENDING;
	if (small)
		l->lagging_ns = now;
	return now - l->lagging_ns < LAGGING_AFTER_NS ? CAS__SYNC_STATE__IN_SYNC
						      : CAS__SYNC_STATE__LAGGING;
}
