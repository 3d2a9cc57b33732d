// SPDX-License-Identifier: BSD-2-Clause
#include "syncd/session.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "syncd/follower.h"
#include "syncd/leader.h"
#include "syncd/load.h"
#include "syncd/offer.h"
#include "syncd/resume.h"

enum {
	BEAT_NS = 100 * 1000 * 1000,
	NEWS_NS = 5 * BEAT_NS, /* a heartbeat may be late without anybody lagging */
};

const char *const session_refusal_names[SESSION_REFUSALS] = {
	[SESSION_NOT_FOLLOWING] = "not-following",   [SESSION_OLD_EPOCH] = "old-epoch",
	[SESSION_OUT_OF_ORDER] = "out-of-order",     [SESSION_NOT_LEADING] = "not-leading",
	[SESSION_MALFORMED] = "malformed",           [SESSION_UNKNOWN_MEMBER] = "unknown-member",
	[SESSION_TABLE_FULL] = "table-full",         [SESSION_ATTACH_REFUSED] = "attach-refused",
	[SESSION_EVENT_UNFIT] = "event-unfit",       [SESSION_VERDICTS_FULL] = "verdicts-full",
	[SESSION_UNKNOWN_FRAME] = "unknown-frame",   [SESSION_UNKNOWN_FIELD] = "unknown-field",
	[SESSION_UNKNOWN_RECORD] = "unknown-record",
};

int session_open(struct session *s, const struct session_config *config,
		 const struct session_ops *ops, void *arg)
{
	int err;

	memset(s, 0, sizeof(*s));
	s->ops = ops;
	s->arg = arg;
	s->node = config->node;
	s->incarnation = config->random;
	memcpy(s->digest, config->digest, SESSION_DIGEST);
	keyset_init(&s->follower.seen, config->random);
	verify_init(&s->verify, config->secret);
	/* Tables may hold what a process before this one knew of and never sent. */
	s->follower.offer_all = true;
	err = journal_open(&s->journal, config->journal);
	s->trail = s->journal.trail = config->trail;
	return err;
}

void session_close(struct session *s)
{
	journal_close(&s->journal);
	keyset_clear(&s->follower.seen);
	verify_close(&s->verify);
}

void session_say(struct session *s, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(s->why, sizeof(s->why), format, args);
	va_end(args);
}

bool session_same_history(const struct session_position *a, const struct session_position *b)
{
	return a->epoch == b->epoch && a->node == b->node && a->incarnation == b->incarnation;
}

struct flow_key session_key(const struct flow_event *event)
{
	return tally_key(event);
}

/*
 * The last word about each (member, pool), and about each pool: a snapshot carries them, the log
 * may not reach back.
 * lbd repeats all of them every few seconds, so what finds no room is late, and counted each time.
 */
void session_verdict(struct session *s, const struct flow_event *event)
{
	size_t i = 0;

	while (i < s->verdicts &&
	       (!flow_ip_equal(&s->verdict[i].key.vip, &event->key.vip) ||
		!flow_ip_equal(&s->verdict[i].member, &event->member) ||
		s->verdict[i].pool_id != event->pool_id))
		i++;
	if (i == SESSION_VERDICTS) {
		s->refused[SESSION_VERDICTS_FULL]++;
		return;
	}
	s->verdict[i] = *event;
	if (event->kind == EVENT_GEN)
		s->verdict[i].state = GEN_REPEATED;
	if (i == s->verdicts)
		s->verdicts++;
}

void session_send_gap(struct session *s, uint64_t lost)
{
	Sync__Frame frame = SYNC__FRAME__INIT;
	Sync__Gap gap = SYNC__GAP__INIT;

	if (!s->up)
		return;
	gap.lost = lost;
	frame.gap = &gap;
	s->ops->send(s->arg, &frame);
}

/* --- figures ---------------------------------------------------------------------------------- */

uint64_t session_lag_records(const struct session *s)
{
	if (s->leading)
		return s->leader.phase == LEADER_ALONE ? 0 : s->journal.head - s->leader.acked;
	if (s->follower.phase != FOLLOWING || s->follower.head < s->follower.have.seq)
		return 0;
	return s->follower.head - s->follower.have.seq;
}

/*
 * How old what we know about the peer is.  On a channel that is slower than the log, its heartbeats
 * come behind all the records that wait, and what they say about the end of the log is long past.
 */
static uint64_t news_age(const struct session *s, uint64_t now)
{
	return s->peer.heard ? now - s->peer.heard_ns + s->peer.delay_ns : 0;
}

uint64_t session_lag_ns(const struct session *s, uint64_t now)
{
	uint64_t lag, news;

	if (s->leading)
		return s->leader.phase == LEADER_ALONE
			       ? 0
			       : journal_age(&s->journal, s->leader.acked, now);
	lag = session_lag_records(s) ? now - s->follower.head_ns : 0;
	news = news_age(s, now);
	return news > lag && news > NEWS_NS ? news : lag;
}

bool session_ready(const struct session *s)
{
	return !s->leading && s->state == CAS__SYNC_STATE__IN_SYNC;
}

void session_state(struct session *s, uint64_t now)
{
	Cas__SyncState state = s->leading ? leader_state(s, now) : follower_state(s, now);

	if (state == s->state)
		return;
	s->state = state;
	s->state_ns = now;
	s->ops->changed(s->arg);
}

/* --- roles ------------------------------------------------------------------------------------ */

/*
 * vrrpd decides who is active.  Only one thing is decided here: a node that hears of an active peer
 * with a higher epoch was deposed while it was not looking, and stops leading at once.
 */
static void reconsider(struct session *s, uint64_t now)
{
	bool deposed = s->up && s->peer.heard && s->peer.role == CAS__ROLE__ACTIVE &&
		       s->peer.epoch > s->epoch;
	bool lead = s->role == CAS__ROLE__ACTIVE && !deposed;

	if (s->leading && (!lead || s->history.epoch != s->epoch)) {
		uint64_t epoch = s->epoch;

		s->epoch = s->history.epoch;
		leader_end(s, now);
		s->epoch = epoch;
		s->leading = false;
	}
	if (lead && !s->leading) {
		follower_detach(s, now);
		s->leading = true;
		leader_begin(s, now);
	}
	if (deposed && s->role == CAS__ROLE__ACTIVE)
		session_say(s, "the peer is active in epoch %llu",
			    (unsigned long long)s->peer.epoch);
}

void session_told(struct session *s, uint64_t now)
{
	resume_told(s, now);
}

void session_role(struct session *s, Cas__Role role, uint64_t epoch, uint64_t now)
{
	resume_told(s, now);
	s->role = role;
	if (epoch > s->epoch)
		s->epoch = epoch;
	if (epoch > s->highest)
		s->highest = epoch;
	reconsider(s, now);
	s->beat_ns = 0;
	session_tick(s, now);
}

/* What is in the tables is not what the log says: nobody may continue from any position. */
static void start_over(struct session *s, uint64_t now)
{
	if (s->leading) {
		leader_gap(s, 0);
	} else {
		resume_refuse(s);
		session_send_gap(s, 0);
		follower_detach(s, now);
	}
}

void session_tables(struct session *s, uint32_t layout, uint64_t capacity, bool same, uint64_t now)
{
	s->tables = capacity > 0;
	s->layout = layout;
	s->capacity = capacity;
	if (!s->tables && s->leading)
		leader_dismiss(s, "the active node has no tables");
	else if (!s->tables)
		follower_detach(s, now);
	else if (!same)
		start_over(s, now);
	resume_note(s);
	session_state(s, now);
}

void session_digest(struct session *s, const uint8_t digest[SESSION_DIGEST], uint64_t now)
{
	if (memcmp(s->digest, digest, SESSION_DIGEST) == 0)
		return;
	memcpy(s->digest, digest, SESSION_DIGEST);
	/* Members may be gone; of those that are not, lbd speaks again. */
	s->verdicts = 0;
	/* The position stays good: the next attach decides whether the two nodes match. */
	if (s->leading) {
		leader_dismiss(s, "the configuration changes");
	} else {
		session_send_gap(s, 0);
		follower_detach(s, now);
	}
	resume_note(s);
	session_state(s, now);
}

void session_revision(struct session *s, const uint8_t *id)
{
	memset(s->revision, 0, sizeof(s->revision));
	if (id)
		memcpy(s->revision, id, sizeof(s->revision));
}

void session_switch(struct session *s, const uint8_t digest[SESSION_DIGEST],
		    const uint8_t id[SESSION_DIGEST])
{
	memcpy(s->digest, digest, SESSION_DIGEST);
	session_revision(s, id);
	/* As above. */
	s->verdicts = 0;
}

bool session_log(struct session *s, const struct flow_event *event, uint64_t now)
{
	if (!session_standby(s))
		return false;
	leader_events(s, event, 1, now);
	leader_flush(s);
	return true;
}

bool session_settled(const struct session *s)
{
	return s->follower.gens.count == 0;
}

/* --- the channel ------------------------------------------------------------------------------ */

/* Words and facts pass all the same: without them the pair would be worse off still. */
static void cannot_talk(struct session *s)
{
	wire_why(&s->wire, s->leading, s->wire_why, sizeof(s->wire_why));
	session_say(s, "%s", s->wire_why);
}

void session_up(struct session *s, const struct wire *wire, uint64_t now)
{
	bool in_sync = s->up && session_ready(s);

	s->wire = *wire;
	s->wire_why[0] = '\0';
	if (s->leading)
		leader_renew(s, now);
	else
		follower_detach(s, now);
	s->up = true;
	s->why[0] = '\0';
	if (!wire->version)
		cannot_talk(s);
	s->follower.renewing = in_sync;
	s->follower.unanswered = 0;
	s->peer.heard = false;
	s->beat_ns = 0;
	session_tick(s, now);
}

void session_down(struct session *s, uint64_t now)
{
	if (!s->up)
		return;
	s->up = false;
	s->peer.heard = false;
	if (s->leading)
		leader_detach(s, "the channel is down");
	else
		follower_detach(s, now);
	reconsider(s, now);
	resume_note(s);
	session_say(s, "no channel to the peer");
	session_state(s, now);
	s->ops->changed(s->arg);
}

/* Both ways: the peer says how long it kept what it answers.  Only our own clock is read. */
static uint64_t delay_of(const Sync__Heartbeat *beat, uint64_t now)
{
	uint64_t took = now - beat->echo_ns;

	if (!beat->has_echo_ns || beat->echo_ns > now || beat->echo_held_ns > took)
		return 0;
	return took - beat->echo_held_ns;
}

static void heard_heartbeat(struct session *s, const Sync__Heartbeat *beat, uint64_t now)
{
	struct session_peer *peer = &s->peer;
	const Cas__NodeFacts *facts = beat->facts;
	size_t size = cas__node_facts__get_packed_size(facts);
	bool news = !peer->heard || peer->role != facts->role || peer->epoch != facts->epoch;

	peer->heard = true;
	peer->role = facts->has_role ? facts->role : CAS__ROLE__NONE;
	peer->epoch = facts->epoch;
	peer->heard_ns = now;
	peer->sent_ns = beat->sent_ns;
	peer->delay_ns = delay_of(beat, now);
	peer->facts_length = 0;
	if (size <= sizeof(peer->facts))
		peer->facts_length = cas__node_facts__pack(facts, peer->facts);
	if (facts->epoch > s->highest)
		s->highest = facts->epoch;
	if (beat->highest_epoch > s->highest)
		s->highest = beat->highest_epoch;
	reconsider(s, now);
	if (!s->leading && peer->role == CAS__ROLE__ACTIVE)
		follower_head(s, beat->head_seq, beat->has_echo_ns ? beat->echo_ns : 0, now);
	if (news)
		s->ops->changed(s->arg);
}

static void heard_records(struct session *s, const Sync__Records *records, uint64_t now)
{
	enum record_verdict verdict = record_unpack(&s->in, records);

	if (verdict != RECORD_OK) {
		s->refused[SESSION_MALFORMED]++;
		s->ops->broken(s->arg, record_verdict_names[verdict]);
		return;
	}
	s->refused[SESSION_UNKNOWN_RECORD] += s->in.unknown;
	if (s->in.epoch > s->highest)
		s->highest = s->in.epoch;
	if (s->in.listed)
		verify_keys(s, &s->in, now);
	else if (s->in.only_if_absent)
		leader_offer(s, &s->in, now);
	else
		follower_records(s, &s->in, now);
}

static void heard_gap(struct session *s, const Sync__Gap *gap, uint64_t now)
{
	if (s->leading) {
		leader_detach(s, NULL);
		return;
	}
	if (gap->lost)
		s->gaps++;
	session_say(s, "the active node's log has a gap");
	if (gap->has_reoffer)
		follower_doubt(s, gap->reoffer, now);
	else
		follower_restart(s, now);
}

static void heard_verify_or_nothing(struct session *s, const Sync__Frame *frame, uint64_t now)
{
	if (frame->verify_begin)
		verify_begin(s, frame->verify_begin, now);
	else if (frame->verify_word)
		verify_word(s, frame->verify_word, now);
	else if (frame->verify_sums)
		verify_sums(s, frame->verify_sums, now);
	else if (frame->verify_list)
		verify_list(s, frame->verify_list, now);
	else
		s->refused[SESSION_UNKNOWN_FRAME]++;
}

void session_unknown(struct session *s, unsigned int fields)
{
	s->refused[SESSION_UNKNOWN_FIELD] += fields;
}

/* A frame holds exactly one message, or none that is known: record_frame() sees to that. */
void session_frame(struct session *s, const Sync__Frame *frame, uint64_t now)
{
	if (!s->up)
		return;
	if (frame->heartbeat)
		heard_heartbeat(s, frame->heartbeat, now);
	else if (frame->attach)
		leader_attach(s, frame->attach, now);
	else if (frame->attach_reply)
		follower_reply(s, frame->attach_reply, now);
	else if (frame->records)
		heard_records(s, frame->records, now);
	else if (frame->ack)
		leader_ack(s, frame->ack, now);
	else if (frame->snapshot_end)
		follower_snapshot_end(s, frame->snapshot_end, now);
	else if (frame->gap)
		heard_gap(s, frame->gap, now);
	else if (frame->word)
		s->ops->word(s->arg, frame->word);
	else
		heard_verify_or_nothing(s, frame, now);
	resume_note(s);
	session_state(s, now);
}

bool session_word(struct session *s, const Cas__PeerWord *word, uint64_t now)
{
	Sync__Frame frame = SYNC__FRAME__INIT;
	Cas__PeerWord copy = *word;

	if (!s->up)
		return false;
	leader_flush(s);
	frame.word = &copy;
	s->ops->send(s->arg, &frame);
	session_state(s, now);
	return true;
}

/* --- lbd -------------------------------------------------------------------------------------- */

void session_switched(struct session *s, uint32_t pool_id, uint32_t number)
{
	struct follower *f = &s->follower;

	if (!gens_done(&f->gens, pool_id, number) || !s->up || s->leading)
		return;
	if (f->phase == FOLLOWING || f->reoffer)
		load_ack(s, &f->have, false);
}

void session_heeded(struct session *s, uint64_t history, uint64_t seq)
{
	struct follower *f = &s->follower;

	if (history != f->have.incarnation || !f->unheeded || seq < f->unheeded)
		return;
	f->unheeded = seq < f->last_word ? seq + 1 : 0;
	if (s->up && !s->leading && (f->phase == FOLLOWING || f->reoffer))
		load_ack(s, &f->have, false);
}

/* Verdicts are remembered here; other words the log still has, and it goes on before them. */
void session_verdicts(struct session *s)
{
	if (!s->leading && s->follower.unheeded)
		follower_detach(s, 0);
	for (size_t i = 0; !s->leading && i < s->verdicts; i++)
		s->ops->verdict(s->arg, &s->verdict[i]);
}

bool session_standby(const struct session *s)
{
	return s->up && s->leading && s->leader.phase != LEADER_ALONE;
}

bool session_follows(const struct session *s, uint64_t *history, uint64_t *seq)
{
	*history = s->incarnation;
	*seq = s->leader.acked;
	return s->up && s->leading && !s->leader.uncertain && !s->leader.reoffer &&
	       (s->state == CAS__SYNC_STATE__IN_SYNC || s->state == CAS__SYNC_STATE__LAGGING);
}

void session_urge(struct session *s)
{
	if (s->leading)
		leader_flush(s);
}

/* --- the data plane --------------------------------------------------------------------------- */

void session_events(struct session *s, const struct flow_event *event, size_t count, uint64_t now)
{
	if (s->leading)
		leader_events(s, event, count, now);
	else
		offer_events(s, event, count, now);
	resume_note(s);
}

void session_lost(struct session *s, uint64_t events, uint64_t now)
{
	s->gaps++;
	session_say(s, "%llu events of the data plane were lost", (unsigned long long)events);
	if (s->leading) {
		leader_lost(s, events, now);
	} else {
		s->follower.offer_all = true;
		session_send_gap(s, 0);
		follower_restart(s, now);
	}
	resume_note(s);
	session_state(s, now);
}

void session_drained(struct session *s, bool all, uint64_t now)
{
	s->unread = !all;
	if (s->leading && all)
		leader_drained(s, now);
	if (all)
		verify_drained(s, now);
}

void session_hand_over(struct session *s, uint64_t id, uint64_t now)
{
	if (s->leading)
		leader_hand_over(s, id, now);
	else
		s->ops->handed(s->arg, id, "this node does not lead");
}

const char *session_verify(struct session *s, uint64_t now)
{
	return verify_start(s, now);
}

void session_verify_every(struct session *s, uint64_t every_ns)
{
	s->verify.every_ns = every_ns;
}

/* --- time ------------------------------------------------------------------------------------- */

static void send_heartbeat(struct session *s, uint64_t now)
{
	Sync__Frame frame = SYNC__FRAME__INIT;
	Sync__Heartbeat beat = SYNC__HEARTBEAT__INIT;
	Cas__NodeFacts facts = CAS__NODE_FACTS__INIT;

	s->ops->facts(s->arg, &facts);
	facts.has_sync = facts.has_role = facts.has_epoch = true;
	facts.sync = s->state;
	facts.role = s->role;
	facts.epoch = s->epoch;
	beat.facts = &facts;
	if (s->leading) {
		beat.has_head_seq = true;
		beat.head_seq = s->journal.head;
	}
	beat.has_sent_ns = beat.has_highest_epoch = true;
	beat.sent_ns = now;
	beat.highest_epoch = s->highest;
	if (s->peer.heard) {
		beat.has_echo_ns = beat.has_echo_held_ns = true;
		beat.echo_ns = s->peer.sent_ns;
		beat.echo_held_ns = now - s->peer.heard_ns;
	}
	frame.heartbeat = &beat;
	s->ops->send(s->arg, &frame);
}

void session_tick(struct session *s, uint64_t now)
{
	if (s->leading)
		leader_tick(s, now);
	else
		follower_tick(s, now);
	verify_tick(s, now);
	resume_note(s);
	session_state(s, now);
	if (!s->up || (s->beat_ns && now - s->beat_ns < BEAT_NS))
		return;
	s->beat_ns = now;
	send_heartbeat(s, now);
}

bool session_work(struct session *s, uint64_t now)
{
	bool more;

	if (!s->up || !s->tables)
		return false;
	more = s->leading ? leader_work(s, now) : follower_work(s, now);
	resume_note(s);
	session_state(s, now);
	return more;
}
