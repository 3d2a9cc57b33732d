/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The leader sends all it has: to a follower without a position before the log, or beside the log
 * to one whose position is good but whose tables may lack something, because events were lost.
 *
 * Beside the log that is exact too.  It begins when all that happened before the loss was seen has
 * been sent; a slice is read and sent in one go, so every record that was sent before it is older
 * than what it says, and what comes later in the log has happened since, or is followed by what
 * has.
 */
#ifndef CASPAIR_SYNCD_SNAPSHOT_H
#define CASPAIR_SYNCD_SNAPSHOT_H

#include "syncd/session.h"

/* Starts the walk; one slice of it. */
void snapshot_begin(struct session *s);
void snapshot_send(struct session *s, uint64_t now);

/*
 * The log has a hole: what the follower holds is not certain from now on, and it is told.  `lost`
 * may be 0: it was known before.
 */
void snapshot_doubt(struct session *s, uint64_t lost, uint64_t now);
/* Begins to send all once more when that is due.  True: begun. */
bool snapshot_again(struct session *s, uint64_t now);

#endif
