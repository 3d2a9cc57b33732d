// SPDX-License-Identifier: BSD-2-Clause
#include "vrrp/duty.h"

#include <stddef.h>
#include <stdio.h>

enum {
	/* What the channel says may be so old and still outdo an advert. */
	TRUST = 5 * DUTY_HEARTBEAT,
	/* News that crossed the LAN cross the channel within this time, or are none. */
	DISPUTE = 5 * DUTY_HEARTBEAT,
};

void duty_say(struct fsm *fsm, const struct fsm_event *event, const char *words)
{
	snprintf(fsm->reason, sizeof(fsm->reason), "%s", event->reason ? event->reason : words);
}

const char *duty_fault(const struct fsm *fsm)
{
	static const struct {
		enum fsm_fault bit;
		const char *words;
	} faults[] = {
		{ FSM_FAULT_LINK, "no carrier where the adverts go" },
		{ FSM_FAULT_PLANE, "lbd is not running" },
		{ FSM_FAULT_EPOCH, "the next epoch cannot be stored" },
		{ FSM_FAULT_TRACK, "no carrier on a tracked interface" },
		{ FSM_FAULT_HEALTH, "lbd's data plane is not whole" },
		{ FSM_FAULT_LBD, "lbd says nothing" },
		{ FSM_FAULT_LAN, "no witness answers" },
		{ FSM_FAULT_ROBBED, "somebody else keeps deleting the addresses" },
		{ FSM_FAULT_SIDE, "no witness answers on one interface" },
	};

	for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++) {
		if (fsm->faults & faults[i].bit)
			return faults[i].words;
	}
	return "nothing is missing";
}

uint64_t duty_skew(const struct fsm *fsm)
{
	return (256u - fsm->config.priority) * fsm->interval_ns / 256;
}

bool duty_barred(const struct fsm *fsm)
{
	unsigned int bars = ~(unsigned int)FSM_FAULT_SOFT;

	/* On an island there is nobody to lead, and on the mainland there may be the peer. */
	if (!fsm->report.channel && !fsm->config.strict)
		bars |= FSM_FAULT_LAN;
	return fsm->faults & bars;
}

void duty_wait_no_more(struct fsm *fsm)
{
	fsm->down_at = fsm->claim_at = fsm->fence_at = 0;
	fsm->overslept = false;
	fsm->weighed = 0;
}

void duty_plan_claim(struct fsm *fsm, uint64_t now)
{
	fsm->claim_at = 0;
	if (!fsm->report.channel || fsm->config.strict)
		return;
	/* Early enough for an answer, late enough that one lost advert asks nobody. */
	fsm->claim_at = duty_max(fsm->down_at - fsm->interval_ns, now);
}

void duty_claim(struct fsm *fsm, uint64_t now, bool preempt)
{
	fsm->claim = (struct fsm_word){
		.epoch = fsm->epoch,
		.id = fsm->claim.id + 1,
		.preempt = preempt,
		.counts = !preempt,
		.lame = fsm->faults & (FSM_FAULT_LAN | FSM_FAULT_SIDE),
	};
	fsm->claimed_at = now;
	fsm->asking += !preempt;
	fsm->actions |= FSM_SEND_CLAIM;
}

void duty_calm(struct fsm *fsm)
{
	if (fsm->asking)
		fsm->actions |= FSM_SEND_CALM;
	fsm->asking = 0;
}

uint64_t duty_lease_end(const struct fsm *fsm, uint64_t now)
{
	uint64_t end = now + fsm_lease(&fsm->config);

	return fsm->asked_until && fsm->asked_until < end ? fsm->asked_until : end;
}

void duty_wait(struct fsm *fsm, uint64_t now)
{
	uint64_t patience = fsm_patience(fsm);

	duty_wait_no_more(fsm);
	if (duty_barred(fsm))
		return;
	if (fsm->faults)
		patience += fsm->interval_ns;
	/* Adverts that do not cross, with a channel that does, would make the role go to and fro
	 * at the pace of the timer: each turn doubles the wait until an advert is heard. */
	patience <<= fsm->deposed;
	fsm->down_at = duty_max(now + patience, fsm->hold_until);
	duty_plan_claim(fsm, now);
}

void duty_stop_yielding(struct fsm *fsm, unsigned int result)
{
	if (!fsm->yield_until)
		return;
	fsm->yield_at = fsm->yield_until = 0;
	fsm->actions |= result | FSM_DROP_ADDRESSES;
	if (fsm->state == FSM_INIT)
		fsm->actions |= FSM_STOPPED;
}

static uint64_t highest(const struct fsm *fsm)
{
	return duty_max(fsm->floor, duty_max(fsm->epoch, fsm->heard));
}

void duty_hear(struct fsm *fsm, uint64_t epoch)
{
	if (epoch <= FSM_EPOCH_MAX)
		fsm->heard = duty_max(fsm->heard, epoch);
}

void duty_raise_epoch(struct fsm *fsm, const struct fsm_event *event)
{
	fsm->epoch = highest(fsm) + 1;
	fsm->lease_until = duty_lease_end(fsm, event->now);
	fsm->actions |= FSM_LEASE_ACTIVE | FSM_REPORT_ROLE | FSM_SEND_TAKEN;
}

bool fsm_epoch_left(const struct fsm *fsm)
{
	return highest(fsm) < fsm->reserved;
}

enum fsm_state duty_promote(struct fsm *fsm, const struct fsm_event *event, const char *why)
{
	duty_wait_no_more(fsm);
	/* A node that leads in an epoch it may forget could use the same one twice. */
	if (!fsm_epoch_left(fsm)) {
		fsm->faults |= FSM_FAULT_EPOCH;
		fsm->actions |= FSM_REPORT_ROLE;
		snprintf(fsm->reason, sizeof(fsm->reason), "%s", duty_fault(fsm));
		return FSM_FAULT;
	}
	duty_stop_yielding(fsm, FSM_UNCONFIRMED);
	fsm->actions &= ~(unsigned int)FSM_DROP_ADDRESSES; /* it keeps what it still has */
	duty_raise_epoch(fsm, event);
	fsm->advert_at = event->now + fsm->config.advert_ns;
	fsm->interval_ns = fsm->config.advert_ns;
	fsm->hold_until = 0;
	fsm->doubted_at = 0;
	fsm->released = fsm->held = fsm->handed = false;
	fsm->led = true;
	fsm->succeeded = false;
	fsm->actions |= FSM_SEND_ADVERT | FSM_TAKE_ADDRESSES | FSM_ANNOUNCE;
	duty_say(fsm, event, why);
	return FSM_ACTIVE;
}

enum fsm_state duty_surrender(struct fsm *fsm, const struct fsm_event *event, const char *why)
{
	fsm->advert_at = 0;
	fsm->actions |= FSM_LEASE_STANDBY | FSM_DROP_ADDRESSES | FSM_REPORT_ROLE;
	duty_say(fsm, event, why);
	duty_wait(fsm, event->now);
	return fsm->faults ? FSM_FAULT : FSM_BACKUP;
}

void duty_let_go(struct fsm *fsm, const struct fsm_event *event)
{
	fsm->advert_at = 0;
	fsm->actions |= FSM_LEASE_STANDBY | FSM_SEND_RELEASE | FSM_REPORT_ROLE;
	fsm->actions |= event->kind == FSM_PEER_CLAIM ? FSM_SEND_GRANT : FSM_SEND_YIELD;
	/* Without a channel only an advert could confirm; just the operator waits for that. */
	if (!fsm->report.channel && event->kind != FSM_HANDOVER) {
		fsm->actions |= FSM_DROP_ADDRESSES;
		return;
	}
	/* The addresses stay until the peer has them, unspoken: what is under way to them is still
	 * answered, and the two nodes do not get into each other's way in between. */
	fsm->yield_at = event->now + DUTY_YIELD_EVERY;
	fsm->yield_until = event->now + DUTY_YIELD_PATIENCE;
}

/* What the channel says of the peer outlives no report; the highest epoch heard of does. */
void duty_note_report(struct fsm *fsm, const struct fsm_event *event)
{
	/* Other news, another dispute. */
	if (fsm->report.peer_active != event->report.peer_active)
		fsm->disputed_at = 0;
	fsm->report = event->report;
	fsm->stale_at = 0;
	if (!event->report.channel)
		return;
	fsm->report_at = event->now - event->report.age_ns;
	if (event->report.age_ns >= fsm->config.report_ns) {
		fsm->report = (struct fsm_report){ 0 };
		return;
	}
	fsm->stale_at = fsm->report_at + fsm->config.report_ns;
	fsm->channel_seen = true;
	duty_hear(fsm, event->report.peer_epoch);
	duty_hear(fsm, event->report.highest);
}

uint64_t duty_heard(const struct fsm_event *event)
{
	return event->advert.at ? event->advert.at : event->now;
}

/* Whether the peer's role is known as if it could be seen. */
static bool known(const struct fsm *fsm, uint64_t now)
{
	return !fsm->config.strict && fsm->report.channel && fsm->report.peer_lives &&
	       now - fsm->report_at < TRUST;
}

enum duty_belief duty_judge(struct fsm *fsm, const struct fsm_event *event)
{
	bool peer = duty_is_peer(fsm, &event->advert.source);
	bool release = event->kind == FSM_RELEASE;
	bool wrong = !release && fsm->report.priority &&
		     event->advert.priority != fsm->report.priority;

	if (!known(fsm, event->now))
		return DUTY_BELIEVED;
	if (peer && !wrong && fsm->report.peer_active != release) {
		fsm->disputed_at = 0;
		return DUTY_BELIEVED;
	}
	/* A stranger that is lower is told so, as by every active router. */
	if (!peer && fsm->state == FSM_ACTIVE &&
	    !duty_higher(fsm, event->advert.priority, &event->advert.source))
		return DUTY_BELIEVED;
	if (!fsm->disputed_at)
		fsm->disputed_at = event->now;
	/* Roles change at any moment, priorities do not. */
	if (peer && !wrong && event->now - fsm->disputed_at < DISPUTE)
		return DUTY_DOUBTED;
	fsm->forged++;
	return DUTY_FORGED;
}

void duty_note_advert(struct fsm *fsm, const struct fsm_event *event)
{
	fsm->heard_at = duty_heard(event);
	fsm->released = false;
	fsm->interval_ns = event->advert.interval_ns;
	/* The network works and somebody leads: there is nothing left to hold for. */
	fsm->hold_until = 0;
	fsm->deposed = 0;
	fsm->succeeded = fsm->led;
	/* The peer advertises before it has the addresses, and says TAKEN after that. */
	if (!fsm->report.channel)
		duty_stop_yielding(fsm, FSM_CONFIRMED);
}

bool duty_is_peer(const struct fsm *fsm, const struct addr *source)
{
	for (size_t i = 0; i < FSM_FAMILIES; i++) {
		if (source->family && addr_compare(source, &fsm->config.peer[i]) == 0)
			return true;
	}
	return false;
}

bool duty_peer_higher(const struct fsm *fsm, uint8_t priority)
{
	const struct addr *own = fsm->config.own, *peer = fsm->config.peer;
	size_t family = FSM_V4;

	if (priority != fsm->config.priority)
		return priority > fsm->config.priority;
	while (family < FSM_FAMILIES - 1 && !(own[family].family && peer[family].family))
		family++;
	return addr_compare(&peer[family], &own[family]) > 0;
}

/* Its link-local address is told over the channel, which may not have been up yet. */
static bool may_be_peer(const struct fsm *fsm, const struct addr *source)
{
	return source->family == 6 && !fsm->config.peer[FSM_V6].family &&
	       fsm->config.peer[FSM_V4].family && fsm->config.own[FSM_V4].family;
}

bool duty_higher(const struct fsm *fsm, uint8_t priority, const struct addr *source)
{
	const struct addr *own = &fsm->config.own[source->family == 6 ? FSM_V6 : FSM_V4];

	if (duty_is_peer(fsm, source) || may_be_peer(fsm, source))
		return duty_peer_higher(fsm, priority);
	if (priority != fsm->config.priority)
		return priority > fsm->config.priority;
	return addr_compare(source, own) > 0;
}

enum fsm_state duty_recovered(struct fsm *fsm, const struct fsm_event *event)
{
	bool known = fsm->faults & event->fault.bit;

	fsm->faults &= ~event->fault.bit;
	if (fsm->state != FSM_FAULT || !known)
		return fsm->state;
	/* A port that has just come up may not forward yet.  But the node that led until its link
	 * went, with nobody to follow, is the one all wait for. */
	if (event->fault.bit == FSM_FAULT_LINK && (fsm->succeeded || !fsm->led))
		fsm->hold_until = event->now + fsm->config.hold_ns;
	if (event->fault.epoch) {
		fsm->epoch = duty_max(fsm->epoch, event->fault.epoch);
		fsm->hold_until = 0;
	}
	duty_wait(fsm, event->now);
	fsm->actions |= FSM_REPORT_ROLE;
	if (fsm->faults) {
		snprintf(fsm->reason, sizeof(fsm->reason), "%s", duty_fault(fsm));
		return FSM_FAULT;
	}
	duty_say(fsm, event, "recovered");
	return FSM_BACKUP;
}
