/* SPDX-License-Identifier: BSD-2-Clause */
/* The follower's gift to its leader: the records that only this node has. */
#ifndef CASPAIR_SYNCD_OFFER_H
#define CASPAIR_SYNCD_OFFER_H

#include "syncd/session.h"

/* Chooses what has to be offered before an attach, and the phase that does it. */
void offer_start(struct session *s);
/* One slice of the offering phases.  False: the channel is full. */
bool offer_work(struct session *s);
/* Offers what our own packets made since the last call. */
void offer_own(struct session *s, uint64_t now);
/* Remembers what our own packets make, and offers it at once when attached. */
void offer_events(struct session *s, const struct flow_event *event, size_t count, uint64_t now);

#endif
