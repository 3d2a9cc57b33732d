// SPDX-License-Identifier: BSD-2-Clause
/* The rows of the active node. */
#include "vrrp/duty.h"

enum {
	DOUBT = 2000000,        /* long enough for one turn of the loop */
	DOUBT_MOST = 150000000, /* long enough for the next report of syncd */
	DEPOSED_MAX = 6,        /* 64 times the patience, some 20 s with adverts of 100 ms */
	UNASKED = 1000000000,   /* a peer that has taken over has said so by then, or is dead */
	ANSWERS = 8,            /* to a rival's adverts, in the time of one of ours */
};

enum fsm_state lead_failed(struct fsm *fsm, const struct fsm_event *event)
{
	fsm->faults |= event->fault.bit;
	/* Soft: step down only to somebody; without a channel the adverts will tell who is there.
	 */
	if (!duty_barred(fsm) && fsm->report.channel && !fsm->report.peer_standby)
		return FSM_ACTIVE;
	duty_let_go(fsm, event);
	duty_say(fsm, event, duty_fault(fsm));
	duty_wait(fsm, event->now);
	return FSM_FAULT;
}

/* Our adverts, or nothing, are what the peer goes by again. */
static void asked_no_more(struct fsm *fsm, uint64_t now)
{
	if (!fsm->asked_until)
		return;
	fsm->asked_until = fsm->refused_id = 0;
	fsm->lease_until = duty_lease_end(fsm, now);
	fsm->actions |= FSM_LEASE_BOUND;
}

/* RFC 9568 6.4.3: a loser's advert is answered at once, and hosts may have learned its address. */
static enum fsm_state insist(struct fsm *fsm, const struct fsm_event *event)
{
	fsm->heard_at = duty_heard(event);
	fsm->advert_at = event->now + fsm->config.advert_ns;
	fsm->lease_until = duty_lease_end(fsm, event->now);
	fsm->actions |= FSM_SEND_ADVERT | FSM_REANNOUNCE;
	return FSM_ACTIVE;
}

/* Whether the sender of an advert leads by better right.  Both sides must come to one answer. */
static bool outranked(const struct fsm *fsm, const struct fsm_event *event)
{
	const struct fsm_report *peer = &fsm->report;

	/* The data plane has been fenced by this same advert. */
	if (duty_heard(event) >= fsm->lease_until)
		return true;
	if (duty_is_peer(fsm, &event->advert.source) && peer->channel && peer->peer_active &&
	    peer->peer_epoch != fsm->epoch)
		return peer->peer_epoch > fsm->epoch;
	return duty_higher(fsm, event->advert.priority, &event->advert.source);
}

/* Two that both believe to lead by better right would answer answers as fast as the wire allows. */
static enum fsm_state answer(struct fsm *fsm, const struct fsm_event *event)
{
	if (fsm->answered_at && event->now - fsm->answered_at < fsm->config.advert_ns / ANSWERS) {
		fsm->heard_at = event->now;
		return FSM_ACTIVE;
	}
	fsm->answered_at = event->now;
	return insist(fsm, event);
}

enum fsm_state lead_release(struct fsm *fsm, const struct fsm_event *event)
{
	/* Not while the lease has run out: who released may have led meanwhile. */
	if (event->now >= fsm->lease_until || duty_judge(fsm, event) != DUTY_BELIEVED)
		return FSM_ACTIVE;
	return answer(fsm, event);
}

enum fsm_state lead_advert(struct fsm *fsm, const struct fsm_event *event)
{
	/* When it is true after all, the channel will say so in a moment. */
	if (duty_judge(fsm, event) != DUTY_BELIEVED)
		return FSM_ACTIVE;
	if (!outranked(fsm, event))
		return answer(fsm, event);
	duty_note_advert(fsm, event);
	return duty_surrender(fsm, event, "another node advertises by better right");
}

static void note_lateness(struct fsm *fsm, uint64_t now)
{
	uint64_t late = now - fsm->advert_at;

	fsm->latest_ns = duty_max(fsm->latest_ns, late);
	if (late > fsm->config.advert_ns)
		fsm->overrun++;
}

/*
 * We were asleep for longer than the lease lasts.  Whatever the peer did meanwhile is lying in our
 * sockets: those come first, our voice after them.  After more than its patience it must be assumed
 * to lead, and its next word is waited for, be it by the channel or on the LAN.
 */
static bool doubtful(struct fsm *fsm, uint64_t now)
{
	const uint64_t advert = fsm->config.advert_ns;
	uint64_t silent = now + fsm_lease(&fsm->config) - fsm->lease_until, doubted;

	if (now < fsm->lease_until || fsm->asked_until)
		return false;
	if (!fsm->doubted_at) {
		fsm->doubted_at = now;
		return true;
	}
	if (silent < 3 * advert || (fsm->report.channel && fsm->report_at >= fsm->doubted_at))
		return false;
	doubted = now - fsm->doubted_at;
	return doubted < advert * 3 / 2 || (fsm->report.channel && doubted < DOUBT_MOST);
}

enum fsm_state lead_advertise(struct fsm *fsm, const struct fsm_event *event)
{
	uint64_t interval = fsm->config.advert_ns;

	if (fsm->asked_until && event->now >= fsm->asked_until + UNASKED)
		asked_no_more(fsm, event->now);
	if (!fsm->doubted_at)
		note_lateness(fsm, event->now);
	if (doubtful(fsm, event->now)) {
		fsm->advert_at = event->now + DOUBT;
		return FSM_ACTIVE;
	}
	fsm->doubted_at = 0;
	fsm->advert_at += interval;
	if (fsm->advert_at <= event->now)
		fsm->advert_at = event->now + interval;
	fsm->lease_until = duty_lease_end(fsm, event->now);
	fsm->actions |= FSM_SEND_ADVERT;
	return FSM_ACTIVE;
}

static enum fsm_state depose(struct fsm *fsm, const struct fsm_event *event)
{
	fsm->succeeded = true;
	if (fsm->deposed < DEPOSED_MAX)
		fsm->deposed++;
	return duty_surrender(fsm, event, "the peer leads in a higher epoch");
}

/* Leads, but in an epoch that was overtaken by somebody who does not lead any more. */
static enum fsm_state overtake(struct fsm *fsm, const struct fsm_event *event)
{
	if (fsm->heard <= fsm->epoch)
		return FSM_ACTIVE;
	if (!fsm_epoch_left(fsm))
		return FSM_ACTIVE; /* FSM_RESERVED comes back here */
	duty_raise_epoch(fsm, event);
	return FSM_ACTIVE;
}

/* Both paths are silent, and so is everything else: the trouble is on this side. */
static enum fsm_state isolated(struct fsm *fsm, const struct fsm_event *event)
{
	duty_let_go(fsm, event);
	duty_wait(fsm, event->now);
	duty_say(fsm, event, "isolated: neither the peer nor any witness answers");
	return FSM_FAULT;
}

enum fsm_state lead_stale(struct fsm *fsm, const struct fsm_event *event)
{
	const struct fsm_event gone = { .kind = FSM_PEER_REPORT, .now = event->now };

	return lead_report(fsm, &gone);
}

/* Whether the peer, which asks for the role, is to have it. */
static bool grants(const struct fsm *fsm, const struct fsm_word *claim)
{
	if (claim->preempt)
		return fsm->config.preempt && fsm->report.channel &&
		       duty_peer_higher(fsm, fsm->report.priority);
	/* It does not hear us, and neither does anybody else. */
	return fsm->faults & (FSM_FAULT_LAN | FSM_FAULT_SIDE) && !claim->lame;
}

/*
 * The peer leads when our answers fail to come, and the LAN would not tell us: so we lead no longer
 * than it is known to be content.  A question that follows an answer proves that this has come, and
 * that the whole patience began not before it was sent.  Else the question came when an interval of
 * it was left, less what it took to come.
 */
static void asked(struct fsm *fsm, const struct fsm_event *event)
{
	uint64_t until = event->now + fsm->config.advert_ns * 3 / 4;

	if (fsm->refused_id && event->word.id == fsm->refused_id + 1)
		until = fsm->refused_at + 3 * fsm->config.advert_ns;
	fsm->refused_id = event->word.id;
	fsm->refused_at = event->now;
	fsm->asked_until = until;
	fsm->lease_until = duty_lease_end(fsm, event->now);
	fsm->actions |= FSM_LEASE_BOUND;
}

enum fsm_state lead_calm(struct fsm *fsm, const struct fsm_event *event)
{
	asked_no_more(fsm, event->now);
	return FSM_ACTIVE;
}

/* That nothing is known against our LAN is no proof: what is known may be half a second old. */
static void refuse(struct fsm *fsm, const struct fsm_event *event)
{
	const struct fsm_word *claim = &event->word;

	fsm->actions |= FSM_SEND_REFUSE;
	if (claim->counts)
		asked(fsm, event);
	if (claim->preempt || claim->lame || fsm->config.strict ||
	    (fsm->probed_at && event->now - fsm->probed_at < 2 * fsm->config.advert_ns))
		return;
	fsm->probed_at = event->now;
	fsm->actions |= FSM_PROBE;
}

enum fsm_state lead_claim(struct fsm *fsm, const struct fsm_event *event)
{
	fsm->asked = event->word;
	duty_hear(fsm, event->word.epoch);
	fsm->claims += !event->word.preempt;
	/* Asleep until now: the peer may have stopped waiting for an answer. */
	if (event->now >= fsm->lease_until && !fsm->asked_until)
		return FSM_ACTIVE;
	if (!grants(fsm, &event->word)) {
		refuse(fsm, event);
		return FSM_ACTIVE;
	}
	duty_let_go(fsm, event);
	duty_wait(fsm, event->now);
	duty_say(fsm, event,
		 event->word.preempt ? "the peer preempts"
				     : "no witness answers, and the peer asks");
	return fsm->faults ? FSM_FAULT : FSM_BACKUP;
}

/*
 * Hosts may have learned the addresses from a peer that led beside us, and no advert of it needs
 * ever to have come here: it does not lead now, and it did, or nothing was known of it.
 */
static void outlast(struct fsm *fsm, bool knew_better)
{
	if (!knew_better && fsm->report.channel && !fsm->report.peer_active)
		fsm->actions |= FSM_REANNOUNCE;
}

enum fsm_state lead_report(struct fsm *fsm, const struct fsm_event *event)
{
	const struct fsm_report *peer = &fsm->report;
	bool knew_better = peer->channel && !peer->peer_active;

	duty_note_report(fsm, event);
	outlast(fsm, knew_better);
	if (!peer->channel || !peer->peer_lives)
		asked_no_more(fsm, event->now);
	if (duty_barred(fsm))
		return isolated(fsm, event);
	if (!peer->channel)
		return FSM_ACTIVE;
	if (peer->peer_active && peer->peer_epoch > fsm->epoch)
		return depose(fsm, event);
	if (peer->peer_active && peer->peer_epoch == fsm->epoch &&
	    duty_peer_higher(fsm, peer->priority))
		return depose(fsm, event);
	if (fsm->faults && peer->peer_standby) {
		duty_let_go(fsm, event);
		duty_wait(fsm, event->now);
		duty_say(fsm, event, "unwell, and the peer is well");
		return FSM_FAULT;
	}
	return peer->peer_active ? FSM_ACTIVE : overtake(fsm, event);
}

enum fsm_state lead_yield(struct fsm *fsm, const struct fsm_event *event)
{
	bool knew_better = !fsm->report.peer_active; /* also when it says so again */

	duty_hear(fsm, event->word.epoch);
	fsm->report.peer_active = false;
	outlast(fsm, knew_better);
	fsm->actions |= FSM_SEND_TAKEN;
	return overtake(fsm, event);
}

enum fsm_state lead_taken(struct fsm *fsm, const struct fsm_event *event)
{
	duty_hear(fsm, event->word.epoch);
	/* Equal epochs are settled by priority, which the next report brings. */
	if (event->word.epoch <= fsm->epoch)
		return FSM_ACTIVE;
	fsm->report.peer_active = true;
	fsm->report.peer_epoch = event->word.epoch;
	return depose(fsm, event);
}

enum fsm_state lead_reserved(struct fsm *fsm, const struct fsm_event *event)
{
	fsm->reserved = duty_max(fsm->reserved, event->epoch);
	return fsm->report.peer_active ? FSM_ACTIVE : overtake(fsm, event);
}

enum fsm_state lead_handover(struct fsm *fsm, const struct fsm_event *event)
{
	duty_let_go(fsm, event);
	duty_say(fsm, event, "handed over");
	fsm->handed = true;
	duty_wait(fsm, event->now);
	return fsm->faults ? FSM_FAULT : FSM_BACKUP;
}

enum fsm_state lead_fenced(struct fsm *fsm, const struct fsm_event *event)
{
	return duty_surrender(fsm, event, "fenced");
}

enum fsm_state lead_stop(struct fsm *fsm, const struct fsm_event *event)
{
	duty_let_go(fsm, event);
	if (!fsm->yield_until)
		fsm->actions |= FSM_STOPPED;
	duty_say(fsm, event, "stopped");
	return FSM_INIT;
}
