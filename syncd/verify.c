// SPDX-License-Identifier: BSD-2-Clause
#include "syncd/verify.h"

#include <string.h>

#include "syncd/leader.h"

#define SECOND 1000000000ull

enum {
	STEPS = 4, /* slices of a walk in a tick */
	PATIENCE_S = 15,
	PATIENCE_LOADING_S = 120,
};

void verify_init(struct verify *v, const uint8_t secret[SEAL_DIGEST_KEY])
{
	memcpy(v->secret, secret, sizeof(v->secret));
	keyset_init(&v->named, seal_digest(secret, "named", 5));
}

void verify_close(struct verify *v)
{
	tally_close(&v->tally);
	keyset_clear(&v->named);
}

static void end(struct session *s, const char *why)
{
	struct verify *v = &s->verify;

	v->phase = VERIFY_IDLE;
	v->counting = false;
	verify_close(v);
	if (!s->leading)
		return;
	/* Nothing comes any more. */
	verify_say(s, SYNC__VERIFY_WORD__WORD__STOP, NULL);
	v->ended_ns = v->now_ns;
	v->result.took_ns = v->now_ns - v->result.begun_ns;
	*(why ? &v->broken : &v->runs) += 1;
	v->differing += v->result.differing;
	v->repaired += v->result.repaired;
	s->ops->verified(s->arg, &v->result, why);
}

void verify_stop(struct session *s, const char *why)
{
	if (s->verify.phase != VERIFY_IDLE)
		end(s, why);
}

void verify_resending(struct session *s)
{
	if (s->verify.phase != VERIFY_RESENT)
		verify_stop(s, "the standby has to load again");
}

void verify_fail(struct session *s, const char *why)
{
	if (!s->leading && s->verify.phase != VERIFY_IDLE)
		verify_say(s, SYNC__VERIFY_WORD__WORD__STOP, why);
	verify_stop(s, why);
}

void verify_say(struct session *s, Sync__VerifyWord__Word which, const char *reason)
{
	Sync__Frame frame = SYNC__FRAME__INIT;
	Sync__VerifyWord word = SYNC__VERIFY_WORD__INIT;
	char text[SESSION_WHY] = "";

	if (!s->up)
		return;
	if (reason)
		strncpy(text, reason, sizeof(text) - 1);
	word.number = s->verify.number;
	word.word = which;
	word.has_seq = word.has_entries = true;
	word.seq = s->leading ? s->journal.head : s->follower.have.seq;
	word.entries = s->verify.walked;
	word.reason = reason ? text : NULL;
	frame.verify_word = &word;
	s->ops->send(s->arg, &frame);
}

void verify_logged(struct session *s, const struct flow_event *event)
{
	struct verify *v = &s->verify;

	if (!v->counting || record_is_word(event->kind) || record_is_ignorable(event->kind))
		return;
	if (tally_leave_out(&v->tally, event) != 0)
		verify_fail(s, "no memory for what changes meanwhile");
}

/* --- walking ---------------------------------------------------------------------------------- */

void verify_walk(struct session *s)
{
	struct verify *v = &s->verify;
	struct record_batch *walked = &s->out;
	int n = s->ops->step(s->arg, walked->event, RECORD_MAX), err = 0;

	for (int i = 0; i < n && !err; i++)
		if (record_check(&walked->event[i]) == RECORD_OK)
			err = tally_count(&v->tally, &walked->event[i]);
	if (n < 0 || err) {
		v->entries = 2 * v->walked; /* more than was thought: the next time in more parts */
		verify_fail(s, n < 0 ? "the tables cannot be read" : "no memory for the digests");
		return;
	}
	v->walked += (uint64_t)n;
	if (v->entries < v->walked)
		v->entries = v->walked;
	if (n > 0)
		return;
	if (v->phase == VERIFY_FLOWS) {
		v->phase = VERIFY_READ;
		return;
	}
	v->phase = VERIFY_FLOWS;
	s->ops->walk(s->arg, SESSION_FLOWS);
}

uint64_t verify_expects(const struct session *s)
{
	return s->verify.entries > s->flows ? s->verify.entries : s->flows;
}

/* A key for one run only. */
static void draw_key(struct verify *v, uint8_t key[SEAL_DIGEST_KEY])
{
	for (uint32_t half = 0; half < 2; half++) {
		const uint32_t what[2] = { v->number, half };
		uint64_t word = seal_digest(v->secret, what, sizeof(what));

		memcpy(key + half * sizeof(word), &word, sizeof(word));
	}
}

/* The follower has everything that was logged, but for what is on its way to it. */
static bool flushed(struct session *s)
{
	leader_flush(s);
	return s->leader.phase == LEADER_TAIL && s->leader.sent == s->journal.head;
}

/* Begins to compare a part; where the log cannot be sent now, the next tick tries again. */
static void begin_part(struct session *s, uint64_t now)
{
	struct verify *v = &s->verify;
	struct tally_scope scope = v->tally.scope;
	Sync__Frame frame = SYNC__FRAME__INIT;
	Sync__VerifyBegin begin = SYNC__VERIFY_BEGIN__INIT;

	if (!flushed(s))
		return;
	verify_close(v);
	v->number++;
	draw_key(v, scope.key);
	if (tally_open(&v->tally, &scope, verify_expects(s)) != 0) {
		verify_stop(s, "no memory for the digests");
		return;
	}
	begin.number = v->number;
	begin.key.data = scope.key;
	begin.key.len = sizeof(scope.key);
	begin.slices = scope.slices;
	begin.part = scope.part;
	begin.parts = scope.parts;
	begin.seq = s->journal.head;
	frame.verify_begin = &begin;
	s->ops->send(s->arg, &frame);
	v->peer_walked = false;
	v->walked = v->peer_walks = 0;
	v->heard_ns = now;
	v->counting = true;
	v->phase = VERIFY_PINS;
	s->ops->walk(s->arg, SESSION_PINS);
}

/* Goes on when the follower has applied all that was logged so far. */
static void settle(struct session *s)
{
	struct verify *v = &s->verify;

	v->mark = s->journal.head;
	v->heard_ns = v->now_ns;
	v->phase = VERIFY_SETTLED;
}

const char *verify_start(struct session *s, uint64_t now)
{
	struct verify *v = &s->verify;

	if (!s->leading)
		return "this node is not active: ask the active one";
	if (v->phase != VERIFY_IDLE)
		return NULL;
	if (!s->up || s->leader.phase != LEADER_TAIL || !s->leader.caught_up)
		return "no standby that holds everything: there is nothing to compare with";
	v->now_ns = now;
	v->result = (struct verify_result){ .begun_ns = now };
	tally_divide(&v->tally.scope, verify_expects(s));
	v->result.slices = v->tally.scope.slices;
	v->result.to_walk = 2 * verify_expects(s) * v->tally.scope.parts;
	v->pass = 0;
	v->number++; /* a late word about the run before is not for this one */
	memset(v->convicted, 0, sizeof(v->convicted));
	settle(s);
	return NULL;
}

/* --- comparing -------------------------------------------------------------------------------- */

uint32_t verify_part_slices(const struct tally_scope *scope)
{
	return (scope->slices - scope->part + scope->parts - 1) / scope->parts;
}

static void next_part(struct session *s)
{
	struct verify *v = &s->verify;
	struct tally_scope *scope = &v->tally.scope;

	v->result.compared += verify_part_slices(scope);
	v->result.entries += v->tally.counted;
	v->result.changing += v->tally.left_out;
	if (scope->part + 1 == scope->parts) {
		end(s, NULL);
		return;
	}
	scope->part++;
	v->pass = 0;
	settle(s);
}

void verify_next_pass(struct session *s, uint32_t suspects, uint32_t guilty)
{
	struct verify *v = &s->verify;

	v->counting = false;
	if (++v->pass < VERIFY_PASSES) {
		settle(s);
		return;
	}
	v->result.left += guilty;
	v->result.busy += suspects - guilty;
	next_part(s);
}

void verify_sums(struct session *s, const Sync__VerifySums *sums, uint64_t now)
{
	struct verify *v = &s->verify;
	const struct tally_scope *scope = &v->tally.scope;
	uint32_t suspects = 0;

	if (!s->leading || v->phase != VERIFY_SUMS || sums->number != v->number)
		return;
	if (sums->n_sum != scope->slices) {
		verify_fail(s, "the standby's digests are of other slices");
		return;
	}
	v->heard_ns = now;
	memset(v->guilty, 0, sizeof(v->guilty));
	memset(v->suspect, 0, sizeof(v->suspect));
	for (uint32_t i = 0; i < scope->slices; i++) {
		v->suspect[i] = sums->sum[i] != v->sum[i];
		suspects += v->suspect[i];
	}
	if (!suspects) {
		v->counting = false;
		next_part(s);
		return;
	}
	verify_mend(s, suspects, now);
}

/* --- what comes in ---------------------------------------------------------------------------- */

void verify_word(struct session *s, const Sync__VerifyWord *word, uint64_t now)
{
	struct verify *v = &s->verify;

	if (v->phase == VERIFY_IDLE || word->number != v->number)
		return;
	v->heard_ns = now;
	if (word->word == SYNC__VERIFY_WORD__WORD__STOP) {
		verify_stop(s, word->reason ? word->reason : "the other node has stopped it");
		return;
	}
	if (!s->leading) {
		verify_follow_word(s, word);
		return;
	}
	v->peer_walks = word->entries;
	if (word->word == SYNC__VERIFY_WORD__WORD__WALKED)
		v->peer_walked = true;
	if (word->word == SYNC__VERIFY_WORD__WORD__LISTED && v->phase == VERIFY_KEYS) {
		v->phase = VERIFY_LIST_PINS;
		s->ops->walk(s->arg, SESSION_PINS);
	}
}

void verify_drained(struct session *s, uint64_t now)
{
	if (!s->leading)
		verify_follow_drained(s);
	else if (s->verify.phase == VERIFY_READ)
		s->verify.phase = VERIFY_WAIT;
	else if (s->verify.phase == VERIFY_LIST_READ)
		verify_judge(s, now);
}

/* --- time ------------------------------------------------------------------------------------- */

static void send_end(struct session *s, uint64_t now)
{
	struct verify *v = &s->verify;

	if (!v->peer_walked || !flushed(s))
		return;
	memcpy(v->sum, v->tally.sum, sizeof(v->sum));
	v->result.walked += v->walked + v->peer_walks;
	v->walked = v->peer_walks = 0;
	v->heard_ns = now;
	v->phase = VERIFY_SUMS;
	verify_say(s, SYNC__VERIFY_WORD__WORD__END, NULL);
}

static void lead_step(struct session *s, uint64_t now)
{
	struct verify *v = &s->verify;

	switch (v->phase) {
	case VERIFY_PINS:
	case VERIFY_FLOWS:
		verify_walk(s);
		break;
	case VERIFY_WAIT:
		send_end(s, now);
		break;
	case VERIFY_LIST_PINS:
	case VERIFY_LIST_FLOWS:
		verify_missing(s);
		break;
	case VERIFY_SETTLED:
		if (s->leader.acked >= v->mark)
			begin_part(s, now);
		break;
	case VERIFY_RESENT:
		if (s->leader.phase == LEADER_TAIL && s->leader.caught_up)
			begin_part(s, now);
		break;
	default:
		break;
	}
}

static bool is_due(const struct session *s, uint64_t now)
{
	return s->verify.every_ns && s->leading && s->leader.caught_up &&
	       now - s->verify.ended_ns >= s->verify.every_ns;
}

/*
 * Either node says something each second while it is at work, or the other one is not waited for.
 * To load everything again may take longer, and has its own limits.
 */
static bool is_silent(const struct session *s, uint64_t now)
{
	const struct verify *v = &s->verify;
	uint64_t patience = v->phase == VERIFY_RESENT ? PATIENCE_LOADING_S : PATIENCE_S;

	switch (v->phase) {
	case VERIFY_WAIT:
	case VERIFY_SUMS:
	case VERIFY_KEYS:
	case VERIFY_SETTLED:
	case VERIFY_RESENT:
		return now - v->heard_ns > patience * SECOND;
	default:
		return false;
	}
}

static void tell(struct session *s, uint64_t now)
{
	struct verify *v = &s->verify;

	if (v->phase == VERIFY_SETTLED || v->phase == VERIFY_RESENT || now - v->told_ns < SECOND)
		return;
	v->told_ns = now;
	verify_say(s, SYNC__VERIFY_WORD__WORD__WALKING, NULL);
}

void verify_tick(struct session *s, uint64_t now)
{
	struct verify *v = &s->verify;

	v->now_ns = now;
	if (v->phase == VERIFY_IDLE) {
		if (is_due(s, now))
			verify_start(s, now);
		return;
	}
	if (is_silent(s, now)) {
		verify_fail(s, "the other node does not go on");
		return;
	}
	for (int i = 0; i < STEPS && v->phase != VERIFY_IDLE; i++) {
		if (s->leading)
			lead_step(s, now);
		else
			verify_follow_step(s);
	}
	if (v->phase != VERIFY_IDLE)
		tell(s, now);
}
