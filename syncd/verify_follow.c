// SPDX-License-Identifier: BSD-2-Clause
/* The follower's half of a comparison: it walks, and says what it has. */
#include <string.h>

#include "syncd/verify.h"
#include "syncd/session.h"

static bool read_scope(struct tally_scope *scope, const Sync__VerifyBegin *begin)
{
	*scope = (struct tally_scope){ .slices = begin->slices,
				       .part = begin->part,
				       .parts = begin->parts };
	if (begin->key.len != sizeof(scope->key))
		return false;
	memcpy(scope->key, begin->key.data, sizeof(scope->key));
	return tally_scope_valid(scope);
}

void verify_begin(struct session *s, const Sync__VerifyBegin *begin, uint64_t now)
{
	struct verify *v = &s->verify;
	struct tally_scope scope;

	if (s->leading)
		return;
	verify_stop(s, NULL);
	v->number = begin->number;
	v->phase = VERIFY_PINS;
	if (s->follower.phase != FOLLOWING || s->follower.have.seq != begin->seq) {
		verify_fail(s, "the standby is elsewhere in the log");
		return;
	}
	if (!read_scope(&scope, begin)) {
		verify_fail(s, "the standby does not understand the slices");
		return;
	}
	if (tally_open(&v->tally, &scope, verify_expects(s)) != 0) {
		verify_fail(s, "the standby has no memory for the digests");
		return;
	}
	v->walked = 0;
	v->heard_ns = v->told_ns = now;
	v->counting = true;
	s->ops->walk(s->arg, SESSION_PINS);
}

static void give_sums(struct session *s)
{
	struct verify *v = &s->verify;
	Sync__Frame frame = SYNC__FRAME__INIT;
	Sync__VerifySums sums = SYNC__VERIFY_SUMS__INIT;

	sums.number = v->number;
	sums.n_sum = v->tally.scope.slices;
	sums.sum = v->tally.sum;
	frame.verify_sums = &sums;
	s->ops->send(s->arg, &frame);
	v->counting = false;
	tally_close(&v->tally);
	v->phase = VERIFY_SUMS;
}

void verify_follow_word(struct session *s, const Sync__VerifyWord *word)
{
	if (word->word != SYNC__VERIFY_WORD__WORD__END)
		return;
	if (s->verify.phase != VERIFY_WAIT || word->seq != s->follower.have.seq)
		verify_fail(s, "the standby is elsewhere in the log");
	else
		give_sums(s);
}

void verify_list(struct session *s, const Sync__VerifyList *list, uint64_t now)
{
	struct verify *v = &s->verify;

	if (s->leading || v->phase != VERIFY_SUMS || list->number != v->number)
		return;
	memset(v->suspect, 0, sizeof(v->suspect));
	for (size_t i = 0; i < list->n_slice; i++)
		if (list->slice[i] < v->tally.scope.slices)
			v->suspect[list->slice[i]] = true;
	v->heard_ns = now;
	v->phase = VERIFY_LIST_PINS;
	s->ops->walk(s->arg, SESSION_PINS);
}

static void list_step(struct session *s)
{
	struct verify *v = &s->verify;
	struct record_batch *out = &s->out;
	uint32_t kept = 0;
	int n, slice;

	if (!s->ops->room(s->arg))
		return;
	*out = (struct record_batch){ .epoch = s->follower.have.epoch, .listed = v->number };
	n = s->ops->step(s->arg, out->event, RECORD_MAX);
	if (n < 0) {
		verify_fail(s, "the standby's tables cannot be read");
		return;
	}
	for (int i = 0; i < n; i++) {
		slice = tally_slice(&v->tally, &out->event[i]);
		if (slice >= 0 && v->suspect[slice] && record_check(&out->event[i]) == RECORD_OK)
			out->event[kept++] = out->event[i];
	}
	out->count = kept;
	if (kept)
		s->ops->send_records(s->arg, out);
	if (n > 0)
		return;
	if (v->phase == VERIFY_LIST_FLOWS) {
		v->phase = VERIFY_LIST_READ;
		return;
	}
	v->phase = VERIFY_LIST_FLOWS;
	s->ops->walk(s->arg, SESSION_FLOWS);
}

void verify_follow_step(struct session *s)
{
	switch (s->verify.phase) {
	case VERIFY_PINS:
	case VERIFY_FLOWS:
		verify_walk(s);
		break;
	case VERIFY_LIST_PINS:
	case VERIFY_LIST_FLOWS:
		list_step(s);
		break;
	default:
		break;
	}
}

/* What our own packets changed in the meantime has been offered by now. */
void verify_follow_drained(struct session *s)
{
	struct verify *v = &s->verify;

	if (v->phase == VERIFY_READ) {
		v->phase = VERIFY_WAIT;
		verify_say(s, SYNC__VERIFY_WORD__WORD__WALKED, NULL);
	} else if (v->phase == VERIFY_LIST_READ) {
		v->phase = VERIFY_SUMS;
		verify_say(s, SYNC__VERIFY_WORD__WORD__LISTED, NULL);
	}
}
