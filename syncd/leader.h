/* SPDX-License-Identifier: BSD-2-Clause */
/* The active node's half of the session: the log, who follows it and how far. */
#ifndef CASPAIR_SYNCD_LEADER_H
#define CASPAIR_SYNCD_LEADER_H

#include "syncd/session.h"

/* Begins a history at the state that the follower half left; ends it again. */
void leader_begin(struct session *s, uint64_t now);
void leader_end(struct session *s, uint64_t now);

void leader_events(struct session *s, const struct flow_event *event, size_t count, uint64_t now);
/* The log holds all that has happened so far. */
void leader_drained(struct session *s, uint64_t now);
/* Events were lost: the log has a hole, its positions stay.  All is sent once more. */
void leader_lost(struct session *s, uint64_t lost, uint64_t now);
/* The tables are others: a new history begins, the follower must load again. */
void leader_gap(struct session *s, uint64_t lost);
/* Nobody follows any more; `why` (may be NULL) ends a hand-over that is under way. */
/* Another connection took the place of the old one: the follower asks again at once. */
void leader_renew(struct session *session, uint64_t now);
void leader_detach(struct session *s, const char *why);

/* The same, and the follower is told; its position stays good. */
void leader_dismiss(struct session *s, const char *why);

void leader_attach(struct session *s, const Sync__AttachRequest *request, uint64_t now);
/*
 * Logs what our table says about a key, whatever somebody else believes.  True: the key is there.
 */
bool leader_settle(struct session *s, const struct flow_event *event, uint64_t now);
void leader_ack(struct session *s, const Sync__Ack *ack, uint64_t now);
void leader_offer(struct session *s, const struct record_batch *batch, uint64_t now);

bool leader_work(struct session *s, uint64_t now);
/*
 * Sends the log up to its end, as far as there is room.  What stays behind is overtaken by what
 * follows: a word to the peer is more urgent than a tail that the peer cannot take, and a node that
 * does not lead any more offers the rest.
 */
void leader_flush(struct session *s);
void leader_hand_over(struct session *s, uint64_t id, uint64_t now);
void leader_tick(struct session *s, uint64_t now);
Cas__SyncState leader_state(struct session *s, uint64_t now);

#endif
