// SPDX-License-Identifier: BSD-2-Clause
#include "syncd/snapshot.h"

#include <string.h>

#include "syncd/leader.h"

#define SECOND 1000000000ull

enum { BACK_OFF_MAX_S = 30 };

void snapshot_begin(struct session *s)
{
	struct leader *l = &s->leader;

	verify_resending(s);
	s->snapshots++;
	l->attempts++;
	l->pins = l->flows = 0;
	l->phase = LEADER_PINS;
	s->ops->walk(s->arg, SESSION_PINS);
}

static void send_snapshot_end(struct session *s, uint64_t now)
{
	struct leader *l = &s->leader;
	Sync__Frame frame = SYNC__FRAME__INIT;
	Sync__SnapshotEnd end = SYNC__SNAPSHOT_END__INIT;

	end.snapshot = l->snapshot;
	end.flows = l->flows;
	end.pins = l->pins;
	end.seq = s->journal.head;
	frame.snapshot_end = &end;
	l->phase = LEADER_WAIT;
	l->progress_ns = now;
	s->ops->send(s->arg, &frame);
}

static void send_verdicts(struct session *s)
{
	struct record_batch *out = &s->out;

	for (size_t i = 0; i < s->verdicts; i += out->count) {
		size_t n = s->verdicts - i < RECORD_MAX ? s->verdicts - i : RECORD_MAX;

		*out = (struct record_batch){ .epoch = s->epoch,
					      .snapshot = s->leader.snapshot,
					      .count = (uint32_t)n };
		memcpy(out->event, &s->verdict[i], n * sizeof(out->event[0]));
		s->ops->send_records(s->arg, out);
	}
}

/* Drops the records that cannot travel; they would take their whole batch with them. */
static void sieve(struct session *s, struct record_batch *batch)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < batch->count; i++) {
		if (record_check(&batch->event[i]) == RECORD_OK)
			batch->event[kept++] = batch->event[i];
		else
			s->refused[SESSION_EVENT_UNFIT]++;
	}
	batch->count = kept;
}

void snapshot_send(struct session *s, uint64_t now)
{
	struct leader *l = &s->leader;
	struct record_batch *out = &s->out;
	int n;

	*out = (struct record_batch){ .epoch = s->epoch, .snapshot = l->snapshot };
	n = s->ops->step(s->arg, out->event, RECORD_MAX);
	if (n < 0) {
		session_send_gap(s, 0);
		leader_detach(s, "the tables cannot be read");
		session_say(s, "the tables cannot be read: %s", strerror(-n));
		return;
	}
	if (n == 0 && l->phase == LEADER_PINS) {
		send_verdicts(s);
		l->phase = LEADER_FLOWS;
		s->ops->walk(s->arg, SESSION_FLOWS);
		return;
	}
	if (n == 0) {
		send_snapshot_end(s, now);
		return;
	}
	out->count = (uint32_t)n;
	sieve(s, out);
	if (!out->count)
		return;
	*(l->phase == LEADER_PINS ? &l->pins : &l->flows) += out->count;
	s->ops->send_records(s->arg, out);
}

/* --- once more, beside the log ---------------------------------------------------------------- */

static void send_reoffer(struct session *s, uint64_t lost)
{
	Sync__Frame frame = SYNC__FRAME__INIT;
	Sync__Gap gap = SYNC__GAP__INIT;

	gap.lost = lost;
	gap.has_reoffer = true;
	gap.reoffer = ++s->leader.snapshot;
	frame.gap = &gap;
	s->ops->send(s->arg, &frame);
}

/* At once, then after 1, 2, 4 ... 30 s. */
static uint64_t back_off(struct leader *l, uint64_t now)
{
	unsigned int losses = l->losses;

	if (losses && now - l->lost_ns > 2 * BACK_OFF_MAX_S * SECOND)
		losses = l->losses = 0;
	if (!losses)
		return 0;
	return (losses > 5 ? BACK_OFF_MAX_S : 1u << (losses - 1)) * SECOND;
}

void snapshot_doubt(struct session *s, uint64_t lost, uint64_t now)
{
	struct leader *l = &s->leader;

	l->uncertain = true;
	verify_resending(s);
	if (l->phase == LEADER_ALONE || (l->phase != LEADER_TAIL && !l->reoffer))
		return; /* whoever attaches, or has loaded what is being sent, is told then */
	l->reoffer_ns = now + back_off(l, now);
	l->losses += lost > 0;
	l->lost_ns = now;
	l->reoffer = l->caught_up = false;
	l->phase = LEADER_TAIL;
	send_reoffer(s, lost);
}

bool snapshot_again(struct session *s, uint64_t now)
{
	struct leader *l = &s->leader;

	if (l->phase != LEADER_TAIL || !l->uncertain || now < l->reoffer_ns || s->unread)
		return false;
	/* A record from before the loss may be what a lost one would have undone. */
	leader_flush(s);
	if (l->phase != LEADER_TAIL || l->sent != s->journal.head)
		return false;
	l->uncertain = false;
	l->reoffer = true;
	send_reoffer(s, 0);
	snapshot_begin(s);
	return true;
}
