// SPDX-License-Identifier: BSD-2-Clause
#include "syncd/offer.h"

#include <string.h>

#include "syncd/follower.h"
#include "syncd/resume.h"

static void send_offer(struct session *s)
{
	struct record_batch *out = &s->out;
	uint32_t kept = 0;

	for (uint32_t i = 0; i < out->count; i++)
		if (record_check(&out->event[i]) == RECORD_OK)
			out->event[kept++] = out->event[i];
	out->count = kept;
	if (kept)
		s->ops->send_records(s->arg, out);
}

static struct record_batch *begin_offer(struct session *s)
{
	const struct follower *f = &s->follower;

	s->out = (struct record_batch){ .epoch = f->led ? s->history.epoch : s->peer.epoch,
					.first_seq = 1,
					.only_if_absent = true,
					.full = true };
	return &s->out;
}

/* The present state of keys that were logged, not what was logged: a PUT may be gone by now. */
static void offer_present(struct session *s, struct record_batch *out)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < out->count; i++) {
		if (record_is_word(out->event[i].kind))
			continue;
		s->ops->lookup(s->arg, &out->event[i]);
		out->event[kept++] = out->event[i];
	}
	out->count = kept;
	send_offer(s);
}

static void offer_some(struct session *s)
{
	struct follower *f = &s->follower;
	struct record_batch *out = begin_offer(s);
	const size_t left = f->owns - f->offered;

	out->count = left < RECORD_MAX ? (uint32_t)left : RECORD_MAX;
	memcpy(out->event, &f->own[f->offered], out->count * sizeof(out->event[0]));
	f->offered += out->count;
	offer_present(s, out);
}

/* Whether there is room or not: they are a frame or two, and what is asked next stands on them. */
void offer_own(struct session *s, uint64_t now)
{
	struct follower *f = &s->follower;

	while (f->offered < f->owns)
		offer_some(s);
	f->own_ns = now;
	f->own_confirming = false;
}

/* Nobody has gone on with a copy here, but a reset may have come by. */
static bool is_own(const struct flow_event *event)
{
	return !(event->flags & FLOW_REPLICA) || event->state == FLOW_RESET;
}

/* A deposed leader offers all it carried, any other node what its own packets made. */
static void offer_walk(struct session *s)
{
	struct follower *f = &s->follower;
	struct record_batch *out = begin_offer(s);
	uint32_t kept = 0;
	int n = s->ops->step(s->arg, out->event, RECORD_MAX);

	if (n <= 0 && f->phase == FOLLOWER_OFFER_PINS) {
		f->phase = FOLLOWER_OFFER_FLOWS;
		s->ops->walk(s->arg, SESSION_FLOWS);
		return;
	}
	if (n <= 0) {
		f->phase = FOLLOWER_OFFER_OWN;
		return;
	}
	for (int i = 0; i < n; i++)
		if (f->led || is_own(&out->event[i]))
			out->event[kept++] = out->event[i];
	out->count = kept;
	send_offer(s);
}

static void offer_tail(struct session *s)
{
	struct follower *f = &s->follower;
	struct record_batch *out = begin_offer(s);

	out->count = (uint32_t)journal_read(&s->journal, f->tail_offered, out->event,
					    RECORD_MAX);
	if (!out->count) {
		f->phase = FOLLOWER_OFFER_OWN;
		return;
	}
	f->tail_offered += out->count;
	offer_present(s, out);
}

void offer_events(struct session *s, const struct flow_event *event, size_t count, uint64_t now)
{
	struct follower *f = &s->follower;

	for (size_t i = 0; i < count; i++) {
		if (record_is_word(event[i].kind))
			continue;
		if (record_check(&event[i]) != RECORD_OK) {
			s->refused[SESSION_EVENT_UNFIT]++;
			continue;
		}
		if (f->owns == SESSION_OWN && f->phase >= FOLLOWER_ASKED)
			offer_own(s, now);
		if (f->owns == SESSION_OWN) {
			/* Sent or not, they are no longer remembered: no position stands on them.
			 */
			resume_void(s);
			f->own_overflow = true;
			f->owns = f->offered = 0;
		}
		resume_own(s, f->owns, &event[i]);
		f->own[f->owns++] = event[i];
		follower_spare(s, &event[i]);
	}
	if (f->phase >= FOLLOWER_ASKED && f->offered < f->owns)
		offer_own(s, now);
}

void offer_start(struct session *s)
{
	struct follower *f = &s->follower;

	/* All of it, each time: what was offered on a connection before may not have arrived. */
	s->why[0] = '\0';
	f->offered = 0;
	f->tail_offered = f->tail;
	f->offered_all = f->offer_all || f->own_overflow;
	f->phase = f->led ? FOLLOWER_OFFER_TAIL : FOLLOWER_OFFER_OWN;
	if (!f->offered_all)
		return;
	f->have.node = 0;
	f->phase = FOLLOWER_OFFER_PINS;
	s->ops->walk(s->arg, SESSION_PINS);
}

bool offer_work(struct session *s)
{
	if (!s->ops->room(s->arg))
		return false;
	if (s->follower.phase == FOLLOWER_OFFER_TAIL)
		offer_tail(s);
	else
		offer_walk(s);
	return true;
}
