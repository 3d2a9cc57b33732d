/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inside of the machine: what its rows do, and what they have in common.  Only fsm.c and the files
 * of the rows (quiet.c, claim.c, lead.c) include this.  A row returns the next state and adds its
 * actions to fsm->actions; the timers are fields of the machine.
 */
#ifndef CASPAIR_DUTY_H
#define CASPAIR_DUTY_H

#include "vrrp/fsm.h"

enum {
	DUTY_YIELD_EVERY = 100000000,
	DUTY_YIELD_PATIENCE = 1000000000,
	DUTY_HEARTBEAT = 100000000, /* of syncd, and at most that long between its reports */
};

/* What the channel says to an advert. */
enum duty_belief {
	DUTY_BELIEVED, /* it agrees, or cannot know */
	DUTY_DOUBTED,  /* it does not agree, but the news may be on its way */
	DUTY_FORGED,
};

static inline uint64_t duty_max(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* The reason people are shown: the event's, else these words. */
void duty_say(struct fsm *fsm, const struct fsm_event *event, const char *words);

/* The gravest of the present faults, in words. */
const char *duty_fault(const struct fsm *fsm);

uint64_t duty_skew(const struct fsm *fsm);
/* A fault that bars this node from leading, whoever else does or does not. */
bool duty_barred(const struct fsm *fsm);
/* (Re)starts the timer of silence, or stops it in a node that could not lead anyway. */
void duty_wait(struct fsm *fsm, uint64_t now);
/* No takeover is under way any more. */
void duty_wait_no_more(struct fsm *fsm);
/* Sees to it that the peer is asked before the silence ends, if it can be. */
void duty_plan_claim(struct fsm *fsm, uint64_t now);
void duty_claim(struct fsm *fsm, uint64_t now, bool preempt);
/* The peer need not answer any more. */
void duty_calm(struct fsm *fsm);
/* To when an active node may extend its lease now. */
uint64_t duty_lease_end(const struct fsm *fsm, uint64_t now);
/* Ends the repeated YIELD, if there is one, with FSM_CONFIRMED or FSM_UNCONFIRMED. */
void duty_stop_yielding(struct fsm *fsm, unsigned int result);

/* Somebody's epoch; one that leaves no room above itself is nonsense and ignored. */
void duty_hear(struct fsm *fsm, uint64_t epoch);
/* Enters the next epoch, as active node. */
void duty_raise_epoch(struct fsm *fsm, const struct fsm_event *event);
/* Becomes active, or fails for want of an epoch. */
enum fsm_state duty_promote(struct fsm *fsm, const struct fsm_event *event, const char *why);
/* Somebody else leads already: go quietly, a priority 0 would only disturb. */
enum fsm_state duty_surrender(struct fsm *fsm, const struct fsm_event *event, const char *why);
/* Led until now, and asks the peer to follow at once. */
void duty_let_go(struct fsm *fsm, const struct fsm_event *event);

void duty_note_report(struct fsm *fsm, const struct fsm_event *event);
void duty_note_advert(struct fsm *fsm, const struct fsm_event *event);
/* When the advert was received, which is not when it was read. */
uint64_t duty_heard(const struct fsm_event *event);
/*
 * While the channel lives and is fresh, an advert from the peer's address must agree with what the
 * peer says there, and nobody else has a say: the pair holds its election among itself.  Counts.
 */
enum duty_belief duty_judge(struct fsm *fsm, const struct fsm_event *event);
/*
 * RFC 9568 6.4.3: the greater priority, then the greater address, as unsigned numbers of one
 * family. Both nodes must come to one answer whichever family's advert comes first, so that the
 * peer is compared by the first family that both use; and so is who may be the peer.
 */
bool duty_higher(const struct fsm *fsm, uint8_t priority, const struct addr *source);
bool duty_is_peer(const struct fsm *fsm, const struct addr *source);
/* The peer itself, as in an advert of the same priority. */
bool duty_peer_higher(const struct fsm *fsm, uint8_t priority);

/* Rows. */
enum fsm_state duty_recovered(struct fsm *fsm, const struct fsm_event *event);

enum fsm_state quiet_keep(struct fsm *fsm, const struct fsm_event *event);
enum fsm_state quiet_start(struct fsm *fsm, const struct fsm_event *event);
enum fsm_state quiet_failed(struct fsm *fsm, const struct fsm_event *event);
enum fsm_state quiet_advert(struct fsm *fsm, const struct fsm_event *event);
enum fsm_state quiet_release(struct fsm *fsm, const struct fsm_event *event);
enum fsm_state quiet_stale(struct fsm *fsm, const struct fsm_event *event);
enum fsm_state quiet_yield(struct fsm *fsm, const struct fsm_event *event);
enum fsm_state quiet_taken(struct fsm *fsm, const struct fsm_event *event);
enum fsm_state quiet_yield_again(struct fsm *fsm, const struct fsm_event *event);
enum fsm_state quiet_report(struct fsm *fsm, const struct fsm_event *event);
enum fsm_state quiet_reserved(struct fsm *fsm, const struct fsm_event *event);
enum fsm_state quiet_stop(struct fsm *fsm, const struct fsm_event *event);

enum fsm_state claim_ask(struct fsm *fsm, const struct fsm_event *event);
enum fsm_state claim_deny(struct fsm *fsm, const struct fsm_event *event);
enum fsm_state claim_refused(struct fsm *fsm, const struct fsm_event *event);
enum fsm_state claim_silence(struct fsm *fsm, const struct fsm_event *event);
enum fsm_state claim_fenced(struct fsm *fsm, const struct fsm_event *event);

enum fsm_state lead_claim(struct fsm *fsm, const struct fsm_event *event);
enum fsm_state lead_calm(struct fsm *fsm, const struct fsm_event *event);
enum fsm_state lead_stale(struct fsm *fsm, const struct fsm_event *event);
enum fsm_state lead_failed(struct fsm *fsm, const struct fsm_event *event);
enum fsm_state lead_release(struct fsm *fsm, const struct fsm_event *event);
enum fsm_state lead_advert(struct fsm *fsm, const struct fsm_event *event);
enum fsm_state lead_advertise(struct fsm *fsm, const struct fsm_event *event);
enum fsm_state lead_report(struct fsm *fsm, const struct fsm_event *event);
enum fsm_state lead_yield(struct fsm *fsm, const struct fsm_event *event);
enum fsm_state lead_taken(struct fsm *fsm, const struct fsm_event *event);
enum fsm_state lead_reserved(struct fsm *fsm, const struct fsm_event *event);
enum fsm_state lead_handover(struct fsm *fsm, const struct fsm_event *event);
enum fsm_state lead_fenced(struct fsm *fsm, const struct fsm_event *event);
enum fsm_state lead_stop(struct fsm *fsm, const struct fsm_event *event);

#endif
