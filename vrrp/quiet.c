// SPDX-License-Identifier: BSD-2-Clause
/* The rows of a node that does not lead: init, backup, fault. */
#include "vrrp/duty.h"

enum {
	PREEMPT_AGAIN = 1000000000,
	WORD_FRESH = DUTY_YIELD_EVERY + DUTY_YIELD_EVERY / 2, /* the next one is there by then */
};

enum fsm_state quiet_keep(struct fsm *fsm, const struct fsm_event *event)
{
	(void)event;
	return fsm->state;
}

enum fsm_state quiet_start(struct fsm *fsm, const struct fsm_event *event)
{
	fsm->faults |= event->start.faults;
	fsm->hold_until = event->start.hold_until;
	fsm->actions |= FSM_LEASE_STANDBY | FSM_REPORT_ROLE;
	duty_say(fsm, event, fsm->faults ? duty_fault(fsm) : "started");
	duty_wait(fsm, event->now);
	return fsm->faults ? FSM_FAULT : FSM_BACKUP;
}

enum fsm_state quiet_failed(struct fsm *fsm, const struct fsm_event *event)
{
	bool known = fsm->faults & event->fault.bit;
	bool graver = !(fsm->faults & (event->fault.bit | (event->fault.bit - 1)));

	fsm->faults |= event->fault.bit;
	if (fsm->state == FSM_INIT)
		return FSM_INIT;
	if (graver)
		duty_say(fsm, event, duty_fault(fsm));
	if (duty_barred(fsm) || fsm->state == FSM_BACKUP)
		duty_wait(fsm, event->now);
	if (!known)
		fsm->actions |= FSM_REPORT_ROLE;
	return FSM_FAULT;
}

static void heard_again(struct fsm *fsm, const struct fsm_event *event)
{
	fsm->held = false;
	fsm->actions |= FSM_REPORT_ROLE;
	if (fsm->state == FSM_BACKUP)
		duty_say(fsm, event, "adverts are heard again");
}

/*
 * Whether the role may be taken from a lower node that leads.  From the peer only by a node in
 * sync. Who has never heard of a peer over the channel meets a foreign router, to which RFC 9568
 * applies; but a node that has just started gives its channel time to come up.
 */
static bool may_preempt(const struct fsm *fsm)
{
	if (fsm->config.strict)
		return true;
	return fsm->report.channel ? fsm->report.ready : !fsm->channel_seen;
}

/* True: the timer of silence is to run, adverts or not (RFC 9568 6.4.2). */
static bool preempts(struct fsm *fsm, const struct fsm_event *event)
{
	uint64_t delay = fsm->config.preempt_delay_ns;

	if (fsm->state != FSM_BACKUP || !fsm->config.preempt || fsm->handed || !may_preempt(fsm) ||
	    duty_higher(fsm, event->advert.priority, &event->advert.source)) {
		fsm->preempt_at = 0;
		return false;
	}
	if (!fsm->channel_seen && !fsm->config.strict)
		delay = duty_max(delay, fsm->config.hold_ns);
	if (!fsm->preempt_at)
		fsm->preempt_at = event->now + delay;
	if (event->now < fsm->preempt_at)
		return false;
	if (!fsm->report.channel || fsm->config.strict)
		/* It may still run for a hold, which is over: the other could die before. */
		return fsm->down_at && fsm->down_at <= event->now + fsm_patience(fsm);
	/* The peer lets go in order when it is asked. */
	duty_claim(fsm, event->now, true);
	fsm->preempt_at = event->now + PREEMPT_AGAIN;
	return false;
}

enum fsm_state quiet_advert(struct fsm *fsm, const struct fsm_event *event)
{
	switch (duty_judge(fsm, event)) {
	case DUTY_FORGED:
		return fsm->state;
	case DUTY_DOUBTED:
		/* Worth waiting for the channel's word, but nothing is learned from it. */
		if (fsm->state != FSM_INIT)
			duty_wait(fsm, duty_heard(event));
		return fsm->state;
	default:
		break;
	}
	duty_note_advert(fsm, event);
	duty_calm(fsm);
	if (fsm->held)
		heard_again(fsm, event);
	if (fsm->state != FSM_INIT && !preempts(fsm, event))
		duty_wait(fsm, duty_heard(event));
	return fsm->state;
}

enum fsm_state quiet_release(struct fsm *fsm, const struct fsm_event *event)
{
	enum duty_belief belief = duty_judge(fsm, event);
	uint64_t down_at;

	if (belief == DUTY_FORGED || duty_barred(fsm))
		return fsm->state;
	down_at = event->now + duty_skew(fsm) + (fsm->faults ? fsm->interval_ns : 0);
	if (belief == DUTY_DOUBTED) {
		/* Who lets go says so over the channel too; if not, it is asked. */
		down_at += fsm->interval_ns;
		if (event->now - fsm->claimed_at >= fsm->interval_ns)
			duty_claim(fsm, event->now, false);
	}
	fsm->heard_at = duty_heard(event);
	fsm->released = true;
	fsm->hold_until = 0;
	fsm->deposed = 0;
	duty_wait_no_more(fsm);
	fsm->down_at = down_at;
	return fsm->state;
}

enum fsm_state quiet_yield(struct fsm *fsm, const struct fsm_event *event)
{
	/* A word from before our own last epoch was overtaken by what came later. */
	if (event->word.epoch < fsm->epoch)
		return fsm->state;
	duty_hear(fsm, event->word.epoch);
	/* Who slept over it cannot know what the peer has done since: it may lead again.  Who still
	 * wants to let go says so once more. */
	if (event->word.age_ns > WORD_FRESH)
		return fsm->state;
	fsm->report.peer_active = false;
	if (duty_barred(fsm))
		return fsm->state;
	return duty_promote(fsm, event, "the peer let go");
}

enum fsm_state quiet_taken(struct fsm *fsm, const struct fsm_event *event)
{
	duty_hear(fsm, event->word.epoch);
	if (event->word.epoch <= fsm->epoch)
		return fsm->state;
	fsm->report.peer_active = true;
	fsm->report.peer_epoch = event->word.epoch;
	fsm->succeeded = fsm->led;
	duty_stop_yielding(fsm, FSM_CONFIRMED);
	return fsm->state;
}

enum fsm_state quiet_yield_again(struct fsm *fsm, const struct fsm_event *event)
{
	if (event->now >= fsm->yield_until) {
		duty_stop_yielding(fsm, FSM_UNCONFIRMED);
		return fsm->state;
	}
	fsm->yield_at = event->now + DUTY_YIELD_EVERY;
	fsm->actions |= FSM_SEND_YIELD;
	return fsm->state;
}

enum fsm_state quiet_report(struct fsm *fsm, const struct fsm_event *event)
{
	bool channel = fsm->report.channel;

	duty_note_report(fsm, event);
	if (!fsm->report.channel)
		fsm->held = false;
	if (fsm->state == FSM_INIT)
		return FSM_INIT;
	/* With the channel an island comes and goes. */
	if (duty_barred(fsm))
		duty_wait_no_more(fsm);
	else if (!fsm->down_at && !fsm->fence_at)
		duty_wait(fsm, event->now);
	else if (fsm->down_at && fsm->report.channel && !channel)
		duty_plan_claim(fsm, event->now);
	return fsm->state;
}

enum fsm_state quiet_stale(struct fsm *fsm, const struct fsm_event *event)
{
	const struct fsm_event gone = { .kind = FSM_PEER_REPORT, .now = event->now };

	return quiet_report(fsm, &gone);
}

enum fsm_state quiet_reserved(struct fsm *fsm, const struct fsm_event *event)
{
	struct fsm_event stored = { .kind = FSM_RECOVERED, .now = event->now };

	fsm->reserved = duty_max(fsm->reserved, event->epoch);
	if (!(fsm->faults & FSM_FAULT_EPOCH) || !fsm_epoch_left(fsm))
		return fsm->state;
	stored.reason = "epochs can be stored again";
	stored.fault.bit = FSM_FAULT_EPOCH;
	return duty_recovered(fsm, &stored);
}

enum fsm_state quiet_stop(struct fsm *fsm, const struct fsm_event *event)
{
	duty_wait_no_more(fsm);
	fsm->held = false;
	if (!fsm->yield_until)
		fsm->actions |= FSM_STOPPED;
	if (fsm->state != FSM_INIT)
		fsm->actions |= FSM_REPORT_ROLE;
	duty_say(fsm, event, "stopped");
	return FSM_INIT;
}
