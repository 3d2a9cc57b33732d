// SPDX-License-Identifier: BSD-2-Clause
/* Where the sums differ: which keys do, and what is done about it.  The leader's half. */
#include <string.h>

#include "syncd/leader.h"
#include "syncd/snapshot.h"
#include "syncd/verify.h"

enum {
	SUSPECTS = 16, /* one slice of so many may differ; more, and all is sent once more */
	SUSPECTS_MIN = 8,
};

static void convict(struct verify *v, uint32_t slice)
{
	v->guilty[slice] = true;
	v->result.differing += !v->convicted[slice];
	v->convicted[slice] = true;
}

static void resend(struct session *s, uint64_t now)
{
	struct verify *v = &s->verify;
	uint32_t suspects = 0;

	for (uint32_t i = 0; i < v->tally.scope.slices; i++) {
		suspects += v->suspect[i];
		if (v->suspect[i])
			convict(v, i);
	}
	v->counting = false;
	if (v->pass + 1 == VERIFY_PASSES) {
		verify_next_pass(s, suspects, suspects);
		return;
	}
	v->result.resent = true;
	v->pass++;
	v->heard_ns = now;
	v->phase = VERIFY_RESENT;
	snapshot_doubt(s, 0, now);
	session_say(s, "%u of %u slices of the tables differ: all is sent once more", suspects,
		    verify_part_slices(&v->tally.scope));
}

static void send_list(struct session *s)
{
	struct verify *v = &s->verify;
	Sync__Frame frame = SYNC__FRAME__INIT;
	Sync__VerifyList list = SYNC__VERIFY_LIST__INIT;
	uint32_t slice[TALLY_SLICES];

	list.number = v->number;
	list.slice = slice;
	for (uint32_t i = 0; i < v->tally.scope.slices; i++)
		if (v->suspect[i])
			slice[list.n_slice++] = i;
	frame.verify_list = &list;
	s->ops->send(s->arg, &frame);
}

void verify_mend(struct session *s, uint32_t suspects, uint64_t now)
{
	struct verify *v = &s->verify;

	if (suspects > SUSPECTS_MIN && suspects > verify_part_slices(&v->tally.scope) / SUSPECTS) {
		resend(s, now);
		return;
	}
	v->accusations = 0;
	v->phase = VERIFY_KEYS;
	send_list(s);
}

/* A key that was logged since the begin is as the log says, or about to be. */
static bool is_asked_for(const struct verify *v, const struct flow_event *event)
{
	int slice = tally_slice(&v->tally, event);

	return slice >= 0 && v->suspect[slice] && !tally_left_out(&v->tally, event);
}

/*
 * It differs, or the log has not yet said so: what the data plane has changed a moment ago lies in
 * the ring, and what the standby's has may be on its way here.
 */
static void accuse(struct verify *v, const struct flow_event *event)
{
	if (v->accusations < VERIFY_ACCUSED)
		v->accused[v->accusations] = *event;
	v->accusations++;
}

void verify_keys(struct session *s, const struct record_batch *batch, uint64_t now)
{
	struct verify *v = &s->verify;

	if (!s->leading || v->phase != VERIFY_KEYS || batch->listed != v->number)
		return;
	v->heard_ns = now;
	for (uint32_t i = 0; i < batch->count; i++) {
		const struct flow_event *listed = &batch->event[i];
		struct flow_key key = tally_key(listed);
		struct flow_event present = *listed;

		if (listed->kind != EVENT_FLOW_PUT && listed->kind != EVENT_PIN_PUT)
			continue;
		if (!is_asked_for(v, listed))
			continue;
		if (keyset_add(&v->named, &key) != 0) {
			verify_fail(s, "no memory for the keys of the standby");
			return;
		}
		s->ops->lookup(s->arg, &present);
		if (!tally_equal(&present, listed))
			accuse(v, listed);
	}
}

/* What is here and was not named. */
void verify_missing(struct session *s)
{
	struct verify *v = &s->verify;
	struct record_batch *walked = &s->out;
	int n = s->ops->step(s->arg, walked->event, RECORD_MAX);

	if (n < 0) {
		verify_fail(s, "the tables cannot be read");
		return;
	}
	for (int i = 0; i < n; i++) {
		const struct flow_event *event = &walked->event[i];
		struct flow_key key = tally_key(event);

		if (record_check(event) == RECORD_OK && is_asked_for(v, event) &&
		    !keyset_has(&v->named, &key))
			accuse(v, event);
	}
	if (n > 0)
		return;
	if (v->phase == VERIFY_LIST_FLOWS) {
		v->phase = VERIFY_LIST_READ;
		return;
	}
	v->phase = VERIFY_LIST_FLOWS;
	s->ops->walk(s->arg, SESSION_FLOWS);
}

void verify_judge(struct session *s, uint64_t now)
{
	struct verify *v = &s->verify;
	uint32_t suspects = 0, guilty = 0;

	if (v->accusations > VERIFY_ACCUSED) {
		resend(s, now);
		return;
	}
	if (s->leader.sent == s->journal.head)
		s->leader.pending_ns = now;
	for (size_t i = 0; i < v->accusations && v->counting; i++) {
		if (!is_asked_for(v, &v->accused[i]))
			continue;
		v->result.repaired++;
		convict(v, (uint32_t)tally_slice(&v->tally, &v->accused[i]));
		leader_settle(s, &v->accused[i], now);
	}
	for (uint32_t i = 0; i < v->tally.scope.slices; i++) {
		suspects += v->suspect[i];
		guilty += v->guilty[i];
	}
	if (v->phase != VERIFY_IDLE)
		verify_next_pass(s, suspects, guilty);
}
