/* SPDX-License-Identifier: BSD-2-Clause */
/* How the leader's records get into the follower's tables, and what is not among them out. */
#ifndef CASPAIR_SYNCD_LOAD_H
#define CASPAIR_SYNCD_LOAD_H

#include "syncd/session.h"

/* Tells the leader where we are; `loaded`: and that the snapshot is in the tables. */
void load_ack(struct session *s, const struct session_position *at, bool loaded);

/* One slice of the sweep after a snapshot: what the leader does not have goes. */
void load_sweep(struct session *s, uint64_t now);

#endif
