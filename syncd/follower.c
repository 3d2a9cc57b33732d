// SPDX-License-Identifier: BSD-2-Clause
#include "syncd/follower.h"

#include <string.h>

#include "syncd/load.h"
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

void follower_settle_own(struct follower *f)
{
	if (f->own_confirming && f->have.seq >= f->own_seq)
		clear_own(f);
}

void follower_detach(struct session *s, uint64_t again_ns)
{
	struct follower *f = &s->follower;

	f->phase = FOLLOWER_IDLE;
	f->in_sync = f->renewing = f->head_heard = f->reoffer = false;
	f->offered = 0;
	f->own_confirming = false;
	f->gens.count = 0;
	f->attach_ns = again_ns;
	keyset_clear(&f->seen);
	verify_stop(s, NULL);
}

uint64_t follower_limit(const struct follower *f, uint64_t seq)
{
	if (f->unheeded && f->unheeded <= seq)
		seq = f->unheeded - 1;
	return gens_limit(&f->gens, seq);
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

void follower_doubt(struct session *s, uint32_t snapshot, uint64_t now)
{
	struct follower *f = &s->follower;

	/* Said to somebody who has asked again meanwhile, and gets another answer. */
	if (f->phase != FOLLOWING && !f->reoffer)
		return;
	verify_stop(s, NULL);
	f->uncertain = f->reoffer = true;
	f->in_sync = f->renewing = false;
	f->base = f->have;
	f->snapshot = snapshot;
	f->pins = f->flows = 0;
	f->progress_ns = f->told_ns = now;
	keyset_clear(&f->seen);
	f->phase = FOLLOWER_LOADING;
	/* They are not swept, and what settled them before may have been undone by what was lost.
	 */
	f->offered = 0;
	if (f->owns)
		offer_own(s, now);
}

/* --- attach ----------------------------------------------------------------------------------- */

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
		have.seq = follower_limit(f, f->have.seq);
		request.have = &have;
	}
	request.config_digest.data = s->digest;
	request.config_digest.len = SESSION_DIGEST;
	request.has_revision = true;
	request.revision.data = s->revision;
	request.revision.len = SESSION_DIGEST;
	request.has_layout = true;
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
	if (!s->wire.version)
		return s->wire_why;
	if (!s->tables)
		return "lbd is not running here";
	/* It may have led in a later epoch than the peer: the tables know, this process does not.
	 */
	if (!s->told)
		return "waiting for the word of this node's vrrpd";
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
	f->unheeded = 0; /* it comes again */
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

/* `flows` is about how many are coming, for all that we know of the peer. */
static void load_from(struct session *s, const struct session_position *base, uint32_t number,
		      uint64_t flows, uint64_t now)
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
	verify_stop(s, NULL);
	s->snapshots++;
	f->renewing = f->in_sync = f->reoffer = f->crowded = false;
	f->progress_ns = f->told_ns = now;
	f->have.node = 0;
	f->base = *base;
	f->snapshot = number;
	f->pins = f->flows = 0;
	keyset_clear(&f->seen);
	keyset_reserve(&f->seen, flows < s->capacity ? flows : s->capacity);
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
		load_from(s, &from, reply->snapshot, reply->flows, now);
}

/* --- time ------------------------------------------------------------------------------------- */

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
	follower_settle_own(f);
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
		load_sweep(s, now);
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
	load_ack(s, &nowhere, false);
}

/* Sent once more: that may have to wait for a while, and the log goes on. */
static bool loading_hangs(const struct follower *f, uint64_t now)
{
	return f->phase == FOLLOWER_LOADING && now - f->progress_ns > SESSION_STUCK_NS &&
	       (!f->reoffer || f->pins + f->flows > 0);
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
	else if (loading_hangs(f, now))
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
	if (f->reoffer)
		return CAS__SYNC_STATE__CATCHING_UP;
	if (f->failures > SESSION_ATTEMPTS)
		return CAS__SYNC_STATE__DEGRADED;
	if (f->phase == FOLLOWER_IDLE)
		return CAS__SYNC_STATE__DETACHED;
	return f->phase < FOLLOWER_LOADING ? CAS__SYNC_STATE__ATTACHING : CAS__SYNC_STATE__LOADING;
}
