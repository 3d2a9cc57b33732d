// SPDX-License-Identifier: BSD-2-Clause
/* The rows of a node that does not lead: init, backup, fault. */
#include "vrrp/duty.h"

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

enum fsm_state quiet_advert(struct fsm *fsm, const struct fsm_event *event)
{
	bool lower = !duty_higher(fsm, event->advert.priority, &event->advert.source);

	duty_note_advert(fsm, event);
	/* To preempt is to let the timer run; the gate keeps it from a living peer. */
	if (fsm->state == FSM_BACKUP && fsm->config.preempt && lower && fsm->report.ready) {
		/* It may still run for the hold, which is over: the other could die before. */
		if (fsm->down_at > event->now + fsm_patience(fsm))
			duty_wait(fsm, event->now);
		return fsm->state;
	}
	if (fsm->state != FSM_INIT)
		duty_wait(fsm, event->now);
	return fsm->state;
}

enum fsm_state quiet_release(struct fsm *fsm, const struct fsm_event *event)
{
	fsm->heard_at = event->now;
	fsm->released = true;
	fsm->hold_until = 0;
	fsm->deposed = 0;
	if (!duty_barred(fsm))
		fsm->down_at = event->now + duty_skew(fsm) + (fsm->faults ? fsm->interval_ns : 0);
	return fsm->state;
}

enum fsm_state quiet_silence(struct fsm *fsm, const struct fsm_event *event)
{
	if (fsm->released)
		return duty_promote(fsm, event, "the active node released the role");
	return duty_promote(fsm, event, fsm->faults ? "nobody else leads" : "no adverts heard");
}

enum fsm_state quiet_yield(struct fsm *fsm, const struct fsm_event *event)
{
	/* A word from before our own last epoch was overtaken by what came later. */
	if (event->epoch < fsm->epoch)
		return fsm->state;
	duty_hear(fsm, event->epoch);
	if (duty_barred(fsm))
		return fsm->state;
	return duty_promote(fsm, event, "the peer let go");
}

enum fsm_state quiet_taken(struct fsm *fsm, const struct fsm_event *event)
{
	duty_hear(fsm, event->epoch);
	if (event->epoch <= fsm->epoch)
		return fsm->state;
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
	duty_note_report(fsm, event);
	return fsm->state;
}

enum fsm_state quiet_reserved(struct fsm *fsm, const struct fsm_event *event)
{
	struct fsm_event stored = { .kind = FSM_RECOVERED, .now = event->now };

	fsm->reserved = duty_max(fsm->reserved, event->epoch);
	if (!(fsm->faults & FSM_FAULT_EPOCH) || !duty_epoch_left(fsm))
		return fsm->state;
	stored.reason = "epochs can be stored again";
	stored.fault.bit = FSM_FAULT_EPOCH;
	return duty_recovered(fsm, &stored);
}

enum fsm_state quiet_stop(struct fsm *fsm, const struct fsm_event *event)
{
	fsm->down_at = 0;
	if (!fsm->yield_until)
		fsm->actions |= FSM_STOPPED;
	if (fsm->state != FSM_INIT)
		fsm->actions |= FSM_REPORT_ROLE;
	duty_say(fsm, event, "stopped");
	return FSM_INIT;
}
