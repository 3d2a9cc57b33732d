// SPDX-License-Identifier: BSD-2-Clause
/*
 * The rows between silence and takeover.  Adverts may be silent because the active node is dead, or
 * because the LAN does not carry them; while the channel lives, the one who knows is asked.
 */
#include "vrrp/duty.h"

/* A peer that could not be fenced is left alone for so long. */
static const uint64_t fence_again = 10000000000;

enum fsm_state claim_ask(struct fsm *fsm, const struct fsm_event *event)
{
	fsm->claim_at = 0;
	if (fsm->report.channel)
		duty_claim(fsm, event->now, false);
	return fsm->state;
}

/* Who does not lead has nothing to give, but may have given it already. */
enum fsm_state claim_deny(struct fsm *fsm, const struct fsm_event *event)
{
	duty_hear(fsm, event->word.epoch);
	if (fsm->yield_until)
		fsm->actions |= FSM_SEND_YIELD;
	return fsm->state;
}

static void hold(struct fsm *fsm, const struct fsm_event *event)
{
	uint64_t silent = event->now - duty_max(fsm->heard_at, fsm->since);

	if (fsm->held || silent < fsm_patience(fsm))
		return;
	fsm->held = true;
	fsm->holds++;
	fsm->actions |= FSM_REPORT_ROLE;
	if (fsm->state == FSM_BACKUP)
		duty_say(fsm, event,
			 "no adverts heard, but the active node lives: role left there");
}

enum fsm_state claim_refused(struct fsm *fsm, const struct fsm_event *event)
{
	duty_hear(fsm, event->word.epoch);
	/* Only the answer to the last question says anything about now. */
	if (!fsm->claim.id || event->word.id != fsm->claim.id || fsm->claim.preempt ||
	    !fsm->report.channel || duty_barred(fsm))
		return fsm->state;
	/* It has not let go: that was somebody else's priority 0. */
	if (fsm->released)
		fsm->forged++;
	fsm->released = false;
	hold(fsm, event);
	duty_wait(fsm, event->now);
	/* The next question tells the active node that its answer came, and how long it may go on:
	 * so at once the first time, and often. */
	if (fsm->claim_at)
		fsm->claim_at = event->now + (fsm->asking > 1 ? fsm->interval_ns / 2 : 0);
	return fsm->state;
}

static enum fsm_state fence(struct fsm *fsm, const struct fsm_event *event)
{
	duty_wait_no_more(fsm);
	fsm->fence_id++;
	fsm->fence_at = event->now + fsm->config.fence_ns;
	fsm->actions |= FSM_FENCE | FSM_REPORT_ROLE;
	duty_say(fsm, event, "both paths are silent: the peer is being fenced");
	return fsm->state;
}

/*
 * A dead host is silent on the channel long before the channel is given up, and must be fenced
 * then. Where syncd speaks, only vrrpd is silent, and the data plane lets go at our first advert.
 */
static enum fsm_state fence_if_silent(struct fsm *fsm, const struct fsm_event *event)
{
	uint64_t age = fsm->report.channel ? event->now - fsm->report_at : UINT64_MAX;

	if (age >= 3 * DUTY_HEARTBEAT)
		return fence(fsm, event);
	if (age < 3 * DUTY_HEARTBEAT / 2 || (fsm->weighed && fsm->report_at > fsm->weighed))
		return duty_promote(fsm, event, "the peer's vrrpd is silent");
	/* It speaks again, or this report grows too old.  Ages alone would not do: heartbeats and
	 * looks of one pace may keep one distance for ever. */
	fsm->weighed = fsm->report_at;
	fsm->down_at = event->now + DUTY_HEARTBEAT;
	return fsm->state;
}

/*
 * A timer that is late says that we slept, not that somebody is silent.  What came meanwhile has
 * been read by now, but a machine that stood still as a whole has received nothing: once, it is
 * given the time of an advert, and of an answer.
 */
static bool oversleeps(struct fsm *fsm, const struct fsm_event *event)
{
	if (fsm->overslept || event->now - fsm->down_at <= fsm->interval_ns)
		return false;
	fsm->overslept = true;
	fsm->down_at = event->now + fsm->interval_ns + duty_skew(fsm);
	duty_plan_claim(fsm, event->now);
	return true;
}

enum fsm_state claim_silence(struct fsm *fsm, const struct fsm_event *event)
{
	/* What the channel kept harmless may bar since this very event. */
	if (duty_barred(fsm)) {
		duty_wait_no_more(fsm);
		return fsm->state;
	}
	if (oversleeps(fsm, event))
		return fsm->state;
	if (fsm->released)
		return duty_promote(fsm, event, "the active node released the role");
	if (fsm->config.fence && !fsm->config.strict)
		return fence_if_silent(fsm, event);
	return duty_promote(fsm, event, fsm->faults ? "nobody else leads" : "no adverts heard");
}

enum fsm_state claim_fenced(struct fsm *fsm, const struct fsm_event *event)
{
	bool answer = event->kind == FSM_FENCE_RESULT;
	bool done = answer && event->fence.done;

	/* An advert or the channel has made it needless meanwhile. */
	if (!fsm->fence_at || (answer && event->fence.id != fsm->fence_id))
		return fsm->state;
	fsm->fence_at = 0;
	if (done)
		return duty_promote(fsm, event, "both paths were silent, and the peer is fenced");
	if (!fsm->config.consistency)
		return duty_promote(fsm, event, "both paths are silent; fencing has failed");
	fsm->hold_until = event->now + fence_again;
	fsm->actions |= FSM_REPORT_ROLE;
	duty_say(fsm, event, "the peer could not be fenced: it may be leading");
	duty_wait(fsm, event->now);
	return fsm->state;
}
